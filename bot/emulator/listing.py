"""Which records does one page of the list show?"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from bot.emulator.faults import Fault
from bot.emulator.queue import Rejection, RequestQueue
from bot.emulator.records import Record

DEFAULT_LIMIT = 20
MAX_LIMIT = 100  # the largest that production clients use; the real bound is unknown


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Some records, newest first unless a fault says otherwise."""

    records: list[Record]
    total: int
    has_more: bool


def page(queue: RequestQueue, query: Mapping[str, str], fault: Fault | None) -> Page:
    """The page that `model_id`, `limit` and `offset` ask for; Rejection when they make no sense."""
    limit = min(_whole(query, "limit", DEFAULT_LIMIT, least=1), MAX_LIMIT)
    offset = _whole(query, "offset", 0, least=0)
    listed = queue.records.newest_first(query.get("model_id"))
    if fault is not None:
        listed = _altered(queue, listed, fault)
        if fault.kind == "capped":
            limit = min(limit, fault.size)
    records = listed[offset : offset + limit]
    return Page(records=records, total=len(listed), has_more=offset + len(records) < len(listed))


def _altered(queue: RequestQueue, listed: list[Record], fault: Fault) -> list[Record]:
    def concerned(record: Record) -> bool:
        return fault.prompt is None or fault.prompt in record.words

    if fault.kind == "omit":
        return [record for record in listed if not concerned(record)]
    if fault.kind == "lag":
        youngest = queue.clock.now().monotonic - fault.seconds
        return [record for record in listed if not concerned(record) or record.created.monotonic <= youngest]
    if fault.kind == "unordered":
        return random.Random(len(listed)).sample(listed, len(listed))
    return listed


def _whole(query: Mapping[str, str], name: str, default: int, *, least: int) -> int:
    text = query.get(name, str(default))
    if not text.isascii() or not text.isdigit() or int(text) < least:
        raise Rejection(400, f"invalid {name}: must be a whole number of at least {least}")
    return int(text)
