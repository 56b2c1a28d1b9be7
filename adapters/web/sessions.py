"""Is this the password, is this a session that it opened, and how often may somebody guess?"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

SESSION_SECONDS = 30 * 86_400
_MAX_REVOKED = 10_000
_MAX_ADDRESSES = 4_096


class Sessions:
    """Knows the password and signs sessions, which therefore survive a restart and need no memory here.

    A changed password or a changed secret ends all of them. A session that was signed out is refused until the next
    start; its browser has lost it anyway. clock: Unix seconds.
    """

    def __init__(self, password: str, *, secret: str, clock: Callable[[], float] = time.time) -> None:
        self._key = hmac.digest(secret.encode(), b"darkroom session\0" + password.encode(), "sha256")
        self._password = self._digest(password)
        self._clock = clock
        self._revoked: OrderedDict[str, None] = OrderedDict()

    def is_password(self, given: str) -> bool:
        """Takes the same time for any word, right or wrong, short or long."""
        return hmac.compare_digest(self._digest(given), self._password)

    def open(self) -> str:
        """A new session, for a cookie: letters, digits, dots, `-` and `_`."""
        body = f"{int(self._clock()) + SESSION_SECONDS}.{secrets.token_urlsafe(12)}"
        return f"{body}.{self._sign(body)}"

    def is_open(self, session: str) -> bool:
        body, _, signature = session.rpartition(".")
        if not hmac.compare_digest(self._sign(body).encode(), signature.encode()):
            return False
        return int(body.partition(".")[0]) > self._clock() and session not in self._revoked

    def close(self, session: str) -> None:
        """Remembers the last ten thousand, of which only those that the password opened."""
        if self.is_open(session):
            self._revoked[session] = None
            while len(self._revoked) > _MAX_REVOKED:
                self._revoked.popitem(last=False)

    def _sign(self, body: str) -> str:
        return hmac.digest(self._key, body.encode(), "sha256").hex()

    def _digest(self, password: str) -> bytes:
        return hmac.digest(self._key, hashlib.sha256(password.encode()).digest(), "sha256")


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowance:
    """So many wrong guesses at once, and one more each `every` seconds."""

    at_once: int
    every: float


PER_ADDRESS = Allowance(at_once=5, every=60.0)
IN_ALL = Allowance(at_once=60, every=10.0)
"""Bounds who has many addresses. Who is signed in notices nothing when it is used up."""


class Brake:
    """Slows down guessing, per address and in all. Memory is bounded. clock: monotonic seconds.

    An allowance is one number: the time at which it will be whole again.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._whole_at: OrderedDict[str, float] = OrderedDict()
        self._all_whole_at = float("-inf")

    def wait(self, address: str) -> float:
        """Seconds until a guess from this address is heard; 0 = now."""
        now = self._clock()
        own = _wait(PER_ADDRESS, self._whole_at.get(network(address), now), now)
        return max(own, _wait(IN_ALL, self._all_whole_at, now))

    def wrong(self, address: str) -> None:
        """A wrong guess was heard from this address."""
        now = self._clock()
        key = network(address)
        self._whole_at[key] = max(self._whole_at.get(key, now), now) + PER_ADDRESS.every
        self._whole_at.move_to_end(key)
        if len(self._whole_at) > _MAX_ADDRESSES:
            self._whole_at.popitem(last=False)
        self._all_whole_at = max(self._all_whole_at, now) + IN_ALL.every


def _wait(allowance: Allowance, whole_at: float, now: float) -> float:
    return max(0.0, whole_at - now - (allowance.at_once - 1) * allowance.every)


def network(address: str) -> str:
    """What one household or server has: an IPv4 address, or an IPv6 network of 64 bits."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ip.ipv4_mapped or ipaddress.ip_network((int(ip) >> 64 << 64, 64)))
    return str(ip)
