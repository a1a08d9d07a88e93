"""Indexes for what is asked each second or deleted in bulk: deadlines, ended jobs, keys of a job. Expands only."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_LIVE = sa.text("deadline IS NOT NULL AND status NOT IN ('succeeded', 'failed', 'cancelled')")


def upgrade() -> None:
    op.drop_index("ix_jobs_deadline", table_name="jobs")
    op.create_index(
        "ix_jobs_live_deadline", "jobs", ["deadline"], unique=False, postgresql_where=_LIVE, sqlite_where=_LIVE
    )
    op.create_index("ix_jobs_finished_at", "jobs", ["finished_at"], unique=False)
    op.create_index("ix_idempotency_keys_job_id", "idempotency_keys", ["job_id"], unique=False)
