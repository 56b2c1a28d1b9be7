"""What was asked and answered? For tests that count, and to hold the answers against Discord's OpenAPI document."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """One request and its answer. route: as in the OpenAPI document, with its method. at: Unix seconds of the clock.

    files: name and size of each upload, by its part's name. lost: the answer never reached who asked.
    """

    route: str
    path: str
    query: dict[str, str]
    authorised: bool
    content_type: str
    request: Any
    files: dict[str, tuple[str, int]]
    status: int
    response: Any
    at: float
    lost: bool = False


@dataclass(kw_only=True, slots=True)
class Recorder:
    exchanges: list[Exchange] = field(default_factory=list)

    def of(self, route: str) -> list[Exchange]:
        return [exchange for exchange in self.exchanges if exchange.route == route]

    @property
    def refused(self) -> list[Exchange]:
        """Answers that were errors."""
        return [exchange for exchange in self.exchanges if exchange.status >= 400]

    def clear(self) -> None:
        self.exchanges.clear()

    def save(self, path: Path) -> None:
        path.write_text(json.dumps([asdict(exchange) for exchange in self.exchanges]))


def load(path: Path) -> list[Exchange]:
    """What `Recorder.save` has written."""
    return [
        Exchange(**{**fields, "files": {name: tuple(file) for name, file in fields["files"].items()}})
        for fields in json.loads(path.read_text())
    ]
