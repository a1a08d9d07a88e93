"""Which jobs a search index has yet to hear of, and which it has yet to forget. Expands only."""

import sqlalchemy as sa
from alembic import op

from ledger.types import Utc

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_UNINDEXED = sa.text("unindexed_since IS NOT NULL")


def upgrade() -> None:
    op.add_column("jobs", sa.Column("unindexed_since", Utc(), nullable=True))
    op.execute("UPDATE jobs SET unindexed_since = created_at")  # no index knows the jobs of earlier releases
    op.create_index(
        "ix_jobs_unindexed_since",
        "jobs",
        ["unindexed_since"],
        unique=False,
        postgresql_where=_UNINDEXED,
        sqlite_where=_UNINDEXED,
    )
    op.create_table(
        "search_gone",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", name="pk_search_gone"),
    )
