"""How do any bytes become a PNG or JPEG that the queue, or a platform's size limit, accepts?

Pictures are judged by their bytes, turned upright, brought into sRGB, freed of metadata, and lose no more quality than
the limit asks for. The event loop never waits for a decoder, and memory is bounded: see `_Bench`.
"""

from __future__ import annotations

import asyncio
import functools
import io
import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVarTuple

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from bot import messages, picture_colours, picture_files
from bot.errors import UserError
from bot.model import Picture
from bot.picture_files import PictureFile, Unusable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer  # collections.abc.Buffer from Python 3.12 on

MAX_RECEIVED_BYTES = 30_000_000
MAX_PIXELS = picture_files.MAX_PIXELS
MAX_SENT_BYTES = 7_000_000  # of one reference (vendor guide)

_BEST, _FLOOR = 95, 80  # JPEG qualities: above, files grow and pictures don't improve; below, one sees it
_PREVIEW = 85
_LARGE = 8_000_000  # pixels; results have some 1.5 million
_LARGE_LANE = "large-pictures"

_TURNS = MappingProxyType(  # EXIF orientation -> what undoes it
    {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
)

_Args = TypeVarTuple("_Args")


def sniff(data: bytes) -> str | None:
    """The media type by the first bytes; None: not a picture. Also names kinds that cannot be read (image/svg+xml)."""
    return picture_files.sniff(data)


def too_large_by_metadata(name: str, size: int | None, media_type: str | None) -> str | None:
    """The sentence that refuses a file of which only its listing is known; None: its bytes must tell.

    size: bytes. media_type: as the platform declares it; unknown and absent types are given the benefit of the doubt.
    """
    file = messages.file_name(name)
    declared = (media_type or "").partition(";")[0].strip().lower()
    kind, _, subtype = declared.partition("/")
    if size == 0:
        return messages.picture_empty(file)
    if declared == "image/svg+xml":
        return messages.picture_of_other_kind(file, media_type=declared)
    if kind in {"audio", "font", "text", "video"} or (kind == "application" and subtype != "octet-stream"):
        return messages.picture_declared_otherwise(file, media_type=declared)
    if size is not None and size > MAX_RECEIVED_BYTES:
        return messages.picture_too_heavy(file, size=size, most=MAX_RECEIVED_BYTES)
    return None


async def to_reference(data: bytes, *, name: str, max_bytes: int = MAX_SENT_BYTES) -> Picture:
    """A picture as the queue takes it: upright, sRGB, without metadata, of at most max_bytes.

    Pixels of a PNG or JPEG that is all this already are left as they are. Raises UserError naming the file, the reason
    and what to do about it.
    """
    try:
        return await _bench().work(_referenced, data, max_bytes)
    except Unusable as why:
        raise UserError(why.sentence(messages.file_name(name))) from why


async def to_limit(data: bytes, *, max_bytes: int, max_side: int | None = None) -> Picture:
    """A copy for a platform's limits; a PNG or JPEG within them is returned untouched, and not decoded.

    Raises ValueError for bytes that are no whole picture, and for a limit that no picture can keep.
    """
    return await _bench().work(_limited, data, max_bytes, max_side)


async def preview(data: bytes, *, max_side: int = 512) -> Picture:
    """A small JPEG, or PNG where it is transparent. Raises ValueError for bytes that are no whole picture."""
    return await _bench().work(_previewed, data, max_side)


async def describe(data: bytes) -> Picture:
    """A result, proven whole by decoding it: a PNG or JPEG untouched, another kind converted without loss.

    Raises ValueError for bytes that are no whole picture.
    """
    return await _bench().work(_described, data)


class _TooLarge(Exception):
    """This picture belongs on the bench's other lane."""


class _Bench:
    """Where decoding happens: two threads for what is small, as results are, and one for what is large.

    A member's huge photos wait for each other and for nobody else's pictures. Decoders take up to 16 bytes per pixel
    (observed: WebP): one picture of 50 megapixels and two of 8 come to about 1 GB. Memory is the process's, and so is
    this bound: it belongs to no event loop.
    """

    def __init__(self) -> None:
        self._small = ThreadPoolExecutor(max_workers=2, thread_name_prefix="pictures")
        self._large = ThreadPoolExecutor(max_workers=1, thread_name_prefix=_LARGE_LANE)

    async def work(self, step: Callable[[*_Args], Picture], *args: *_Args) -> Picture:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._small, step, *args)
        except _TooLarge:
            return await loop.run_in_executor(self._large, step, *args)


def _must_fit_here(file: PictureFile) -> None:
    """Before the first pixel is decoded: raises _TooLarge in a thread for small pictures."""
    if math.prod(file.size) > _LARGE and not threading.current_thread().name.startswith(_LARGE_LANE):
        raise _TooLarge


@functools.cache
def _bench() -> _Bench:
    return _Bench()


# -- one step each, in a thread --------------------------------------------------------------------------------------


def _referenced(data: bytes, max_bytes: int) -> Picture:
    if len(data) > MAX_RECEIVED_BYTES:
        raise Unusable(functools.partial(messages.picture_too_heavy, size=len(data), most=MAX_RECEIVED_BYTES))
    file = picture_files.opened(data)
    _must_fit_here(file)
    if file.bare is not None and len(file.bare) <= max_bytes and _shows_as_stored(file):
        with picture_files.reading():
            file.image.load()
        return _untouched(file, file.bare)
    return _fitted(_shown(file), max_bytes, lossless=file.lossless)


def _limited(data: bytes, max_bytes: int, max_side: int | None) -> Picture:
    file = picture_files.opened(data)
    if _is_png_or_jpeg(file) and len(data) <= max_bytes and max(file.size) <= (max_side or math.inf):
        return _untouched(file, data)
    _must_fit_here(file)
    return _fitted(_shrunk(_shown(file), max_side), max_bytes, lossless=file.lossless)


