"""Alembic, driven from code: no alembic.ini, the same for both back ends."""

import re
import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from jobs.errors import ConfigurationError
from ledger.database import Database, unavailable_mapped
from ledger.errors import NewerSchema

_FOLDER = Path(__file__).parent / "migrations"
_LOCK_ID = 0x48454156  # PostgreSQL advisory lock: two starters at once migrate one after the other
_one_at_a_time = threading.Lock()  # Alembic's context is process-wide


def configuration() -> Config:
    """Alembic's configuration."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    return config


def head() -> str:
    """The newest revision that this release knows."""
    return ScriptDirectory.from_config(configuration()).get_current_head() or ""


def migrate(database: Database) -> None:
    """Bring the tables to this release's revision; does nothing where they are there already."""
    if database.db_schema and not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", database.db_schema):
        raise ConfigurationError(
            f"HEAVYLIFT_LEDGER_DB_SCHEMA must be a plain lower-case name, not {database.db_schema!r}"
        )
    engine = database.engine.execution_options(writes=True, durable=True)
    with _one_at_a_time, unavailable_mapped(), engine.begin() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": _LOCK_ID})
            if database.db_schema:
                connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{database.db_schema}"'))
        if not _is_current(connection):
            config = configuration()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def _is_current(connection: Connection) -> bool:
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is None:
        return False
    known = {script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions()}
    if revision not in known:
        raise NewerSchema(
            f"the ledger is at revision {revision}, which this release does not know: a newer release has migrated it. "
            "Start that release, or point HEAVYLIFT_LEDGER_URL (or --data-dir) elsewhere."
        )
    return revision == head()
