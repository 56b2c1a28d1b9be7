"""What do the moments of many jobs come to? Percentiles and the figures of one row; pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LOOKS = ("get", "list")  # the emulator's words for questions about running requests
SUBMITS = ("submit",)
DOWNLOADS = ("media",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Journey:
    """One job, by the machine's monotonic clock in seconds, which all of its processes share.

    ready: a look would find the picture from then on. fetched: its download was asked for; None where the outcome held it.
    shown: open pages heard that the job has succeeded. None: never. lost: why, then.
    """

    asked: float
    acknowledged: float
    looks: int
    ready: float | None = None
    fetched: float | None = None
    shown: float | None = None
    lost: str | None = None

    @property
    def lateness(self) -> float | None:
        return None if self.ready is None or self.shown is None else self.shown - self.ready

    @property
    def unseen(self) -> float | None:
        """Seconds for which the picture lay ready and the bot had not begun to fetch it."""
        return None if self.ready is None or self.fetched is None else self.fetched - self.ready

    @property
    def bringing(self) -> float | None:
        """Seconds from then until it was shown: downloading, checking, storing, delivering."""
        return None if self.shown is None or self.fetched is None else self.shown - self.fetched


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """Seconds. of: how many were measured; all others are None when that is 0."""

    of: int
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    max: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Idle:
    """What happened in `seconds` in which nobody wanted anything."""

    seconds: float
    queue_requests: int
    store_calls: int
    statements: int
    cpu_seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One scenario as it was measured. Requests, looks, store calls and statements are per job; CPU is of the bot's process.

    lost: how many pictures were never shown, by reason.
    """

    name: str
    jobs: int
    lost: Mapping[str, int]
    in_flight: int
    latency: tuple[float, float]
    image_bytes: int
    lateness: Spread
    unseen: Spread
    bringing: Spread
    acknowledgement: Spread
    requests: Mapping[str, float]
    looks: float
    store: Mapping[str, float]
    statements: float
    cpu_seconds: float
    peak_rss_bytes: int
    loop_lag: Spread
    start_seconds: float
    start_cpu_seconds: float
    load: tuple[float, float]
    idle: Idle | None = None

    @property
    def cpu_per_job(self) -> float:
        return self.cpu_seconds / self.jobs

    def asked(self, routes: Sequence[str]) -> float:
        """Requests per job on these routes."""
        return sum(self.requests.get(route, 0.0) for route in routes)

    @property
    def other_requests(self) -> float:
        """Per job, beside submits, looks and downloads."""
        return self.asked([route for route in self.requests if route not in (*SUBMITS, *LOOKS, *DOWNLOADS)])


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of the values lie, between two of them in proportion. Raises ValueError
    when there are none.
    """
    if not values:
        raise ValueError("there are no values to take a percentile of")
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below, above = ordered[math.floor(place)], ordered[math.ceil(place)]
    return below + (above - below) * (place - math.floor(place))


def spread(values: Sequence[float | None]) -> Spread:
    """Of those that are known."""
    known = [value for value in values if value is not None]
    if not known:
        return Spread(of=0)
    p50, p95, p99 = (percentile(known, share) for share in (0.50, 0.95, 0.99))
    return Spread(of=len(known), p50=p50, p95=p95, p99=p99, max=max(known))


def per_job(counts: Mapping[str, int], jobs: int) -> dict[str, float]:
    """The same, for one job on average; the most frequent first."""
    return {name: number / jobs for name, number in sorted(counts.items(), key=lambda item: -item[1])}
