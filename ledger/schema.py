"""The tables of truth. Alembic's migrations make them; a test holds the two equal."""

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, MetaData, Table, Text, text

from ledger.types import BigId, Json, Utc

CASCADE = "CASCADE"
_UNINDEXED = text("unindexed_since IS NOT NULL")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("pipeline", Text, nullable=False),
    Column("pipeline_version", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("file", Json, nullable=False),
    Column("file_key", Text, nullable=False),
    Column("options", Json, nullable=False),
    Column("metadata", Json, nullable=False),
    Column("tags", Json, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("batch_id", Text),
    Column("parent_job_id", Text),
    Column("deadline", Utc),
    Column("expires_at", Utc),
    Column("version", Integer, nullable=False),
    Column("summary", Json, nullable=False),
    Column("warnings", Json, nullable=False),
    Column("fault", Json),
    Column("created_at", Utc, nullable=False),
    Column("started_at", Utc),
    Column("finished_at", Utc),
    Column("unindexed_since", Utc),  # the search index has yet to hear of a change since then; NULL: it is up to date
    Index("ix_jobs_owner_id", "owner", "id"),
    Index("ix_jobs_owner_status_id", "owner", "status", "id"),
    Index("ix_jobs_batch_id", "batch_id"),
    Index("ix_jobs_expires_at", "expires_at"),
    # Looked through each second by every worker: only live jobs that have a deadline are in it.
    Index(
        "ix_jobs_live_deadline",
        "deadline",
        postgresql_where=text("deadline IS NOT NULL AND status NOT IN ('succeeded', 'failed', 'cancelled')"),
        sqlite_where=text("deadline IS NOT NULL AND status NOT IN ('succeeded', 'failed', 'cancelled')"),
    ),
    Index("ix_jobs_finished_at", "finished_at"),
    Index("ix_jobs_file_key", "file_key"),
    Index("ix_jobs_unindexed_since", "unindexed_since", postgresql_where=_UNINDEXED, sqlite_where=_UNINDEXED),
)

step_runs = Table(
    "step_runs",
    metadata,
    Column("job_id", Text, ForeignKey("jobs.id", ondelete=CASCADE), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("position", Integer, nullable=False),  # order within the plan
    Column("queue", Text, nullable=False),
    Column("needs", Json, nullable=False),
    Column("required", Boolean, nullable=False),
    Column("timeout", Float, nullable=False),
    Column("memory", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("budget", Integer, nullable=False),
    Column("escalations", Integer, nullable=False),
    Column("dispatch", Integer, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("not_before", Utc),
    Column("lease_until", Utc),
    Column("worker", Text),
    Column("progress", Float, nullable=False),
    Column("message", Text, nullable=False),
    Column("returns", Integer, nullable=False, server_default="0"),
    Column("fault", Json),
    Column("queued_at", Utc),
    Column("started_at", Utc),
    Column("finished_at", Utc),
    # Only live rows are looked for by status; ended ones would bloat these.
    Index(
        "ix_step_runs_queued",
        "queue",
        "queued_at",
        postgresql_where=text("status = 'queued'"),
        sqlite_where=text("status = 'queued'"),
    ),
    Index(
        "ix_step_runs_running",
        "worker",
        "lease_until",
        postgresql_where=text("status = 'running'"),
        sqlite_where=text("status = 'running'"),
    ),
)

attempts = Table(
    "attempts",
    metadata,
    Column("job_id", Text, ForeignKey("jobs.id", ondelete=CASCADE), primary_key=True),
    Column("step", Text, primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("fence", Integer, primary_key=True),  # one row for each claim
    Column("number", Integer, nullable=False),  # the attempt that it counted as
    Column("worker", Text, nullable=False),
    Column("memory", BigInteger, nullable=False),  # class granted
    Column("outcome", Text),  # succeeded, failed, released, lost, cancelled; NULL while it runs
    Column("fault", Json),
    Column("signal", Integer),
    Column("peak_memory", BigInteger),
    Column("seconds", Float),
    Column("cpu_seconds", Float),
    Column("started_at", Utc, nullable=False),
    Column("finished_at", Utc),
    Index(
        "ix_attempts_open_worker",
        "worker",
        postgresql_where=text("outcome IS NULL"),
        sqlite_where=text("outcome IS NULL"),
    ),
)

blobs = Table(
    "blobs",
    metadata,
    Column("key", Text, primary_key=True),  # the object's key in the store, never reused
    Column("state", Text, nullable=False),  # pending, live, damaged, deleting
    Column("sha256", Text),  # known once live
    Column("size", BigInteger),
    Column("lease_until", Utc, nullable=False),  # the collector keeps off until then
    Column("created_at", Utc, nullable=False),
    # Equal content is stored once.
    Index(
        "uq_blobs_live_sha256",
        "sha256",
        unique=True,
        postgresql_where=text("state = 'live'"),
        sqlite_where=text("state = 'live'"),
    ),
    Index("ix_blobs_state_lease_until", "state", "lease_until"),
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("job_id", Text, ForeignKey("jobs.id", ondelete=CASCADE), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("step", Text, nullable=False),
    Column("key", Text, ForeignKey("blobs.key"), nullable=False),
    Column("sha256", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("created_at", Utc, nullable=False),
    Index("ix_artifacts_key", "key"),
)

events = Table(
    "events",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("owner", Text, nullable=False),
    Column("job_id", Text, nullable=False),  # no foreign key: the log outlives the job
    Column("type", Text, nullable=False),
    Column("step", Text),
    Column("correlation_id", Text, nullable=False),
    Column("data", Json, nullable=False),
    Column("at", Utc, nullable=False),
    Index("ix_events_owner_id", "owner", "id"),
    Index("ix_events_job_id", "job_id", "id"),
    Index("ix_events_at", "at"),
    sqlite_autoincrement=True,  # an id is never given twice
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("job_id", Text, ForeignKey("jobs.id", ondelete=CASCADE), nullable=False),
    Column("step", Text, nullable=False),
    Column("part", Integer, nullable=False),
    Column("dispatch", Integer, nullable=False),
    Column("queue", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("due_at", Utc, nullable=False),  # not sent before
    Column("taken_until", Utc),  # a sender is at it
    Column("tries", Integer, nullable=False),
    Index("ix_outbox_due_at", "due_at"),
    Index("ix_outbox_job_id", "job_id"),
    sqlite_autoincrement=True,  # an id is never given twice
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False, server_default="step"),  # `step`, or `message`: one that could not be read
    Column("owner", Text, nullable=False),
    Column("job_id", Text),  # none for a message
    Column("step", Text),
    Column("part", Integer),
    Column("attempt", Integer),
    Column("fault", Json),
    Column("evidence", Json, nullable=False),
    Column("state", Text, nullable=False),  # open, replayed, discarded
    Column("created_at", Utc, nullable=False),
    Column("closed_at", Utc),
    Index("ix_dead_letters_owner_state_id", "owner", "state", "id"),
    Index("ix_dead_letters_job_id", "job_id"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("route", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("job_id", Text, nullable=False),
    Column("expires_at", Utc, nullable=False),
    Index("ix_idempotency_keys_expires_at", "expires_at"),
    Index("ix_idempotency_keys_job_id", "job_id"),
)

queue_controls = Table(
    "queue_controls",
    metadata,
    Column("queue", Text, primary_key=True),
    Column("paused", Boolean, nullable=False),
    Column("changed_at", Utc, nullable=False),
)

# What a kind and size of file was seen to need beyond its step's own memory class.
memory_hints = Table(
    "memory_hints",
    metadata,
    Column("pipeline", Text, primary_key=True),
    Column("step", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("magnitude", Integer, primary_key=True),  # bit length of the file's size in bytes
    Column("memory", BigInteger, nullable=False),  # class
    Column("seen_at", Utc, nullable=False),
)

reconciliations = Table(
    "reconciliations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("slot", BigInteger),  # number of the clock's tick, so that two beats make one run; none where asked for
    Column("state", Text, nullable=False),  # requested, running, done, failed
    Column("checked", BigInteger, nullable=False),
    Column("repaired", BigInteger, nullable=False),
    Column("left_alone", BigInteger, nullable=False),
    Column("notes", Json, nullable=False),  # why: what was repaired, what was left alone
    Column("started_at", Utc, nullable=False),
    Column("finished_at", Utc),
    Index("uq_reconciliations_name_slot", "name", "slot", unique=True),
    Index("ix_reconciliations_started_at", "started_at"),
)

workers = Table(
    "workers",
    metadata,
    Column("name", Text, primary_key=True),
    Column("pool", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("concurrency", Integer, nullable=False),
    Column("sandbox", Text, nullable=False),  # `full`, or what is missing
    Column("gpu", Text),  # how its GPUs fare; empty where it uses none
    Column("started_at", Utc, nullable=False),
    Column("seen_at", Utc, nullable=False),
    Index("ix_workers_seen_at", "seen_at"),
)

# Deleted jobs that the search index has yet to forget.
search_gone = Table(
    "search_gone",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("at", Utc, nullable=False),
)
