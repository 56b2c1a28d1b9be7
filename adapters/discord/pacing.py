"""Which request goes next? Discord allows 50 a second in all; results go first, and cards only when nothing else waits."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from enum import IntEnum

import structlog

from bot.errors import GiveUp, RetryLater
from bot.model import Card
from bot.ports import StoreBusy

PER_SECOND = 45.0
AT_ONCE = 3
"""Discord's global limit is 50 a second for each bot (docs), counted when requests arrive. They leave evenly, so that a few that
the network holds up and delivers together don't break it, and the rest is room for what the gateway's client asks.
"""

STEP_BACK_SECONDS = 2.5
"""How long anything but a result steps back behind acknowledgements, which Discord wants within 3 seconds. On a busy machine a
burst of them takes its time, and what came back too soon would slow down the rest of it.
"""

CARD_SECONDS = 5.0
"""At most one edit of a card in this time."""

_ATTEMPTS = 3  # of one edit; the last state of a job has no successor that would put the card right


class Priority(IntEnum):
    """In the order in which requests are sent when they have to wait."""

    DELIVERY = 0
    OPENING = 1
    READING = 2
    REACTION = 3
    CARD = 4


async def wait_for(event: asyncio.Event, seconds: float) -> None:
    """Returns when it has happened, or after so many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


class Bucket:
    """So many at once, then evenly so many a second. Times are given by the caller."""

    def __init__(self, at_once: int, per_second: float) -> None:
        self._room = float(at_once)
        self._at_once = at_once
        self._per_second = per_second
        self._at = float("-inf")

    def pause(self, now: float) -> float:
        """Seconds until one more may go."""
        return max(0.0, (1.0 - self._filled(now)) / self._per_second)

    def take(self, now: float) -> None:
        self._room, self._at = self._filled(now) - 1.0, now

    def _filled(self, now: float) -> float:
        return min(self._at_once, self._room + (now - self._at) * self._per_second)


class Budget:
    """One for the bot's token: whoever wants to send a request waits for its turn."""

    def __init__(
        self,
        at_once: int = AT_ONCE,
        per_second: float = PER_SECOND,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bucket = Bucket(at_once, per_second)
        self._clock = clock
        self._waiting: list[tuple[Priority, int, float, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._alarm: asyncio.TimerHandle | None = None
        self._answering = 0
        self._calm = asyncio.Event()
        self._calm.set()

    async def turn(self, priority: Priority) -> None:
        """Returns when the request may be sent."""
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._order), self._clock(), turn))
        self._grant()
        await turn

    @contextmanager
    def first(self) -> Iterator[None]:
        """While somebody waits for an acknowledgement, which is not counted here, nothing but results is begun for a moment:
        fifty commands at once are all acknowledged before the work on the first of them slows down the last.
        """
        self._answering += 1
        self._calm.clear()
        try:
            yield
        finally:
            self._answering -= 1
            if not self._answering:
                self._calm.set()
                self._grant()

    async def calm(self) -> None:
        """Returns when nobody waits for an acknowledgement, or after a moment."""
        await wait_for(self._calm, STEP_BACK_SECONDS)

    def _grant(self) -> None:
        while self._waiting:
            priority, _, since, turn = self._waiting[0]
            if turn.done():  # its caller was cancelled
                heapq.heappop(self._waiting)
                continue
            now = self._clock()
            pause = self._bucket.pause(now)
            if self._answering and priority is not Priority.DELIVERY:
                pause = max(pause, since + STEP_BACK_SECONDS - now)
            if pause > 1e-6:
                self._wake_in(pause)
                return
            self._bucket.take(now)
            heapq.heappop(self._waiting)
            turn.set_result(None)

    def _wake_in(self, pause: float) -> None:
        loop = asyncio.get_running_loop()
        if self._alarm is not None:
            if self._alarm.when() <= loop.time() + pause:
                return
            self._alarm.cancel()  # it was set for somebody who waits longer
        self._alarm = loop.call_later(pause, self._woken)

    def _woken(self) -> None:
        self._alarm = None
        self._grant()


class Paced:
    """Edits of status cards: one in CARD_SECONDS for each card, and what a newer state overtakes is never sent.

    edit: is given a card's name and what it was last asked to show; it looks up how that is now, so that a late edit is
    still a true one. wait: for an event, or until so many seconds have passed.
    """

    def __init__(
        self,
        edit: Callable[[str, Card], Awaitable[None]],
        *,
        gap: float = CARD_SECONDS,
        wait: Callable[[asyncio.Event, float], Awaitable[None]] = wait_for,
    ) -> None:
        self.gap = gap
        self.wait = wait
        self._edit = edit
        self._wanted: dict[str, Card] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._hurry = asyncio.Event()
        self._log = structlog.get_logger("adapters.discord")

    def show(self, name: str, card: Card) -> None:
        """The card of this name is out of date."""
        self._wanted[name] = card
        if name not in self._tasks:
            self._tasks[name] = asyncio.create_task(self._keep_up(name), name=f"card-{name}")

    def covers(self, name: str) -> None:
        """The edit that is under way looks up the state now: what was asked until now needs no other one."""
        self._wanted.pop(name, None)

    async def settled(self) -> None:
        """Until every card shows what was asked for."""
        while self._tasks:
            await asyncio.gather(*self._tasks.values())

    async def close(self, within: float) -> None:
        """The last edits go out at once, so that no card claims for ever that somebody is at work on it."""
        self._hurry.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks.values(), timeout=within)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _keep_up(self, name: str) -> None:
        failures = 0
        try:
            while name in self._wanted:
                card, pause = self._wanted.pop(name), self.gap
                try:
                    await self._edit(name, card)
                    failures = 0
                except (RetryLater, StoreBusy) as error:
                    failures += 1
                    if failures < _ATTEMPTS:
                        self._wanted.setdefault(name, card)
                    pause = max(pause, getattr(error, "after", None) or 0.0)
                    self._log.debug("card_later", job=card.job_id, reason=str(error))
                except GiveUp as error:
                    self._log.debug("card_not_shown", job=card.job_id, reason=error.reason)
                except Exception:  # noqa: BLE001  a bug, logged as one; it must end nothing else
                    self._log.exception("bug_in_card", job=card.job_id)
                await self.wait(self._hurry, pause)
        finally:
            self._tasks.pop(name, None)
