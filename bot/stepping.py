"""How does a step end? Whatever it raises becomes the job's next move, and no job can end the work on the others."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog

from bot.errors import OWNER_KINDS, FailureKind, GiveUp, RetryLater, UserError
from bot.model import OPEN, JobState
from bot.ports import LONGEST_WAIT, Conflict, StoreBusy
from bot.showing import Showing
from bot.steps import delivering, preparing, reconciling, watching
from bot.steps.step import LEASE_SECONDS, Step, World

BUGS_BEFORE_FAILURE = 5
"""A step that raises a bug this often is answered as a failure with its id; when that cannot be told either, as often, it ends."""

BUG = "bug: "
"""How lines of a job's history begin that tell of a bug: they are its count, which no crash loses."""


class Stepping:
    """One per process."""

    def __init__(self, world: World, showing: Showing) -> None:
        self._store = world.store
        self._clock = world.clock
        self._showing = showing

    async def step(self, step: Step) -> None:
        """To its end, whatever that is. A step that is cancelled is handed back."""
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
        self._showing.follow(step.job, was=job)

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
        for event in reversed(await self._store.events(step.job.id)):
            if event.state is not step.job.state or event.text.startswith(delivering.FAILED):
                break
            number += event.text.startswith(BUG)
        return number

    async def _renew(self, step: Step) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            with suppress(StoreBusy):
                await self._store.renew(step.job, until=self._clock() + LEASE_SECONDS)

    async def _hand_back(self, step: Step) -> None:
        """A stop cut the step short: whoever starts next finds the job due at once."""
        with suppress(StoreBusy, asyncio.CancelledError):
            await self._store.renew(step.job, until=self._clock())
