"""An image part's address becomes the facts of a real picture, or a refusal."""

from __future__ import annotations

import base64
import binascii
import io
import math
import re
import warnings
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

from playground.models.refusals import bad_image

MAX_BYTES = 20 * 1024 * 1024  # B for one image, decoded; the providers' common limit
MAX_SIDE = 8_000  # px; longer sides are refused, as Anthropic does
MAX_IMAGES = 50  # in one request
TILE = 512  # px
LONG_EDGE, SHORT_EDGE = 2_048, 768  # px; what "high" detail is fitted into

_DATA_URL = re.compile(r"data:(image/[a-z0-9.+-]+);base64,([A-Za-z0-9+/=\r\n]*)", re.ASCII)
_PILLOW = {"image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF", "image/webp": "WEBP"}


@dataclass(frozen=True, slots=True)
class Picture:
    """What the server knows of one image: its type by content, its size in pixels and bytes, and its bytes."""

    mime: str
    width: int
    height: int
    detail: str
    data: bytes

    def tokens(self, tiles: tuple[int, int]) -> int:
        """What the picture costs, by the published rule of tiles."""
        base, each = tiles
        if self.detail == "low":
            return base
        scale = min(1.0, LONG_EDGE / max(self.width, self.height))
        scale = min(scale, SHORT_EDGE / min(self.width, self.height))
        across = math.ceil(round(self.width * scale) / TILE)
        down = math.ceil(round(self.height * scale) / TILE)
        return base + each * across * down


def read(url: str, detail: str, param: str) -> Picture:
    """The picture in a data URL; raises a Refusal for anything that a strict provider would refuse."""
    match = _DATA_URL.fullmatch(url)
    if match is None:
        raise bad_image(param, "expected a base64 data URL of a png, jpeg, gif or webp image.")
    try:
        data = base64.b64decode(match[2], validate=True)
    except binascii.Error:
        raise bad_image(param, "the base64 data could not be decoded.") from None
    if len(data) > MAX_BYTES:
        raise bad_image(param, f"{len(data)} bytes are more than {MAX_BYTES}.")
    mime = sniff(data)
    if mime is None:
        raise bad_image(param, "the data is no png, jpeg, gif or webp image.")
    if mime != match[1]:
        raise bad_image(param, f"declared as {match[1]}, but the data is {mime}.")
    width, height = _measure(data, mime, param)
    if max(width, height) > MAX_SIDE:
        raise bad_image(param, f"{width} x {height} pixels; no side may exceed {MAX_SIDE}.")
    return Picture(mime, width, height, detail, data)


def sniff(data: bytes) -> str | None:
    """The type by the first bytes."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def _measure(data: bytes, mime: str, param: str) -> tuple[int, int]:
    """Width and height from the header; pixels are not decoded here."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit decides
            with Image.open(io.BytesIO(data), formats=[_PILLOW[mime]]) as image:
                if getattr(image, "n_frames", 1) > 1:
                    raise bad_image(param, "animated images are not supported.")
                return image.size
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError):
        raise bad_image(param, "the header could not be read.") from None
    except Image.DecompressionBombError:
        raise bad_image(param, "too many pixels.") from None
