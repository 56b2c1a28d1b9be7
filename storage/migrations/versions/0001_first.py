"""Everything that the first release keeps."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

# Compared byte by byte on every engine.
WORD = sa.String().with_variant(sa.Text(collation="C"), "postgresql")

OPEN = "state IN ('delivering', 'queued', 'running', 'submitting')"
ENDED = "state IN ('cancelled', 'failed', 'succeeded')"
COUNTED = "(state NOT IN ('failed')) AND ((state NOT IN ('cancelled')) OR submissions > 0)"


def upgrade() -> None:
    make_conversations()
    make_jobs()
    index_jobs()
    make_what_belongs_to_jobs()
    make_small_memories()
    if op.get_bind().dialect.name == "postgresql":
        make_room_for_bytes()


def index(name: str, table: str, *columns: str, where: str | None = None, unique: bool = False) -> None:
    only = None if where is None else sa.text(where)
    op.create_index(name, table, list(columns), unique=unique, sqlite_where=only, postgresql_where=only)


def make_conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", WORD, nullable=False),
        sa.Column("platform", WORD, nullable=False),
        sa.Column("workspace", WORD, nullable=False),
        sa.Column("channel", WORD, nullable=False),
        sa.Column("thread", WORD, nullable=True),
        sa.Column("starter_id", WORD, nullable=False),
        sa.Column("starter_name", WORD, nullable=False),
        sa.Column("model", WORD, nullable=False),
        sa.Column("aspect_ratio", WORD, nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
    )
    place = ("platform", "workspace", "channel", "thread")
    index("ux_conversations_place", "conversations", *place, where="thread IS NOT NULL", unique=True)
    index("ix_conversations_newest", "conversations", "platform", "created_at")


def make_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", WORD, nullable=False),
        sa.Column("conversation_id", WORD, nullable=False),
        sa.Column("platform", WORD, nullable=False),
        sa.Column("workspace", WORD, nullable=False),
        sa.Column("source_id", WORD, nullable=False),
        sa.Column("requester_id", WORD, nullable=False),
        sa.Column("requester_name", WORD, nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("aspect_ratio", WORD, nullable=False),
        sa.Column("model", WORD, nullable=False),
        sa.Column("accepted_at", sa.Double(), nullable=False),
        sa.Column("references", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("parent_id", WORD, nullable=True),
        sa.Column("parent_image", sa.Integer(), nullable=False),
        sa.Column("asked_in", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("card", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("opened", sa.Boolean(), nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("due_at", sa.Double(), nullable=True),
        sa.Column("waiting", WORD, nullable=True),
        sa.Column("holds_slot", sa.Boolean(), nullable=False),
        sa.Column("deadline_at", sa.Double(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("submissions", sa.Integer(), nullable=False),
        sa.Column("attempt_at", sa.Double(), nullable=True),
        sa.Column("absent_since", sa.Double(), nullable=True),
        sa.Column("answered_after", sa.Double(), nullable=True),
        sa.Column("answered_terminal", sa.Boolean(), nullable=False),
        sa.Column("by_picture", sa.Boolean(), nullable=False),
        sa.Column("request_id", WORD, nullable=True),
        sa.Column("running_since", sa.Double(), nullable=True),
        sa.Column("vendor_status", WORD, nullable=True),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("ready_at", sa.Double(), nullable=True),
        sa.Column("known_at", sa.Double(), nullable=True),
        sa.Column("images", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("failure", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("remark", sa.Text(), nullable=True),
        sa.Column("posts", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.Column("deleted_at", sa.Double(), nullable=True),
        sa.Column("touched_at", sa.Double(), nullable=False),
        sa.Column("answered_at", sa.Double(), nullable=True),
        sa.Column("cleaned", sa.Boolean(), nullable=False),
        sa.Column("drop_contents", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "CASE WHEN state IN ('succeeded', 'failed', 'cancelled') "
            "THEN due_at IS NULL AND waiting IS NULL AND NOT holds_slot "
            "ELSE (due_at IS NULL) <> (waiting IS NULL) END",
            name=op.f("ck_jobs_due_or_parked"),
        ),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f("fk_jobs_conversation_id")),
        sa.ForeignKeyConstraint(["parent_id"], ["jobs.id"], name=op.f("fk_jobs_parent_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_jobs")),
        sa.UniqueConstraint("id", name=op.f("uq_jobs_id")),
        sa.UniqueConstraint("source_id", name=op.f("uq_jobs_source_id")),
    )


def index_jobs() -> None:
    index("ix_jobs_due", "jobs", "due_at", where="due_at IS NOT NULL")
    index("ix_jobs_waiting_for_slot", "jobs", "touched_at", where="waiting = 'slot'")
    index("ix_jobs_waiting_for_parent", "jobs", "parent_id", where="waiting = 'parent'")
    index("ix_jobs_slots", "jobs", "platform", "requester_id", where="holds_slot IS TRUE")
    index("ix_jobs_open", "jobs", "state", where=OPEN)
    index("ix_jobs_open_of_person", "jobs", "platform", "requester_id", "state", where=OPEN)
    index("ix_jobs_open_in_conversation", "jobs", "conversation_id", "seq", where=OPEN)
    index("ix_jobs_heads", "jobs", "conversation_id", "seq", where="state IN ('succeeded') AND deleted_at IS NULL")
    index("ix_jobs_counted", "jobs", "accepted_at", where=COUNTED)
    index("ix_jobs_counted_in_workspace", "jobs", "platform", "workspace", "accepted_at", where=COUNTED)
    index("ix_jobs_of_person", "jobs", "platform", "requester_id", "accepted_at")
    index("ix_jobs_in_conversation", "jobs", "conversation_id", "requester_id")
    index("ix_jobs_attempts", "jobs", "model", "attempt_at", where="attempt_at IS NOT NULL")
    index("ix_jobs_answers", "jobs", "model", "answered_at", where="answered_at IS NOT NULL")
    index("ix_jobs_touched", "jobs", "touched_at")
    index("ix_jobs_uncleaned", "jobs", "accepted_at", where=f"{ENDED} AND (cleaned IS FALSE)")


def make_what_belongs_to_jobs() -> None:
    op.create_table(
        "turns",
        sa.Column("job_id", WORD, nullable=False),
        sa.Column("payload", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("payload_sha256", WORD, nullable=True),
        sa.Column("next_turn_contents", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_turns_job_id")),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_turns")),
    )
    op.create_table(
        "requests",
        sa.Column("request_id", WORD, nullable=False),
        sa.Column("job_id", WORD, nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_requests_job_id")),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_requests")),
    )
    op.create_table(
        "messages",
        sa.Column("platform", WORD, nullable=False),
        sa.Column("channel", WORD, nullable=False),
        sa.Column("message_id", WORD, nullable=False),
        sa.Column("job_id", WORD, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("role", WORD, nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_messages_job_id")),
        sa.PrimaryKeyConstraint("platform", "channel", "message_id", name=op.f("pk_messages")),
    )
    op.create_table(
        "job_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("job_id", WORD, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_events_job_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_events")),
    )
    index("ix_job_events_of_job", "job_events", "job_id", "id")
    op.create_table(
        "blobs",
        sa.Column("sha256", WORD, nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("put_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_blobs")),
    )
    op.create_table(
        "job_blobs",
        sa.Column("job_id", WORD, nullable=False),
        sa.Column("sha256", WORD, nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_blobs_job_id")),
        sa.PrimaryKeyConstraint("job_id", "sha256", name=op.f("pk_job_blobs")),
    )
    index("ix_job_blobs_sha256", "job_blobs", "sha256")


def make_small_memories() -> None:
    op.create_table(
        "notes",
        sa.Column("key", WORD, nullable=False),
        sa.Column("memo", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_notes")),
    )
    op.create_table(
        "memory",
        sa.Column("space", WORD, nullable=False),
        sa.Column("key", WORD, nullable=False),
        sa.Column("value", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("space", "key", name=op.f("pk_memory")),
    )


def make_room_for_bytes() -> None:
    """SQLite has files for them."""
    op.create_table(
        "blob_bytes",
        sa.Column("sha256", WORD, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["sha256"], ["blobs.sha256"], name=op.f("fk_blob_bytes_sha256"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_blob_bytes")),
    )
    # Pictures are compressed already.
    op.execute("ALTER TABLE blob_bytes ALTER COLUMN data SET STORAGE EXTERNAL")
