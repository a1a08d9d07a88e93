"""Fingerprints of files, by which copies and look-alikes are found. Expands only."""

import sqlalchemy as sa
from alembic import op

from ledger.types import Utc

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BANDS = 4


def upgrade() -> None:
    op.create_table(
        "fingerprints",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("exact", sa.Text(), nullable=False),
        sa.Column("near", sa.Text(), nullable=False),
        *(sa.Column(f"band_{number}", sa.BigInteger(), nullable=True) for number in range(BANDS)),
        sa.Column("made_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_fingerprints_job_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "family", name="pk_fingerprints"),
    )
    op.create_index(
        "ix_fingerprints_owner_family_exact", "fingerprints", ["owner", "family", "exact", "job_id"], unique=False
    )
    for number in range(BANDS):
        filled = sa.text(f"band_{number} IS NOT NULL")
        op.create_index(
            f"ix_fingerprints_band_{number}",
            "fingerprints",
            ["owner", "family", f"band_{number}"],
            unique=False,
            postgresql_where=filled,
            sqlite_where=filled,
        )
