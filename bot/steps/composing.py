"""What is sent for a job? Its base is chosen, its pictures are uploaded, and `turns` composes the payload."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from bot import messages, pictures, turns
from bot.errors import FailureKind, GiveUp, UserError
from bot.model import MAX_EDIT_REFERENCES, Job, JobState, Json, Reference
from bot.steps.step import World


class NoPicture(Exception):
    """The picture to edit failed or is gone, and so are all that it was built on."""

    def __init__(self, *, deleted: bool) -> None:
        """deleted: there was one, and it was taken back."""
        super().__init__("there is no earlier picture to build on")
        self.deleted = deleted


@dataclass(frozen=True, kw_only=True, slots=True)
class Composed:
    """The payload, and what was decided or learned on the way to it."""

    payload: Json
    references: tuple[Reference, ...]
    parent_id: str | None
    parent_image: int
    remark: str | None
    passed_over: str | None = None


async def compose(world: World, job: Job) -> Composed:
    """Raises NoPicture; UserError for what the member can put right; RetryLater and GiveUp of the uploads."""
    if job.parent_id is None:
        references = await _uploaded(world, job.references)
        payload = turns.first_turn(prompt=job.prompt, aspect_ratio=job.aspect_ratio, references=_sources(references))
        return Composed(payload=payload, references=references, parent_id=None, parent_image=0, remark=job.remark)
    if len(job.references) > MAX_EDIT_REFERENCES:
        raise UserError(messages.too_many_references(len(job.references), editing=True))
    parent = await _base(world, job.parent_id)
    moved = parent is None or parent.id != job.parent_id
    deleted = moved and await _is_deleted(world, job.parent_id)
    if parent is None:
        raise NoPicture(deleted=deleted)
    image = 0 if moved else min(job.parent_image, len(parent.images) - 1)
    references = await _uploaded(world, job.references)
    payload = await _edit(world, job, parent, image, _sources(references))
    return Composed(
        payload=payload,
        references=references,
        parent_id=parent.id,
        parent_image=image,
        remark=messages.moved_to_earlier(deleted=deleted) if moved else job.remark,
        passed_over=job.parent_id if moved else job.passed_over,
    )


async def _base(world: World, parent_id: str) -> Job | None:
    """The parent, or its newest ancestor that became a picture and still is one."""
    at: str | None = parent_id
    while at is not None:
        candidate = await world.store.get(at)
        if candidate is None:
            return None
        made = candidate.state in (JobState.DELIVERING, JobState.SUCCEEDED) and candidate.failure is None
        if made and candidate.images and candidate.deleted_at is None:
            return candidate
        at = candidate.parent_id
    return None


async def _is_deleted(world: World, job_id: str) -> bool:
    job = await world.store.get(job_id)
    return job is not None and job.deleted_at is not None


async def _edit(world: World, job: Job, parent: Job, image: int, references: list[turns.Source]) -> Json:
    """The history and the new words; or, where the history cannot serve, the words and the picture itself."""
    if not job.by_picture and parent.model == job.model:
        contents = turns.next_history((await world.store.turn(parent.id)).next_turn_contents)
        edited = parent.images[image]
        picture = turns.Source(url=edited.url, media_type=edited.media_type) if edited.url else None
        if contents is not None:
            # a history can carry megabytes of pictures
            payload = await asyncio.to_thread(
                turns.next_turn,
                contents,
                prompt=job.prompt,
                aspect_ratio=job.aspect_ratio,
                references=references,
                picture=picture,
                picture_index=image,
            )
            if payload is not None:
                return payload
    return turns.by_picture(
        prompt=job.prompt,
        aspect_ratio=job.aspect_ratio,
        picture=await _uploaded_picture(world, parent, image),
        references=references,
    )


async def _uploaded_picture(world: World, parent: Job, image: int) -> turns.Source:
    """Our own bytes, uploaded anew: the queue's copy may have gone, and this path is rare."""
    edited = parent.images[image]
    data = await world.store.get_blob(edited.sha256)
    if data is None:
        raise GiveUp("the picture to edit is no longer stored", kind=FailureKind.PARENT)
    picture = await pictures.to_reference(data, name="picture")
    return turns.Source(url=await world.queue.upload(picture), media_type=picture.media_type)


async def _uploaded(world: World, references: tuple[Reference, ...]) -> tuple[Reference, ...]:
    async def uploaded(reference: Reference) -> Reference:
        if reference.url is not None:
            return reference
        data = await world.store.get_blob(reference.sha256) if reference.sha256 else None
        if data is None:
            raise GiveUp(f"{reference.attachment.name} is no longer stored", kind=FailureKind.REFERENCE)
        picture = await pictures.describe(data)
        return replace(reference, url=await world.queue.upload(picture), media_type=picture.media_type)

    return tuple(await asyncio.gather(*(uploaded(reference) for reference in references)))


def _sources(references: tuple[Reference, ...]) -> list[turns.Source]:
    return [turns.Source(url=r.url, media_type=r.media_type or "image/png") for r in references if r.url]
