"""What rescue needs: message letters, returns of messages, memory hints, reconciliation runs.

Expands only, with defaults for the release before: its workers and API go on while the new ones start.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from ledger.types import Utc

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.add_column("dead_letters", sa.Column("kind", sa.Text(), server_default="step", nullable=False))
    op.add_column("step_runs", sa.Column("returns", sa.Integer(), server_default="0", nullable=False))
    op.create_table(
        "memory_hints",
        sa.Column("pipeline", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("magnitude", sa.Integer(), nullable=False),
        sa.Column("memory", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("pipeline", "step", "kind", "magnitude", name="pk_memory_hints"),
    )
    op.create_table(
        "reconciliations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("slot", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("checked", sa.BigInteger(), nullable=False),
        sa.Column("repaired", sa.BigInteger(), nullable=False),
        sa.Column("left_alone", sa.BigInteger(), nullable=False),
        sa.Column("notes", JSON, nullable=False),
        sa.Column("started_at", Utc(), nullable=False),
        sa.Column("finished_at", Utc(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_reconciliations"),
    )
    op.create_index("uq_reconciliations_name_slot", "reconciliations", ["name", "slot"], unique=True)
    op.create_index("ix_reconciliations_started_at", "reconciliations", ["started_at"], unique=False)
