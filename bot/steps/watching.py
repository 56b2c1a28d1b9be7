"""c -> d: what became of a request that runs at the queue? One look, and the outcome, wherever it was learned."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from bot import pictures
from bot.errors import OWNER_KINDS, FailureKind, RetryLater
from bot.failures import PASSING
from bot.image_queue import RequestUnknown
from bot.model import Image, JobState
from bot.records import WAITING, Media, Progress, Record
from bot.room import USUAL
from bot.steps.delivering import deliver, fail
from bot.steps.step import BEFORE_QUEUE_SECONDS, DELIVERY_SECONDS, Step

MOST_SUBMISSIONS = 4
"""How often one job may be sent after answers that say that nothing was made."""

RATE_PAUSE_SECONDS = 20.0
"""Observed: after an upstream's "rate limit exceeded (RPM)" a new request works after this long."""


async def look(step: Step) -> None:
    """Asks the queue once. A deadline is judged only after this last look."""
    pause = step.world.rounds.early(step.job)
    if pause is not None and not step.past_deadline:
        await step.put_off(pause, looks=step.job.looks)
        return
    try:
        record = await _record(step)
    except RetryLater as error:
        step.queue_failed(error.reason)
        if not step.past_deadline:
            raise
        await fail(step, FailureKind.TIMEOUT, f"the queue could not be asked before the deadline: {error.reason}")
        return
    step.queue_worked()
    if record.progress is not Progress.PENDING:
        await outcome(step, record)
    elif step.past_deadline:
        await _too_late(step, record)
    else:
        await _still_runs(step, record)


async def _still_runs(step: Step, record: Record) -> None:
    job = replace(step.job, looks=step.job.looks + 1, vendor_status=record.status)
    if record.status == step.job.vendor_status and not step.job.attempts:
        await step.put_off(await step.next_look(job), looks=job.looks)
        return
    if step.job.vendor_status == WAITING != record.status:
        job = replace(job, working_since=step.world.rounds.waited_until(step.job))
    await step.save(
        f"the queue says: {record.status}" if record.status != step.job.vendor_status else None,
        looks=job.looks,
        vendor_status=job.vendor_status,
        working_since=job.working_since,
        attempts=0,
        due_at=step.now + await step.next_look(job),
    )


async def _record(step: Step) -> Record:
    request_id = step.job.request_id
    if request_id is None:
        raise LookupError("a running job has no request_id")
    told = None if step.past_deadline else await step.world.rounds.record(step.job)
    if told is not None:
        return told
    try:
        record = await step.world.queue.get(request_id)
    except RequestUnknown:
        # observed: a request can be missing by id although the list has it; it is looked for there before it is given up
        found = await step.world.queue.find(step.job.model, request_id)
        if found is None:
            raise
        return found
    step.world.rounds.checked(step.job, record)
    return record


async def _too_late(step: Step, record: Record) -> None:
    """Observed: requests for a model that is no longer served are accepted and stay queued for ever, untouched."""
    if record.updated_at is not None and record.updated_at == record.created_at:
        reason = f"still {record.status}, untouched: the model {step.job.model} seems not to be served"
        # Not the queue's own trouble: it goes on accepting. Only a picture ends this.
        step.world.health.failed("model", reason, now=step.now, owner=True)
        await fail(step, FailureKind.MODEL, reason)
    else:
        await fail(step, FailureKind.TIMEOUT, f"still {record.status} at the deadline")


async def outcome(step: Step, record: Record) -> None:
    """A terminal record: its pictures are stored before anything is said, or its refusal is answered."""
    heard = step.now
    step.world.rounds.ended(step.job)
    if record.failure is not None or record.progress is not Progress.SUCCEEDED:
        kind, reason = record.failure or (FailureKind.UNKNOWN, f"the queue says: {record.status}")
        await refused(step, kind, reason)
        return
    try:
        images = await asyncio.gather(*(_stored(step, media) for media in record.media))
    except RetryLater as error:
        if not step.past_deadline:
            raise
        await fail(step, FailureKind.TIMEOUT, f"the finished picture could not be downloaded: {error.reason}")
        return
    now = step.now
    step.world.health.worked("model", now=now)
    saved = await step.save(
        f"finished with {len(images)} picture(s)",
        contents=record.next_turn_contents,
        state=JobState.DELIVERING,
        images=tuple(images),
        ready_at=_ready_at(step, record, heard),
        known_at=now,
        deadline_at=now + DELIVERY_SECONDS,
        vendor_status=record.status,
        attempts=0,
    )
    if saved:
        await deliver(step)


def _ready_at(step: Step, record: Record, heard: float) -> float:
    """By our clock: the queue's may be another, but both of its times are by the same one."""
    if step.job.running_since is None or record.created_at is None or record.updated_at is None:
        return heard
    return min(heard, step.job.running_since + max(0.0, record.updated_at - record.created_at))


async def _stored(step: Step, media: Media) -> Image:
    async with step.world.downloads.for_bytes(USUAL):
        return await _fetched(step, media)


async def _fetched(step: Step, media: Media) -> Image:
    data = await step.world.queue.download(media)
    try:
        picture = await pictures.describe(data)
    except ValueError as error:
        # cut off on its way, most likely; the deadline bounds the attempts
        raise RetryLater(f"the queue's picture cannot be read: {error}") from error
    sha256 = await step.world.store.put_blob(picture.data, step.now)
    return Image(
        sha256=sha256,
        media_type=picture.media_type,
        width=picture.width,
        height=picture.height,
        url=media.url,
        size=len(picture.data),
    )


_MAY_BE_HISTORY = frozenset({FailureKind.HISTORY, FailureKind.PAYLOAD, FailureKind.REFERENCE})
"""What a history that the vendor no longer takes may be called in its answer: how it says so is not documented."""


async def refused(step: Step, kind: FailureKind, reason: str) -> None:
    """The queue said no to this payload. A refused history falls back to the picture alone, a passing limit of the
    vendor's own upstream (of rate or time) is tried again a few times; anything else is the answer.
    """
    again = step.job.submissions < MOST_SUBMISSIONS
    if kind in _MAY_BE_HISTORY and again and step.job.parent_id and not step.job.by_picture:
        # uploaded anew, too: the queue's copies of older pictures may have gone
        fresh = tuple(replace(reference, url=None) for reference in step.job.references)
        await _ask_again(step, f"asking with the picture alone: {reason}", pause=0.0, by_picture=True, references=fresh)
    elif kind in PASSING and again:
        pause = RATE_PAUSE_SECONDS + step.back_off(step.job.submissions, base=RATE_PAUSE_SECONDS)
        await _ask_again(step, f"too much at once, asking again: {reason}", pause=pause)
    else:
        if kind in OWNER_KINDS:
            step.queue_failed(reason, kind)
        await fail(step, kind, reason)


async def _ask_again(step: Step, event: str, *, pause: float, **changes: Any) -> None:
    """i: the answer says that nothing was made, so nothing is paid twice."""
    await step.save(
        event,
        state=JobState.QUEUED,
        request_id=None,
        running_since=None,
        due_at=step.now + pause,
        deadline_at=step.now + BEFORE_QUEUE_SECONDS,
        attempts=0,
        **changes,
    )
