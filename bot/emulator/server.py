"""How does one start an emulator, steer it, and ask what has happened?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette

from bot.emulator.behaviour import Behaviour, Change
from bot.emulator.clock import Clock
from bot.emulator.control import control_routes
from bot.emulator.faults import ROUTES, Fault
from bot.emulator.holds import At, Hold
from bot.emulator.ledger import Ledger
from bot.emulator.options import EmulatorOptions
from bot.emulator.queue import Account, RequestQueue
from bot.emulator.records import Record
from bot.emulator.routes import Desk
from bot.emulator.wire import Listener


class Emulator:
    """A local request queue. Faults, behaviours, holds and time are steered while it runs."""

    def __init__(self, options: EmulatorOptions | None = None) -> None:
        self.options = options or EmulatorOptions()
        self._queue = RequestQueue(self.options)
        self._base_url = ""

    @property
    def base_url(self) -> str:
        """`http://127.0.0.1:port` while it is served."""
        return self._base_url

    @asynccontextmanager
    async def serve(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
        """Listen while the context is open; gives the base address. Port 0 takes any free port."""
        self._queue.resume()
        app = Starlette(routes=[*control_routes(self), *Desk(self._queue).routes()])
        listener = Listener(app, self.clock)
        await listener.open(host, port)
        shown = f"[{host}]" if ":" in host else host
        self._base_url = f"http://{shown}:{listener.port}"
        try:
            yield self._base_url
        finally:
            await listener.close()
            await self._queue.close()

    # What has happened

    @property
    def ledger(self) -> Ledger:
        """Every call of the vendor's API."""
        return self._queue.ledger

    @property
    def records(self) -> list[Record]:
        """Every accepted request, oldest first. Each of them was paid for."""
        return list(self._queue.records)

    @property
    def paid(self) -> int:
        return len(self._queue.records)

    def record(self, request_id: str) -> Record:
        """The record of this id; KeyError when there is none."""
        found = self._queue.records.get(request_id)
        if found is None:
            raise KeyError(f"no such request: {request_id}")
        return found

    def records_of(self, prompt: str) -> list[Record]:
        """Accepted requests whose words contain `prompt`, oldest first."""
        return [record for record in self._queue.records if prompt in record.words]

    def status(self, request_id: str) -> str:
        return self.record(request_id).status(self.clock.now())

    # What shall happen

    @property
    def clock(self) -> Clock:
        return self._queue.clock

    @property
    def account(self) -> Account:
        """Keys, entitlements and credit; assign to change them."""
        return self._queue.account

    @property
    def behaviour(self) -> Behaviour:
        """How requests are treated unless `behave` says otherwise; assign to change it for all from now on."""
        return self._queue.behaviours.default

    @behaviour.setter
    def behaviour(self, behaviour: Behaviour) -> None:
        self._queue.behaviours.default = behaviour

    def behave(self, *, times: int | None = 1, prompt: str | None = None, **changes: Any) -> None:
        """Treat the next `times` requests (None: all) whose words contain `prompt` differently: fields of Behaviour."""
        self._queue.behaviours.add(Change(changes=changes, times=times, prompt=prompt))

    def inject(self, *faults: Fault) -> None:
        """Let these faults strike the next calls that match them, oldest fault first, one fault a call."""
        self._queue.faults.add(*faults)

    @property
    def pending_faults(self) -> list[Fault]:
        """Faults that have not struck, or not as often as they shall."""
        return self._queue.faults.pending()

    def clear(self) -> None:
        """Forget every queued fault and behaviour, and release every hold. Records and ledger stay."""
        self._queue.faults.clear()
        self._queue.behaviours.clear()
        self._queue.holds.release_all()

    def hold(self, route: str, *, at: At = "answer", prompt: str | None = None, times: int | None = None) -> Hold:
        """Let matching calls wait, after the work and before the `answer`, or already at their `arrival`."""
        if route not in ROUTES:
            raise ValueError(f"no such route: {route!r}. There are: {', '.join(ROUTES)}")
        return self._queue.holds.add(route, at=at, prompt=prompt, times=times)

    def hold_of(self, id: int) -> Hold | None:
        return self._queue.holds.get(id)

    def finish(self, request_id: str | None = None) -> None:
        """Make a request terminal now, whatever its latency; without an id: every one."""
        for record in self.records if request_id is None else [self.record(request_id)]:
            self._queue.finish(record)

    def cancel(self, request_id: str) -> None:
        """End a request as `cancelled`."""
        self._queue.cancel(self.record(request_id))

    def advance(self, seconds: float) -> None:
        """Skip time: latencies, grants and the list's lag run on without waiting."""
        self._queue.clock.advance(seconds)


async def run(options: EmulatorOptions, host: str, port: int, *, tell: Callable[[str], None] | None = None) -> None:
    """Serve until cancelled. tell: is given the base address once it listens; port 0 takes any free one."""
    async with Emulator(options).serve(host, port) as base_url:
        if tell is not None:
            tell(base_url)
        await asyncio.Event().wait()