def _previewed(data: bytes, max_side: int) -> Picture:
    file = picture_files.opened(data)
    _must_fit_here(file)
    if isinstance(file.image, JpegImageFile):
        file.image.draft(None, (2 * max_side, 2 * max_side))  # decodes to a half, a quarter or an eighth at once
    # Whole pixels are put together first, which costs a tenth and shows on no card.
    image = _shrunk(_shown(file), max_side, reducing_gap=1.0)
    return _fitted(image, MAX_SENT_BYTES, lossless=False, best=_PREVIEW)


def _described(data: bytes) -> Picture:
    file = picture_files.opened(data)
    _must_fit_here(file)
    if _is_png_or_jpeg(file):
        with picture_files.reading():
            file.image.load()
        return _untouched(file, data)
    return _fitted(_shown(file), MAX_RECEIVED_BYTES, lossless=True)


def _is_png_or_jpeg(file: PictureFile) -> bool:
    return file.media_type in {"image/png", "image/jpeg"}


def _untouched(file: PictureFile, data: bytes) -> Picture:
    width, height = file.size
    return Picture(data=data, media_type=file.media_type, width=width, height=height)


# -- pixels as a person sees them ------------------------------------------------------------------------------------


def _shows_as_stored(file: PictureFile) -> bool:
    """Whether the pixels look right without the metadata."""
    mode = "L" if file.image.mode in {"1", "L", "LA"} else "RGB"
    with picture_files.reading():
        return file.orientation == 1 and picture_colours.to_srgb(file.icc, mode) is None


def _shown(file: PictureFile) -> Image.Image:
    """Decodes: upright, 8 bits per channel, sRGB; RGBA where something is transparent, else RGB or L; no metadata."""
    with picture_files.reading():
        image = file.image.copy()
        file.image.close()  # decoders keep up to 8 bytes per pixel of their own for further frames
        image = picture_colours.with_8_bits(image)
        colours = picture_colours.to_srgb(file.icc, image.mode)
        if colours is not None:
            image = colours.apply(image)
        if image.mode == "CMYK":
            image = image.convert("RGB")
        if file.orientation in _TURNS:
            image = image.transpose(_TURNS[file.orientation])
        if image.mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255):
            image = image.convert("RGB")
        image.info = {}  # encoders would copy comments and profiles from here
        return image


# -- as many bytes as allowed ----------------------------------------------------------------------------------------


def _shrunk(image: Image.Image, max_side: int | None, *, reducing_gap: float = 3.0) -> Image.Image:
    if max_side is not None:
        image.thumbnail((max_side, max_side), Image.Resampling.LANCZOS, reducing_gap=reducing_gap)
    return image


def _fitted(image: Image.Image, max_bytes: int, *, lossless: bool, best: int = _BEST) -> Picture:
    """The best copy of at most max_bytes: PNG if it is wanted or transparent, else JPEG; smaller only as a last resort.

    image: L, RGB or RGBA. Raises ValueError where not even one pixel fits.
    """
    if lossless or image.mode == "RGBA":
        data = _encoded(image, max_bytes, "PNG")
        if data is not None:
            return Picture(data=data, media_type="image/png", width=image.width, height=image.height)
    if image.mode == "RGBA":
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image)
        image = white
    copy, scale = image, 1.0
    while (data := _best_jpeg(copy, max_bytes, best)) is None:
        if max(copy.size) == 1:
            raise ValueError(f"no picture fits into {max_bytes} bytes")
        # Bytes shrink a little slower than pixels, and what a smaller copy leaves unused goes into its quality. Each copy
        # is made from the original, so that nothing is resampled twice.
        size = len(_encoded(copy, math.inf, "JPEG", quality=_FLOOR) or b"")
        scale *= min(0.9, 0.9 * math.sqrt(max_bytes / size))
        copy = image.resize(
            (max(1, int(image.width * scale)), max(1, int(image.height * scale))),
            Image.Resampling.LANCZOS,
            reducing_gap=3,
        )
    return Picture(data=data, media_type="image/jpeg", width=copy.width, height=copy.height)


def _best_jpeg(image: Image.Image, max_bytes: int, best: int) -> bytes | None:
    """By bisection, because bytes grow with quality; None: even the lowest sensible quality takes too many.

    Colours keep the resolution of the brightness only where nothing has to be saved: eyes see theirs less.
    """
    found = _encoded(image, max_bytes, "JPEG", quality=best, subsampling=0)
    if found is not None:
        return found
    found = _encoded(image, max_bytes, "JPEG", quality=_FLOOR)
    fits, too_good = _FLOOR, best + 1
    while found is not None and too_good - fits > 1:
        quality = (fits + too_good) // 2
        attempt = _encoded(image, max_bytes, "JPEG", quality=quality)
        if attempt is None:
            too_good = quality
        else:
            found, fits = attempt, quality
    return found


def _encoded(image: Image.Image, max_bytes: float, form: str, **options: int) -> bytes | None:
    """None as soon as it takes more than max_bytes, so that an attempt in vain costs little."""
    sink = _Sink(max_bytes)
    try:
        image.save(sink, form, **options)
    except _FullError:
        return None
    return sink.getvalue()


class _FullError(Exception):
    pass


class _Sink(io.BytesIO):
    def __init__(self, max_bytes: float) -> None:
        super().__init__()
        self._max_bytes = max_bytes

    def write(self, data: ReadableBuffer, /) -> int:
        if self.tell() + memoryview(data).nbytes > self._max_bytes:
            raise _FullError
        return super().write(data)
