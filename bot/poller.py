"""Who moves the jobs? One loop claims what is due and steps it; it sleeps until the next due time or until it is woken."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import Any

import structlog

from bot import messages
from bot.errors import OWNER_KINDS, FailureKind, GiveUp, RetryLater, UserError
from bot.memory import Removals
from bot.model import OPEN, Job, JobQuery, JobState, Mood
from bot.ports import LONGEST_WAIT, Conflict, News, StoreBusy
from bot.steps import delivering, preparing, reconciling, watching
from bot.steps.step import LEASE_SECONDS, Step, World

MOST_STEPS = 32
"""How many steps run at once, beside those that hold a POST open."""

BUGS_BEFORE_FAILURE = 5
"""A step that raises a bug this often is answered as a failure with its id; when that cannot be told either, as often, it ends."""

BUG = "bug: "
"""How lines of a job's history begin that tell of a bug: they are its count, which no crash loses."""

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
        self._removals = Removals(world.store, world.clock)
        self._steps: dict[asyncio.Task[None], Step] = {}
        self._asides: set[asyncio.Task[None]] = set()
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
        if not self._claims:
            return None
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
                if any(job.id == step.job.id for step in self._steps.values()):
                    # Its lease ran out under a running step, as when a laptop slept. What that step learns is merged, or
                    # learned again when this lease ends; two steps of one job never run here at the same time.
                    self._log.warning("lease_lost", job=job.id)
                    continue
                step = Step(self._world, job)
                task = asyncio.create_task(self._step(step), name=f"step-{job.id}")
                self._steps[task] = step
                task.add_done_callback(self._ended)
            if not claimed:
                due = await self._world.store.next_due(self._in_flight)
                return None if due is None else max(due, now + PASSED_BY_SECONDS)
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

    async def _step(self, step: Step) -> None:
        job = step.job
        renewing = asyncio.create_task(self._renew(step), name=f"lease-{job.id}")
        try:
            with structlog.contextvars.bound_contextvars(job=job.id):
                await self._move(step)
        except asyncio.CancelledError:
            await self._hand_back(step)
            raise
        except Conflict:
            step.log.debug("moved_by_another")
        except StoreBusy:
            pass  # the lease ends by itself, and the same step runs again
        except Exception:
            # not even its bug could be counted; the same step runs again when the lease ends
            step.log.exception("bug_in_saving")
        finally:
            renewing.cancel()
        self._follow(step.job, was=job)

    async def _move(self, step: Step) -> None:
        """Turns whatever the step raises into the job's next move."""
        try:
            try:
                await self._run(step)
            except GiveUp as error:
                await self._give_up(step, error.kind, error.reason)
            except UserError as error:
                await self._give_up(step, FailureKind.REFERENCE, str(error), text=str(error))
        except (Conflict, StoreBusy, asyncio.CancelledError):
            raise
        except RetryLater as error:  # of the step, or of telling its failure
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
        pause = min(error.after if error.after is not None else step.back_off(attempts), LONGEST_WAIT)
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
        number = 1 + await self._bugs_so_far(step)
        reason = f"{BUG}{type(error).__name__}"
        if number == 1:
            step.log.error("bug", exc_info=error)
        if number < BUGS_BEFORE_FAILURE:
            await step.save(reason, attempts=step.job.attempts + 1, due_at=step.now + step.back_off(number))
            return
        step.log.error("poisoned", bug=type(error).__name__, times=number)
        before = step.job
        try:
            await delivering.fail_by_bug(step, reason)
        except (Conflict, StoreBusy):
            raise
        except RetryLater as later:
            await self._later(step, later)
        except Exception as another:
            if step.job is before:
                raise  # nothing was saved, so that the count would be the same
            await self._bug(step, another)  # of telling, which is a step like others, with a count of its own

    async def _bugs_so_far(self, step: Step) -> int:
        """How often a bug has ended the step that the job is at, also before a restart."""
        number = 0
        for event in reversed(await self._world.store.events(step.job.id)):
            if event.state is not step.job.state or event.text.startswith(delivering.FAILED):
                break
            number += event.text.startswith(BUG)
        return number

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
        """Until cancelled: new and changed jobs wake the loop, what a member changed is shown. `run` does it beside the loop.

        Only what this process changed: each shows its own, so that a card is edited and a post deleted by one of them. What
        earlier processes have left standing, the one in which members are heard removes.
        """
        with self._world.changes.listen(own_only=True) as listener:
            if self._listens:
                self._aside(self._remove_what_is_left())
            while True:
                jobs = await listener.changed()
                self._wake.set()
                for job in jobs:
                    if job.deleted_at is not None:
                        self._remove(job)
                    elif job.state is JobState.CANCELLED:
                        self._show(job)

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
                self._show(known)  # by a command of the operator, which has no connection to show it
        for job in jobs:
            changes.pass_on(job)

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
        if platform and (job.opened or job.card):
            self._aside(self._show_card(job))

    async def _show_card(self, job: Job) -> None:
        conversation = await self._world.store.conversation(job.conversation_id)
        if conversation:
            await self._world.platforms[job.platform].show(messages.card(job, conversation.ref))

    def _remove(self, job: Job) -> None:
        if job.platform in self._world.platforms:
            self._aside(self._removed(job))

    async def _removed(self, job: Job) -> None:
        """The card is told first, because nobody comes back to it once the posts are gone."""
        platform = self._world.platforms[job.platform]
        await self._quietly(self._show_card(job))
        ends = await asyncio.gather(*(platform.delete(post) for post in job.posts), return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException) and not isinstance(end, GiveUp):
                raise end
        await self._removals.end(job.id)

    async def _remove_what_is_left(self) -> None:
        for job_id in await self._removals.left():
            job = await self._world.store.get(job_id)
            if job is not None and job.deleted_at is not None:
                await self._world.store.drop_pictures(job_id, self._world.clock())
                self._remove(job)

    def _aside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._quietly(work), name="aside")
        self._asides.add(task)
        task.add_done_callback(self._asides.discard)
        task.add_done_callback(lambda _: work.close())  # a drain may have come before its first step

    async def _quietly(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except (RetryLater, GiveUp, StoreBusy) as error:
            self._log.debug("aside_failed", reason=str(error))
        except Exception:  # noqa: BLE001 - logged as the bug it is; nothing waits for a card
            self._log.exception("bug_aside")
