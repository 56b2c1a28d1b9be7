"""How long do requests of a model take? As the store remembers of the last ones, whoever made them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from bot.model import Job, JobState
from bot.ports import Store, StoreBusy
from bot.schedule import Expectation

LEARNS_FROM = 48  # requests
FRESH_SECONDS = 2.0
"""What was learned is learned anew after so long: other processes' requests count, too."""


class Experience:
    """One per process."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[str, tuple[float, Expectation]] = {}

    async def of(self, model: str) -> Expectation:
        """What is to be expected of a request now. While the store cannot tell, what was known last."""
        now = self._clock()
        learned_at, known = self._known.get(model, (float("-inf"), Expectation()))
        if abs(now - learned_at) < FRESH_SECONDS:
            return known
        with suppress(StoreBusy):
            jobs = await self._store.last_answers(model, LEARNS_FROM)
            known = Expectation([took for job in jobs if (took := _took(job)) is not None])
        self._known[model] = now, known
        return known


def _took(job: Job) -> float | None:
    """Seconds from the queue's "accepted" until its picture was ready; None where nobody waited for it, or it failed."""
    if job.state not in (JobState.DELIVERING, JobState.SUCCEEDED) or job.answered_terminal:
        return None
    if job.ready_at is None or job.running_since is None:
        return None
    return job.ready_at - job.running_since
