"""The ledger's pulse, and an index of the attempts that are open. Expands only."""

import sqlalchemy as sa
from alembic import op

from ledger.types import Utc

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_OPEN = sa.text("outcome IS NULL")


def upgrade() -> None:
    op.create_table(
        "pulse",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("alive_until", Utc(), nullable=False),
        sa.Column("trusted_from", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_pulse"),
    )
    op.create_index(
        "ix_attempts_open_worker", "attempts", ["worker"], unique=False, postgresql_where=_OPEN, sqlite_where=_OPEN
    )
