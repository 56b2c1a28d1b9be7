"""What has become of each accepted request, and how does the service tell it at this moment?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bot.emulator.behaviour import Behaviour
from bot.emulator.clock import Moment
from bot.emulator.files import Bucket, File
from bot.emulator.outcome import failed_fields, success_outcome
from bot.emulator.validation import Asked

ORG_ID = "63720f0e-2a5d-4c1b-9d3a-5e0c8b7a1d42"
USER_ID = "9b1f4c7e-0d52-4f6a-8f0b-3c2d1e4a5b69"

NEVER = float("inf")
# Shares of the latency at which a request leaves one state for the next; nobody has recorded the real ones.
STAGES = (("queued", 0.0), ("dispatched", 0.2), ("processing", 0.3))
TERMINAL = ("success", "failed", "cancelled")


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What generating came to. Failed when `error` is set."""

    files: tuple[File, ...] = ()
    error: str | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Record:
    """One accepted, and therefore paid, request."""

    request_id: str
    model: str
    payload: dict[str, Any]
    asked: Asked
    behaviour: Behaviour
    created: Moment
    latency: float
    """Seconds from acceptance to the picture; infinite until `finish` when latency is manual."""
    ends: float
    """Monotonic moment at which it becomes terminal."""
    result: Result | None = None
    generated: Moment | None = None
    """When the result was there, which `ends` may still keep back."""
    cancelled: bool = False
    work: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def words(self) -> str:
        return self.asked.words

    @property
    def ready_at(self) -> Moment | None:
        """The exact moment since when a look finds it terminal; None while that is unknown."""
        if self.generated is None or self.ends == NEVER:
            return None
        wait = max(self.ends, self.generated.monotonic) - self.created.monotonic
        return self.created.later(wait)

    def status(self, now: Moment) -> str:
        ready = self.ready_at
        if ready is not None and ready.monotonic <= now.monotonic:
            return "cancelled" if self.cancelled else "failed" if self.result and self.result.error else "success"
        if self.behaviour.ending == "stuck":
            return "queued"
        return self._stage(now)[0]

    def _stage(self, now: Moment) -> tuple[str, float]:
        """The state before the end, and the wall time since when it holds."""
        if self.latency == NEVER:
            return "processing", self.created.wall
        passed = now.monotonic - self.created.monotonic
        name, share = [stage for stage in STAGES if passed >= stage[1] * self.latency][-1]
        return name, self.created.wall + share * self.latency

    def _updated(self, now: Moment, status: str) -> float:
        ready = self.ready_at
        if status in TERMINAL and ready is not None:
            return ready.wall
        # Observed: equal to created_at until a worker touches it.
        return self.created.wall if status == "queued" else self._stage(now)[1]

    def short(self, now: Moment) -> dict[str, Any]:
        """The short answer to a POST (guide)."""
        status = self.status(now)
        return {
            "request_id": self.request_id,
            "model": self.model,
            "status": status if status in TERMINAL else self.behaviour.first_status,
            "created_at": int(self.created.wall),
            "updated_at": int(self.created.wall),
            "queued_at": int(self.created.wall),
        }

    def full(self, now: Moment, bucket: Bucket, base_url: str) -> dict[str, Any]:
        """The whole record, fields in the observed order."""
        status = self.status(now)
        shown: dict[str, Any] = {
            "request_id": self.request_id,
            "org_id": ORG_ID,
            "user_id": USER_ID,
            "model": self.model,
            "status": status,
            "is_public": False,
        }
        if self.behaviour.payload_echo != "absent":
            shown["payload"] = self.payload if self.behaviour.payload_echo == "full" else {}
        shown["outcome"] = None
        shown["created_at"] = int(self.created.wall)
        shown["updated_at"] = int(self._updated(now, status))
        shown["queued_at"] = int(self.created.wall)
        if status == "success" and self.result is not None:
            shown["outcome"] = success_outcome(self.behaviour, self.asked, self.result.files, bucket, base_url)
        elif status == "failed" and self.result is not None:
            shown.update(failed_fields(self.behaviour.error_form, self.result.error or ""))
        return shown

    def facts(self, now: Moment) -> dict[str, Any]:
        """What a test or a benchmark wants to know, as JSON; none of it is on the vendor's wire."""
        ready = self.ready_at
        return {
            "request_id": self.request_id,
            "model": self.model,
            "words": self.words,
            "status": self.status(now),
            "payload": self.payload,
            "aspect_ratio": self.asked.aspect_ratio,
            "pictures": len(self.asked.pictures),
            "ignored": list(self.asked.ignored),
            "unknown": list(self.asked.unknown),
            "error": self.result.error if self.result else None,
            "created": self.created.wall,
            "created_monotonic": self.created.monotonic,
            "ready_at": ready and ready.wall,
            "ready_at_monotonic": ready and ready.monotonic,
            "files": [file.path for file in self.result.files] if self.result else [],
        }


class RecordBook:
    """All records in the order of acceptance."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}

    def __iter__(self) -> Iterator[Record]:
        return iter(list(self._records.values()))

    def __len__(self) -> int:
        return len(self._records)

    def add(self, record: Record) -> None:
        self._records[record.request_id] = record

    def get(self, request_id: str) -> Record | None:
        return self._records.get(request_id)

    def newest_first(self, model_id: str | None) -> list[Record]:
        return [record for record in reversed(self._records.values()) if model_id in (None, record.model)]

    def clear(self) -> None:
        self._records.clear()
