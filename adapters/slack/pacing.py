"""When may the next request to Slack go? By method and by channel, as Slack's tiers say; answers first, cards last."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

from bot.errors import RetryLater

POSTS = frozenset({"chat.postMessage", "files.completeUploadExternal"})
"""What makes a message appear, and so counts towards one a second and channel (docs; bursts are at Slack's pleasure)."""

_PER_MINUTE: Mapping[str, int] = MappingProxyType(
    {  # docs: tiers 1 to 4 are 1, 20, 50 and 100 a minute and workspace; a method that is missing here is of tier 3
        "auth.test": 100,
        "chat.postEphemeral": 100,
        "chat.postMessage": 300,  # several hundred a minute and workspace
        "files.completeUploadExternal": 100,
        "files.getUploadURLExternal": 100,
        "files.info": 100,
        "reactions.remove": 20,
        "views.open": 100,
        "views.publish": 100,
    }
)
_TIER_3 = 50
_MINUTE_SECONDS, _POST_SECONDS = 60.5, 1.05  # a little longer than Slack's, for clocks that run unequally
_ROUND_TRIP = 0.15  # seconds, as a guess for those who line up behind a request that is not answered yet

_LATE_SECONDS = 5.0
"""How long a place is kept for somebody who was told to come at a time and has not."""

_EARLY = 0.02  # seconds; clocks and timers are no more exact


class Priority(IntEnum):
    """In the order in which requests go when they have to wait."""

    DELIVERY = 0
    USUAL = 1
    CARD = 2
    """Updates of cards never line up: they go when no answer waits for the same channel."""


class Paced(RetryLater):
    """It is not its turn yet; nothing was sent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """A place in a line. order: smaller goes first. kept_until: then whoever has it is not waited for any more."""

    order: tuple[int, float]
    priority: Priority
    kept_until: float


class _Limit:
    """At most so many requests in any span of time, and a line of those who wait.

    Slack counts requests as they arrive, and nobody here knows when that was. So one counts from its start until its span
    after its answer: whatever held it up on its way, the next cannot arrive too early.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._out = 0  # requests that are not answered yet
        self._ends: deque[float] = deque()  # when those that are answered stop to count, earliest first
        self._closed_until = float("-inf")
        self._line: dict[str, _Place] = {}

    def next(self, who: str | None, priority: Priority, now: float) -> float:
        """When this one may go."""
        while self._ends and self._ends[0] <= now:
            self._ends.popleft()
        ahead = self._ahead(who, priority, now)
        lacking = ahead + 1 + self._out + len(self._ends) - self._most
        at = now
        if 0 < lacking <= len(self._ends):
            at = self._ends[lacking - 1]
        elif lacking > 0:
            rounds = math.ceil((lacking - len(self._ends)) / self._most)
            at = (self._ends[-1] if self._ends else now) + rounds * (self._seconds + _ROUND_TRIP)
        return max(at, self._closed_until + ahead // self._most * (self._seconds + _ROUND_TRIP))

    def _ahead(self, who: str | None, priority: Priority, now: float) -> int:
        """How many of those who wait go first."""
        self._line = {name: place for name, place in self._line.items() if place.kept_until > now}
        own = self._line.get(who or "")
        order = own.order if own else (int(priority), math.inf)
        return sum(place.order < order for place in self._line.values())

    def line_up(self, who: str, priority: Priority, number: int, at: float) -> None:
        """at: when to come again. Whoever has a place keeps it."""
        own = self._line.get(who)
        order = own.order if own else (int(priority), number)
        self._line[who] = _Place(order=order, priority=priority, kept_until=at + _LATE_SECONDS)

    def delivery_waits(self, now: float) -> bool:
        return any(p.priority is Priority.DELIVERY and p.kept_until > now for p in self._line.values())

    def begin(self, who: str | None) -> None:
        self._line.pop(who or "", None)
        self._out += 1

    def end(self, now: float) -> None:
        self._out -= 1
        self._ends.append(now + self._seconds)

    def close(self, until: float) -> None:
        """Slack said how long."""
        self._closed_until = max(self._closed_until, until)


class Pacer:
    """One for the bot's token. Times are read from `clock`; nobody sleeps here."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._limits: dict[str, _Limit] = {}
        self._numbers = itertools.count()

    @contextmanager
    def turn(
        self,
        method: str,
        channel: str | None = None,
        *,
        key: str | None = None,
        priority: Priority = Priority.USUAL,
    ) -> Iterator[None]:
        """The request is sent, and its answer awaited, inside of the block.

        Raises Paced, which says when to come again, where it has to wait. key: who asks. It keeps the place in the line, so
        that whoever comes again goes then.
        """
        limits = self._of(method, channel)
        who = f"{method}:{key}" if key is not None else None
        self._admit(limits, who, priority, channel)
        for limit in limits:
            limit.begin(who)
        try:
            yield
        finally:
            now = self._clock()
            for limit in limits:
                limit.end(now)

    def _admit(self, limits: tuple[_Limit, ...], who: str | None, priority: Priority, channel: str | None) -> None:
        now = self._clock()
        each = [limit.next(who, priority, now) for limit in limits]
        at = max(each)
        if priority is Priority.CARD and channel is not None and self._channel(channel).delivery_waits(now):
            at = max(at, now + _POST_SECONDS)
        if at - now <= _EARLY:
            return
        if who is not None:
            number = next(self._numbers)
            for limit, free_at in zip(limits, each, strict=True):
                # who waits for a channel is in nobody's way elsewhere
                if free_at - now > _EARLY or limit is limits[-1]:
                    limit.line_up(who, priority, number, at)
        raise Paced("Slack's pace", after=at - now)

    def limited(self, method: str, channel: str | None, after: float) -> None:
        """Slack has answered 429. after: seconds."""
        closed = self._of(method, channel)[-1]  # a post is limited in its channel, anything else as a method
        closed.close(self._clock() + after)

    def _of(self, method: str, channel: str | None) -> tuple[_Limit, ...]:
        whole = self._limit(method, _PER_MINUTE.get(method, _TIER_3), _MINUTE_SECONDS)
        return (whole, self._channel(channel)) if channel is not None and method in POSTS else (whole,)

    def _channel(self, channel: str) -> _Limit:
        return self._limit(f"post:{channel}", 1, _POST_SECONDS)

    def _limit(self, name: str, most: int, seconds: float) -> _Limit:
        if name not in self._limits:
            self._limits[name] = _Limit(most, seconds)
        return self._limits[name]
