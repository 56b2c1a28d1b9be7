"""How long do requests of a model take? As the store remembers of the last ones, whoever made them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from bot.model import Job
from bot.ports import Store, StoreBusy
from bot.records import WAITING
from bot.schedule import Expectation

LEARNS_FROM = 48  # requests
LONG_WAIT_SECONDS = 10.0
"""A request that the queue lets wait for longer is judged by the work that is still to come, not by its age. A shorter wait is
known less well than the whole is, from looks that are seconds apart.
"""

FRESH_SECONDS = 2.0
"""What was learned is learned anew after so long: other processes' requests count, too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Learned:
    """whole: from "accepted" on. work: of a request that waits, or is known to have waited; None before any was seen to."""

    whole: Expectation
    work: Expectation | None = None

    def of(self, job: Job, now: float) -> tuple[Expectation, float]:
        """What is to be expected of a running request, and its age (seconds) by that expectation."""
        accepted = job.running_since if job.running_since is not None else now
        if self.work is None:
            return self.whole, now - accepted
        if job.working_since is not None:
            return self.work, now - job.working_since
        if job.vendor_status == WAITING and now - accepted >= LONG_WAIT_SECONDS:
            return self.work, 0.0  # however long it has waited, all of the work is still to come
        return self.whole, now - accepted


class Experience:
    """One per process."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[str, tuple[float, Learned]] = {}

    async def of(self, model: str) -> Learned:
        """What is to be expected of a request now. While the store cannot tell, what was known last."""
        now = self._clock()
        learned_at, known = self._known.get(model) or (float("-inf"), Learned(whole=Expectation()))
        if abs(now - learned_at) < FRESH_SECONDS:
            return known
        self._known[model] = now, known  # who asks meanwhile need not ask the store, too
        try:
            took = await self._store.last_durations(model, LEARNS_FROM)
        except StoreBusy:
            return known
        except Exception:  # noqa: BLE001 - logged as the bug it is; a request that was paid for must not end by it
            structlog.get_logger("poller").exception("bug_in_learning", model=model)
            return known
        # Where a clock was set meanwhile, the part is longer than the whole, or less than nothing.
        work = [each.work for each in took if each.work is not None and 0.0 <= each.work <= each.whole]
        known = Learned(
            whole=Expectation([each.whole for each in took if each.whole >= 0.0]),
            work=Expectation(work) if work else None,
        )
        self._known[model] = now, known
        return known
