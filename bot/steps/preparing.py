"""a -> b: what must be so before a job may go to the queue? Its thread, its references, its parent's outcome, a free place."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bot import messages, pictures
from bot.errors import FailureKind, RetryLater
from bot.model import OUTCOME_UNKNOWN, Reference, Waiting
from bot.steps.delivering import fail
from bot.steps.step import BEFORE_QUEUE_SECONDS, Step
from bot.steps.submitting import submit


async def prepare(step: Step) -> None:
    """Everything up to the POST. Each part that is done once is stored, so that a repetition finds it done."""
    if step.past_deadline:
        await fail(step, FailureKind.TIMEOUT, "the queue did not take it in time")
        return
    if step.job.deadline_at is None:
        step.job = replace(step.job, deadline_at=step.now + BEFORE_QUEUE_SECONDS)  # kept by whichever save comes next
    await _open(step)
    await _store_references(step)
    if await _waits_for_parent(step):
        return
    if not step.job.holds_slot:
        await step.save(due_at=None, waiting=Waiting.SLOT)
        return
    await submit(step)


async def _open(step: Step) -> None:
    """The status card and the thread. `Platform.open` finds them when it is repeated, so they are saved with the next save."""
    if step.job.opened:
        return
    conversation = await step.conversation()
    opened = await step.platform.open(conversation, messages.card(step.job, conversation.ref))
    if opened.ref != conversation.ref:
        await step.world.store.opened(conversation.id, opened.ref)
    step.world.health.worked(step.job.platform, now=step.now)
    step.job = replace(step.job, opened=True, card=opened.card or step.job.card)


async def _store_references(step: Step) -> None:
    """Bytes have a home before the job waits for anything, because a platform's links expire. What only bytes show to
    be wrong is found here, before anything is paid. They are kept as the queue will get them: upright, and without
    the place and time that a phone writes into its photos.
    """
    if all(reference.sha256 is not None for reference in step.job.references):
        return

    async def stored(reference: Reference) -> Reference:
        if reference.sha256 is not None:
            return reference
        data = await step.platform.fetch(reference.attachment)
        picture = await pictures.to_reference(data, name=reference.attachment.name)
        sha256 = await step.world.store.put_blob(picture.data, step.now)
        return replace(reference, sha256=sha256, media_type=picture.media_type)

    results = await asyncio.gather(*(stored(reference) for reference in step.job.references), return_exceptions=True)
    errors = [result for result in results if isinstance(result, BaseException)]
    if errors:
        # a picture that can never serve ends the job, so it goes before another one's passing fault
        raise next((error for error in errors if not isinstance(error, RetryLater)), errors[0])
    await step.save(
        "references stored", references=tuple(result for result in results if isinstance(result, Reference))
    )


async def _waits_for_parent(step: Step) -> bool:
    """An edit starts when the outcome of what it edits is known. The wait counts towards no deadline."""
    if not await step.is_in(OUTCOME_UNKNOWN, step.job.parent_id):
        return False
    await step.save("waits for the picture before it", due_at=None, waiting=Waiting.PARENT, deadline_at=None)
    return True
