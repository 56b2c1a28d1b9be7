"""What can go wrong with the next calls, and does it strike before or after their effect?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal[
    "ratelimited", "error", "status", "html", "reset", "drop", "hang", "slow", "hold", "cut", "huge", "moved"
]

Onlooker = Callable[[str], Callable[[], bool] | None]
"""Told of each call when it arrives, and of each acknowledgement as `(ack)`. None: its connection breaks, and nothing happens.
Else what it returns is called once the call has had its effect; False: the connection breaks, and nobody hears of it.
"""


@dataclass(kw_only=True, eq=False)
class Fault:
    """One disturbance of matching calls.

    method: a Web API method, `(upload)`, `(download)`, `(response_url)`, `(socket)` (the WebSocket's handshake), or `*`.
    times: how many calls it strikes; None: all until `clear`. when: `before` the call has its effect, or `after`, so that only
    the answer is lost; or `late`, `delay` seconds after it, when the caller has left. where: arguments that a call must have. match: anything else that it must be.

    | kind | what the caller gets |
    |---|---|
    | `ratelimited` | 429 with `Retry-After: retry_after`, and no effect |
    | `error` | 200 `{"ok": false, "error": error}` |
    | `status` | `status` (503) with a plain body |
    | `html` | `status` (200) with an HTML page |
    | `reset` `drop` | the connection reset, or closed without an answer |
    | `hang` | silence until the caller leaves |
    | `slow` | the usual answer after `delay` seconds of the emulator's clock |
    | `hold` | the usual answer once `release` is called; `await fault.arrived()` for the calls that wait |
    | `cut` | half of the answer's body, then a closed connection |
    | `huge` | `size` bytes, as a download |
    | `moved` | `status` (302) to `location` |
    """

    kind: Kind
    method: str = "*"
    times: int | None = 1
    when: Literal["before", "after", "late"] = "before"
    where: dict[str, Any] | None = None
    match: Callable[[dict[str, Any]], bool] | None = None
    error: str = "internal_error"
    status: int | None = None
    retry_after: int = 1
    delay: float = 0.0
    size: int = 64_000_000
    location: str = ""
    struck: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    _waiting: int = 0
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    async def arrived(self, count: int = 1) -> None:
        """Wait until so many calls are held, or hang; with `when="after"` they have had their effect."""
        while self._waiting < count:
            await self._came.wait()

    async def wait(self) -> None:
        """What a held call does."""
        self._waiting += 1
        self._came.set()
        self._came = asyncio.Event()
        await self.gate.wait()

    def release(self) -> None:
        """Let every held call go, and hold no more."""
        self.times = self.struck
        self.gate.set()

    def hits(self, method: str, args: dict[str, Any]) -> bool:
        return (
            self.method in ("*", method)
            and (self.times is None or self.struck < self.times)
            and all(args.get(name) == value for name, value in (self.where or {}).items())
            and (self.match is None or self.match(args))
        )


class Faults:
    """Those that are still to come, oldest first; at most one strikes a call."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self.onlooker: Onlooker = lambda _method: lambda: True

    def add(self, *faults: Fault) -> None:
        self._waiting.extend(faults)

    def take(self, method: str, args: dict[str, Any]) -> Fault | None:
        for fault in self._waiting:
            if fault.hits(method, args):
                fault.struck += 1
                return fault
        return None

    def pending(self) -> list[Fault]:
        return [fault for fault in self._waiting if fault.times is None or fault.struck < fault.times]

    def clear(self) -> None:
        self._waiting.clear()
