"""Which calls wait, at their arrival or before their answer, until a test lets them go?"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Literal, Self

At = Literal["arrival", "answer"]


@dataclass(kw_only=True, eq=False)
class Hold:
    """Matching calls wait here until `release`. Also a context manager that releases at its end."""

    route: str
    at: At
    prompt: str | None
    times: int | None
    id: int
    held: int = 0
    """How many calls have been caught so far."""
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _caught: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def released(self) -> bool:
        return self._open.is_set()

    def release(self) -> None:
        """Let the caught calls go, and catch no more."""
        self._open.set()

    async def reached(self, calls: int = 1) -> None:
        """Return once `calls` calls have been caught."""
        while self.held < calls:
            self._caught.clear()
            await self._caught.wait()

    async def catch(self) -> None:
        self.held += 1
        self._caught.set()
        await self._open.wait()

    def wants(self, route: str, at: At, words: str) -> bool:
        if self.released or self.route != route or self.at != at:
            return False
        if self.times is not None and self.held >= self.times:
            return False
        return self.prompt is None or self.prompt in words

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class Holds:
    """Every hold that has been asked for."""

    def __init__(self) -> None:
        self._holds: dict[int, Hold] = {}

    def add(self, route: str, *, at: At, prompt: str | None, times: int | None) -> Hold:
        hold = Hold(route=route, at=at, prompt=prompt, times=times, id=len(self._holds) + 1)
        self._holds[hold.id] = hold
        return hold

    def get(self, id: int) -> Hold | None:
        return self._holds.get(id)

    def release_all(self) -> None:
        for hold in self._holds.values():
            hold.release()

    async def wait(self, route: str, at: At, words: str) -> None:
        for hold in list(self._holds.values()):
            if hold.wants(route, at, words):
                await hold.catch()
