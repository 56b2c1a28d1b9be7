"""What does the database look like? Tables, an index for each question, and an upsert on every engine."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Double, ForeignKey, Index, Integer, LargeBinary, Table

from bot.errors import FailureKind
from bot.model import OPEN, JobState, Waiting
from storage._ways import ways_of

SCHEMA = "0003"
"""The newest revision in migrations/versions; what this code reads and writes."""

# Names for every constraint, so that a later migration can speak of them (SQLite cannot drop what has no name).
metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

# Plain JSON, not PostgreSQL's JSONB: what the queue sent goes back with its keys in their order.
Json = sa.JSON(none_as_null=True)


class Spoilt:
    """What is read where a stranger's hand has left no JSON. No part of a job can be made of it: that raises TypeError."""


class Parts(sa.types.TypeDecorator[Any]):
    """JSON in rows that are read many at a time: where one of it cannot be read, the other rows can all the same."""

    impl = sa.JSON
    cache_ok = True

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """Not `process_result_value`, which is called only with what could be read."""
        read = super().result_processor(dialect, coltype)
        if read is None:
            return None

        def read_or_spoilt(text: Any) -> Any:
            try:
                return read(text)
            except ValueError:
                return Spoilt()

        return read_or_spoilt


JsonParts = Parts(none_as_null=True)


class Writable(sa.types.TypeDecorator[str]):
    """Text as PostgreSQL can keep it: of all characters it knows every one but NUL, which says nothing to anybody."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        return value and value.replace("\0", "\ufffd")


# Names and ids are compared byte by byte, on SQLite as on PostgreSQL: there the order of a language would make another
# order of lists, and would leave every index broken when the system's rules for that language change.
String = sa.String().with_variant(Writable(collation="C"), "postgresql")
Text = sa.Text().with_variant(Writable(), "postgresql")

conversations = Table(
    "conversations",
    metadata,
    Column("id", String, primary_key=True),
    Column("platform", String, nullable=False),
    Column("workspace", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("thread", String),
    Column("starter_id", String, nullable=False),
    Column("starter_name", String, nullable=False),
    Column("model", String, nullable=False),
    Column("aspect_ratio", String, nullable=False),
    Column("created_at", Double, nullable=False),
)

# A place belongs to one conversation; those whose thread is not made yet have no place.
Index(
    "ux_conversations_place",
    conversations.c.platform,
    conversations.c.workspace,
    conversations.c.channel,
    conversations.c.thread,
    unique=True,
    sqlite_where=conversations.c.thread.is_not(None),
    postgresql_where=conversations.c.thread.is_not(None),
)
Index("ix_conversations_newest", conversations.c.platform, conversations.c.created_at)
Index(
    "ix_conversations_of_channel",
    conversations.c.platform,
    conversations.c.workspace,
    conversations.c.channel,
    conversations.c.created_at,
)

jobs = Table(
    "jobs",
    metadata,
    # Accept order. Rows stay for ever (retention empties them), so a number is never given twice.
    Column("seq", sa.BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("conversation_id", String, ForeignKey("conversations.id"), nullable=False),
    Column("platform", String, nullable=False),
    Column("workspace", String, nullable=False),
    Column("source_id", String, nullable=False, unique=True),  # a redelivered event makes no second job
    Column("requester_id", String, nullable=False),
    Column("requester_name", String, nullable=False),
    Column("prompt", Text, nullable=False),
    Column("aspect_ratio", String, nullable=False),
    Column("model", String, nullable=False),
    Column("accepted_at", Double, nullable=False),
    Column("references", JsonParts, nullable=False),
    Column("parent_id", String, ForeignKey("jobs.id")),
    Column("parent_image", Integer, nullable=False),
    Column("asked_in", JsonParts),
    Column("card", JsonParts),
    Column("opened", Boolean, nullable=False),
    Column("state", String, nullable=False),
    Column("due_at", Double),
    Column("waiting", String),
    Column("holds_slot", Boolean, nullable=False),
    Column("deadline_at", Double),
    Column("version", Integer, nullable=False),  # 0: no step and no save has touched it
    Column("attempts", Integer, nullable=False),
    Column("submissions", Integer, nullable=False),
    Column("attempt_at", Double),
    Column("absent_since", Double),
    Column("answered_after", Double),
    Column("answered_terminal", Boolean, nullable=False),
    Column("by_picture", Boolean, nullable=False),
    Column("request_id", String),  # uniqueness lives in `requests`, which also remembers earlier ones
    Column("running_since", Double),
    Column("vendor_status", String),
    Column("looks", Integer, nullable=False),
    Column("ready_at", Double),
    Column("known_at", Double),
    Column("images", JsonParts, nullable=False),
    Column("failure", JsonParts),
    Column("remark", Text),
    Column("posts", JsonParts, nullable=False),
    Column("finished_at", Double),
    Column("deleted_at", Double),
    # What follows is the store's own.
    Column("touched_at", Double, nullable=False),  # last claim, renewal or save of a step; for a parked job: since when
    Column("answered_at", Double),  # attempt_at + answered_after
    Column("cleaned", Boolean, nullable=False),  # retention or `forget` took its words and pictures
    Column("drop_contents", Boolean, nullable=False),  # what it was sent holds words of a member who was forgotten
    # What later schemas added stands at the end, where PostgreSQL and SQLite put it.
    Column("passed_over", String),
    Column("working_since", Double),
)


def state_is(*states: JobState) -> sa.ColumnElement[bool]:
    """The job stands in one of these states, as literals: SQLite uses a partial index for literals only."""
    return jobs.c.state.in_([sa.literal_column(f"'{state.value}'") for state in sorted(states)])


def is_so(flag: sa.ColumnElement[bool], so: str = "TRUE") -> sa.ColumnElement[bool]:
    """The flag is set (or FALSE: is not), in words that both engines read: SQLAlchemy writes `= 1` for SQLite."""
    return flag.op("IS", return_type=sa.Boolean())(sa.literal_column(so))


def failed_by(kind: FailureKind) -> sa.ColumnElement[bool]:
    """The job's failure is of this kind, read off the text: PostgreSQL unpacks no JSON that has a NUL anywhere in it."""
    return sa.cast(jobs.c.failure, sa.Text).startswith(f'{{"kind": "{kind.value}"', autoescape=True)


