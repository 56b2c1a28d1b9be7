"""What do the tests of storage store? Jobs and conversations with everything that a test does not care about."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.model import (
    Attachment,
    Conversation,
    ConversationRef,
    Image,
    Job,
    JobState,
    MessageRef,
    Person,
    Reference,
    Usage,
)
from bot.ports import Store

ANN = Person(id="1", name="Ann")
BOB = Person(id="2", name="Bob")
T0 = 1_700_000_000.0
"""When most tests begin."""


def a_person(name: str) -> Person:
    return Person(id=name, name=name.title())


def a_message(message_id: str, channel: str = "general") -> MessageRef:
    return MessageRef(platform="test", channel=channel, id=message_id)


def an_image(sha256: str = "f" * 64) -> Image:
    return Image(sha256=sha256, media_type="image/png", width=1024, height=768, url="https://example.invalid/a.png")


def a_reference(name: str = "cat.png", sha256: str | None = None) -> Reference:
    return Reference(attachment=Attachment(name=name, address=f"files/{name}", size=12), sha256=sha256)


def a_conversation(conversation_id: str = "c1", *, thread: str | None = None, **changes: Any) -> Conversation:
    conversation = Conversation(
        id=conversation_id,
        ref=ConversationRef(platform="test", workspace="w1", channel="general", thread=thread),
        starter=ANN,
        model="a-model",
        aspect_ratio="1:1",
        created_at=T0,
    )
    return replace(conversation, **changes)


def a_job(job_id: str = "j1", *, by: Person = ANN, at: float = T0, conversation: str = "c1", **changes: Any) -> Job:
    """A queued job that is due at once."""
    job = Job(
        id=job_id,
        conversation_id=conversation,
        platform="test",
        workspace="w1",
        source_id=f"test:{job_id}",
        requester=by,
        prompt=f"a fox, {job_id}",
        aspect_ratio="1:1",
        model="a-model",
        accepted_at=at,
        due_at=at,
    )
    return replace(job, **changes)


def admit_all(_: Usage) -> None:
    """No limits."""


async def accept(store: Store, job_id: str = "j1", *, follow: bool = False, **given: Any) -> Job:
    """Stores such a job, and its conversation."""
    job = a_job(job_id, **given)
    conversation = a_conversation(job.conversation_id)
    return (await store.add(job, conversation, follow=follow, admit=admit_all, day_start=0.0)).job


async def park(store: Store, job: Job, waiting: Any, *, now: float = T0) -> Job:
    return await store.save(replace(job, waiting=waiting), now=now)


async def move(store: Store, job: Job, state: JobState, *, now: float = T0, **changes: Any) -> Job:
    """Takes a job the shortest legal way to a state; the changes go with the last save."""
    for step in _way(job.state, state):
        more = changes if step is state else {}
        job = await store.save(replace(job, **{"state": step, "waiting": None, "due_at": now + 60, **more}), now=now)
    return job


async def finish(store: Store, job: Job, *, now: float = T0, sha256: str = "f" * 64, **changes: Any) -> Job:
    """Takes a job to its success, with one picture."""
    given = {"images": (an_image(sha256),), "finished_at": now, **changes}
    return await move(store, job, JobState.SUCCEEDED, now=now, **given)


async def stored(store: Store, job: Job) -> Job:
    """The job as it stands now."""
    found = await store.get(job.id)
    assert found is not None
    return found


async def claim_ids(
    store: Store, now: float, *, limit: int = 100, in_flight: int = 4, lease: float = 15.0
) -> list[str]:
    claimed = await store.claim(now, until=now + lease, limit=limit, in_flight=in_flight)
    return [job.id for job in claimed]


def _way(start: JobState, end: JobState) -> list[JobState]:
    line = [JobState.QUEUED, JobState.SUBMITTING, JobState.RUNNING, JobState.DELIVERING]
    if end is JobState.CANCELLED:
        return [end]
    if end in line:
        return line[line.index(start) + 1 : line.index(end) + 1]
    return [*line[line.index(start) + 1 :], end]
