"""What is measured? One scenario is one row: who asks, how often, and how long the queue takes. Pure data.

What a row could vary beyond that has its place: another way to ask and to hear (a platform) is another class beside
`members.Members`; another bot (a schedule replaced) is made in `bot_process` before it starts, by a new field of Scenario.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ONE_AT_A_TIME = 6  # so that a median means something
ACKNOWLEDGED_AT_ONCE = 50
IMAGE_BYTES = 100_000
IDLE_SECONDS = 3.0
SHORT = (0.2, 1.0)
"""Seconds, where only acknowledgements are measured: the next round begins when the last picture is shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """A fresh bot and a fresh queue. Members ask at one moment; the next round begins when all of them have their picture.

    latency: seconds that the queue takes for a picture, drawn evenly from this range. idle_seconds: watched after the last
    picture, when nothing should happen; 0: not watched. seed: of the drawn latencies.
    """

    name: str
    at_once: int
    latency: tuple[float, float]
    rounds: int = 1
    image_bytes: int = IMAGE_BYTES
    idle_seconds: float = 0.0
    seed: int = 0

    @property
    def jobs(self) -> int:
        return self.at_once * self.rounds

    @property
    def in_flight(self) -> int:
        """GMI_IN_FLIGHT: everybody has a place at the vendor, so that the bot is measured and not this limit."""
        return self.at_once

    @property
    def round_seconds(self) -> float:
        """After this long, a picture that is not shown counts as lost: far beyond what any bot that works takes."""
        return self.latency[1] + 60.0


def of_jobs(jobs: int, latency: tuple[float, float], *, repeat: int = ONE_AT_A_TIME) -> Scenario:
    """So many jobs at once; a single one again and again."""
    if jobs == 1:
        return Scenario(name="1 at a time", at_once=1, rounds=repeat, latency=latency)
    return Scenario(name=f"{jobs} at once", at_once=jobs, latency=latency)


def acknowledging(*, rounds: int) -> Scenario:
    """Fifty members press Enter together, some times over; then nobody does anything."""
    return Scenario(
        name=f"{ACKNOWLEDGED_AT_ONCE} at once, {rounds}x",
        at_once=ACKNOWLEDGED_AT_ONCE,
        rounds=rounds,
        latency=SHORT,
        idle_seconds=IDLE_SECONDS,
    )


def chosen(jobs: Sequence[int], latency: tuple[float, float], *, quick: bool = False) -> list[Scenario]:
    """The rows of one run. quick: fewer rounds, for a look at whether it works; its figures say little."""
    repeat = 3 if quick else ONE_AT_A_TIME
    return [*(of_jobs(number, latency, repeat=repeat) for number in jobs), acknowledging(rounds=1 if quick else 4)]


def read_jobs(text: str) -> tuple[int, ...]:
    """`1,20,60`. Raises ValueError with a sentence."""
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if not numbers or not all(1 <= number <= 1000 for number in numbers):
        raise ValueError("write numbers of jobs from 1 to 1000 with commas between them, for example 1,20,60")
    return numbers


def read_latency(text: str) -> tuple[float, float]:
    """`6-14`, seconds. Raises ValueError with a sentence."""
    least, _, most = text.partition("-")
    try:
        found = float(least), float(most or least)
    except ValueError:
        found = (-1.0, -1.0)
    if not 0 <= found[0] <= found[1] <= 600:
        raise ValueError("write seconds as FROM-TO, at most 600, for example 6-14")
    return found
