"""When to look at a running job again, and how long to wait after a failure? Pure: time and chance are arguments."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from typing import NamedTuple

LEAST = 0.25  # seconds between two looks at one job
MOST = 15.0

PRICE = 0.05
"""Seconds of mean lateness that one more look is worth. What that makes of both, bot/README.md shows."""

HALF_LIFE = 24
"""How many newer times make an older one count half, so that a service that changes its speed is followed within as many."""

_END = 3_600.0  # seconds; no deadline lets a request run for longer
_EVEN = 60.0  # up to this age the table goes by LEAST, then by larger and larger steps
_STRETCH = 1.05

_SPREAD = 0.05  # of a time: the next one lies that near to it
_RESOLUTION = 0.3  # seconds: times come from a clock of whole ones


class _Kind(NamedTuple):
    """Requests that take about so many seconds: log-normally distributed around them. weight: in pseudo-requests."""

    around: float
    spread: float
    weight: float


# Until more is known: image models take 5 to 30 s, a few answer at once, and nothing is ever excluded.
_GUESS = (_Kind(10.0, 0.9, 1.5), _Kind(0.6, 0.7, 0.5))


_LEARNED = 3  # requests after which a guess counts half
_CARE = 1.0  # how much more lateness weighs while there is only a guess


class Expectation:
    """How long requests of one model take, learned from those that were finished.

    A look costs money and patience, and so does lateness: where the share h of those still running finishes per second
    (the hazard rate), both together cost least at sqrt(h / (2 * PRICE)) looks per second. That is a known result on inspection;
    the table holds its sum by age, and the next look is where the sum has grown by one.
    """

    def __init__(self, took: Sequence[float] = ()) -> None:
        """took: seconds from the queue's "accepted" until it was ready, the newest first."""
        doubt = 1.0 / (1.0 + len(took) / _LEARNED)
        kinds = [kind._replace(weight=kind.weight * doubt) for kind in _GUESS]
        for age, seconds in enumerate(took):
            around = max(seconds, LEAST)
            spread = math.hypot(_SPREAD, _RESOLUTION / around)
            kinds.append(_Kind(around, spread, 0.5 ** (age / HALF_LIFE)))
        # Where nobody knows when, it is looked more often: a first picture must not be late because it is the first.
        self._ages, self._looks, self._hazards = _table(kinds, PRICE / (1.0 + _CARE * doubt))

    def next_look(self, *, running_for: float, looks: int, rng: float) -> float:
        """Seconds until the next look at a request that the queue accepted `running_for` seconds ago; LEAST to MOST.

        looks: how often it was asked about. rng: chance in [0, 1), so that requests of one moment spread out.
        """
        # The looks prove an age too, should the clock have been set back.
        age = min(max(running_for, looks * LEAST, 0.0), _END)
        wanted = self._looks_by(age) + 0.8 + 0.4 * rng
        return min(MOST, max(LEAST, self._age_at(wanted) - age))

    def hazard(self, age: float) -> float:
        """The share of the requests that still run at this age (seconds) which finishes per second."""
        return self._hazards[min(max(bisect.bisect_right(self._ages, age), 1), len(self._hazards)) - 1]

    def _looks_by(self, age: float) -> float:
        return _between(self._ages, self._looks, age)

    def _age_at(self, looks: float) -> float:
        return _between(self._looks, self._ages, looks) if looks < self._looks[-1] else math.inf


def _table(kinds: Sequence[_Kind], price: float) -> tuple[list[float], list[float], list[float]]:
    """Ages, how many looks are worth making up to each of them, and the hazard rate from each to the next."""
    ages, looks, hazards = [0.0], [0.0], []
    running = 1.0  # the share that still runs
    whole = sum(kind.weight for kind in kinds)
    while ages[-1] < _END:
        age = ages[-1] + LEAST if ages[-1] < _EVEN else ages[-1] * _STRETCH
        left = sum(kind.weight * _running(kind, age) for kind in kinds) / whole
        step = age - ages[-1]
        hazard = math.log(running / left) / step if 0.0 < left < running else 0.0
        per_second = min(1.0 / LEAST, max(1.0 / MOST, math.sqrt(hazard / (2.0 * price))))
        ages.append(age)
        hazards.append(hazard)
        looks.append(looks[-1] + per_second * step)
        running = left
    return ages, looks, hazards


def _running(kind: _Kind, age: float) -> float:
    """The share of them that still runs at this age."""
    return 0.5 * math.erfc((math.log(age) - math.log(kind.around)) / (kind.spread * math.sqrt(2.0)))


def _between(xs: Sequence[float], ys: Sequence[float], x: float) -> float:
    """The polyline through these points at x, which lies within them."""
    at = min(max(bisect.bisect_right(xs, x), 1), len(xs) - 1)
    (x0, x1), (y0, y1) = xs[at - 1 : at + 1], ys[at - 1 : at + 1]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)


def back_off(attempts: int, rng: float, *, base: float = 1, most: float = 60) -> float:
    """Seconds to wait after `attempts` failures in a row: chance picks from a range that doubles up to `most`.

    The full width of the range spreads out whatever failed together; half of `base` is the least, so that nothing spins.
    """
    widest = min(most, base * 2.0 ** min(max(attempts - 1, 0), 60))
    least = min(most, base / 2)
    return least + rng * (widest - least)
