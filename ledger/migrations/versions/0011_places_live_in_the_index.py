"""What is findable lives in the search index alone. Contracts: the table was never in a release."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_search_places_job_id", table_name="search_places")
    op.drop_table("search_places")
