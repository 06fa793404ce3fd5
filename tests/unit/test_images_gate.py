"""Bytes that anybody sent become a picture of our own making or a sentence, and the process lives on."""

import asyncio
import io
import sys
import time
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from adapters.files import images
from adapters.files.images import LIMITS, Limits, prepare
from bot.errors import AttachmentRejected
from tests import pictures

MIB = 1 << 20
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, needs the memory limit")


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


async def refusal(data: bytes, name: str = "cat.png", limits: Limits = LIMITS) -> str:
    with pytest.raises(AttachmentRejected) as error:
        await prepare(data, name, limits=limits)
    return error.value.sentence


@pytest.mark.parametrize(
    ("data", "mime"),
    [
        (pictures.png((40, 30)), "image/png"),
        (pictures.jpeg((40, 30)), "image/jpeg"),
        (pictures.gif(["red", "blue"], (40, 30)), "image/png"),
        (pictures.webp((40, 30)), "image/png"),
        (pictures.png((40, 30), (1, 2, 3, 4), "RGBA"), "image/png"),
    ],
)
async def test_each_kind_becomes_a_picture_of_ours(data: bytes, mime: str) -> None:
    picture = await prepare(data, "a file")

    assert (picture.mime, picture.width, picture.height) == (mime, 40, 30)
    made = opened(picture.data)
    assert (made.size, f"image/{(made.format or '').lower()}") == ((40, 30), mime)


async def test_the_same_file_is_the_same_picture() -> None:
    data = pictures.jpeg_with_metadata()

    assert await prepare(data, "a") == await prepare(data, "b")


async def test_a_large_photograph_is_upright_and_within_the_limit() -> None:
    stored = pictures.quarters((3000, 2000)).transpose(Image.Transpose.ROTATE_90)
    data = pictures.encoded(stored, "JPEG", exif=pictures.exif(6))

    picture = await prepare(data, "IMG_1.JPG")

    assert (picture.width, picture.height) == (1152, 768)
    top_left = opened(picture.data).getpixel((10, 10))
    assert isinstance(top_left, tuple)
    assert top_left[0] > 200 > 60 > top_left[1]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_a_photograph_with_a_damaged_exif_block_is_read_all_the_same(kind: str) -> None:
    file = pictures.encoded(pictures.quarters(), kind, exif=pictures.DAMAGED_EXIF)

    assert (await prepare(file, "holiday.jpg")).width == 64


