"""How long do requests of a model take? As the store remembers of the last ones, whoever made them."""

from __future__ import annotations

from collections.abc import Callable

import structlog

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
        learned_at, known = self._known.get(model) or (float("-inf"), Expectation())
        if abs(now - learned_at) < FRESH_SECONDS:
            return known
        self._known[model] = now, known  # who asks meanwhile need not ask the store, too
        try:
            known = Expectation(await self._store.last_durations(model, LEARNS_FROM))
        except StoreBusy:
            return known
        except Exception:  # noqa: BLE001 - logged as the bug it is; a request that was paid for must not end by it
            structlog.get_logger("poller").exception("bug_in_learning", model=model)
            return known
        self._known[model] = now, known
        return known
