"""The bytes of a file become its kind, its size and the parts that make the picture; nothing is decoded here.

What a file is, its first bytes say; its name and claimed type are ignored. Every loop has a bound.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from adapters.files.sentences import Unfit

Kind = Literal["PNG", "JPEG", "GIF", "WEBP"]

MAX_PIXELS = 40_000_000  # 160 MB once decoded; twice what telephones of 2026 take by default
MAX_SCANS = 100  # of a JPEG; encoders write about ten, each costs a pass over the whole picture
MAX_PIECES = 20_000  # chunks, segments or blocks; a file of 20 MiB in chunks of 8 KiB has 2,560

READABLE = "the pictures that I read are PNG, JPEG, GIF and WebP"
BROKEN = "is damaged or incomplete"

PNG_START = b"\x89PNG\r\n\x1a\n"
JPEG_START = b"\xff\xd8\xff"
PNG_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"eXIf"})

SOI, EOI, SOS, TEM, APP0, APP1, APP14 = 0xD8, 0xD9, 0xDA, 0x01, 0xE0, 0xE1, 0xEE
DHT, DAC, DQT, DNL, DRI = 0xC4, 0xCC, 0xDB, 0xDC, 0xDD
SIZES = frozenset(range(0xC0, 0xD0)) - {DHT, 0xC8, DAC}  # the start-of-frame markers
JPEG_KEPT = SIZES | {DHT, DAC, DQT, DNL, DRI, SOS, APP0, APP14}
MARKER = re.compile(
    rb"\xff[^\x00\xff\xd0-\xd7]"
)  # in scan data FF00 is a byte, FFD0 to FFD7 restarts

OTHERS: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL | re.IGNORECASE), what)
    for pattern, what in (
        (rb"%PDF", "a PDF document"),
        (rb"....ftyp(heic|heix|hevc|heim|heis|mif1|msf1)", "a HEIC picture"),
        (rb"....ftypavi[fs]", "an AVIF picture"),
        (rb"....ftyp", "a video or sound"),
        (rb"II\*\0|MM\0\*", "a TIFF or camera-raw picture"),
        (rb"BM....\0\0\0\0", "a BMP picture"),
        (rb"8BPS", "a Photoshop document"),
        (rb"\xff\x0a|\0\0\0\x0cJXL ", "a JPEG XL picture"),
        (rb"\x00\x00\x01\x00", "an icon"),
        (rb"PK\x03\x04", "a ZIP archive or office document"),
        (rb"(\xef\xbb\xbf)?\s*(<\?xml.*)?<svg", "an SVG drawing"),
        (rb"(\xef\xbb\xbf)?\s*<(!doctype )?html", "a web page"),
    )
)


@dataclass(frozen=True, slots=True)
class Header:
    """What a picture's first look tells. `parts` is the file without text, profiles, other frames or trailing bytes
    where its kind makes that simple (PNG, JPEG), else the file."""

    kind: Kind
    width: int
    height: int
    parts: bytes


def read(data: bytes) -> Header:
    """The header of a picture that is fit to be decoded; raises Unfit with the reason."""
    if not data:
        raise Unfit("is empty")
    for is_kind, look in _LOOKS:
        if is_kind(data):
            header = look(data)
            break
    else:
        raise Unfit(_what_else(data))
    if header.width * header.height > MAX_PIXELS:
        raise Unfit(
            f"has {header.width} × {header.height} pixels; "
            f"the most that I take is {MAX_PIXELS // 1_000_000} million"
        )
    if header.width < 1 or header.height < 1:
        raise Unfit(BROKEN)
    return header


def _what_else(data: bytes) -> str:
    start = data[:512]
    for pattern, what in OTHERS:
        if pattern.match(start):
            return f"is {what}; {READABLE}"
    return f"is no picture that I know; {READABLE}"


def _number(data: bytes, at: int, size: int, order: Literal["big", "little"] = "big") -> int:
    if at + size > len(data):
        raise Unfit(BROKEN)
    return int.from_bytes(data[at : at + size], order)


def _png(data: bytes) -> Header:
    """Chunks up to IEND. Only the default image is kept of an animated one, and nothing that is not the picture."""
    view = memoryview(data)
    if data[8:16] != b"\0\0\0\x0dIHDR":
        raise Unfit(BROKEN)
    kept, at = [view[:8]], 8
    for _ in range(MAX_PIECES):
        end = at + 12 + _number(data, at, 4)
        kind = data[at + 4 : at + 8]
        if end > len(data):
            break
        if kind in PNG_KEPT:
            kept.append(view[at:end])
        if kind == b"IEND":
            return Header("PNG", _number(data, 16, 4), _number(data, 20, 4), b"".join(kept))
        at = end
    raise Unfit(BROKEN)


def _jpeg(data: bytes) -> Header:
    """Segments up to the first EOI. Kept are tables, scans, and what says orientation and colour coding."""
    view = memoryview(data)
    kept, scans, size = [view[:2]], 0, (0, 0)
    marker = MARKER.search(data, 2)
    for _ in range(MAX_PIECES):
        if marker is None:
            break
        start, at, code = marker.start(), marker.end(), data[marker.start() + 1]
        if code == EOI and scans:
            return Header("JPEG", *size, b"".join([*kept, view[start:at]]))
        if code in (SOI, EOI):
            break
        end = at if code == TEM else at + _number(data, at, 2)
        if code in SIZES:
            if size != (0, 0):
                break
            size = _number(data, at + 5, 2), _number(data, at + 3, 2)
        marker = MARKER.search(data, end)
        if code == SOS:
            scans += 1
            if scans > MAX_SCANS:
                raise Unfit(
                    f"is a JPEG of more than {MAX_SCANS} scans, which takes too long to decode; "
                    "saved anew as an ordinary JPEG it will do"
                )
            end = marker.start() if marker else len(data)
        if code in JPEG_KEPT or (code == APP1 and data[at + 2 : at + 8] == b"Exif\0\0"):
            kept.append(view[start:end])
    raise Unfit(BROKEN)


def _gif(data: bytes) -> Header:
    """Blocks up to the first frame, which may reach beyond the screen that the file claims."""
    width, height = _number(data, 6, 2, "little"), _number(data, 8, 2, "little")
    flags = _number(data, 10, 1)
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    for _ in range(MAX_PIECES):
        block = _number(data, at, 1)
        if block == 0x2C:  # a frame
            left, top, wide, high = (_number(data, at + i, 2, "little") for i in (1, 3, 5, 7))
            return Header("GIF", max(width, left + wide), max(height, top + high), data)
        if block != 0x21:  # an extension
            break
        at = _after_sub_blocks(data, at + 2)
    raise Unfit(BROKEN)


def _after_sub_blocks(data: bytes, at: int) -> int:
    for _ in range(MAX_PIECES):
        length = _number(data, at, 1)
        at += 1 + length
        if not length:
            return at
    raise Unfit(BROKEN)


def _webp(data: bytes) -> Header:
    """The first chunk says the size: of the canvas, which the decoder holds every frame to, or of the only frame."""
    if _number(data, 4, 4, "little") + 8 > len(data):
        raise Unfit(BROKEN)
    chunk = data[12:16]
    if chunk == b"VP8X":
        sides = _number(data, 24, 3, "little") + 1, _number(data, 27, 3, "little") + 1
    elif chunk == b"VP8L":
        bits = _number(data, 21, 4, "little")
        sides = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif chunk == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        sides = _number(data, 26, 2, "little") & 0x3FFF, _number(data, 28, 2, "little") & 0x3FFF
    else:
        raise Unfit(BROKEN)
    return Header("WEBP", *sides, data)


_LOOKS: tuple[tuple[Callable[[bytes], bool], Callable[[bytes], Header]], ...] = (
    (lambda data: data.startswith(PNG_START), _png),
    (lambda data: data.startswith(JPEG_START), _jpeg),
    (lambda data: data.startswith((b"GIF87a", b"GIF89a")), _gif),
    (lambda data: data.startswith(b"RIFF") and data[8:12] == b"WEBP", _webp),
)
