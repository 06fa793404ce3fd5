"""Pictures for tests: small files of every kind, honest ones and such as somebody makes to do harm.

Where a function takes a `size` it is (width, height); `data` is a whole file.
"""

import io
import struct
import zlib
from collections.abc import Sequence

from PIL import ExifTags, Image, PngImagePlugin

Size = tuple[int, int]
Colour = tuple[int, ...] | str | int

PLANTED = "Somewhere 52.5200N 13.4050E"  # what must never come out of the gate again
DAMAGED_EXIF = b"Exif\0\0II*\0\xff\xff\xff\x7frubbish"
EXIF_ORIENTATION = ExifTags.Base.Orientation


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """The file that Pillow makes of an image."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def png(size: Size = (8, 8), colour: Colour = "red", mode: str = "RGB") -> bytes:
    """A flat PNG."""
    return encoded(Image.new(mode, size, colour), "PNG")


def jpeg(size: Size = (8, 8), colour: Colour = "red", **options: object) -> bytes:
    """A flat JPEG."""
    return encoded(Image.new("RGB", size, colour), "JPEG", **options)


def webp(size: Size = (8, 8), colour: Colour = "red", **options: object) -> bytes:
    """A flat WebP."""
    return encoded(Image.new("RGB", size, colour), "WEBP", **options)


def gif(colours: Sequence[Colour] = ("red",), size: Size = (8, 8)) -> bytes:
    """A GIF with one flat frame for each colour."""
    first, *others = [Image.new("RGB", size, colour) for colour in colours]
    return encoded(first, "GIF", save_all=True, append_images=others, duration=100)


def noise(size: Size, spread: float = 60) -> Image.Image:
    """An image that does not compress."""
    return Image.effect_noise(size, spread).convert("RGB")


def quarters(size: Size = (64, 32)) -> Image.Image:
    """Red, green (top), blue, white (bottom): every turn of it is another image."""
    image = Image.new("RGB", size, "white")
    wide, high = size[0] // 2, size[1] // 2
    image.paste("red", (0, 0, wide, high))
    image.paste("lime", (wide, 0, 2 * wide, high))
    image.paste("blue", (0, high, wide, 2 * high))
    return image


def exif(orientation: int | None = None, planted: str = PLANTED) -> Image.Exif:
    """An EXIF block with a description, a place, and perhaps an orientation."""
    block = Image.Exif()
    if orientation is not None:
        block[EXIF_ORIENTATION] = orientation
    block[ExifTags.Base.ImageDescription] = planted
    block.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSMapDatum] = planted
    return block


def jpeg_with_metadata(orientation: int = 6) -> bytes:
    """A JPEG that must be turned, with EXIF, a place, XMP, a colour profile's name and a comment in it."""
    return encoded(
        quarters(),
        "JPEG",
        quality=95,
        exif=exif(orientation),
        xmp=f"<x:xmpmeta>{PLANTED}</x:xmpmeta>".encode(),
        icc_profile=PLANTED.encode(),
        comment=PLANTED.encode(),
    )


def png_with_metadata() -> bytes:
    """A PNG with text of all three kinds, EXIF and a colour profile's name in it."""
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", PLANTED)
    text.add_text("Description", PLANTED, zip=True)
    text.add_itxt("XML:com.adobe.xmp", PLANTED)
    return encoded(quarters(), "PNG", pnginfo=text, exif=exif(), icc_profile=PLANTED.encode())


def chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_that_claims(size: Size) -> bytes:
    """A PNG whose header claims this size over next to no data."""
    header = struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def png_with_text_bomb(mebibytes: int = 80) -> bytes:
    """A PNG with compressed text that grows a thousandfold."""
    packed = zlib.compress(bytes(mebibytes << 20), 9)
    plain = png()
    return plain[:33] + chunk(b"zTXt", b"Comment\0\0" + packed) + plain[33:]


def jpeg_of_scans(scans: int, size: Size = (64, 64)) -> bytes:
    """A progressive JPEG whose last scan is repeated until it has this many, each a pass over the picture."""
    plain = jpeg(size, (10, 200, 60), progressive=True, subsampling=0)
    end = plain.rindex(b"\xff\xd9")
    start = plain.rindex(b"\xff\xda")
    return plain[:end] + plain[start:end] * (scans - plain.count(b"\xff\xda")) + plain[end:]
