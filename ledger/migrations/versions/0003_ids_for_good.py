"""Ids of outbox rows and events are never given twice on SQLite, as they never were on PostgreSQL.

SQLite numbers new rows from the largest id that is left. A publisher that confirmed late could so delete the row of
another message, and a reader of events miss those after the log had been empty. Old processes go on meanwhile.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    for table in ("outbox", "events"):
        with op.batch_alter_table(table, recreate="always", table_kwargs={"sqlite_autoincrement": True}):
            pass  # the same columns, keys and indexes
