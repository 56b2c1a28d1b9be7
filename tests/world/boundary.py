"""What crosses the bot's boundaries, and what if the process dies just there?

A `Boundary` stands around the store, the queue's client and the platforms of a world (`World(.., wrap=boundary)`). It
only counts and interrupts: what is behind it is the real thing, and does all the work.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

ENDS = frozenset({"close", "aclose", "start", "run", "now"})
"""How things begin and end is no crossing; nor is a look at the clock, with which a bot begins."""


class ProcessDiedError(BaseException):
    """The process is gone. Not an Exception: nothing in the bot may catch it, as nothing catches SIGKILL."""


class Boundary:
    """Around everything that one bot touches. calls: what was crossed so far, as `store.save`, oldest first.

    ignored: calls that are no crossings.
    """

    def __init__(self, *, ignored: frozenset[str] = frozenset()) -> None:
        self._ignored = ignored
        self.calls: list[str] = []
        self.dead = False
        self._die_at: int | None = None
        self._after = False
        self._outcomes: list[tuple[str, object]] = []
        self._crossed = asyncio.Event()

    def __call__(self, name: str, target: Any) -> "Watched":
        return Watched(self, name, target)

    def die_at(self, crossing: int, *, after: bool) -> None:
        """The process dies at this crossing (from 0, counted from now): before the call, or when its effect is there."""
        self.calls, self.dead, self._die_at, self._after = [], False, crossing, after

    @property
    def would_still_die(self) -> bool:
        """The crossing at which it was to die has not come."""
        return self._die_at is not None and not self.dead

    def heal(self) -> None:
        """A new process: nothing dies any more."""
        self.dead, self._die_at = False, None

    def count(self, call: str) -> int:
        return self.calls.count(call)

    def ended(self, call: str, outcome: object = ...) -> int:
        """How often this call has ended; outcome: only when it returned this, or raised or returned this type."""
        return sum(name == call and _is_like(result, outcome) for name, result in self._outcomes)

    async def saw(self, call: str, outcome: object = ..., *, times: int = 1) -> None:
        """Returns once this call has ended so often."""
        while self.ended(call, outcome) < times:
            self._crossed.clear()
            await self._crossed.wait()

    async def cross(self, call: str, act: Callable[[], Awaitable[Any]]) -> Any:
        if self.dead:
            raise ProcessDiedError(call)
        if call in self._ignored:
            return await self._look(call, act)
        number = len(self.calls)
        self.calls.append(call)
        if number == self._die_at and not self._after:
            self.dead = True
            raise ProcessDiedError(call)
        outcome: object = None
        try:
            result = outcome = await act()
        except BaseException as error:
            outcome = error
            raise
        finally:
            self._outcomes.append((call, outcome))
            self._crossed.set()
        if number == self._die_at:
            self.dead = True
        if self.dead:  # here, or elsewhere while this call was out: what it did is done, and nobody hears of it
            raise ProcessDiedError(call)
        return result

    async def _look(self, call: str, act: Callable[[], Awaitable[Any]]) -> Any:
        result = await act()
        if self.dead:
            raise ProcessDiedError(call)
        return result


def _is_like(result: object, outcome: object) -> bool:
    return outcome is ... or result is outcome or (isinstance(outcome, type) and isinstance(result, outcome))


class Watched:
    """One thing behind a boundary."""

    def __init__(self, boundary: Boundary, name: str, target: Any) -> None:
        self._boundary = boundary
        self._name = name
        self._target = target

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        if name in ENDS or not inspect.iscoroutinefunction(found):
            return found

        async def crossing(*args: Any, **kwargs: Any) -> Any:
            return await self._boundary.cross(f"{self._name}.{name}", lambda: found(*args, **kwargs))

        return crossing
