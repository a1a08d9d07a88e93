"""Reference data: catalog versions, owners' corrections, column mappings, prices. Expands only."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from ledger.types import Utc

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_ACTIVE = sa.text("state = 'active'")


def upgrade() -> None:
    op.create_table(
        "catalog_versions",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("counts", JSON, nullable=False),
        sa.Column("notes", JSON, nullable=False),
        sa.Column("created_at", Utc(), nullable=False),
        sa.Column("activated_at", Utc(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_catalog_versions_job_id"),
        sa.PrimaryKeyConstraint("job_id", name="pk_catalog_versions"),
    )
    op.create_index(
        "uq_catalog_versions_active",
        "catalog_versions",
        ["state"],
        unique=True,
        postgresql_where=_ACTIVE,
        sqlite_where=_ACTIVE,
    )
    op.create_table(
        "corrections",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_corrections"),
    )
    op.create_index(
        "uq_corrections_owner_kind_space_raw", "corrections", ["owner", "kind", "space", "raw"], unique=True
    )
    op.create_table(
        "column_mappings",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("wishes", JSON, nullable=False),
        sa.Column("changed_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "name", name="pk_column_mappings"),
    )
    op.create_table(
        "prices",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("part_num", sa.Text(), nullable=False),
        sa.Column("color_id", sa.Text(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("unit_price", sa.Text(), nullable=False),
        sa.Column("as_of", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "part_num", "color_id", "condition", "currency", name="pk_prices"),
    )
    op.create_table(
        "price_quotes",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("quote", JSON, nullable=True),
        sa.Column("fetched_at", Utc(), nullable=False),
        sa.Column("fresh_until", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "key", name="pk_price_quotes"),
    )
    op.create_index("ix_price_quotes_fetched_at", "price_quotes", ["fetched_at"], unique=False)
    op.create_table(
        "price_calls",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "day", name="pk_price_calls"),
    )
