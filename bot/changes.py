"""Who wants to hear that a job has changed? A hub inside one process: the poller wakes by it, open pages refresh by it.

A change is told by the process that made it, once, and there alone what follows of it is done. What other processes
changed is passed on to those who only show the store.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from bot.model import Job


class Listener:
    """What changed since the last look; a job that changed twice is told once, as it is now."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._woken = asyncio.Event()

    def hear(self, job: Job) -> None:
        self._jobs[job.id] = job
        self._woken.set()

    async def changed(self) -> tuple[Job, ...]:
        """Waits until at least one job has changed."""
        await self._woken.wait()
        return self.drain()

    def drain(self) -> tuple[Job, ...]:
        """What changed so far, without waiting."""
        self._woken.clear()
        jobs, self._jobs = tuple(self._jobs.values()), {}
        return jobs


class Changes:
    """Told by whoever has saved a job; never blocks the teller."""

    def __init__(self) -> None:
        self._listeners: dict[Listener, bool] = {}  # whether it hears of others' changes, too

    def tell(self, job: Job) -> None:
        """This process has changed it."""
        for listener in self._listeners:
            listener.hear(job)

    def pass_on(self, job: Job) -> None:
        """Another process has changed it."""
        for listener, hears_others in self._listeners.items():
            if hears_others:
                listener.hear(job)

    @property
    def passes_on(self) -> bool:
        """Whether anybody wants to hear what other processes change."""
        return any(self._listeners.values())

    @contextmanager
    def listen(self, *, own_only: bool = False) -> Iterator[Listener]:
        """A listener that hears from now until the block ends. own_only: not of what other processes change."""
        listener = Listener()
        self._listeners[listener] = not own_only
        try:
            yield listener
        finally:
            del self._listeners[listener]
