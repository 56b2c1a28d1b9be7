"""What can be chosen when an emulator is made?"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from bot.emulator.behaviour import Behaviour
from bot.emulator.catalogue import CATALOGUE

Latency = float | tuple[float, float] | Literal["manual"]
DEMO_LATENCY = (2.0, 6.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class EmulatorOptions:
    """Defaults suit tests: no waiting, one key, every model, credit without end."""

    keys: tuple[str, ...] = ("emulator-key",)
    models: tuple[str, ...] = tuple(model.id for model in CATALOGUE)
    no_access: tuple[str, ...] = ()
    """Models that exist, but not for this account."""
    credit: int | None = None
    """How many more pictures are paid for; None: any number."""
    latency: Latency = 0.0
    """Seconds from acceptance to the picture, a range to draw from, or `manual`: until `finish`."""
    seed: int = 0
    """Of the drawn latencies."""
    paint: bool = True
    """False: plain pictures of the same size, made in a few milliseconds."""
    image_bytes: int | None = None
    """Pad each picture to this many bytes."""
    signed: bool = False
    """Each picture carries its request's id, so that no two requests have the same bytes."""
    directives: bool = False
    """Understand `[fail:safety]`, `[slow:20]` and the like in prompts."""
    behaviour: Behaviour = field(default_factory=Behaviour)
    folder: Path | None = None
    """Where pictures and records survive a restart; None: in memory only."""
    keep_exchanges: int = 50_000

    def __post_init__(self) -> None:
        if not self.keys:
            raise ValueError("an emulator needs at least one key, or nobody could ask it for anything")
        if isinstance(self.latency, tuple) and not 0 <= self.latency[0] <= self.latency[1]:
            raise ValueError(f"latency must be a range of seconds like (2.0, 6.0), not {self.latency!r}")
        if isinstance(self.latency, int | float) and self.latency < 0:
            raise ValueError(f"latency must not be negative: {self.latency!r}")
        if isinstance(self.latency, str) and self.latency != "manual":
            raise ValueError(f'latency is a number, a pair of numbers or "manual", not {self.latency!r}')
