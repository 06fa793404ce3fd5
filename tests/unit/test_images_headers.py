"""A picture's kind and size are read from its bytes without decoding, whatever the bytes are."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from adapters.files import headers
from adapters.files.sentences import Unfit
from tests import pictures

SAMPLES = {
    "PNG": pictures.png((31, 17)),
    "JPEG": pictures.encoded(pictures.quarters((31, 17)), "JPEG"),
    "progressive": pictures.encoded(pictures.quarters((31, 17)), "JPEG", progressive=True),
    "with metadata": pictures.jpeg_with_metadata(),
    "GIF": pictures.gif(["red", "blue"], (31, 17)),
    "WEBP lossy": pictures.webp((31, 17)),
    "WEBP lossless": pictures.webp((31, 17), lossless=True),
    "WEBP extended": pictures.encoded(Image.new("RGBA", (31, 17), (1, 2, 3, 4)), "WEBP"),
}


def fault(data: bytes) -> str:
    with pytest.raises(Unfit) as error:
        headers.read(data)
    return error.value.predicate


@pytest.mark.parametrize("name", ["PNG", "JPEG", "progressive", "GIF"])
def test_size_and_kind_are_those_of_the_picture(name: str) -> None:
    header = headers.read(SAMPLES[name])

    assert (header.width, header.height) == (31, 17)
    assert header.kind == name.replace("progressive", "JPEG")


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": pictures.exif(6)}])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("size", [(1, 1), (31, 17), (300, 2), (16383, 1)])
def test_every_form_of_webp_says_its_size(
    options: dict[str, object], mode: str, size: tuple[int, int]
) -> None:
    data = pictures.encoded(Image.new(mode, size, (9, 8, 7, 6)[: len(mode)]), "WEBP", **options)

    header = headers.read(data)

    assert (header.kind, header.width, header.height) == ("WEBP", *size)


def test_an_animated_webp_says_the_size_of_its_canvas() -> None:
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue")]
    data = pictures.encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:])

    assert (headers.read(data).width, headers.read(data).height) == (40, 30)


@pytest.mark.parametrize("name", list(SAMPLES))
def test_a_cut_file_is_never_more_than_broken(name: str) -> None:
    whole = SAMPLES[name]
    for length in range(len(whole)):
        try:
            headers.read(whole[:length])
        except Unfit:
            continue
        assert name == "GIF"  # only its first frame's place is needed


@given(st.data())
def test_altered_bytes_raise_nothing_but_unfit(data: st.DataObject) -> None:
    file = bytearray(SAMPLES[data.draw(st.sampled_from(list(SAMPLES)))])
    for _ in range(data.draw(st.integers(1, 8))):
        file[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
    try:
        header = headers.read(bytes(file))
    except Unfit:
        return
    assert 0 < header.width * header.height <= headers.MAX_PIXELS


@given(st.binary(max_size=200), st.sampled_from([s[:16] for s in SAMPLES.values()]))
def test_any_bytes_after_a_picture_s_beginning_raise_nothing_but_unfit(
    rest: bytes, start: bytes
) -> None:
    try:
        headers.read(start + rest)
    except Unfit as unfit:
        assert unfit.predicate  # noqa: PT017  no exception at all is as good


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"%PDF-1.7 ...", "is a PDF document"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "is a HEIC picture"),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "is an AVIF picture"),
        (b"\0\0\0\x20ftypisom\0\0\2\0", "is a video or sound"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "is an SVG drawing"),
        (b"<svg onload='x()'/>", "is an SVG drawing"),
        (b"<!DOCTYPE html><html>", "is a web page"),
        (b"II*\0\x08\0\0\0", "is a TIFF"),
        (b"MM\0*\0\0\0\x08", "is a TIFF"),
        (pictures.encoded(Image.new("RGB", (2, 2)), "BMP"), "is a BMP picture"),
        (b"8BPS\0\1", "is a Photoshop document"),
        (b"\xff\x0a\xfa\x7f", "is a JPEG XL picture"),
        (b"\0\0\1\0\1\0", "is an icon"),
        (b"PK\3\4\x14\0", "is a ZIP archive"),
        (b"#!/bin/sh\n", "is no picture that I know"),
        (b"GIF88a", "is no picture that I know"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "is no picture that I know"),
        (b"\0", "is no picture that I know"),
    ],
)
def test_what_is_no_picture_is_named_and_the_kinds_that_are(data: bytes, what: str) -> None:
    assert fault(data).startswith(what)
    assert fault(data).endswith("; the pictures that I read are PNG, JPEG, GIF and WebP")


def test_nothing_is_empty() -> None:
    assert fault(b"") == "is empty"


@pytest.mark.parametrize("size", [(20000, 20000), (40_000_001, 1), (2**31 - 1, 2**31 - 1)])
def test_too_many_pixels_are_refused_with_their_number(size: tuple[int, int]) -> None:
    assert fault(pictures.png_that_claims(size)) == (
        f"has {size[0]} × {size[1]} pixels; the most that I take is 40 million"
    )


def test_every_kind_is_held_to_the_pixels() -> None:
    gif = bytearray(pictures.gif())
    gif[6:10] = struct.pack("<HH", 65535, 65535)
    webp = bytearray(pictures.webp())
    webp[26:30] = struct.pack("<HH", 16383, 16383)
    jpeg = bytearray(pictures.jpeg())
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = struct.pack(">HH", 65535, 65535)

    for data in (gif, webp, jpeg):
        assert "the most that I take" in fault(bytes(data))


def test_a_gif_frame_beyond_its_screen_counts() -> None:
    data = bytearray(pictures.gif(size=(8, 8)))
    frame = data.index(b"\x2c", 13 + 3 * (2 << (data[10] & 7)))
    data[frame + 5 : frame + 9] = struct.pack("<HH", 65535, 65535)

    assert "65535 × 65535" in fault(bytes(data))


def test_a_picture_of_no_width_is_broken() -> None:
    assert fault(pictures.png_that_claims((0, 5))) == headers.BROKEN


def test_scans_are_counted_and_limited() -> None:
    assert headers.read(pictures.jpeg_of_scans(100)).kind == "JPEG"
    assert "more than 100 scans" in fault(pictures.jpeg_of_scans(101))
    assert "more than 100 scans" in fault(pictures.jpeg_of_scans(50_000))


def test_a_scan_inside_a_thumbnail_is_not_counted() -> None:
    plain = pictures.jpeg()
    thumbnails = b"".join(
        b"\xff\xe2" + struct.pack(">H", len(plain) + 2) + plain for _ in range(101)
    )

    header = headers.read(plain[:2] + thumbnails + plain[2:])

    assert header.parts == headers.read(plain).parts


def test_scans_hidden_behind_fill_bytes_and_rubbish_are_counted() -> None:
    plain = pictures.jpeg_of_scans(101)
    hidden = plain.replace(b"\xff\xda", b"\0rubbish\xff\xff\xff\xda")

    assert "more than 100 scans" in fault(hidden)


def test_only_the_parts_that_make_the_picture_go_on() -> None:
    jpeg = pictures.jpeg_with_metadata(orientation=6)
    for data in (jpeg + b"\xff\xd8trailing", pictures.png_with_metadata() + b"trailing"):
        parts = headers.read(data).parts
        assert b"trailing" not in parts
        assert b"xmp" not in parts.lower()
        assert b"iCCP" not in parts
        assert b"ICC_PROFILE" not in parts
    assert headers.read(jpeg).parts.count(pictures.PLANTED.encode()) == 2  # the EXIF block's


def test_more_pieces_than_any_file_has_are_broken() -> None:
    png = pictures.png()
    many = png[:33] + pictures.chunk(b"tEXt", b"") * 20_001 + png[33:]
    jpeg = pictures.jpeg()
    comments = jpeg[:2] + b"\xff\xfe\0\2" * 20_001 + jpeg[2:]
    gif = pictures.gif()
    start = 13 + 3 * (2 << (gif[10] & 7))
    blocks = gif[:start] + b"\x21\xfe\0" * 20_001 + gif[start:]
    sub_blocks = gif[:start] + b"\x21\xfe" + b"\1x" * 20_001 + b"\0" + gif[start:]

    for data in (many, comments, blocks, sub_blocks):
        assert fault(data) == headers.BROKEN


def test_structures_that_no_encoder_writes_are_broken() -> None:
    png, jpeg, gif, webp = (SAMPLES[name] for name in ("PNG", "JPEG", "GIF", "WEBP lossy"))
    table = 13 + 3 * (2 << (gif[10] & 7))
    size = jpeg.index(b"\xff\xc0")

    for data in (
        png[:8] + pictures.chunk(b"IDAT", b"") + png[8:],
        jpeg[:2] + b"\xff\xd8" + jpeg[2:],
        jpeg[:2] + b"\xff\xd9",
        jpeg[:size] + jpeg[size : size + 19] + jpeg[size:],
        gif[:table] + b"?" + gif[table:],
        webp[:12] + b"VP9 " + webp[16:],
        webp[:23] + b"???" + webp[26:],
    ):
        assert fault(data) == headers.BROKEN
