"""How does an accepted request become pictures: which pictures does it build on, and can they be had at all?"""

from __future__ import annotations

import asyncio
import io
import ipaddress
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit, urlunsplit

from PIL import Image

from bot.emulator.behaviour import UNFETCHABLE, Behaviour
from bot.emulator.directives import without_directives
from bot.emulator.files import Bucket, File
from bot.emulator.painter import Brief, Drawing, encode, paint, signed, sketch
from bot.emulator.records import Record, Result
from bot.emulator.validation import Asked, Picture, words_of

FETCH_SECONDS = 5.0
MAX_INLINE_BYTES = 7_000_000  # guide: 7 MB inline
MAX_FETCHED_BYTES = 30_000_000  # guide: 30 MB from storage
UNREADABLE = "Unable to process input image. Please retry with a PNG, JPEG or WebP image."
CONTENT_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}


class UpstreamRefused(Exception):
    """The model behind the queue refuses: the record fails with this text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """A picture that a request refers to, with its bytes."""

    picture: Picture
    data: bytes
    file: File | None


class Studio:
    """Generates: fetches what a request refers to, paints, and stores the pictures in the bucket."""

    def __init__(self, bucket: Bucket, *, real_paint: bool, image_bytes: int | None, signed: bool = False) -> None:
        self._bucket = bucket
        self._real_paint = real_paint
        self._image_bytes = image_bytes
        self._signed = signed
        self._easels = asyncio.Semaphore(2)  # painting is pure CPU: more at once would only make each of them later

    async def generate(self, record: Record, size: tuple[int, int], max_images: int) -> Result:
        """The result of a request: pictures, or the text of its failure."""
        if record.behaviour.ending == "failed":
            return Result(error=record.behaviour.error_text)
        try:
            fetched = [await self._fetch(picture) for picture in record.asked.pictures]
            if len(fetched) > max_images:
                raise UpstreamRefused(f"Too many images: the model accepts at most {max_images} per prompt.")
            brief = self._brief(record.asked, fetched, size)
            async with self._easels:
                images = await asyncio.to_thread(self._paint, brief, record.behaviour)
        except UpstreamRefused as refused:
            return Result(error=str(refused))
        return Result(files=tuple(self._store(data, record, brief) for data in images))

    def _brief(self, asked: Asked, fetched: list[Fetched], size: tuple[int, int]) -> Brief:
        base = self._base(asked, fetched)
        last = len(asked.contents or ()) - 1
        references = [
            one for one in fetched if one is not base and (asked.contents is None or one.picture.turn == last)
        ]
        return Brief(
            words=without_directives(asked.words),
            size=size,
            base=base.data if base else None,
            references=tuple(one.data for one in references),
            edits=_earlier_edits(asked, base) if base else (),
        )

    def _base(self, asked: Asked, fetched: list[Fetched]) -> Fetched | None:
        """The picture that this request edits: the newest of the history, else one of ours handed in as a reference."""
        last = len(asked.contents or ()) - 1
        history = [one for one in fetched if asked.contents is not None and one.picture.turn < last]
        of_model = [one for one in history if one.picture.role == "model"]
        ours = [one for one in fetched if one.file is not None and one.file.request_id is not None]
        if of_model or history:
            return (of_model or history)[-1]
        return ours[0] if ours and ours[0] is fetched[0] else None

    async def _fetch(self, picture: Picture) -> Fetched:
        file: File | None = None
        if picture.data is not None:
            data = picture.data
            if len(data) > MAX_INLINE_BYTES:
                raise UpstreamRefused("Inline image exceeds the limit of 7 MB.")
        else:
            uri = picture.uri or ""
            file = self._bucket.find(uri)
            data = await asyncio.to_thread(self._bucket.data, file) if file else await asyncio.to_thread(_download, uri)
        if not await asyncio.to_thread(_is_picture, data):
            raise UpstreamRefused(UNREADABLE)
        return Fetched(picture=picture, data=data, file=file)

    def _paint(self, brief: Brief, behaviour: Behaviour) -> list[bytes]:
        draw: Drawing = paint if self._real_paint else sketch
        return [
            encode(draw(brief, variant), behaviour.image_format, self._image_bytes)
            for variant in range(behaviour.images)
        ]

    def _store(self, data: bytes, record: Record, brief: Brief) -> File:
        file = File(
            name=self._bucket.painted_name(),
            content_type=CONTENT_TYPES[record.behaviour.image_format],
            request_id=record.request_id,
            edits=(*brief.edits, brief.words) if brief.base else (),
        )
        self._bucket.put(file, signed(data, record.request_id) if self._signed else data)
        return file


def _earlier_edits(asked: Asked, base: Fetched) -> tuple[str, ...]:
    """The instructions that led to the picture: as kept with it, else as the history tells them."""
    if base.file is not None and base.file.request_id is not None:
        return base.file.edits
    users = [turn for turn in asked.contents or () if turn["role"] == "user"]
    return tuple(words for turn in users[1:-1] if (words := words_of({"contents": [turn]})))


def _is_picture(data: bytes) -> bool:
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            return image.format in ("PNG", "JPEG", "WEBP")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False


def _download(uri: str) -> bytes:
    """Bytes from this machine; whatever lies elsewhere cannot be reached, since the emulator works without a network."""
    address = urlsplit(uri)
    if address.scheme != "http" or not _is_loopback(address.hostname or ""):
        raise UpstreamRefused(UNFETCHABLE)
    try:
        with closing(HTTPConnection(address.hostname or "", address.port, timeout=FETCH_SECONDS)) as connection:
            connection.request("GET", urlunsplit(("", "", address.path or "/", address.query, "")))
            answer = connection.getresponse()
            data = answer.read(MAX_FETCHED_BYTES + 1)
    except (OSError, ValueError, HTTPException) as error:
        raise UpstreamRefused(UNFETCHABLE) from error
    if answer.status != 200 or len(data) > MAX_FETCHED_BYTES:
        raise UpstreamRefused(UNFETCHABLE)
    return data


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