def waits_for(what: Waiting) -> sa.ColumnElement[bool]:
    """The job is parked for this, as a literal for the same reason."""
    return jobs.c.waiting == sa.literal_column(f"'{what.value}'")


is_open = state_is(*OPEN)
IN_VAIN = frozenset({JobState.FAILED, JobState.CANCELLED})
is_in_vain = state_is(*IN_VAIN)
is_uncleaned = sa.and_(state_is(*(set(JobState) - OPEN)), is_so(jobs.c.cleaned, "FALSE"))
is_due_some_time = jobs.c.due_at.is_not(None)
can_be_head = sa.and_(state_is(JobState.SUCCEEDED), jobs.c.deleted_at.is_(None))
counts_for_limits = sa.and_(
    sa.not_(state_is(JobState.FAILED)),
    sa.or_(sa.not_(state_is(JobState.CANCELLED)), jobs.c.submissions > sa.literal_column("0")),
)

# An open job is due or parked, so that none is lost; an ended one is neither and holds nothing.
jobs.append_constraint(
    sa.CheckConstraint(
        "CASE WHEN state IN ('succeeded', 'failed', 'cancelled') "
        "THEN due_at IS NULL AND waiting IS NULL AND NOT holds_slot "
        "ELSE (due_at IS NULL) <> (waiting IS NULL) END",
        name="due_or_parked",
    )
)


def _index(name: str, *columns: Column[Any], where: sa.ColumnElement[bool] | None = None) -> None:
    Index(name, *columns, sqlite_where=where, postgresql_where=where)


