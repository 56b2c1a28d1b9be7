"""How an operator's lists and a channel's are found without a look at all that ever was."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    in_vain = sa.text("state IN ('cancelled', 'failed')")
    op.create_index("ix_jobs_in_vain", "jobs", ["state", "seq"], sqlite_where=in_vain, postgresql_where=in_vain)
    op.create_index("ix_jobs_of_platform", "jobs", ["platform", "seq"])
    op.create_index("ix_conversations_of_channel", "conversations", ["platform", "workspace", "channel", "created_at"])
