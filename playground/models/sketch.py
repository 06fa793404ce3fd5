"""A picture becomes a sentence about what its pixels tell: size, shape, colours. No model looks at it."""

from __future__ import annotations

import colorsys
import io

from PIL import Image

from playground.models.images import Picture

_THUMB = (16, 16)  # px; enough for a colour and cheap
_HUES = (
    (15, "red"),
    (45, "orange"),
    (70, "yellow"),
    (160, "green"),
    (200, "teal"),
    (255, "blue"),
    (290, "purple"),
    (335, "pink"),
    (361, "red"),
)


def describe(picture: Picture) -> str:
    """Type, size, shape and the prevailing colour, or only what the header says where pixels cannot be decoded."""
    kind = picture.mime.removeprefix("image/").upper()
    facts = f"**{picture.width} × {picture.height} px** {kind}, {_shape(picture)}"
    try:
        with Image.open(io.BytesIO(picture.data)) as image:
            image.draft("RGB", _THUMB)
            red, green, blue = _mean(image.convert("RGB").resize(_THUMB))
    except (OSError, ValueError, SyntaxError):
        return facts + ", with pixels that I could not decode"
    return f"{facts}, mostly **{_colour(red, green, blue)}** (`#{red:02x}{green:02x}{blue:02x}`)"


def _shape(picture: Picture) -> str:
    ratio = picture.width / picture.height
    return "landscape" if ratio > 1.1 else "portrait" if ratio < 0.9 else "square"


def _mean(image: Image.Image) -> tuple[int, int, int]:
    data = image.tobytes()
    pixels = len(data) // 3
    red, green, blue = (sum(data[channel::3]) // pixels for channel in range(3))
    return red, green, blue


def _colour(red: int, green: int, blue: int) -> str:
    hue, lightness, saturation = colorsys.rgb_to_hls(red / 255, green / 255, blue / 255)
    if lightness > 0.92:
        return "white"
    if lightness < 0.08:
        return "black"
    if saturation < 0.12:
        return "grey"
    name = next(name for limit, name in _HUES if hue * 360 < limit)
    return f"dark {name}" if lightness < 0.3 else f"light {name}" if lightness > 0.75 else name
