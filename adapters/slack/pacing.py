"""When may the next request to Slack go? By method and by channel, as Slack's tiers say; answers first, cards in what is left."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
_MINUTE_SECONDS, _POST_SECONDS = 61.0, 1.1
"""A little longer than Slack's, because requests take unequally long on their way."""

_FORGET_SECONDS = 600.0  # a turn that nobody has come for
_EARLY = 0.02  # seconds; clocks and timers are no more exact


class _Window:
    """At most so many in any span of time. Turns can be given for moments that are still to come."""

    def __init__(self, most: int, seconds: float) -> None:
        self._seconds = seconds
        self._taken: deque[float] = deque(maxlen=most)
        self._closed_until = float("-inf")

    def next(self, now: float) -> float:
        """When one more may go."""
        full = len(self._taken) == self._taken.maxlen
        return max(now, self._closed_until, self._taken[0] + self._seconds if full else now)

    def take(self, at: float) -> None:
        self._taken.append(max(at, self._taken[-1]) if self._taken else at)

    def half_free(self, now: float) -> bool:
        most = self._taken.maxlen or 1
        used = sum(1 for at in self._taken if at > now - self._seconds)
        return now >= self._closed_until and most - used >= max(1, most // 2)

    def close(self, until: float) -> None:
        """Slack said how long. Whoever was waiting lines up anew behind it."""
        self._closed_until = max(self._closed_until, until)
        self._taken.clear()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Turn:
    """at: when it may go."""

    at: float
    windows: tuple[_Window, ...]


class Pacer:
    """One for the bot's token. Times are read from `clock`; nobody sleeps here."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._windows: dict[str, _Window] = {}
        self._turns: dict[str, _Turn] = {}  # by who waits

    def turn(self, method: str, channel: str | None = None, *, key: str | None = None) -> None:
        """Returns when the request may be sent at once; else raises RetryLater, which says when to come again.

        key: who asks. It keeps the place in the queue, so that whoever comes again goes then.
        """
        now = self._clock()
        waits_for = f"{method}:{key}"
        turn = self._turns.get(waits_for) if key is not None else None
        if turn:
            if turn.at - now > _EARLY:
                raise RetryLater("Slack's pace", after=turn.at - now)
            del self._turns[waits_for]
            return
        windows = self._of(method, channel)
        at = max(window.next(now) for window in windows)
        if at - now > _EARLY and key is None:
            raise RetryLater("Slack's pace", after=at - now)
        for window in windows:
            window.take(at)
        if at - now > _EARLY:
            self._forget_old(now)
            self._turns[waits_for] = _Turn(at=at, windows=windows)
            raise RetryLater("Slack's pace", after=at - now)

    def spare(self, method: str, channel: str | None = None) -> bool:
        """Takes a turn for something that can be left out: only while nobody waits and half of the budget is left."""
        now = self._clock()
        windows = self._of(method, channel)
        if not all(window.half_free(now) for window in windows):
            return False
        for window in windows:
            window.take(now)
        return True

    def limited(self, method: str, channel: str | None, after: float) -> None:
        """Slack has answered 429. after: seconds."""
        closed = self._of(method, channel)[-1]  # a post is limited in its channel, anything else as a method
        closed.close(self._clock() + after)
        self._turns = {who: turn for who, turn in self._turns.items() if closed not in turn.windows}

    def _of(self, method: str, channel: str | None) -> tuple[_Window, ...]:
        whole = self._window(method, _PER_MINUTE.get(method, _TIER_3), _MINUTE_SECONDS)
        if channel is None or method not in POSTS:
            return (whole,)
        return (whole, self._window(f"post:{channel}", 1, _POST_SECONDS))

    def _window(self, name: str, most: int, seconds: float) -> _Window:
        if name not in self._windows:
            self._windows[name] = _Window(most, seconds)
        return self._windows[name]

    def _forget_old(self, now: float) -> None:
        if len(self._turns) > 1_000:
            self._turns = {who: turn for who, turn in self._turns.items() if now - turn.at < _FORGET_SECONDS}
