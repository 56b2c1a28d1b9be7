"""When is the next page of the queue's list read, for all requests of a model that run together? Pure: time is an argument."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bot.schedule import MOST, PRICE, Expectation

PRICES = 6.0
"""A page costs as much as looks at each of the requests that it answers for, and at most as so many looks."""

PAGE = 100  # records, the most that is known to work (observed)

CLOSEST = 0.35  # seconds between two beats
SOON = 1.5
"""Who is due by itself so many seconds before a beat, or less, waits for it."""

FAR = 2.0  # seconds, for each page of a beat; no budget makes two beats lie so far apart

BURST = 17.0
REFILL = 0.8
CREDIT = 0.03
SPREAD_SECONDS = 6.0
"""Pages that may be read after a rest, and per second from then on. Every finished request that a page tells of earns a bit
of the next one, so that a rush is not slowed down. What a rest has saved is spent evenly, the rest of it within so long:
pictures that finish at the end of a rush are as welcome as the first. A page of 100 whole records is some 300 kB.
"""

FORGOTTEN_SECONDS = 60.0  # after its last look a request is somebody else's, or ended

_STEP = 0.25  # seconds, by which it is looked ahead
_SAMPLE = 60  # requests, which stand for all


@dataclass(kw_only=True, slots=True)
class _Running:
    """A request that runs at the queue, as far as this process knows. began, seen_at: our clock; expected: by its age since."""

    began: float
    expected: Expectation
    seen_at: float
    deferred: bool = False


class Beats:
    """Of one model. Seconds everywhere, on one clock."""

    def __init__(self) -> None:
        self._running: dict[str, _Running] = {}
        self._beat = -math.inf
        self._room = BURST
        self._room_at = -math.inf

    def __len__(self) -> int:
        """How many requests run."""
        return len(self._running)

    @property
    def pages_each(self) -> int:
        """How many pages a beat takes."""
        return math.ceil(len(self._running) / PAGE)

    def seen(self, job_id: str, *, began: float, expected: Expectation, now: float) -> None:
        """It runs, as a look has just shown."""
        self._running[job_id] = _Running(began=began, expected=expected, seen_at=now)

    def ended(self, job_id: str) -> None:
        self._running.pop(job_id, None)

    def seen_at(self, job_id: str) -> float | None:
        """When it was last seen to run."""
        known = self._running.get(job_id)
        return None if known is None else known.seen_at

    def pause(self, own: float, now: float) -> float:
        """Seconds until one is looked at again whose own pause would be `own`: the next beat, where others run, too."""
        if self._beat <= now:
            self._forget(now)
        if len(self._running) < 2:
            return own
        if self._beat <= now:
            self._beat = now + self._interval(now)
        beat = self._beat - now
        if beat > FAR * self.pages_each and own < beat / 2:
            # it was made for those that take for ever, and who comes new is in more of a hurry
            self._beat = now + own
            return own
        # Who is far from finishing asks later, and joins the beat then.
        return own if own > 3 * beat + 1.0 else beat

    def early(self, job_id: str, now: float) -> float | None:
        """Seconds until the beat, for one who comes shortly before it: no page is read for that one alone."""
        known, wait = self._running.get(job_id), self._beat - now
        if known is None or known.deferred or len(self._running) < 2 or not 0.004 < wait < SOON:
            return None
        known.deferred = True  # once, or one beat after the other could pass
        return wait

    def spend(self, now: float) -> None:
        """A page is read. No more is ever owed than a rest saves, or a long rush would slow down who comes in the hour after."""
        self._refill(now)
        self._room = max(-BURST, self._room - 1.0)

    def earn(self, finished: int) -> None:
        """A page told that so many have finished."""
        self._room += CREDIT * finished

    def _interval(self, now: float) -> float:
        """What `Expectation.next_look` does for one request, done for all that run."""
        number = len(self._running)
        some = list(self._running.values())[:: 1 + number // _SAMPLE]
        price = PRICE * min(PRICES, number)
        self._refill(now)
        worth, ahead = 0.0, 0.0
        while worth < 1.0 and ahead < MOST:
            per_second = number / len(some) * sum(each.expected.hazard(now + ahead - each.began) for each in some)
            affordable = REFILL + CREDIT * per_second + max(0.0, self._room) / SPREAD_SECONDS
            beats = min(math.sqrt(per_second / (2.0 * price)), affordable) / self.pages_each
            step = min(_STEP, (1.0 - worth) / beats) if beats > 0 else _STEP
            worth += beats * step + 1e-9
            ahead += step
        return max(CLOSEST, ahead)

    def _refill(self, now: float) -> None:
        self._room = min(BURST, self._room + max(0.0, now - self._room_at) * REFILL)
        self._room_at = now

    def _forget(self, now: float) -> None:
        self._running = {
            job_id: known for job_id, known in self._running.items() if now - known.seen_at <= FORGOTTEN_SECONDS
        }
