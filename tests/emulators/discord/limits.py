"""How often may the application ask: per route and place, in all, and how often in vain?"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.emulators.clock import Clock
    from tests.emulators.discord.refusals import Json

VIA = "1.1 google"  # what Discord's own answers carry, and Cloudflare's don't
OLD_SECONDS = 3_600.0
MAJOR = ("channel_id", "guild_id", "webhook_id", "webhook_token", "interaction_token")

# What Discord's buckets are believed to be; it doesn't publish them.
BELIEVED = {
    "POST /channels/{channel_id}/messages": (5, 5.0),
    "PATCH /channels/{channel_id}/messages/{message_id}": (5, 5.0),
    "DELETE /channels/{channel_id}/messages/{message_id}": (5, 1.0),
    "PUT /channels/{channel_id}/messages/{message_id}/reactions/{emoji_name}/@me": (1, 0.25),
    "DELETE /channels/{channel_id}/messages/{message_id}/reactions/{emoji_name}/@me": (1, 0.25),
    "POST /channels/{channel_id}/messages/{message_id}/threads": (5, 10.0),
    "PATCH /channels/{channel_id}": (5, 15.0),
    "POST /webhooks/{webhook_id}/{webhook_token}": (5, 5.0),
}


def too_often(retry_after: float, *, in_all: bool) -> Json:
    """The body of a 429."""
    return {"message": "You are being rate limited.", "retry_after": retry_after, "global": in_all, "code": 0}


def limited(retry_after: float, *, scope: str) -> dict[str, str]:
    """The headers that tell a 429 of Discord's own."""
    return {"Retry-After": str(max(1, round(retry_after))), "X-RateLimit-Scope": scope, "Via": VIA}


@dataclass(kw_only=True, slots=True)
class Limits:
    """The rules. buckets: requests and seconds per route and place; routes not named there have `default`.

    The default is wide, so that a suite need not wait; `Limits(buckets=dict(BELIEVED))` is as narrow as Discord.
    in_all: requests per second of one application (Discord's docs: 50). invalid: refused requests in ten minutes, after
    which Cloudflare bans the address (Discord's docs: 10,000). headers: whether answers tell of the bucket.
    """

    buckets: dict[str, tuple[int, float]] = field(default_factory=dict)
    default: tuple[int, float] = (200, 1.0)
    in_all: int = 50
    invalid: int = 10_000
    headers: bool = True


@dataclass(kw_only=True, slots=True)
class Window:
    """A number of requests that begins again after a while."""

    most: int
    seconds: float
    began: float
    used: int = 0

    def take(self, now: float) -> bool:
        if now >= self.began + self.seconds:
            self.began, self.used = now, 0
        self.used += 1
        return self.used <= self.most

    def left(self, now: float) -> float:
        return max(0.0, self.began + self.seconds - now)


class OldEdits:
    """Edits of messages that are older than an hour, which are limited in each channel (by code 30046 of Discord's docs).

    most, seconds: Discord tells neither. Wide, so that a suite need not wait; three in 20 seconds are what a bot's author has
    counted.
    """

    def __init__(self, clock: Clock) -> None:
        self.most = 200
        self.seconds = 1.0
        self._clock = clock
        self._windows: dict[int, Window] = {}

    def pause(self, channel: int, written_at: float) -> float:
        """Counts an edit of a message of this moment. Seconds to wait before there may be one; 0: this one is allowed."""
        if self._clock.now() - written_at <= OLD_SECONDS:
            return 0.0
        now = self._clock.ticks()
        window = self._windows.get(channel)
        if window is None or (window.most, window.seconds) != (self.most, self.seconds):
            window = self._windows[channel] = Window(most=self.most, seconds=self.seconds, began=now)
        return 0.0 if window.take(now) else window.left(now)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """headers: for the answer, whatever it is. refusal: body of the 429, if it is one. banned: it is Cloudflare's."""

    headers: dict[str, str]
    refusal: Json | None = None
    banned: bool = False


class Gatekeeper:
    """Counts. `invalid` is what was refused in the last ten minutes; `refused` each 429 by route."""

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self.limits = limits
        self.refused: list[str] = []
        self._clock = clock
        self._windows: dict[tuple[str, str], Window] = {}
        self._in_all = Window(most=limits.in_all, seconds=1.0, began=clock.ticks())
        self._invalid: list[float] = []

    @property
    def invalid(self) -> int:
        """Answers with 401, 403 or 429 in the last ten minutes, those of shared limits apart."""
        since = self._clock.ticks() - 600
        self._invalid = [moment for moment in self._invalid if moment > since]
        return len(self._invalid)

    def judge(self, route: str, params: dict[str, str], *, counts_in_all: bool) -> Verdict:
        now = self._clock.ticks()
        if self.invalid >= self.limits.invalid:
            return Verdict(headers={}, banned=True)
        if counts_in_all:
            self._in_all.most = self.limits.in_all
            if not self._in_all.take(now):
                self.refused.append(route)
                return self._refuse(self._in_all.left(now), {}, scope="global")
        window = self._window(route, params, now)
        allowed = window.take(now)
        headers = self._headers(route, window, now) if self.limits.headers else {}
        if allowed:
            return Verdict(headers=headers)
        self.refused.append(route)
        return self._refuse(window.left(now), headers, scope="user")

    def note(self, status: int, *, shared: bool = False) -> None:
        """An answer left; what was refused counts against the address."""
        if status in {401, 403, 429} and not shared:
            self._invalid.append(self._clock.ticks())

    def _window(self, route: str, params: dict[str, str], now: float) -> Window:
        major = "+".join(params[name] for name in MAJOR if name in params)
        most, seconds = self.limits.buckets.get(route, self.limits.default)
        window = self._windows.get((route, major))
        if window is None or (window.most, window.seconds) != (most, seconds):
            window = self._windows[route, major] = Window(most=most, seconds=seconds, began=now)
        return window

    def _headers(self, route: str, window: Window, now: float) -> dict[str, str]:
        left = window.left(now)
        return {
            "X-RateLimit-Limit": str(window.most),
            "X-RateLimit-Remaining": str(max(0, window.most - window.used)),
            "X-RateLimit-Reset": f"{self._clock.now() + left:.3f}",
            "X-RateLimit-Reset-After": f"{left:.3f}",
            "X-RateLimit-Bucket": hashlib.sha256(route.encode()).hexdigest()[:32],
        }

    def _refuse(self, after: float, headers: dict[str, str], *, scope: str) -> Verdict:
        shown = {**headers, **limited(after, scope=scope)}
        if scope == "global":
            shown["X-RateLimit-Global"] = "true"
        return Verdict(headers=shown, refusal=too_often(round(after, 3), in_all=scope == "global"))
