"""Where do pictures grow? Conversations, the places they live in, and which job stands at their end."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from bot.model import Conversation, ConversationRef, Job
from storage._rows import conversation_row, to_conversation, to_job
from storage._tables import can_be_head, conversations, is_open, jobs

_BY_ID = sa.select(conversations).where(conversations.c.id == bindparam("conversation"))
_BY_PLACE = sa.select(conversations).where(
    conversations.c.platform == bindparam("platform"),
    conversations.c.workspace == bindparam("workspace"),
    conversations.c.channel == bindparam("channel"),
    conversations.c.thread == bindparam("thread"),
    conversations.c.thread.is_not(None),  # the words of the index of places
)
_NEWEST_OPEN = (
    sa.select(jobs)
    .where(jobs.c.conversation_id == bindparam("conversation"), is_open)
    .order_by(jobs.c.seq.desc())
    .limit(sa.literal_column("1"))
)
_HEAD = (
    sa.select(jobs)
    .where(jobs.c.conversation_id == bindparam("conversation"), can_be_head)
    .order_by(jobs.c.seq.desc())
    .limit(sa.literal_column("1"))
)


def keep(connection: Connection, conversation: Conversation, aspect_ratio: str) -> str:
    """Stores a conversation that is new, gives a known one this ratio, and returns the id of the one to use.

    Two members may begin in the same place at the same moment; the second joins the first one's conversation.
    """
    known = get(connection, conversation.id) or (
        find(connection, conversation.ref) if conversation.ref.thread is not None else None
    )
    if known is None:
        connection.execute(conversations.insert(), conversation_row(conversation))
        return conversation.id
    if known.aspect_ratio != aspect_ratio:
        connection.execute(
            conversations.update().where(conversations.c.id == known.id).values(aspect_ratio=aspect_ratio)
        )
    return known.id


def newest(connection: Connection, conversation_id: str) -> str | None:
    """The job that plain words follow: the newest open one, else the head."""
    found = newest_open(connection, conversation_id) or head(connection, conversation_id)
    return found.id if found else None


def newest_open(connection: Connection, conversation_id: str) -> Job | None:
    """The newest open job."""
    row = connection.execute(_NEWEST_OPEN, {"conversation": conversation_id}).one_or_none()
    return None if row is None else to_job(row)


def head(connection: Connection, conversation_id: str) -> Job | None:
    """The newest succeeded job that is not deleted."""
    row = connection.execute(_HEAD, {"conversation": conversation_id}).one_or_none()
    return None if row is None else to_job(row)


def get(connection: Connection, conversation_id: str) -> Conversation | None:
    """By id."""
    row = connection.execute(_BY_ID, {"conversation": conversation_id}).one_or_none()
    return None if row is None else to_conversation(row)


def find(connection: Connection, ref: ConversationRef) -> Conversation | None:
    """By place."""
    if ref.thread is None:
        raise ValueError("a conversation is found by its thread; this place has none yet")
    place = {"platform": ref.platform, "workspace": ref.workspace, "channel": ref.channel, "thread": ref.thread}
    row = connection.execute(_BY_PLACE, place).one_or_none()
    return None if row is None else to_conversation(row)


def opened(connection: Connection, conversation_id: str, ref: ConversationRef) -> Conversation:
    """Gives the conversation its place, unless another one lives there. Raises ValueError for an unknown one."""
    conversation = get(connection, conversation_id)
    if conversation is None:
        raise ValueError(f"conversation {conversation_id} was never stored")
    if ref.thread is not None and find(connection, ref) is not None:
        return conversation
    connection.execute(
        conversations.update()
        .where(conversations.c.id == conversation_id)
        .values(platform=ref.platform, workspace=ref.workspace, channel=ref.channel, thread=ref.thread)
    )
    found = get(connection, conversation_id)
    return found or conversation


def some(
    connection: Connection, platform: str, workspace: str | None, channel: str | None, limit: int
) -> list[Conversation]:
    """Newest first."""
    wanted = sa.select(conversations).where(conversations.c.platform == platform)
    if workspace is not None:
        wanted = wanted.where(conversations.c.workspace == workspace)
    if channel is not None:
        wanted = wanted.where(conversations.c.channel == channel)
    newest_first = wanted.order_by(conversations.c.created_at.desc(), conversations.c.id.desc()).limit(limit)
    return [to_conversation(row) for row in connection.execute(newest_first)]


def has_asked(connection: Connection, conversation_id: str, person_id: str) -> bool:
    """Whether this member has a job here."""
    asked = sa.exists().where(jobs.c.conversation_id == conversation_id, jobs.c.requester_id == person_id)
    return bool(connection.scalar(sa.select(asked)))
