"""When may the next request go to the queue? One bucket bounds them all; what makes a picture goes before what looks.

The account's limits hold for all processes of a bot together, so where they share a store they share the bucket in it, too,
and fetch from it some requests at a time: the store need not be asked for each.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Awaitable, Callable
from enum import IntEnum

from bot.ports import StoreBusy

PER_SECOND = 50.0
"""Where nothing else is said. The vendor names no number for images: this is a bound for the bot, not a goal."""

FETCHED_SECONDS = 0.1
"""Of so much time the requests are fetched at once from a bucket that others share."""

Take = Callable[[float, float], Awaitable[float]]
"""Takes one from the shared bucket, as `Store.take` does: rate, burst -> seconds to wait. May raise StoreBusy."""


class Urgency(IntEnum):
    """In the order in which requests go when they have to wait."""

    MAKING = 0
    LOOKING = 1


class Pace:
    """Whoever wants to send a request waits for its turn. A second's requests may go at once after a rest."""

    def __init__(
        self,
        per_second: float = PER_SECOND,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._per_second = per_second
        self._clock = clock
        self._sleep = sleep
        self._room = self._most = max(1.0, per_second)
        self._at = clock()
        self._take: Take | None = None
        self._block = max(1, round(per_second * FETCHED_SECONDS))
        self._fetched = 0
        self._waiting: list[tuple[Urgency, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._serving: asyncio.Task[None] | None = None

    def share(self, take: Take) -> None:
        """From here on the bucket is the one that all processes of the bot share."""
        self._take = take

    async def turn(self, urgency: Urgency) -> None:
        """Returns when the request may be sent."""
        if self._serving is None and self._drawn_at_once():
            return
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (urgency, next(self._order), turn))
        if self._serving is None:
            self._serving = asyncio.create_task(self._serve(), name="queue-pace")
        await turn

    async def _serve(self) -> None:
        """As long as anybody waits: whoever is the first in line when there is room, goes."""
        try:
            while self._first() is not None:
                try:
                    await self._drawn()
                except Exception as error:  # noqa: BLE001  whoever waits must learn of it, and nobody wait for ever
                    if first := self._first():
                        first.set_exception(error)
                    continue
                if first := self._first():
                    first.set_result(None)
        finally:
            self._serving = None

    def _first(self) -> asyncio.Future[None] | None:
        """Whose turn is next; those who were cancelled while they waited are left out."""
        while self._waiting and self._waiting[0][2].done():
            heapq.heappop(self._waiting)
        return self._waiting[0][2] if self._waiting else None

    def _drawn_at_once(self) -> bool:
        """One, if it can be had without waiting."""
        if self._take is not None:
            if self._fetched == 0:
                return False
            self._fetched -= 1
            return True
        if self._filled() < 1.0:
            return False
        self._room -= 1.0
        return True

    async def _drawn(self) -> None:
        """One, as soon as it can be had."""
        if self._take is not None and self._fetched == 0:
            blocks = self._per_second / self._block
            try:
                await self._rest(await self._take(blocks, max(1.0, blocks)))
            except StoreBusy:
                pass  # for as long as it cannot be asked, this process keeps the pace by itself
            else:
                self._fetched = self._block
        if self._fetched:
            self._fetched -= 1
            return
        await self._rest((1.0 - self._filled()) / self._per_second)
        self._room = self._filled() - 1.0

    def _filled(self) -> float:
        """The room that there is by now."""
        now = self._clock()
        self._room = min(self._most, self._room + max(0.0, now - self._at) * self._per_second)
        self._at = now
        return self._room

    async def _rest(self, seconds: float) -> None:
        if seconds > 0:
            await self._sleep(seconds)
