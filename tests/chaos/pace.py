"""What time is it in a seed? Its clock stands while nobody listens, so that a slow machine gets as much chaos as a quick one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

TICK = 0.05  # seconds
DEAF = 0.3
"""For so many seconds the clock goes on while nobody listens: some requests fall upon deaf ears."""

GIVES_UP = 60.0
"""After so many it goes on, although still nobody does."""


class Pace:
    """Seconds of chaos. listening: whether the bot hears all platforms at this moment."""

    def __init__(self, listening: Callable[[], bool]) -> None:
        self._listening = listening
        self._now = 0.0
        self._deaf = 0.0
        self._ticked = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._run(), name="pace")
        try:
            yield
        finally:
            task.cancel()

    async def until(self, moment: float) -> None:
        while self._now < moment:
            await self._ticked.wait()

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        before = clock()
        while True:
            await asyncio.sleep(TICK)
            passed, before = clock() - before, clock()
            self._deaf = 0.0 if self._listening() else self._deaf + passed
            if self._deaf <= DEAF or self._deaf > GIVES_UP:
                self._now += passed
            self._ticked.set()
            self._ticked = asyncio.Event()
