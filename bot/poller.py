"""Who moves the jobs? One loop claims what is due and steps it; it sleeps until the next due time or until it is woken."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import structlog

from bot import messages
from bot.errors import OWNER_KINDS, FailureKind, GiveUp, RetryLater, UserError
from bot.model import OPEN, Job, JobState, Mood
from bot.ports import Conflict, StoreBusy
from bot.steps import delivering, preparing, reconciling, watching
from bot.steps.step import LEASE_SECONDS, Step, World

MOST_STEPS = 32
"""How many steps run at once, beside those that hold a POST open."""

BUGS_BEFORE_FAILURE = 5
"""A step that raises a bug this often in a row is answered as a failure with its id."""

STORE_PAUSE_SECONDS = 1.0
DRAIN_SECONDS = 5.0
"""How long a stop waits for running steps before it hands them back; the process has 10 s in all."""


class Poller:
    """One per working process."""

    def __init__(self, world: World, *, in_flight: int) -> None:
        """in_flight: requests that may run at the vendor at once."""
        self._world = world
        self._in_flight = in_flight
        self._most_steps = MOST_STEPS + in_flight
        self._steps: dict[asyncio.Task[None], Job] = {}
        self._asides: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._log = structlog.get_logger("poller")

    # -- the loop -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Works until `stop`, then drains: running steps finish, or are handed back, within DRAIN_SECONDS."""
        listening = asyncio.create_task(self.listen(), name="poller-listen")
        due: float | None = self._world.clock()
        try:
            while not self._stopping.is_set():
                self._wake.clear()
                try:
                    due = await self._begin_due(due)
                    self._world.health.worked("database", now=self._world.clock())
                except StoreBusy as error:
                    self._world.health.failed("database", str(error), now=self._world.clock())
                    due = self._world.clock() + STORE_PAUSE_SECONDS
                await self._sleep_until(due)
        finally:
            listening.cancel()
            await self._drain()

    def stop(self) -> None:
        """Begins the drain; `run` returns when it is done."""
        self._stopping.set()
        self._wake.set()

    async def work_off(self) -> None:
        """Runs everything that is due at this moment, and what becomes due by it, to its end: for tests and tools."""
        while True:
            await self._begin_due(self._world.clock())
            if not self._steps:
                break
            await asyncio.gather(*self._steps)
        while self._asides:
            await asyncio.gather(*self._asides)

    async def _begin_due(self, expected: float | None) -> float | None:
        """Claims and begins whatever is due; returns when to look again (None: when woken).

        expected: when something should be due, as known before. Unless that is past, the store is asked first: a look
        costs it less than a claim that finds nothing, and most wake-ups are the ends of steps.
        """
        due = expected
        while True:
            free = self._most_steps - len(self._steps)
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
                if any(job.id == stepped.id for stepped in self._steps.values()):
                    # Its lease ran out under a running step, as when a laptop slept. What that step learns is merged, or
                    # learned again when this lease ends; two steps of one job never run here at the same time.
                    self._log.warning("lease_lost", job=job.id)
                    continue
                task = asyncio.create_task(self._step(job), name=f"step-{job.id}")
                self._steps[task] = job
                task.add_done_callback(self._ended)
            if not claimed:
                return await self._world.store.next_due(self._in_flight)
            due = None

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._steps.pop(task, None)
        self._wake.set()

    async def _sleep_until(self, due: float | None) -> None:
        pause = None if due is None else max(0.0, due - self._world.clock())
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), pause)

    async def _drain(self) -> None:
        if self._steps:
            self._log.info("draining", steps=len(self._steps))
            _, late = await asyncio.wait(self._steps, timeout=DRAIN_SECONDS)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=1.0)
        for task in self._asides:
            task.cancel()

    # -- one step -----------------------------------------------------------------------------------------------

    async def _step(self, job: Job) -> None:
        step = Step(self._world, job)
        renewing = asyncio.create_task(self._renew(step), name=f"lease-{job.id}")
        try:
            with structlog.contextvars.bound_contextvars(job=job.id):
                await self._move(step)
        except asyncio.CancelledError:
            await self._hand_back(step)
            raise
        except Conflict:
            step.log.debug("moved_by_another")
        except StoreBusy as error:
            # the lease ends by itself, and the same step runs again
            self._world.health.failed("database", str(error), now=self._world.clock())
        finally:
            renewing.cancel()
        self._follow(step.job, was=job)

    async def _move(self, step: Step) -> None:
        """Turns whatever the step raises into the job's next move."""
        try:
            try:
                await self._run(step)
            except RetryLater as error:
                await self._later(step, error)
            except GiveUp as error:
                await self._give_up(step, error.kind, error.reason)
            except UserError as error:
                await self._give_up(step, FailureKind.REFERENCE, str(error), text=str(error))
        except (Conflict, StoreBusy, asyncio.CancelledError):
            raise
        except RetryLater as error:  # the failure itself could not be delivered yet
            await self._later(step, error)
        except Exception as error:  # noqa: BLE001 - whatever is no RetryLater or GiveUp is a bug, and must not end the loop
            await self._bug(step, error)

    async def _run(self, step: Step) -> None:
        match step.job.state:
            case JobState.QUEUED:
                await preparing.prepare(step)
            case JobState.SUBMITTING:
                await reconciling.reconcile(step)
            case JobState.RUNNING:
                await watching.look(step)
            case JobState.DELIVERING:
                await delivering.deliver(step)
            case _:
                step.log.warning("claimed_after_its_end")

    async def _later(self, step: Step, error: RetryLater) -> None:
        attempts = step.job.attempts + 1
        pause = error.after if error.after is not None else step.back_off(attempts)
        if attempts == 1:
            step.log.info("retry", reason=error.reason, after_seconds=round(pause, 1))
        await step.save(error.reason if attempts == 1 else None, attempts=attempts, due_at=step.now + pause)

    async def _give_up(self, step: Step, kind: FailureKind, reason: str, text: str | None = None) -> None:
        if kind in OWNER_KINDS:
            step.queue_failed(reason, kind)
        if step.job.state is JobState.DELIVERING:
            await delivering.undeliverable(step, kind, reason)
        elif step.job.state in OPEN:
            await delivering.fail(step, kind, reason, text=text)

    async def _bug(self, step: Step, error: Exception) -> None:
        """Ours. One traceback; tried again a few times, since some bugs pass; then the member is given the job's id."""
        attempts = step.job.attempts + 1
        if attempts == 1:
            step.log.error("bug", exc_info=error)
        if attempts < BUGS_BEFORE_FAILURE:
            await step.save(
                f"bug: {type(error).__name__}", attempts=attempts, due_at=step.now + step.back_off(attempts)
            )
            return
        try:
            await self._give_up(step, FailureKind.BUG, f"bug: {type(error).__name__}")
        except (Conflict, StoreBusy):
            raise
        except Exception:
            # even the telling is broken; the job stays open and visible, and is tried again rarely
            step.log.exception("bug_in_telling")
            await step.save(None, attempts=attempts, due_at=step.now + step.back_off(attempts, base=60.0))

    async def _renew(self, step: Step) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            with suppress(StoreBusy):
                await self._world.store.renew(step.job, until=self._world.clock() + LEASE_SECONDS)

    async def _hand_back(self, step: Step) -> None:
        """A stop cut the step short: whoever starts next finds the job due at once."""
        with suppress(StoreBusy, asyncio.CancelledError):
            await self._world.store.renew(step.job, until=self._world.clock())

    # -- beside the steps: cards and reactions, best effort ------------------------------------------------------

    async def listen(self) -> None:
        """Until cancelled: new and changed jobs wake the loop, what a member changed is shown. `run` does it beside the loop."""
        with self._world.changes.listen() as listener:
            while True:
                jobs = await listener.changed()
                self._wake.set()
                for job in jobs:
                    if job.state is JobState.CANCELLED or job.deleted_at is not None:
                        self._show(job)
                    if job.deleted_at is not None:
                        self._remove(job)

    def _follow(self, job: Job, *, was: Job) -> None:
        """After a step: the card shows the new state, the member's message the outcome; never before the delivery."""
        if job.state is was.state or job.state is JobState.CANCELLED:
            return
        self._show(job)
        platform = self._world.platforms.get(job.platform)
        if platform and job.asked_in and job.state in (JobState.SUCCEEDED, JobState.FAILED):
            mood = Mood.DONE if job.state is JobState.SUCCEEDED else Mood.FAILED
            self._aside(platform.react(job.asked_in, mood))

    def _show(self, job: Job) -> None:
        platform = self._world.platforms.get(job.platform)
        if platform and job.opened:
            self._aside(self._show_card(job))

    async def _show_card(self, job: Job) -> None:
        conversation = await self._world.store.conversation(job.conversation_id)
        if conversation:
            await self._world.platforms[job.platform].show(messages.card(job, conversation.ref))

    def _remove(self, job: Job) -> None:
        platform = self._world.platforms.get(job.platform)
        if platform:
            for post in job.posts:
                self._aside(platform.delete(post))

    def _aside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._quietly(work), name="aside")
        self._asides.add(task)
        task.add_done_callback(self._asides.discard)

    async def _quietly(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except (RetryLater, GiveUp, StoreBusy) as error:
            self._log.debug("aside_failed", reason=str(error))
        except Exception:  # noqa: BLE001 - logged as the bug it is; nothing waits for a card
            self._log.exception("bug_aside")
