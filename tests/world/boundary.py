"""What crosses the bot's boundaries, and what if the process dies just there?

A `Boundary` stands around the store, the queue's client and the platforms of a world (`World(.., wrap=boundary)`), and
before an emulated platform, where it sees requests come over the wire (`wire`). It only counts and interrupts: what is
behind it is the real thing, and does all the work.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

ENDS = frozenset({"close", "aclose", "start", "run", "now"})
"""How things begin and end is no crossing; nor is a look at the clock, with which a bot begins."""


class ProcessDiedError(BaseException):
    """The process is gone. Not an Exception: nothing in the bot may catch it, as nothing catches SIGKILL."""


class Gate:
    """Stands after a call that has had its effect: nobody returns from it before it is opened. targets: whose call it is."""

    def __init__(self, targets: Iterable[Any], call: str) -> None:
        self.reached, self.open = asyncio.Event(), asyncio.Event()
        for target in targets:
            setattr(target, call, self._around(getattr(target, call)))

    def _around(self, act: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def stopped(*args: Any, **kwargs: Any) -> Any:
            done = await act(*args, **kwargs)
            self.reached.set()
            await self.open.wait()
            return done

        return stopped


class Boundary:
    """Around everything that one bot touches. calls: what was crossed so far, as `store.save`, oldest first.

    ignored: calls that are no crossings.
    """

    def __init__(self, *, ignored: frozenset[str] = frozenset()) -> None:
        self._ignored = ignored
        self.calls: list[str] = []
        self.dead = False
        self.died = asyncio.Event()
        self.has_died = False
        """Since the last `die_at`; no healing takes it back."""
        self._die_at: int | None = None
        self._after = False
        self._outcomes: list[tuple[str, object]] = []
        self._crossed = asyncio.Event()

    def __call__(self, name: str, target: Any) -> "Watched":
        return Watched(self, name, target)

    def die_at(self, crossing: int, *, after: bool) -> None:
        """The process dies at this crossing (from 0, counted from now): before the call, or when its effect is there."""
        self.heal()
        self.calls, self._die_at, self._after, self.has_died = [], crossing, after, False

    def heal(self) -> None:
        """A new process: nothing dies any more."""
        self.dead, self._die_at = False, None
        self.died.clear()

    def _die(self) -> None:
        self.dead = self.has_died = True
        self.died.set()

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
            self._die()
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
            self._die()
        if self.dead:  # here, or elsewhere while this call was out: what it did is done, and nobody hears of it
            raise ProcessDiedError(call)
        return result

    def wire(self, call: str, *, changes: bool) -> Callable[[], bool] | None:
        """A request has come to a platform. None: its process is dead, so that it was never sent. Else to be called when it has
        had its effect: whether somebody still hears the answer. changes: it is a crossing.
        """
        if self.dead:
            return None
        if not changes:
            return lambda: not self.dead
        number = len(self.calls)
        self.calls.append(call)
        if number == self._die_at and not self._after:
            self._die()
            return None

        def is_heard() -> bool:
            if number == self._die_at:
                self._die()
            return not self.dead

        return is_heard

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
            what = f" {args[0]}/{args[1]}" if name == "remember" else ""  # which of the many small memories
            return await self._boundary.cross(f"{self._name}.{name}{what}", lambda: found(*args, **kwargs))

        return crossing
