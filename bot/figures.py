"""What do the jobs that ended in a time add up to, for an operator?"""

from __future__ import annotations

from dataclasses import dataclass

DURATION_EDGES = (2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 15.0, 20.0, 30.0, 45.0, 60.0, 120.0, 300.0)
"""Seconds, between which `Figures` counts what jobs took: close together where most lie."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """How a number of measured values lies. median: half are no greater; p95: 95 of 100 are no greater. Both were measured."""

    median: float
    p95: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """What ended within one hour by one model. pictures: that were made of it, also of jobs whose answer could not be posted;
    of a job whose pictures are removed one is counted.
    """

    hour: float  # when it begins
    model: str
    completed: int
    failed: int
    cancelled: int
    pictures: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """What the jobs that ended from `since` on and before `until` add up to, in seconds where it is time.

    ended: by hour, then by model; an hour in which nothing ended is left out. Of completed jobs: `durations` counts them by the
    time from their acceptance to their answer, up to each of DURATION_EDGES (not included) and beyond the last; `duration` is
    the spread of the same; `lateness`, from the picture being ready to its answer, by hour, and `late` over the whole time.
    """

    since: float
    until: float
    ended: tuple[Ended, ...] = ()
    durations: tuple[int, ...] = (0,) * (len(DURATION_EDGES) + 1)
    duration: Spread | None = None
    lateness: tuple[tuple[float, Spread], ...] = ()
    late: Spread | None = None
