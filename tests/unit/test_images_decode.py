"""What the decoder makes of a picture: upright, scaled, with its colours, and nothing else of the file."""

import io

import pytest
from PIL import Image

from adapters.files import decode
from tests import pictures

RED, LIME, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def corners(image: Image.Image) -> list[str]:
    """The names of the colours in the four corners, read as a page is."""
    plain = image.convert("RGB")
    wide, high = plain.size
    names = {"red": RED, "lime": LIME, "blue": BLUE, "white": WHITE}
    found = []
    for at in ((2, 2), (wide - 3, 2), (2, high - 3), (wide - 3, high - 3)):
        pixel = plain.getpixel(at)
        assert isinstance(pixel, tuple)
        found.append(min(names, key=lambda name: _distance(names[name], pixel)))
    return found


def _distance(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((100, 50), (100, 50)),
        ((2048, 768), (2048, 768)),
        ((4000, 3000), (1024, 768)),
        ((3000, 4000), (768, 1024)),
        ((1920, 1080), (1365, 768)),
        ((8000, 1000), (2048, 256)),
        ((1, 40_000_000), (1, 2048)),
        ((769, 769), (768, 768)),
    ],
)
def test_a_size_is_fitted_into_the_limits_in_proportion(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert decode.fitted(*size) == expected


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_every_orientation_comes_out_upright(kind: str, orientation: int) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    upright = pictures.quarters((1600, 800))
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    file = pictures.encoded(stored, kind, exif=pictures.exif(orientation))

    made = opened(decode.redrawn(file, kind))

    assert made.size == (1536, 768)
    assert corners(made) == ["red", "lime", "blue", "white"]


def test_an_exif_block_that_cannot_be_read_leaves_the_picture_as_it_is() -> None:
    file = pictures.encoded(pictures.quarters(), "PNG", exif=pictures.DAMAGED_EXIF)

    assert corners(opened(decode.redrawn(file, "PNG"))) == ["red", "lime", "blue", "white"]


def test_transparency_stays_and_only_where_it_is() -> None:
    clear = Image.new("RGBA", (20, 20), (255, 0, 0, 0))
    clear.paste((0, 0, 255, 128), (10, 0, 20, 20))
    made = opened(decode.redrawn(pictures.encoded(clear, "PNG"), "PNG"))
    assert (made.format, made.mode) == ("PNG", "RGBA")
    assert made.getpixel((15, 10)) == (0, 0, 255, 128)

    solid = opened(decode.redrawn(pictures.png((20, 20), (9, 8, 7, 255), "RGBA"), "PNG"))
    assert (solid.format, solid.mode, solid.getpixel((3, 3))) == ("PNG", "RGB", (9, 8, 7))


def test_a_palette_with_a_transparent_colour_is_transparent() -> None:
    image = Image.new("P", (10, 10), 0)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.paste(1, (5, 0, 10, 10))
    for kind in ("PNG", "GIF"):
        made = opened(decode.redrawn(pictures.encoded(image, kind, transparency=0), kind))
        assert made.mode == "RGBA"
        left, right = made.getpixel((2, 5)), made.getpixel((7, 5))
        assert isinstance(left, tuple)
        assert (left[3], right) == (0, (0, 255, 0, 255))


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("1", 1, (255, 255, 255)),
        ("L", 77, (77, 77, 77)),
        ("P", 3, None),
        ("I;16", 0x8000, (128, 128, 128)),
        ("I;16", 0xFFFF, (255, 255, 255)),
        ("I;16", 0x00FF, (0, 0, 0)),
    ],
)
def test_every_depth_of_png_keeps_its_brightness(
    mode: str, colour: int, expected: tuple[int, int, int] | None
) -> None:
    image = Image.new(mode, (6, 6), colour)
    if expected is None:
        image.putpalette([0, 0, 0, 1, 1, 1, 2, 2, 2, 10, 20, 30])
        expected = (10, 20, 30)

    made = opened(decode.redrawn(pictures.encoded(image, "PNG"), "PNG"))

    assert made.getpixel((3, 3)) == expected


def test_grey_with_alpha_stays_transparent() -> None:
    made = opened(decode.redrawn(pictures.png((6, 6), (50, 100), "LA"), "PNG"))

    assert made.getpixel((3, 3)) == (50, 50, 50, 100)


@pytest.mark.parametrize("mode", ["CMYK", "L"])
def test_a_jpeg_of_other_colours_becomes_rgb(mode: str) -> None:
    image = pictures.quarters().convert(mode)

    made = opened(decode.redrawn(pictures.encoded(image, "JPEG", quality=95), "JPEG"))

    assert (made.format, made.mode) == ("JPEG", "RGB")
    if mode == "CMYK":
        assert corners(made) == ["red", "lime", "blue", "white"]


def test_the_first_frame_of_an_animation_is_the_picture() -> None:
    made = opened(decode.redrawn(pictures.gif(["red", "lime", "blue"]), "GIF"))
    assert (made.getpixel((4, 4)), getattr(made, "n_frames", 1)) == (RED, 1)

    frames = [Image.new("RGB", (8, 8), colour) for colour in ("blue", "red")]
    for kind in ("PNG", "WEBP"):
        file = pictures.encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        made = opened(decode.redrawn(file, kind))
        assert corners(made) == ["blue"] * 4
        assert getattr(made, "n_frames", 1) == 1


def test_the_first_picture_of_a_pair_is_the_picture() -> None:
    pair = pictures.encoded(
        pictures.quarters(),
        "MPO",
        save_all=True,
        append_images=[Image.new("RGB", (64, 32))],
        quality=95,
    )

    made = opened(decode.redrawn(pair, "JPEG"))

    assert (made.format, corners(made)) == ("JPEG", ["red", "lime", "blue", "white"])


def test_drawings_stay_lossless_and_photographs_become_jpeg() -> None:
    noise = pictures.noise((200, 200))
    drawn = pictures.quarters((200, 200))
    for kind in ("PNG", "WEBP"):
        file = pictures.encoded(drawn, kind, **({"lossless": True} if kind == "WEBP" else {}))
        made = opened(decode.redrawn(file, kind))
        assert made.format == "PNG"
        assert made.tobytes() == drawn.tobytes()
    many = Image.merge("RGB", [pictures.noise((200, 200)).getchannel(0) for _ in "RGB"])
    assert opened(decode.redrawn(pictures.encoded(many, "PNG"), "PNG")).format == "JPEG"
    assert opened(decode.redrawn(pictures.encoded(noise, "JPEG"), "JPEG")).format == "JPEG"


def test_a_scaled_picture_shows_the_same() -> None:
    for kind in ("JPEG", "PNG", "WEBP", "GIF"):
        file = pictures.encoded(pictures.quarters((3000, 2000)), kind)
        made = opened(decode.redrawn(file, kind))
        assert made.size == (1152, 768)
        assert corners(made) == ["red", "lime", "blue", "white"]
