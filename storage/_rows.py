"""How does a noun of the core become a row, and a row a noun?"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sa
import structlog

from bot.errors import FailureKind
from bot.model import (
    Attachment,
    Conversation,
    ConversationRef,
    Failure,
    Image,
    Job,
    JobState,
    MessageRef,
    Person,
    Reference,
    Waiting,
)

Row = sa.Row[Any]

_TRANSLATED = frozenset(
    {"requester", "references", "asked_in", "card", "state", "waiting", "images", "failure", "posts"}
)
_PLAIN = tuple(field.name for field in dataclasses.fields(Job) if field.name not in _TRANSLATED)

# What a job is, as against how it stands, is settled when it is accepted: a save leaves these columns, and the indexes
# on them, alone.
SETTLED = frozenset(
    {"id", "seq", "conversation_id", "platform", "workspace", "source_id", "requester_id", "requester_name"}
    | {"prompt", "accepted_at"}
)


def job_row(job: Job) -> dict[str, Any]:
    """A job's columns, without those that are the store's own."""
    row = {name: getattr(job, name) for name in _PLAIN}
    row["requester_id"] = job.requester.id
    row["requester_name"] = job.requester.name
    row["references"] = [dataclasses.asdict(reference) for reference in job.references]
    row["asked_in"] = _message_json(job.asked_in)
    row["card"] = _message_json(job.card)
    row["state"] = job.state.value
    row["waiting"] = job.waiting and job.waiting.value
    row["images"] = [dataclasses.asdict(image) for image in job.images]
    row["failure"] = dataclasses.asdict(job.failure) if job.failure else None
    row["posts"] = [dataclasses.asdict(post) for post in job.posts]
    return row


def to_job(row: Row) -> Job:
    """A job from a row of all its columns."""
    values = row._mapping  # noqa: SLF001  SQLAlchemy's documented way to a row by names; its underscore is not privacy
    return Job(
        **{name: values[name] for name in _PLAIN},
        requester=Person(id=row.requester_id, name=row.requester_name),
        references=tuple(_to_reference(each) for each in row.references),
        asked_in=_to_message(row.asked_in),
        card=_to_message(row.card),
        state=JobState(row.state),
        waiting=Waiting(row.waiting) if row.waiting else None,
        images=tuple(Image(**each) for each in row.images),
        failure=_to_failure(row.failure),
        posts=tuple(MessageRef(**each) for each in row.posts),
    )


def readable(rows: Iterable[Row], spoilt: Callable[[Row], object] | None = None) -> list[Job]:
    """The jobs of these rows, without those that a stranger's hand has spoilt: they must not end the work on all others.

    spoilt: is given each of those. They are told in the log.
    """
    found = []
    for row in rows:
        try:
            found.append(to_job(row))
        except (ValueError, TypeError, KeyError) as error:
            structlog.get_logger("storage").error("job_unreadable", job=row.id, reason=repr(error))
            if spoilt:
                spoilt(row)
    return found


def needed_blobs(job: Job) -> set[str]:
    """The sha256 of every blob that the job needs."""
    received = {reference.sha256 for reference in job.references if reference.sha256}
    return received | {image.sha256 for image in job.images}


def conversation_row(conversation: Conversation) -> dict[str, Any]:
    """A conversation's columns."""
    return {
        "id": conversation.id,
        "starter_id": conversation.starter.id,
        "starter_name": conversation.starter.name,
        "model": conversation.model,
        "aspect_ratio": conversation.aspect_ratio,
        "created_at": conversation.created_at,
        **dataclasses.asdict(conversation.ref),
    }


def to_conversation(row: Row) -> Conversation:
    """A conversation from a row of all its columns."""
    return Conversation(
        id=row.id,
        ref=ConversationRef(platform=row.platform, workspace=row.workspace, channel=row.channel, thread=row.thread),
        starter=Person(id=row.starter_id, name=row.starter_name),
        model=row.model,
        aspect_ratio=row.aspect_ratio,
        created_at=row.created_at,
    )


def _message_json(message: MessageRef | None) -> dict[str, str] | None:
    return {"platform": message.platform, "channel": message.channel, "id": message.id} if message else None


def _to_message(value: dict[str, str] | None) -> MessageRef | None:
    return MessageRef(**value) if value else None


def _to_reference(value: dict[str, Any]) -> Reference:
    return Reference(**{**value, "attachment": Attachment(**value["attachment"])})


def _to_failure(value: dict[str, str] | None) -> Failure | None:
    return Failure(kind=FailureKind(value["kind"]), reason=value["reason"], text=value["text"]) if value else None
