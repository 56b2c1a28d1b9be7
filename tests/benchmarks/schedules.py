"""What does a schedule of looks cost, and how late does it see a picture? `make bench-schedule`; pure, so that nothing waits."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from functools import partial
from statistics import fmean

from bot.experience import LEARNS_FROM
from bot.schedule import Expectation
from tests.benchmarks.figures import percentile

REQUESTS = 4_000
LOT = 100
SEED = 1

Draw = Callable[[random.Random], float]
Gap = Callable[[float, int, float], float]
"""Age, looks so far, chance -> seconds until the next look."""


def _bimodal(rng: random.Random) -> float:
    return rng.gauss(45.0, 8.0) if rng.random() < 0.2 else rng.gauss(8.0, 1.0)


TAKES: dict[str, Draw] = {
    "narrow: 10 ± 0.3 s": lambda rng: rng.gauss(10.0, 0.3),
    "uniform: 6 to 14 s": lambda rng: rng.uniform(6.0, 14.0),
    "log-normal: about 10 s": lambda rng: rng.lognormvariate(math.log(10.0), 0.4),
    "cold starts: 8 s, one in five 45 s": _bimodal,
}
FIXED: dict[str, Gap] = {
    "every 5 s": lambda _age, _looks, _chance: 5.0,
    "every second": lambda _age, _looks, _chance: 1.0,
    "every half second": lambda _age, _looks, _chance: 0.5,
    "back-off 1 to 15 s": lambda _age, looks, _chance: min(15.0, 1.5**looks),
}
KNOWN = {"this bot, nothing known yet": 0, f"this bot, after {LEARNS_FROM} requests": LEARNS_FROM}


def table() -> str:
    """In Markdown: mean lateness in seconds, its 95th percentile; looks per request."""
    lines = [f"| | {' | '.join(TAKES)} |", "|---" * (1 + len(TAKES)) + "|"]
    for name, gap in FIXED.items():
        lines.append(_line(name, [_costs(draw, lambda _rng, gap=gap: gap) for draw in TAKES.values()]))
    for name, known in KNOWN.items():
        lines.append(_line(name, [_costs(draw, partial(_learned, draw, known)) for draw in TAKES.values()]))
    return "\n".join(lines)


def _line(name: str, costs: Sequence[tuple[float, float, float]]) -> str:
    return f"| {name} | " + " | ".join(f"{mean:.2f}, {p95:.2f}; {looks:.1f}" for mean, p95, looks in costs) + " |"


def _learned(draw: Draw, known: int, rng: random.Random) -> Gap:
    """From so many requests, by a clock of whole seconds as the queue's is."""
    expected = Expectation([max(0.0, math.floor(rng.random() + draw(rng))) for _ in range(known)])
    return lambda age, looks, chance: expected.next_look(running_for=age, looks=looks, rng=chance)


def _costs(draw: Draw, begin: Callable[[random.Random], Gap]) -> tuple[float, float, float]:
    """begin: makes the schedule, once for each LOT of requests."""
    rng = random.Random(SEED)
    late, looks = [], []
    for _ in range(REQUESTS // LOT):
        gap = begin(rng)
        for _ in range(LOT):
            ready, at, number = max(0.0, draw(rng)), 0.0, 0
            while at < ready:
                at += gap(at, number, rng.random())
                number += 1
            late.append(at - ready)
            looks.append(number)
    return fmean(late), percentile(late, 0.95), fmean(looks)


if __name__ == "__main__":
    print(table())