def _with_metadata() -> dict[str, bytes]:
    gif = pictures.encoded(pictures.quarters(), "GIF", comment=pictures.PLANTED.encode())
    webp = pictures.encoded(
        pictures.quarters(),
        "WEBP",
        exif=pictures.exif(3),
        xmp=pictures.PLANTED.encode(),
        icc_profile=pictures.PLANTED.encode(),
    )
    return {
        "JPEG": pictures.jpeg_with_metadata(),
        "PNG": pictures.png_with_metadata(),
        "GIF": gif,
        "WEBP": webp,
    }


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
async def test_no_planted_metadata_comes_out(kind: str) -> None:
    data = _with_metadata()[kind]
    assert pictures.PLANTED.encode() in data

    picture = await prepare(data, "holiday")

    assert b"Somewhere" not in picture.data
    made = opened(picture.data)
    assert not made.getexif()
    assert set(made.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def _archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("hidden.txt", "hidden words")
    return out.getvalue()


@pytest.mark.parametrize("host", [pictures.png(), pictures.jpeg(), pictures.gif(), pictures.webp()])
async def test_a_file_that_is_two_files_comes_out_as_one(host: bytes) -> None:
    both = host + _archive()
    assert zipfile.is_zipfile(io.BytesIO(both))

    picture = await prepare(both, "both.png")

    assert b"hidden" not in picture.data
    assert not zipfile.is_zipfile(io.BytesIO(picture.data))
    assert picture.data.endswith((b"IEND\xaeB`\x82", b"\xff\xd9"))


async def test_the_content_decides_and_not_the_name() -> None:
    assert (await prepare(pictures.jpeg(), "notes.txt")).mime == "image/jpeg"
    assert await refusal(b"%PDF-1.7", "cat.png") == (
        "“cat.png” is a PDF document; the pictures that I read are PNG, JPEG, GIF and WebP."
    )
    assert "is an SVG drawing" in await refusal(b"<svg xmlns='x'/>", "cat.png")
    assert "is a HEIC picture" in await refusal(b"\0\0\0\x18ftypheic\0\0\0\0", "IMG.jpg")


async def test_the_sentence_shows_the_name_on_one_short_line() -> None:
    sentence = await refusal(b"", "\u202e" + "x" * 500 + "\n.png")

    assert sentence == f"“{'x' * 59}…” is empty."


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
async def test_a_file_that_was_cut_is_said_to_be_incomplete(kind: str) -> None:
    whole = pictures.encoded(pictures.noise((300, 200)), kind)

    assert await refusal(whole[: len(whole) // 2]) == "“cat.png” is damaged or incomplete."


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP"])
async def test_a_file_with_rubbish_inside_is_damaged(kind: str) -> None:
    whole = bytearray(pictures.encoded(pictures.noise((300, 200)), kind))
    middle = len(whole) // 2
    whole[middle : middle + 4000] = b"\xff" * 4000

    assert await refusal(bytes(whole)) == "“cat.png” is damaged or incomplete."


async def test_a_bomb_is_refused_from_its_header_at_once() -> None:
    started = time.process_time()

    sentence = await refusal(pictures.png_that_claims((50_000, 50_000)))

    assert "50000 × 50000 pixels" in sentence
    assert time.process_time() - started < 0.1


async def test_compressed_text_that_grows_is_ignored() -> None:
    picture = await prepare(pictures.png_with_text_bomb(), "cat.png")

    assert (picture.width, picture.height) == (8, 8)


async def test_a_header_that_claims_more_than_there_is_is_broken() -> None:
    data = pictures.png_that_claims((6000, 6000))

    assert await refusal(data) == "“cat.png” is damaged or incomplete."


async def test_a_jpeg_of_very_many_scans_is_refused_and_one_at_the_limit_is_read() -> None:
    assert "more than 100 scans" in await refusal(pictures.jpeg_of_scans(101))
    assert (await prepare(pictures.jpeg_of_scans(100), "a")).width == 64


async def test_a_decode_beyond_its_cpu_time_ends_in_a_sentence() -> None:
    slow = pictures.jpeg_of_scans(100, (6300, 6300))

    sentence = await refusal(slow, limits=Limits(cpu=1))

    assert sentence == "“cat.png” takes too long to decode."
    assert (await prepare(pictures.png(), "next")).width == 8


async def test_a_decode_beyond_the_clock_ends_in_a_sentence() -> None:
    sentence = await refusal(pictures.png(), limits=Limits(wall=0.001))

    assert sentence == "“cat.png” takes too long to decode."


@linux
async def test_a_decode_beyond_its_memory_ends_in_a_sentence() -> None:
    large = pictures.png((5000, 5000))

    sentence = await refusal(large, limits=Limits(memory=120 * MIB))

    assert sentence == "“cat.png” takes more memory to decode than a picture may."
    assert (await prepare(large, "with the usual limit")).width == 768


@linux
async def test_a_decoder_that_cannot_start_ends_in_a_sentence_and_a_log_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sentence = await refusal(pictures.png(), limits=Limits(memory=1))

    assert sentence == "“cat.png” could not be decoded: the decoder stopped at it."
    assert "decoder.died code=" in caplog.text
    assert "cat.png" not in caplog.text


@linux
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
async def test_an_honest_picture_at_the_pixel_limit_fits_into_the_limits(kind: str) -> None:
    options: dict[str, dict[str, object]] = {
        "JPEG": {"progressive": True},
        "PNG": {"compress_level": 1},
        "WEBP": {"method": 0},
    }
    image = Image.new("L" if kind == "GIF" else "RGB", (8000, 5000), 90)

    picture = await prepare(pictures.encoded(image, kind, **options.get(kind, {})), "large")

    assert (picture.width, picture.height) == (1229, 768)


CROWDED = """
import os, sys, time
from pathlib import Path
here = Path(__file__).parent
own = here / f"{os.getpid()}.here"
own.touch()
while len(list(here.glob("*.here"))) < 2 and len(list(here.glob("*.seen"))) < 2:
    time.sleep(0.01)
time.sleep(0.1)  # whoever else may run comes too
(here / f"{os.getpid()}.seen").write_text(str(len(list(here.glob("*.here")))))
while len(list(here.glob("*.seen"))) < 2:
    time.sleep(0.01)
own.unlink()
sys.stdin.buffer.read()
sys.stdout.buffer.write(PICTURE)
"""


async def test_two_decoders_at_most_run_at_once(tmp_path: Path) -> None:
    """The first two wait for each other, and each says how many are there."""
    decoder = tmp_path / "crowded.py"
    decoder.write_text(CROWDED.replace("PICTURE", repr(pictures.png())))
    patient = Limits(wall=60.0)
    files = [prepare(pictures.png(), f"{n}.png", limits=patient, decoder=decoder) for n in range(5)]
    assert len(await asyncio.gather(*files)) == 5
    seen = [int(file.read_text()) for file in tmp_path.glob("*.seen")]
    assert (len(seen), max(seen)) == (5, images.AT_ONCE)


def test_another_loop_has_room_of_its_own() -> None:
    async def crowd() -> int:
        return len(await asyncio.gather(*(prepare(pictures.png(), "a") for _ in range(4))))

    assert [asyncio.run(crowd()), asyncio.run(crowd())] == [4, 4]


@pytest.mark.parametrize(
    "output",
    [
        b"",
        b"<!DOCTYPE html>",
        pictures.gif(),
        pictures.png((769, 769)),
        pictures.png_that_claims((50_000, 50_000)),
    ],
)
async def test_what_a_decoder_gives_back_is_not_trusted(output: bytes, tmp_path: Path) -> None:
    decoder = tmp_path / "taken_over.py"
    decoder.write_text(f"import sys; sys.stdin.buffer.read(); sys.stdout.buffer.write({output!r})")

    with pytest.raises(AttachmentRejected) as error:
        await prepare(pictures.png(), "cat.png", decoder=decoder)

    assert "the decoder stopped at it" in error.value.sentence


async def test_what_a_decoder_adds_to_a_picture_is_cut_off(tmp_path: Path) -> None:
    decoder = tmp_path / "taken_over.py"
    output = pictures.png_with_metadata() + b"more"
    decoder.write_text(f"import sys; sys.stdin.buffer.read(); sys.stdout.buffer.write({output!r})")

    picture = await prepare(pictures.png(), "cat.png", decoder=decoder)

    assert b"more" not in picture.data
    assert b"tEXt" not in picture.data
