"""A picture becomes a sentence about what its pixels tell: size, shape, colours. No model looks at it."""

from __future__ import annotations

import colorsys
import io
from collections import Counter

from PIL import Image

from playground.models.images import Picture

_THUMB = (64, 64)  # px; enough for colours and cheap
_SHADES = 6  # colours that a picture is reduced to before the prevailing ones are named
_NAMED = 2
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
    """Type, size, shape and the prevailing colours, or only what the header says where pixels cannot be decoded."""
    kind = picture.mime.removeprefix("image/").upper()
    facts = f"**{picture.width} × {picture.height} px** {kind}, {_shape(picture)}"
    try:
        with Image.open(io.BytesIO(picture.data)) as image:
            image.draft("RGB", _THUMB)
            colours = _prevailing(image.convert("RGB").resize(_THUMB))
    except (OSError, ValueError, SyntaxError):
        return facts + ", with pixels that I could not decode"
    return f"{facts}, mostly {' and '.join(f'**{colour}**' for colour in colours)}"


def _shape(picture: Picture) -> str:
    ratio = picture.width / picture.height
    return "landscape" if ratio > 1.1 else "portrait" if ratio < 0.9 else "square"


def _prevailing(image: Image.Image) -> list[str]:
    """The names of the commonest colours, the commonest first."""
    reduced = image.quantize(_SHADES)
    palette = reduced.getpalette() or []
    areas: Counter[str] = Counter()
    for shade, area in enumerate(reduced.histogram()[:_SHADES]):
        if area:
            red, green, blue = palette[shade * 3 : shade * 3 + 3]
            areas[_colour(red, green, blue)] += area
    return [name for name, _ in areas.most_common(_NAMED)]


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
