"""What time is it, and how does one wait? Said in one place, so that waits need not take their time where nobody watches."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """now: Unix seconds. sleep: returns so many seconds later. rest: the same, for pauses whose end nothing waits for.

    All go by one clock.
    """

    now: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    rest: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def happens(self, event: asyncio.Event, *, within: float, resting: bool = False) -> bool:
        """Returns when this has happened, or else after so many seconds; whether it has."""
        if not event.is_set() and within > 0:
            pause = self.rest if resting else self.sleep
            either = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(pause(within))]
            try:
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in either:
                    one.cancel()
        return event.is_set()
