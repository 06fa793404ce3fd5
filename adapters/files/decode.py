"""One picture on standard input becomes a new PNG or JPEG on standard output; a process of its own, within limits.

Run by `images` with no environment and no site packages, so it imports nothing of ours. Pillow is imported only after
the limits hold; importing this module imports none of it.
"""

from __future__ import annotations

import io
import os
import resource
import sys
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image as Pillow

LONG_SIDE = 2048  # pixels; what GPT-4o's high detail fits a picture into
SHORT_SIDE = 768  # pixels; what its tiles use of the shorter side
JPEG_QUALITY = 85  # beyond it files grow and models see no more
ART_COLOURS = 256  # a lossless picture of at most so many colours stays lossless
OUT_OF_MEMORY, BROKEN = 3, 4  # exit codes
NICENESS = 5  # the adapter's own work goes first
# What Pillow was seen to raise at EXIF blocks that are none; Warning because warnings are errors here.
EXIF_FAULTS = (ArithmeticError, LookupError, OSError, SyntaxError, TypeError, ValueError, Warning)


def confine(memory: int, cpu: int) -> None:
    """Take from this process what a decoder does not need: memory (bytes), time (s), files, sockets."""
    os.nice(NICENESS)
    try:
        _limit(resource.RLIMIT_AS, memory)
    except (OSError, ValueError):
        if sys.platform != "darwin":  # macOS may refuse this limit; the pixel limit holds there
            raise
    _limit(resource.RLIMIT_CPU, cpu, spare=1)  # SIGXCPU at the first, SIGKILL a second later
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)


def close_the_door() -> None:
    """No further descriptor: neither a file nor a socket can be opened. Everything must be imported by now."""
    _limit(resource.RLIMIT_NOFILE, 3)


def _limit(kind: int, value: int, spare: int = 0) -> None:
    hard = resource.getrlimit(kind)[1]
    top = value + spare if hard == resource.RLIM_INFINITY else min(value + spare, hard)
    resource.setrlimit(kind, (min(value, top), top))


def import_pillow(site: str, pixels: int) -> None:
    """Bring in Pillow, set to refuse what is doubtful."""
    sys.path.append(site)
    from PIL import Image, ImageFile, WebPImagePlugin  # noqa: F401

    Image.MAX_IMAGE_PIXELS = pixels
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    warnings.simplefilter("error")
    # Many honest photographs have a damaged EXIF block; it then says nothing about the picture.
    warnings.filterwarnings("ignore", module=r"PIL\.TiffImagePlugin")


def rehearse(kind: str) -> None:
    """Redraw a tiny picture of this kind, so that Pillow imports now what it imports late."""
    from PIL import ExifTags, Image

    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    sample = io.BytesIO()
    Image.new("RGB", (2, 2)).save(sample, kind, exif=exif)
    redrawn(sample.getvalue(), kind)


def redrawn(data: bytes, kind: str) -> bytes:
    """The picture's first frame, upright, scaled down to the limit, on a fresh canvas, as a new file."""
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=[kind]) as source:
        size = fitted(*source.size)
        source.draft(
            None, size
        )  # JPEG: decodes at a half, a quarter or an eighth where that suffices
        source.load()
        picture = upright(scaled(plain(source), size))
    if picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (255, 255):
        picture = picture.convert("RGB")
    canvas = Image.new(picture.mode, picture.size)
    canvas.paste(picture)
    return encoded(canvas, lossy=kind == "JPEG")


def fitted(width: int, height: int) -> tuple[int, int]:
    """The size within the limits, in proportion; never larger than it was."""
    scale = min(1.0, LONG_SIDE / max(width, height), SHORT_SIDE / min(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def plain(source: Pillow.Image) -> Pillow.Image:
    """The same picture as RGB, or as RGBA where something of it is transparent."""
    picture = source
    if picture.mode.startswith("I;16"):  # Pillow's own conversion clips instead of scaling
        picture = picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
        picture.info.pop("transparency", None)  # counted in 16 bits
    mode = "RGBA" if picture.has_transparency_data else "RGB"
    return picture if picture.mode == mode else picture.convert(mode)


def scaled(picture: Pillow.Image, size: tuple[int, int]) -> Pillow.Image:
    """At this size; as it is if it has it already."""
    from PIL import Image

    if picture.size == size:
        return picture
    return picture.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)


def upright(picture: Pillow.Image) -> Pillow.Image:
    """Turned as its EXIF says; an EXIF block that cannot be read says nothing."""
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(picture)
    except EXIF_FAULTS:
        return picture


def encoded(canvas: Pillow.Image, *, lossy: bool) -> bytes:
    """PNG for what is transparent or drawn in few colours, JPEG for the rest and for what came as JPEG."""
    out = io.BytesIO()
    if canvas.mode == "RGBA" or (not lossy and canvas.getcolors(ART_COLOURS) is not None):
        canvas.save(out, "PNG")
    else:  # colours in full resolution: screenshots have coloured letters
        canvas.save(out, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return out.getvalue()


def main(kind: str, site: str, memory: str, cpu: str, pixels: str) -> int:
    """The process's exit code, the picture written."""
    confine(int(memory), int(cpu))
    import_pillow(site, int(pixels))
    rehearse(kind)
    close_the_door()
    try:
        output = redrawn(sys.stdin.buffer.read(), kind)
    except MemoryError:
        return OUT_OF_MEMORY
    except Exception:  # Pillow raises nearly anything at a damaged file; this is the process's edge
        return BROKEN
    sys.stdout.buffer.write(output)
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    os._exit(main(*sys.argv[1:]))  # nothing to tidy up
