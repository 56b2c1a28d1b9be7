"""What does the queue's JSON say? Tolerant to everything the service is known to send, and to anything else.

Pure. Results are taken by their names only, never by walking a record: it repeats the payload, and a thumbnail stands
beside the result. Decoding base64 and big pages takes time: the caller does it off the event loop.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from bot.errors import FailureKind
from bot.failures import Verdict, clean, verdict_of_record
from bot.model import Json

MAX_IMAGES = 10  # of one outcome (vendor guide: at most 10 output images per prompt)
_DEEPEST = 100  # levels of a history, where Gemini's has some eight: writing it takes a stack, too
_REQUEST_ID = re.compile(r"(?!\.{1,2}\Z)[!-~]{1,200}")  # it becomes part of an address, and a column


class Progress(StrEnum):
    """How far the queue is. Anything it says that is not known counts as pending, until our own deadline."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


WAITING = "queued"
"""The service's word for a request that nobody works on yet; all its other words before the end mean work (observed)."""

_PROGRESS: Mapping[str, Progress] = MappingProxyType(
    {
        "success": Progress.SUCCEEDED,
        "failed": Progress.FAILED,
        "cancelled": Progress.CANCELLED,
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Media:
    """One picture of an outcome: where it is, or its bytes. Exactly one of the two is set; nothing of it is proven."""

    url: str | None = None
    data: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One request as the queue tells it. Times are Unix seconds on the queue's clock.

    status: the service's own word. payload: None = not repeated, {} = repeated as empty (which says nothing about what
    was sent). media: in the outcome's order, at least one when SUCCEEDED. failure: set when FAILED or CANCELLED; a
    success without a picture is FAILED with NO_IMAGE, or SAFETY where the model says so.
    """

    request_id: str
    status: str
    progress: Progress
    model: str | None = None
    created_at: float | None = None
    updated_at: float | None = None
    queued_at: float | None = None
    payload: Json | None = field(default=None, repr=False)
    media: tuple[Media, ...] = ()
    next_turn_contents: list[Any] | None = field(default=None, repr=False)
    failure: Verdict | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """One page of the queue's list. has_more: there are records after these. size: bytes of the answer."""

    records: tuple[Record, ...]
    has_more: bool
    total: int | None = None
    size: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelInfo:
    """What the service tells about a model. delivery_mode: "sync" = its POST answers when the picture is made.

    price: dollars for one unit, nearly always an image; None where it is not told.
    """

    id: str
    delivery_mode: str | None = None
    price: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """Leave to put one file. upload_url is signed: a secret while it is valid (some 15 minutes)."""

    upload_url: str = field(repr=False)
    public_url: str


def decode_record(body: object) -> Record:
    """Raises ValueError when it is no record, which means: it names no request."""
    if not isinstance(body, Mapping) or not _is_request_id(body.get("request_id")):
        raise ValueError("no request_id")
    status = _text(body.get("status")) or ""
    progress = _PROGRESS.get(status.lower(), Progress.PENDING)
    outcome = body.get("outcome")
    outcome = outcome if isinstance(outcome, Mapping) else {}
    media: tuple[Media, ...] = ()
    contents: list[Any] | None = None
    failure: Verdict | None = None
    if progress is Progress.SUCCEEDED:
        media = _media(outcome)
        contents = _contents(outcome)
        if not media:
            progress, failure = Progress.FAILED, _no_image(body, outcome)
    elif progress is not Progress.PENDING:
        kind, reason = verdict_of_record(body)
        failure = Verdict(kind, reason or f"the queue says {progress.value} and no more")
    payload = body.get("payload")
    return Record(
        request_id=body["request_id"],
        status=status,
        progress=progress,
        model=_text(body.get("model")),
        created_at=_seconds(body.get("created_at")),
        updated_at=_seconds(body.get("updated_at")),
        queued_at=_seconds(body.get("queued_at")),
        payload=payload if isinstance(payload, dict) else None,
        media=media,
        next_turn_contents=contents,
        failure=failure,
    )


def decode_record_of(request_id: str, body: object) -> Record:
    """Raises ValueError when it is not the record of this request."""
    record = decode_record(body)
    if record.request_id != request_id:
        raise ValueError("the record of another request")
    return record


def decode_page(body: object, *, limit: int, offset: int, size: int = 0) -> Page:
    """limit, offset: as asked for; they tell whether there is more where the answer doesn't. ValueError: no list.

    What is no record in the list is left out: one odd record must not hide the others.
    """
    found = _listed(body, "requests")
    if not isinstance(body, Mapping) or found is None:
        raise ValueError("no list of requests")
    records = []
    for item in found:
        try:
            records.append(decode_record(item))
        except ValueError:
            continue
    total = body.get("total")
    total = total if isinstance(total, int) and not isinstance(total, bool) and 0 <= total < 1 << 53 else None
    more = body.get("has_more")
    if not isinstance(more, bool):
        more = offset + len(found) < total if total is not None else len(found) >= limit
    return Page(records=tuple(records), has_more=more and bool(found), total=total, size=size)


def decode_models(body: object) -> tuple[str, ...]:
    """Model ids, in the service's order. Raises ValueError when it is no list of models."""
    found = _listed(body, "model_ids")
    found = _listed(body, "models") if found is None else found
    if found is None:
        raise ValueError("no list of models")
    ids = (_text(item.get("model") or item.get("id")) if isinstance(item, Mapping) else _text(item) for item in found)
    return tuple(dict.fromkeys(model for model in ids if model))


def decode_model(body: object, asked: str) -> ModelInfo:
    """Raises ValueError when it is no description of a model."""
    if not isinstance(body, Mapping) or not (_text(body.get("model")) or "parameters" in body or "price_info" in body):
        raise ValueError("no description of a model")
    info = body.get("price_info")
    price = _seconds(info.get("price")) if isinstance(info, Mapping) else None
    return ModelInfo(
        id=_text(body.get("model")) or asked,
        delivery_mode=_text(body.get("delivery_mode")),
        price=None if price is None else price / 1_000_000,  # observed: micro-dollars
    )


def decode_grant(body: object) -> Grant:
    """Raises ValueError when it is no leave to upload."""
    if isinstance(body, Mapping):
        upload, public = body.get("upload_url"), body.get("public_url")
        if isinstance(upload, str) and isinstance(public, str):
            return Grant(upload_url=upload, public_url=public)
    raise ValueError("no upload_url and public_url")


def is_whole_picture(data: bytes) -> bool:
    """Whether these bytes begin as a picture and reach its end: a quick look that tells a web page or a cut file."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return b"IEND" in data
    if data.startswith(b"\xff\xd8\xff"):
        # A preview inside the file has an end of its own: the last end must come after the last scan.
        return data.rfind(b"\xff\xd9") > data.rfind(b"\xff\xda") > 0
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return len(data) >= 8 + int.from_bytes(data[4:8], "little")
    return data.startswith((b"GIF87a", b"GIF89a")) and data.rstrip(b"\0").endswith(b";")


def _listed(body: object, key: str) -> list[Any] | None:
    """A list; an empty one may be written as null. None where there is none."""
    if not isinstance(body, Mapping) or key not in body:
        return None
    found = body[key]
    return [] if found is None else found if isinstance(found, list) else None


def _is_request_id(value: Any) -> bool:
    return isinstance(value, str) and _REQUEST_ID.fullmatch(value) is not None


def _media(outcome: Mapping[str, Any]) -> tuple[Media, ...]:
    """From `media_urls` (objects or strings; ordered by position, their ids are texts), else Gemini's own form."""
    urls = outcome.get("media_urls")
    listed = urls[:MAX_IMAGES] if isinstance(urls, list) else []
    named = (item.get("url") if isinstance(item, Mapping) else item for item in listed)
    media = tuple(Media(url=url) for url in named if isinstance(url, str) and url.strip())
    return media or tuple(Media(data=data) for data in _inline(outcome))[:MAX_IMAGES]


def _inline(outcome: Mapping[str, Any]) -> Iterator[bytes]:
    """Pictures inside `candidates`. What a model painted while thinking is marked `thought` and is no result."""
    for part in _candidate_parts(outcome):
        inline = part["inlineData"] if "inlineData" in part else part.get("inline_data")
        if isinstance(inline, Mapping) and part.get("thought") is not True and (data := _decoded(inline.get("data"))):
            yield data


def _candidate_parts(outcome: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    candidates = outcome.get("candidates")
    for candidate in candidates[:MAX_IMAGES] if isinstance(candidates, list) else ():
        content = candidate.get("content") if isinstance(candidate, Mapping) else None
        parts = content.get("parts") if isinstance(content, Mapping) else None
        yield from (part for part in parts or () if isinstance(part, Mapping)) if isinstance(parts, list) else ()


def _decoded(data: Any) -> bytes | None:
    """Base64 of either alphabet, with or without padding."""
    if not isinstance(data, str):
        return None
    text = data.strip().rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _contents(outcome: Mapping[str, Any]) -> list[Any] | None:
    """A history that can be kept and sent again; another one must not cost the picture that it came with."""
    contents = outcome.get("next_turn_contents")
    return contents if isinstance(contents, list) and contents and _is_plain(contents) else None


def _is_plain(value: Any) -> bool:
    """No numbers that JSON doesn't have (Python reads NaN, and 1e999 as infinity), and not nested absurdly."""
    layer = [value]
    for _ in range(_DEEPEST):
        if not layer:
            return True
        if any(isinstance(item, float) and not math.isfinite(item) for item in layer):
            return False
        layer = [
            inner
            for item in layer
            if isinstance(item, list | dict)
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
    return False


def _no_image(body: Mapping[str, Any], outcome: Mapping[str, Any]) -> Verdict:
    """The queue says success and there is no picture: refused, where the words say so, else the model only talked."""
    kind, reason = verdict_of_record(body)
    if not reason:
        spoken = next((part["text"] for part in _candidate_parts(outcome) if isinstance(part.get("text"), str)), "")
        reason = clean(
            f"the model answered without a picture: {spoken}" if spoken.strip() else "success without a picture"
        )
    return Verdict(FailureKind.SAFETY if kind is FailureKind.SAFETY else FailureKind.NO_IMAGE, reason)


def _text(value: Any) -> str | None:
    """A short text without control characters, or None."""
    return clean(value) or None if isinstance(value, str) else None


def _seconds(value: Any) -> float | None:
    """A finite number that is not negative, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1 << 53:
        return None
    return float(value) if math.isfinite(value) else None
