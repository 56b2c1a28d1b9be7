"""d -> e, f: how does a job get its one answer? Pictures and failures are delivered alike, and in the thread's order."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from bot import messages
from bot.errors import FailureKind, GiveUp, RetryLater
from bot.model import OPEN, Failure, Image, Job, JobState, Json, MessageRef, Picture, Reply, Waiting
from bot.ports import Note, Store
from bot.room import USUAL
from bot.steps.step import DELIVERY_SECONDS, Step

FAILED = "failed ("
"""How the line of a job's history begins that tells of its failure."""


class StoreNote(Note):
    """A delivery's memo, kept in the store under the delivery's key."""

    def __init__(self, store: Store, key: str) -> None:
        self._store = store
        self._key = key

    async def load(self) -> Json | None:
        return await self._store.load_note(self._key)

    async def save(self, memo: Json) -> None:
        await self._store.save_note(self._key, memo)


async def fail(step: Step, kind: FailureKind, reason: str, *, text: str | None = None) -> None:
    """The outcome is a failure. It is delivered like a success; nobody is left without an answer.

    text: the sentence for the member, where it is more exact than the one of its kind.
    """
    failure = Failure(kind=kind, reason=reason, text=text or messages.failure(kind, job_id=step.job.id))
    now = step.now
    saved = await step.save(
        f"{FAILED}{kind.value}): {reason}",
        state=JobState.DELIVERING,
        failure=failure,
        known_at=now,
        deadline_at=now + DELIVERY_SECONDS,
        attempts=0,
    )
    if saved:
        await deliver(step)


async def fail_by_bug(step: Step, reason: str) -> None:
    """A step was ended by a bug too often: the member is told so. Where even telling breaks, it is recorded and ends."""
    untold = step.job.failure if step.job.state is JobState.DELIVERING else None
    if untold is None:
        await fail(step, FailureKind.BUG, reason)
        return
    failure = Failure(
        kind=FailureKind.BUG,
        reason=f"{reason}, while this was told: {untold.kind.value}: {untold.reason}",
        text=messages.failure(FailureKind.BUG, job_id=step.job.id),
    )
    await _end(step, JobState.FAILED, f"could not be answered: {reason}", failure=failure)


async def deliver(step: Step) -> None:
    """Posts the answer. `Platform.deliver` promises once per key, so this may run any number of times."""
    if await _waits(step):
        return
    if step.job.deadline_at is None:
        step.job = replace(step.job, deadline_at=step.now + DELIVERY_SECONDS)  # kept by whichever save comes next
    size = 0 if step.job.failure else sum(image.size or USUAL for image in step.job.images)
    try:
        async with step.world.uploads.for_bytes(size):
            posts = await _posted(step)
    except GiveUp as error:
        if error.kind is FailureKind.CONTENT and step.job.failure is None:
            await fail(step, error.kind, error.reason, text=error.text)  # words are taken where its picture was not
        else:
            await undeliverable(step, error.kind, error.reason)
    except RetryLater as error:
        if not step.past_deadline:
            raise
        await undeliverable(step, FailureKind.PLACE, error.reason)
    else:
        step.world.health.worked(step.job.platform, now=step.now)
        await _end(step, JobState.FAILED if step.job.failure else JobState.SUCCEEDED, "answered", posts=posts)


async def _posted(step: Step) -> tuple[MessageRef, ...]:
    reply = await _reply(step)
    conversation = await step.conversation()
    note = StoreNote(step.world.store, step.job.id)
    return await step.platform.deliver(conversation.ref, reply, key=step.job.id, note=note)


async def undeliverable(step: Step, kind: FailureKind, reason: str) -> None:
    """Nobody can be told: recorded, so that an operator can see it, and ended."""
    step.log.error("undeliverable", reason=reason)
    failure = step.job.failure or Failure(kind=kind, reason=reason, text=messages.failure(kind, job_id=step.job.id))
    await _end(step, JobState.FAILED, f"could not be answered: {reason}", failure=failure)


async def _waits(step: Step) -> bool:
    """A reply is never answered before what it replies to. The wait counts towards no deadline."""
    if await step.is_in(OPEN, step.job.parent_id):
        await step.save(due_at=None, waiting=Waiting.PARENT, deadline_at=None)
        return True
    if await step.is_in(OPEN, step.job.passed_over):
        # Rare: a failure that its place does not take. The store wakes only those whose parent it is, so this looks again.
        waited = step.now - (step.job.known_at or step.now)
        await step.save(due_at=step.now + min(max(waited / 4, 0.5), 15.0), deadline_at=None)
        return True
    return False


async def _reply(step: Step) -> Reply:
    job = step.job
    pictures = await asyncio.gather(*(_picture(step, image) for image in job.images)) if job.failure is None else []
    if job.failure is None and not pictures:
        raise GiveUp("it has no pictures to post", kind=FailureKind.PLACE)
    return Reply(
        job_id=job.id,
        requester=job.requester,
        prompt=job.prompt,
        images=tuple(pictures),
        text=messages.answer(job),
        failed=job.failure is not None,
        answers=job.asked_in,
        card=job.card,
    )


async def _picture(step: Step, image: Image) -> Picture:
    data = await step.world.store.get_blob(image.sha256)
    if data is None:
        raise GiveUp("its pictures were removed before they could be posted", kind=FailureKind.PLACE)
    return Picture(data=data, media_type=image.media_type, width=image.width, height=image.height)


async def _end(step: Step, state: JobState, event: str, **changes: Any) -> None:
    """The job's end, counted once: by whoever saved it."""
    world = step.world
    await step.save(event, state=state, due_at=None, finished_at=step.now, attempts=0, **changes)
    world.metrics.finished(step.job, lateness=_lateness(step.job, step.now))


def _lateness(job: Job, now: float) -> float | None:
    """Seconds from the picture being ready to its answer."""
    if job.state is not JobState.SUCCEEDED or job.ready_at is None:
        return None
    return now - job.ready_at
