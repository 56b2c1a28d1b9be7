"""What time is it for this process? The store's time, carried on by a clock that nobody can set: it never goes back.

A system clock is set by people and by NTP, in steps of any size. Were it asked directly, a step back would stall every job
that is due, and a step forward would fire every deadline. So time goes on monotonically, and is compared with the
store's: a gap ahead is taken over (it may be a laptop that slept), a gap behind is made good by going a little slower.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

SLEW = 0.05
"""The part of a second by which a second may be longer while a gap is made good: an hour's gap is gone within a day."""

STEP_SECONDS = 1.0
"""A system clock that moves by more than this against the monotonic one has been set, or the machine slept."""


class Clock:
    """Called, it tells Unix seconds; no call tells less than one before it, once `move` has been called for the first time.

    wall: the system's clock, which is only watched. monotonic: seconds that go on as long as the machine is awake.
    """

    def __init__(self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._asked_at = monotonic()
        self._ahead = self._wall_ahead = wall() - self._asked_at  # of the monotonic clock: ours, and the system's
        self._excess = 0.0  # by how much ours is too far ahead
        self._is_set = False
        self.stepped = asyncio.Event()
        """Set when the system's clock was seen to step; `move` clears it."""

    def __call__(self) -> float:
        at = self._monotonic()
        made_good = min(self._excess, SLEW * (at - self._asked_at))
        self._asked_at = at
        self._ahead -= made_good
        self._excess -= made_good
        if abs(self._wall() - at - self._wall_ahead) > STEP_SECONDS:
            self.stepped.set()
        return at + self._ahead

    async def gap(self, store_now: Callable[[], Awaitable[float]]) -> float:
        """Seconds by which the store's clock is ahead of this one; 0 where the answer's way may be the reason."""
        began, shown = self._monotonic(), self()
        told = await store_now()
        way = self._monotonic() - began
        gap = told - (shown + way / 2)
        return gap if abs(gap) > way / 2 else 0.0

    def move(self, gap: float) -> float:
        """Follows the store's clock by what `gap` found: ahead at once, back by and by (the first time at once, too).

        Returns how much of the gap is new, beside what is being made good already.
        """
        news = gap + self._excess
        if gap >= 0 or not self._is_set:
            self._ahead += gap
            self._excess = 0.0
        else:
            self._excess = -gap
        self._is_set = True
        self._wall_ahead = self._wall() - self._monotonic()
        self.stepped.clear()
        return news
