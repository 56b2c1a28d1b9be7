"""Who wants to hear that a job has changed? A hub inside one process: the poller wakes by it, open pages refresh by it."""

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
        self._listeners: set[Listener] = set()

    def tell(self, job: Job) -> None:
        for listener in self._listeners:
            listener.hear(job)

    @contextmanager
    def listen(self) -> Iterator[Listener]:
        """A listener that hears from now until the block ends."""
        listener = Listener()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
