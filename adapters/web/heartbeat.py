"""Does the event loop turn, and how late is it? To be able to answer at all shows the first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

BEAT_SECONDS = 1.0
HUNG_SECONDS = 5.0
"""A loop that comes this late is as good as stopped: cards, deliveries and leases would all be late with it."""


class Heartbeat:
    """Wakes once a second and notes how late it was woken. clock: monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started_at = clock()
        self._expected_at = self._started_at
        self._last_lag = 0.0

    async def run(self) -> None:
        """Beats until cancelled."""
        while True:
            self._expected_at = self._clock() + BEAT_SECONDS
            await asyncio.sleep(BEAT_SECONDS)
            self._last_lag = max(0.0, self._clock() - self._expected_at)

    @property
    def lag(self) -> float:
        """Seconds: of the last beat, or of the one that is overdue, whichever is worse."""
        return max(self._last_lag, self._clock() - self._expected_at)

    @property
    def uptime(self) -> float:
        """Seconds since this was made."""
        return self._clock() - self._started_at

    @property
    def hung(self) -> bool:
        return self.lag > HUNG_SECONDS
