"""A file that somebody sent becomes a picture of our own making, or a sentence that says why not.

What is a picture and how large, `headers` decides here without decoding; the decoding itself happens in a limited
process (`decode`), because this one holds a platform's token.
"""

import asyncio
import importlib.util
import logging
import signal
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

from adapters.files import child, decode, headers
from adapters.files.sentences import Unfit

MIB = 1 << 20
AT_ONCE = 2  # decoders per process
MOST_OUTPUT = 8 * MIB  # 2048 x 768 pixels of RGBA are 6 MiB before they are packed
MIMES = {"PNG": "image/png", "JPEG": "image/jpeg"}
DECODER = Path(decode.__file__)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Picture:
    """An upright picture without metadata, within the size that models use."""

    data: bytes
    mime: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What one decoder may use."""

    memory: int = 768 * MIB  # bytes of address space
    cpu: int = 5  # s
    wall: float = 8.0  # s; a turn waits 20 s for its files


LIMITS = Limits()


async def prepare(
    data: bytes, name: str, *, limits: Limits = LIMITS, decoder: Path = DECODER
) -> Picture:
    """The picture in these bytes; raises AttachmentRejected naming the file and the reason."""
    try:
        header = headers.read(data)
        async with _slots():
            return await _redrawn(header, limits, decoder)
    except Unfit as fault:
        raise fault.about(name) from None


async def _redrawn(header: headers.Header, limits: Limits, decoder: Path) -> Picture:
    numbers = (limits.memory, limits.cpu, headers.MAX_PIXELS)
    arguments = (header.kind, _pillow_folder(), *map(str, numbers))
    ended = await child.run(decoder, arguments, header.parts, wall=limits.wall, most=MOST_OUTPUT)
    if ended.code != 0:
        raise _failed(ended.code)
    picture = _judged(ended.output)
    if picture is None:
        raise _failed(ended.code)
    return picture


def _judged(output: bytes) -> Picture | None:
    """What came back, if it is a picture as ours are: the decoder is not trusted any more than the file."""
    try:
        made = headers.read(output)
    except Unfit:
        return None
    size = (made.width, made.height)
    if made.kind not in MIMES or decode.fitted(*size) != size:
        return None
    return Picture(made.parts, MIMES[made.kind], *size)


def _failed(code: int | None) -> Unfit:
    if code == decode.BROKEN:
        return Unfit(headers.BROKEN)
    if code == decode.OUT_OF_MEMORY:
        return Unfit("takes more memory to decode than a picture may")
    if code in (None, -signal.SIGXCPU):
        return Unfit("takes too long to decode")
    log.warning("decoder.died code=%s", code)
    return Unfit("could not be decoded: the decoder stopped at it")


def _pillow_folder() -> str:
    """Where the decoder finds Pillow, which this process never imports."""
    spec = importlib.util.find_spec("PIL")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("Pillow is not installed", name="PIL")
    return str(Path(spec.origin).parent.parent)


_semaphores: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


def _slots() -> asyncio.Semaphore:
    """The room for decoders, of the running loop: a semaphore cannot serve two."""
    return _semaphores.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE))
