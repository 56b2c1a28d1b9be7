"""A reply that was moved to an earlier picture remembers which job it passed over, to be answered after it."""

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
