"""b -> c: how does a payload reach the queue once? The POST, and what its answer, or the lack of one, means."""

from __future__ import annotations

from dataclasses import replace

from bot import messages
from bot.errors import FailureKind, GiveUp, RetryLater
from bot.image_queue import FateUnknown, NotSent
from bot.model import JobState, Json
from bot.records import Progress, Record
from bot.steps.composing import NoPicture, compose
from bot.steps.delivering import fail
from bot.steps.step import AT_QUEUE_SECONDS, LEASE_SECONDS, Step
from bot.steps.watching import outcome, refused

BUSY_PAUSE_SECONDS = 15.0
"""After a 429 without Retry-After; grows with each one."""


async def submit(step: Step) -> None:
    """Composes the payload, writes down that a POST is about to leave, and lets it leave."""
    try:
        composed = await compose(step.world, step.job)
    except NoPicture as error:
        text = messages.parent_deleted() if error.deleted else None
        await fail(step, FailureKind.PARENT, str(error), text=text)
        return
    except RetryLater as error:  # of an upload
        step.queue_failed(error.reason)
        raise
    saved = await step.save(
        "sending to the queue",
        payload=composed.payload,
        state=JobState.SUBMITTING,
        attempt_at=step.world.queue.now(),
        absent_since=None,
        looks=0,
        submissions=step.job.submissions + 1,
        references=composed.references,
        parent_id=composed.parent_id,
        parent_image=composed.parent_image,
        passed_over=composed.passed_over,
        remark=composed.remark,
    )
    if saved:
        await _post(step, composed.payload)


async def _post(step: Step, payload: Json) -> None:
    began = step.now
    try:
        record = await step.world.queue.submit(step.job.model, payload)
    except FateUnknown as error:
        # it stays SUBMITTING: the list is asked what became of it, and a second POST never leaves blindly
        step.queue_failed(error.reason)
        await step.save(f"no clear answer: {error.reason}", due_at=step.now + 1.0, attempts=0)
    except NotSent as error:
        await _send_later(step, error, base=1.0)
    except RetryLater as error:
        await _send_later(step, error, base=BUSY_PAUSE_SECONDS)
    except GiveUp as error:
        await refused(step, error.kind, error.reason)
    else:
        step.queue_worked()
        await taken(step, record, answered_after=step.now - began)


async def _send_later(step: Step, error: RetryLater, *, base: float) -> None:
    """The queue certainly took nothing: the connection was never made, or it said "not now"."""
    step.queue_failed(error.reason)
    attempts = step.job.attempts + 1
    pause = error.after if error.after is not None else step.back_off(attempts, base=base)
    await step.save(
        f"not taken: {error.reason}" if attempts == 1 else None,
        state=JobState.QUEUED,
        due_at=step.now + pause,
        attempts=attempts,
        submissions=step.job.submissions - 1,
    )


async def taken(step: Step, record: Record, *, answered_after: float | None = None) -> None:
    """The queue's id is known. The store never drops this save, so nothing that was paid for is lost."""
    now = step.now
    pending = record.progress is Progress.PENDING
    running = replace(step.job, running_since=now, working_since=None, vendor_status=record.status, looks=0)
    saved = await step.save(
        ", ".join(part for part in (f"taken by the queue as {record.request_id}", record.status) if part),
        state=JobState.RUNNING,
        request_id=record.request_id,
        running_since=now,
        working_since=None,
        deadline_at=now + AT_QUEUE_SECONDS,
        vendor_status=record.status,
        answered_after=answered_after,
        answered_terminal=not pending,
        absent_since=None,
        attempts=0,
        looks=0,
        due_at=now + (await step.next_look(running) if pending else LEASE_SECONDS),
    )
    if saved and not pending:
        await outcome(step, record)
