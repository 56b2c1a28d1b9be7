"""How do records outlive the emulator, so that a demo can be stopped and started in the middle of a picture?"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bot.emulator.behaviour import Behaviour
from bot.emulator.catalogue import Model
from bot.emulator.clock import Moment
from bot.emulator.files import Bucket, File, replace_file
from bot.emulator.records import NEVER, Record, Result
from bot.emulator.validation import read

log = logging.getLogger(__name__)


class Journal:
    """One JSON file a record, in a folder; without a folder nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def write(self, record: Record) -> None:
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        result = record.result
        facts = {
            "request_id": record.request_id,
            "model": record.model,
            "payload": record.payload,
            "behaviour": asdict(record.behaviour),
            "created": record.created.wall,
            "latency": None if record.latency == NEVER else record.latency,
            "cancelled": record.cancelled,
            "generated": record.generated and record.generated.wall,
            "files": [file.name for file in result.files] if result else [],
            "error": result.error if result else None,
        }
        replace_file(self._folder / f"{record.request_id}.json", json.dumps(facts).encode())

    def read(self, models: Mapping[str, Model], bucket: Bucket, now: Moment) -> Iterator[Record]:
        """The records kept, oldest first; those of models that are no longer offered are left out."""
        if self._folder is None or not self._folder.is_dir():
            return
        kept = [facts for place in self._folder.glob("*.json") if (facts := _facts(place)) is not None]
        for facts in sorted(kept, key=lambda facts: float(facts["created"])):
            if facts["model"] in models:
                yield _record(facts, models[facts["model"]], bucket, now)


def _facts(place: Path) -> dict[str, Any] | None:
    """What a file of the journal tells; None when a failing machine left it empty or torn."""
    try:
        facts: dict[str, Any] = json.loads(place.read_bytes())
    except ValueError:
        log.warning("left out a torn record: %s", place)
        return None
    return facts


def _record(facts: dict[str, Any], model: Model, bucket: Bucket, now: Moment) -> Record:
    created = _moment(facts["created"], now)
    latency = NEVER if facts["latency"] is None else facts["latency"]
    generated = facts["generated"]
    return Record(
        request_id=facts["request_id"],
        model=facts["model"],
        payload=facts["payload"],
        asked=read(facts["payload"], model),
        behaviour=Behaviour(**facts["behaviour"]),
        created=created,
        latency=latency,
        ends=created.monotonic + latency,
        cancelled=facts["cancelled"],
        result=None if generated is None else Result(files=_files(facts["files"], bucket), error=facts["error"]),
        generated=None if generated is None else _moment(generated, now),
    )


def _files(names: list[str], bucket: Bucket) -> tuple[File, ...]:
    return tuple(file for name in names if (file := bucket.get(name)) is not None)


def _moment(wall: float, now: Moment) -> Moment:
    """A moment of an earlier run. Only the wall clock is sure to have gone on: the other starts anew with the machine."""
    return Moment(wall=wall, monotonic=now.monotonic - (now.wall - wall))
