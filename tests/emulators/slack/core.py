"""What holds the emulated Slack together? Every part knows this one thing and finds the others through it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any

from tests.emulators.clock import Clock
from tests.emulators.slack.courier import Courier
from tests.emulators.slack.directory import Directory
from tests.emulators.slack.events import Events
from tests.emulators.slack.faults import Faults
from tests.emulators.slack.ids import Ids
from tests.emulators.slack.ledger import Ledger
from tests.emulators.slack.model import App
from tests.emulators.slack.poster import Poster
from tests.emulators.slack.rates import Rates
from tests.emulators.slack.sockets import Sockets
from tests.emulators.slack.tickets import Tickets
from tests.emulators.slack.uploads import Uploads
from tests.emulators.slack.views import Views
from tests.emulators.slack.wall import Wall


class Core:
    """The parts, and the tasks that run beside the server."""

    def __init__(self, app: App, clock: Clock) -> None:
        self.app = app
        self.clock = clock
        self.base_url = ""
        self.ids = Ids(clock.now)
        self.ledger = Ledger()
        self.faults = Faults()
        self.rates = Rates(clock.ticks)
        self.directory = Directory(self)
        self.events = Events(self)
        self.wall = Wall(self)
        self.uploads = Uploads(self)
        self.views = Views(self)
        self.tickets = Tickets(self)
        self.courier = Courier(self)
        self.sockets = Sockets(self)
        self.poster = Poster(self)
        self._tasks: set[asyncio.Task[None]] = set()
        self._working = 0
        self.mistakes: list[Exception] = []  # of the emulator itself, while it answered
        self._change = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run beside; what it raises is raised at `close`."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    @contextmanager
    def working(self) -> Generator[None, None, None]:
        """While this lasts, `quiet` waits."""
        self._working += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._working -= 1
            self.changed()
            if not self._working:
                self._idle.set()

    async def quiet(self) -> None:
        """Nothing is on its way: each delivery was acknowledged or timed out, each share that is due has happened.

        What waits for the clock (a redelivery in a minute, a late share) does not count.
        """
        for _ in range(3):  # tasks that were only just started come to their work in the first turns
            await asyncio.sleep(0)
            await self._idle.wait()

    def changed(self) -> None:
        """Something happened that a test may wait for."""
        self._change.set()
        self._change = asyncio.Event()

    async def until(self, condition: Callable[[], object]) -> None:
        while not condition():
            await self._change.wait()

    async def close(self) -> None:
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                self.mistakes.append(ended)
        self._tasks.clear()
        mistakes, self.mistakes = self.mistakes, []
        if mistakes:
            raise mistakes[0]

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            return  # stays among the tasks, so that `close` raises it
        self._tasks.discard(task)
