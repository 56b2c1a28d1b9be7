"""Who moves the jobs? One loop claims what is due and steps it; it sleeps until the next due time or until it is woken."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

import structlog

from bot.model import Job, JobQuery, JobState
from bot.ports import News, StoreBusy
from bot.showing import Showing
from bot.stepping import Stepping
from bot.steps.step import LEASE_SECONDS, Step, World

MOST_STEPS = 32
"""How many steps run at once, beside those that hold a POST open."""

PASSED_BY_SECONDS = 0.05
"""Until what is due but could not be claimed is tried again: another process is just writing it."""

STORE_PAUSE_SECONDS = 1.0
DRAIN_SECONDS = 5.0
"""How long a stop waits for running steps before it hands them back; the process has 10 s in all."""


RECENT = 100
"""How many of the newest jobs are passed on when nobody knows what other processes have changed."""


class Poller:
    """One per process. In one that only listens it claims nothing, but shows what members change there all the same."""

    def __init__(self, world: World, *, in_flight: int, claims: bool = True, listens: bool = True) -> None:
        """in_flight: requests that may run at the vendor at once, of all processes. listens: members are heard here."""
        self._world = world
        self._in_flight = in_flight
        self._claims = claims
        self._listens = listens
        self._most_steps = MOST_STEPS + in_flight
        self._tasks: set[asyncio.Task[None]] = set()
        self._steps: dict[str, Step] = {}
        """By the job's id: two steps of one job never run here at the same time."""
        self._claimed_early: dict[str, Job] = {}
        """By id: what was claimed under its running step, until that step has ended."""
        self.showing = Showing(world)
        self._stepping = Stepping(world, self.showing)
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._log = structlog.get_logger("poller")

    # -- the loop -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Works until `stop`, then drains: running steps finish, or are handed back, within DRAIN_SECONDS."""
        hearing = [
            asyncio.create_task(self.listen(), name="poller-listen"),
            asyncio.create_task(self.hear_others(), name="poller-news"),
        ]
        due: float | None = self._world.clock()
        try:
            while not self._stopping.is_set():
                self._wake.clear()
                try:
                    due = await self._begin_due(due)
                except StoreBusy:
                    due = self._world.clock() + STORE_PAUSE_SECONDS
                await self._sleep_until(due)
        finally:
            for task in hearing:
                task.cancel()
            await self._drain()

    def stop(self) -> None:
        """Begins the drain; `run` returns when it is done."""
        self._stopping.set()
        self._wake.set()

    def wake(self) -> None:
        """Looks at once what is due, as when the clock was moved."""
        self._wake.set()

    async def postpone(self, seconds: float) -> None:
        """For so long nobody could work: the deadlines of open jobs move, also of those that are in a step."""
        if not self._claims:
            return  # deadlines go on for as long as somebody works
        moved = await self._world.store.postpone(seconds)
        for step in self._steps.values():
            if step.job.deadline_at is not None:
                step.job = replace(step.job, deadline_at=step.job.deadline_at + moved)

    async def work_off(self) -> None:
        """Runs everything that is due at this moment, and what becomes due by it, to its end: for tests and tools."""
        while True:
            await self._begin_due(self._world.clock())
            if not self._tasks:
                break
            await asyncio.gather(*self._tasks)
        await self.showing.settled()

    async def _begin_due(self, expected: float | None) -> float | None:
        """Claims and begins whatever is due; returns when to look again (None: when woken).

        expected: when something should be due, as known before. Unless that is past, the store is asked first: a look
        costs it less than a claim that finds nothing, and most wake-ups are the ends of steps.
        """
        if not self._claims:
            return None
        due = expected
        while True:
            free = self._most_steps - len(self._tasks)
            if free <= 0:
                return None  # the end of any step wakes the loop
            now = self._world.clock()
            if due is None or due > now:
                due = await self._world.store.next_due(self._in_flight)
                if due is None or due > now:
                    return due
            claimed = await self._world.store.claim(
                now, until=now + LEASE_SECONDS, limit=free, in_flight=self._in_flight
            )
            for job in claimed:
                self._begin(job)
            if not claimed:
                due = await self._world.store.next_due(self._in_flight)
                return None if due is None else max(due, now + PASSED_BY_SECONDS)
            due = None

    def _begin(self, job: Job) -> None:
        running = self._steps.get(job.id)
        if running is not None:
            self._claimed_early[job.id] = job
            if not running.has_let_go:  # else it is just ending
                self._log.warning("lease_lost", job=job.id)  # as when a laptop slept; what the step learns is merged
            return
        step = self._steps[job.id] = Step(self._world, job)
        task = asyncio.create_task(self._step(step), name=f"step-{job.id}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def _step(self, step: Step) -> None:
        """To its end. A claim that came too early for the job's next step is handed back, rather than left to run out."""
        try:
            await self._stepping.step(step)
        finally:
            del self._steps[step.job.id]
            early = self._claimed_early.pop(step.job.id, None)
            if early is not None:
                with suppress(StoreBusy):
                    await self._world.store.renew(early, until=self._world.clock())

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._wake.set()

    async def _sleep_until(self, due: float | None) -> None:
        pause = None if due is None else max(0.0, due - self._world.clock())
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._wake.wait()

    async def _drain(self) -> None:
        if self._tasks:
            self._log.info("draining", steps=len(self._tasks))
            _, late = await asyncio.wait(self._tasks, timeout=DRAIN_SECONDS)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=1.0)
        self.showing.stop()

    # -- what was changed elsewhere -----------------------------------------------------------------------------

    async def listen(self) -> None:
        """Until cancelled: new and changed jobs wake the loop, what a member changed is shown. `run` does it beside the loop.

        Only what this process changed: each shows its own, so that a card is edited and a post deleted by one of them. What
        earlier processes have left standing, the one in which members are heard removes.
        """
        with self._world.changes.listen(own_only=True) as listener:
            if self._listens:
                self.showing.remove_what_is_left()
            while True:
                jobs = await listener.changed()
                self._wake.set()
                for job in jobs:
                    if job.deleted_at is not None:
                        self.showing.remove(job)
                    elif job.state is JobState.CANCELLED:
                        self.showing.show(job)

    async def hear_others(self) -> None:
        """Until the store is closed: what other processes change wakes the loop, too, and refreshes pages. `run` does it."""
        async for news in self._world.store.news():
            self._wake.set()
            if self._listens or self._world.changes.passes_on:
                try:
                    await self._pass_on(news)
                except StoreBusy:
                    pass  # all of it is told again when the store is back
                except Exception:  # noqa: BLE001 - logged as the bug it is; the next news must be heard all the same
                    self._log.exception("bug_in_news")

    async def _pass_on(self, news: News) -> None:
        store, changes = self._world.store, self._world.changes
        if news.job_id is None:
            jobs = await store.jobs(JobQuery(limit=RECENT))
        else:
            known = await store.get(news.job_id)
            jobs = [known] if known else []
            if known and known.state is JobState.CANCELLED and self._listens:
                self.showing.show(known)  # by a command of the operator, which has no connection to show it
        for job in jobs:
            changes.pass_on(job)
