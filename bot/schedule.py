"""When to look at a running job again, and how long to wait after a failure? Pure: time and chance are arguments."""

from __future__ import annotations

LEAST = 0.25  # seconds between two looks at one job
MOST = 15.0

# Most pictures take 5 to 30 s. Up to then looks are close; past it each 20 s of age make the gap a second longer, so that
# a late picture is seen late by a few percent at most.
_CLOSE = 0.5
_BUSY = 30.0
_STRETCH = 20.0


def next_look(*, running_for: float, looks: int, rng: float) -> float:
    """Seconds until the next look at a job that the queue accepted `running_for` seconds ago; 0.25 to 15.

    looks: how often the queue was asked about it. rng: chance in [0, 1), so that jobs of one moment spread out.
    """
    if looks <= 0:
        return LEAST * (1 + rng)  # whatever finishes at once is caught at once
    # The looks prove an age too, should the clock have been set back.
    age = max(running_for, looks * LEAST)
    gap = _CLOSE + max(0.0, age - _BUSY) / _STRETCH
    return min(MOST, max(LEAST, gap * (0.8 + 0.4 * rng)))


def back_off(attempts: int, rng: float, *, base: float = 1, most: float = 60) -> float:
    """Seconds to wait after `attempts` failures in a row: chance picks from a range that doubles up to `most`.

    The full width of the range spreads out whatever failed together; half of `base` is the least, so that nothing spins.
    """
    widest = min(most, base * 2.0 ** min(max(attempts - 1, 0), 60))
    least = min(most, base / 2)
    return least + rng * (widest - least)
