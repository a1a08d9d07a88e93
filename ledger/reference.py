"""Tables of reference data: catalog versions, owners' corrections, column mappings, prices; and fingerprints of files."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Table, Text, text

from jobs.likeness import BANDS
from ledger.schema import CASCADE, metadata
from ledger.types import Json, Utc

# A version is the artifact `catalog.sqlite` of the job that imported it; that job is kept as long as its version is.
catalog_versions = Table(
    "catalog_versions",
    metadata,
    Column("job_id", Text, ForeignKey("jobs.id"), primary_key=True),  # also the version's name
    Column("state", Text, nullable=False),  # active, retired
    Column("counts", Json, nullable=False),  # rows by table
    Column("notes", Json, nullable=False),  # what the checks said
    Column("created_at", Utc, nullable=False),
    Column("activated_at", Utc),
    Index(
        "uq_catalog_versions_active",
        "state",
        unique=True,
        postgresql_where=text("state = 'active'"),
        sqlite_where=text("state = 'active'"),
    ),
)

# What an owner said an id or a color stands for; asked before anything else.
corrections = Table(
    "corrections",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("kind", Text, nullable=False),  # part, color
    Column("space", Text, nullable=False),  # whose number `raw` is
    Column("raw", Text, nullable=False),  # as lists say it, lower case
    Column("target", Text, nullable=False),  # a part number or a color id of the catalog
    Column("note", Text, nullable=False),
    Column("created_at", Utc, nullable=False),
    Index("uq_corrections_owner_kind_space_raw", "owner", "kind", "space", "raw", unique=True),
)

# Which column of an owner's own tables means what, under a name.
column_mappings = Table(
    "column_mappings",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("wishes", Json, nullable=False),
    Column("changed_at", Utc, nullable=False),
)

# An owner's own price table.
prices = Table(
    "prices",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("part_num", Text, primary_key=True),
    Column("color_id", Text, primary_key=True),  # empty: any color
    Column("condition", Text, primary_key=True),  # N, U; empty: either
    Column("currency", Text, primary_key=True),
    Column("unit_price", Text, nullable=False),  # a decimal as text: no digit is lost
    Column("as_of", Utc, nullable=False),
)

# What price services have answered, kept for a while; NULL where one knew no price.
price_quotes = Table(
    "price_quotes",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("key", Text, primary_key=True),  # part, color, condition and currency in one text
    Column("quote", Json),
    Column("fetched_at", Utc, nullable=False),
    Column("fresh_until", Utc, nullable=False),
    Index("ix_price_quotes_fetched_at", "fetched_at"),
)

# Calls made to a price service on one day, so that a daily limit holds over restarts and workers.
price_calls = Table(
    "price_calls",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("day", Text, primary_key=True),  # 2026-11-26, UTC
    Column("calls", BigInteger, nullable=False),
)

# By what copies and look-alikes of a job's file are found; `jobs.likeness` says what the bands are.
fingerprints = Table(
    "fingerprints",
    metadata,
    Column("job_id", Text, ForeignKey("jobs.id", ondelete=CASCADE), primary_key=True),
    Column("family", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("exact", Text, nullable=False),
    Column("near", Text, nullable=False),
    *(Column(f"band_{number}", BigInteger) for number in range(BANDS)),
    Column("made_at", Utc, nullable=False),
    Index("ix_fingerprints_owner_family_exact", "owner", "family", "exact", "job_id"),
    *(
        Index(
            f"ix_fingerprints_band_{number}",
            "owner",
            "family",
            f"band_{number}",
            postgresql_where=text(f"band_{number} IS NOT NULL"),
            sqlite_where=text(f"band_{number} IS NOT NULL"),
        )
        for number in range(BANDS)
    ),
)
