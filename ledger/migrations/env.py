"""Alembic's entry: runs the migrations on the connection that ledger/migrate.py hands over."""

from alembic import context

from ledger.reference import metadata  # of all tables: it takes in the others

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
