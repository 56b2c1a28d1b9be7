"""What was learned since the first release: which job a reply passed over, when the queue began to work on a request, and
how to find what ended in a time.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

WORD = sa.String().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    # No foreign key: SQLite would have to copy the whole table for it, and nothing deletes a row of it.
    op.add_column("jobs", sa.Column("passed_over", WORD, nullable=True))
    op.add_column("jobs", sa.Column("working_since", sa.Double(), nullable=True))
    ended = sa.text("finished_at IS NOT NULL")
    op.create_index("ix_jobs_finished", "jobs", ["finished_at"], sqlite_where=ended, postgresql_where=ended)