# One index per question. The partial ones hold few rows however long the history grows: claim, next_due, head, the
# newest open job, limits and counts never read finished jobs. SQLite takes the one of two that saves it a sort or a
# look at the row; that is why some hold a column more, and why no other index begins with (conversation_id, seq).
_index("ix_jobs_due", jobs.c.due_at, where=is_due_some_time)
_index("ix_jobs_waiting_for_slot", jobs.c.touched_at, where=waits_for(Waiting.SLOT))
_index("ix_jobs_waiting_for_parent", jobs.c.parent_id, where=waits_for(Waiting.PARENT))
_index("ix_jobs_slots", jobs.c.platform, jobs.c.requester_id, where=is_so(jobs.c.holds_slot))
_index("ix_jobs_open", jobs.c.state, where=is_open)
_index("ix_jobs_open_of_person", jobs.c.platform, jobs.c.requester_id, jobs.c.state, where=is_open)
_index("ix_jobs_open_in_conversation", jobs.c.conversation_id, jobs.c.seq, where=is_open)
_index("ix_jobs_heads", jobs.c.conversation_id, jobs.c.seq, where=can_be_head)
_index("ix_jobs_counted", jobs.c.accepted_at, where=counts_for_limits)
_index("ix_jobs_counted_in_workspace", jobs.c.platform, jobs.c.workspace, jobs.c.accepted_at, where=counts_for_limits)
_index("ix_jobs_of_person", jobs.c.platform, jobs.c.requester_id, jobs.c.accepted_at)
_index("ix_jobs_in_conversation", jobs.c.conversation_id, jobs.c.requester_id)
_index("ix_jobs_attempts", jobs.c.model, jobs.c.attempt_at, where=jobs.c.attempt_at.is_not(None))
_index("ix_jobs_answers", jobs.c.model, jobs.c.answered_at, where=jobs.c.answered_at.is_not(None))
_index("ix_jobs_touched", jobs.c.touched_at)
_index("ix_jobs_finished", jobs.c.finished_at, where=jobs.c.finished_at.is_not(None))
_index("ix_jobs_uncleaned", jobs.c.accepted_at, where=is_uncleaned)
_index("ix_jobs_in_vain", jobs.c.state, jobs.c.seq, where=is_in_vain)
_index("ix_jobs_of_platform", jobs.c.platform, jobs.c.seq)

# The heavy part of a job, which no claim reads.
turns = Table(
    "turns",
    metadata,
    Column("job_id", String, ForeignKey("jobs.id"), primary_key=True),
    Column("payload", Json),
    Column("payload_sha256", String),
    Column("next_turn_contents", Json),
)

# Every id of the queue's that ever was a job's.
requests = Table(
    "requests",
    metadata,
    Column("request_id", String, primary_key=True),
    Column("job_id", String, ForeignKey("jobs.id"), nullable=False),
)

messages = Table(
    "messages",
    metadata,
    Column("platform", String, primary_key=True),
    Column("channel", String, primary_key=True),
    Column("message_id", String, primary_key=True),
    Column("job_id", String, ForeignKey("jobs.id"), nullable=False),
    Column("position", Integer, nullable=False),  # which of the job's posts; else 0
    Column("role", String, nullable=False),  # asked_in, card or post
)

job_events = Table(
    "job_events",
    metadata,
    Column("id", sa.BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("job_id", String, ForeignKey("jobs.id"), nullable=False),
    Column("at", Double, nullable=False),
    Column("state", String, nullable=False),
    Column("text", Text, nullable=False),
)
Index("ix_job_events_of_job", job_events.c.job_id, job_events.c.id)

blobs = Table(
    "blobs",
    metadata,
    Column("sha256", String, primary_key=True),
    Column("size", Integer, nullable=False),  # bytes
    Column("put_at", Double, nullable=False),  # the last time
)

# Which blobs a job needs: references as received, results as made.
job_blobs = Table(
    "job_blobs",
    metadata,
    Column("job_id", String, ForeignKey("jobs.id"), primary_key=True),
    Column("sha256", String, primary_key=True),
)
Index("ix_job_blobs_sha256", job_blobs.c.sha256)

server_metadata = sa.MetaData(naming_convention=metadata.naming_convention)
"""What a PostgreSQL server keeps beside the above; SQLite has files for it."""

blob_bytes = Table(
    "blob_bytes",
    server_metadata,
    Column("sha256", String, ForeignKey(blobs.c.sha256, ondelete="CASCADE"), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

notes = Table("notes", metadata, Column("key", String, primary_key=True), Column("memo", Json, nullable=False))

memory = Table(
    "memory",
    metadata,
    Column("space", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", JsonParts, nullable=False),
    Column("expires_at", Double),
)


def upsert(connection: sa.Connection, table: Table, row: Mapping[str, Any], *, replace: Sequence[str] = ()) -> bool:
    """Inserts a row, or replaces these columns of the one that has its primary key. False: that one stays as it was."""
    statement = _upserting(ways_of(connection).insert, table, tuple(replace))
    return bool(connection.execute(statement, dict(row)).rowcount)


@functools.cache
def _upserting(insert: Callable[[Table], Any], table: Table, replace: tuple[str, ...]) -> Any:
    """Made once: what is excluded is a copy of all the table's columns."""
    statement = insert(table)
    key = list(table.primary_key.columns)
    if not replace:
        return statement.on_conflict_do_nothing(index_elements=key)
    new = {name: statement.excluded[name] for name in replace}
    return statement.on_conflict_do_update(index_elements=key, set_=new)
