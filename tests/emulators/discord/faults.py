"""What can be made to go wrong, the next time it is asked for?

A fault is laid before a route and meets its next requests in turn. Routes are named as in Discord's OpenAPI document:
`POST /channels/{channel_id}/messages`; `CDN` is every file; `*` any request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.emulators.discord.limits import VIA, too_often
from tests.emulators.discord.refusals import Json

Onlooker = Callable[[str], Callable[[], bool] | None]
"""Told of each request of the API when it arrives. None: its connection breaks, and nothing happens. Else what it returns is
called once the request has had its effect; False: the connection breaks, and nobody hears of it.
"""


@dataclass(eq=False, kw_only=True, slots=True)
class Fault:
    """status: the answer instead of the true one; None with `reset`: the connection breaks; with neither: the true one.

    after_effect: what was asked for happens, only its answer is lost. latency: real seconds before the answer.
    retry_after, via, in_all, scope: of a 429. code: in the body, for statuses with which Discord sends one. page: the body is
    a web page, as of something that stands before Discord.
    """

    route: str
    left: int
    status: int | None = None
    reset: bool = False
    after_effect: bool = False
    latency: float = 0.0
    code: int = 0
    retry_after: float = 0.01
    via: bool = True
    in_all: bool = False
    scope: str = "user"
    page: bool = False
    cut_at: int | None = None
    met: int = 0
    gate: asyncio.Event | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def headers(self) -> dict[str, str]:
        if self.status != 429:
            return {}
        headers = {"Retry-After": str(max(1, round(self.retry_after))), "X-RateLimit-Scope": self.scope}
        if self.in_all:
            headers["X-RateLimit-Global"] = "true"
        return {**headers, "Via": VIA} if self.via else headers

    @property
    def body(self) -> Json:
        if self.status == 429:
            return {**too_often(self.retry_after, in_all=self.in_all), "code": self.code}
        return {"message": f"{self.status}: emulated", "code": self.code}


@dataclass(eq=False, kw_only=True, slots=True)
class Hold:
    """Requests that are kept waiting. `await arrived()` until the first is there; `release()` lets all go on."""

    fault: Fault

    async def arrived(self) -> None:
        async with asyncio.timeout(10):
            await self.fault.reached.wait()

    def release(self) -> None:
        assert self.fault.gate is not None
        self.fault.left = 0
        self.fault.gate.set()


class Faults:
    """Lays faults and hands them out; of several on one route the first laid is met first."""

    def __init__(self) -> None:
        self._laid: list[Fault] = []
        self.onlooker: Onlooker = lambda _route: lambda: True

    def lay(self, route: str, *, times: int = 1, **fault: object) -> Fault:
        """`lay("POST /channels/{channel_id}/messages", status=502, after_effect=True)`; see Fault for the rest."""
        made = Fault(route=route, left=times, **fault)  # type: ignore[arg-type]  # Fault names and judges them
        self._laid.append(made)
        return made

    def hold(self, route: str, *, times: int = 10**9, after_effect: bool = False) -> Hold:
        """Keep requests waiting before their effect, or their answers after it."""
        return Hold(fault=self.lay(route, times=times, after_effect=after_effect, gate=asyncio.Event()))

    def clear(self) -> None:
        """No more faults; what is held goes on."""
        for fault in self._laid:
            fault.left = 0
            if fault.gate is not None:
                fault.gate.set()

    def meet(self, route: str) -> Fault | None:
        """The fault that this request has to meet, used up by one."""
        for fault in self._laid:
            if fault.left > 0 and fault.route in (route, "*"):
                fault.left -= 1
                fault.met += 1
                return fault
        return None

    async def delay(self, fault: Fault) -> None:
        """As long as the fault keeps its request waiting."""
        fault.reached.set()
        if fault.gate is not None:
            await fault.gate.wait()
        if fault.latency:
            await asyncio.sleep(fault.latency)
