"""Alembic's entry: runs the migrations on the connection that ledger/migrate.py hands over."""

from alembic import context

import ledger.pulse  # noqa: F401 - takes its table into the metadata
from ledger.reference import metadata  # of all other tables: it takes them in

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
