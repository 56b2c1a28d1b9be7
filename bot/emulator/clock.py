"""What time is it in the emulator, and how does one wait for a moment that a test may bring nearer?"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """One instant on both clocks, in seconds. `monotonic` can be compared between programs of one machine."""

    wall: float
    monotonic: float

    def later(self, seconds: float) -> Moment:
        return Moment(wall=self.wall + seconds, monotonic=self.monotonic + seconds)


class Clock:
    """The machine's clocks plus whatever `advance` has skipped."""

    def __init__(self) -> None:
        self._skipped = 0.0
        self._changed = asyncio.Event()

    def now(self) -> Moment:
        return Moment(wall=time.time() + self._skipped, monotonic=time.monotonic() + self._skipped)

    def advance(self, seconds: float) -> None:
        """Skip `seconds`: grants expire, pictures become ready, waits end sooner."""
        if seconds < 0:
            raise ValueError("time only moves forward: give a number of seconds that is not negative")
        self._skipped += seconds
        self.changed()

    def changed(self) -> None:
        """Wake everybody who waits, so that they look again at the moment they wait for."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def reach(self, moment: Callable[[], float]) -> None:
        """Return once the monotonic clock has reached `moment()`, which is asked again after every change."""
        while (left := moment() - self.now().monotonic) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if left == float("inf") else left):
                    await self._changed.wait()
