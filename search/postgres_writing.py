"""Batches of changes to the PostgreSQL index: what they come to, in one transaction.

Other machines write as well. Who writes a job holds one of `STRIPES` locks, taken in order before anything is read; counts
that all share (words, names, owners) are changed last and in order, so that nobody waits for another in a circle.
"""

# ruff: noqa: S608 - statements are put together from our own words alone; all values are bound

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zlib import crc32

from jobs.context import Place
from search.analysis import tokens
from search.port import Change, JobFacts, Put
from search.postgres_rows import (
    Name,
    Rows,
    basis,
    changing_columns,
    job_columns,
    name_vector,
    names_of,
    own_names,
    rows_of,
)
from search.postgres_state import execute, named

if TYPE_CHECKING:
    from sqlalchemy import Connection

STRIPES = 64
_LOCKS = 0x48535752  # PostgreSQL advisory locks of this transaction
_ENTRY_COLUMNS = (
    "job",
    "ordinal",
    "heads",
    "bodies",
    "words",
    "place",
    "title",
    "text",
    "artifact",
    "color",
    "part_name",
    "parts",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the index has of a job."""

    number: int
    version: int
    basis: str


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What a batch makes of a job."""

    known: Known | None  # before
    version: int | None  # None: it is not there
    facts: JobFacts | None = None  # None: it goes
    places: tuple[Place, ...] | None = ()  # None: those that are there stay
    changed: bool = False


@dataclass(slots=True, kw_only=True)
class Tally:
    """By how much the counts of one owner change."""

    entries: Counter[str] = field(default_factory=Counter)  # by word
    jobs: Counter[str] = field(default_factory=Counter)  # by word
    names: Counter[Name] = field(default_factory=Counter)
    shown: dict[Name, str] = field(default_factory=dict)
    sums: Counter[str] = field(default_factory=Counter)  # the columns of owners


def write(connection: "Connection", slot: str, changes: Sequence[Change]) -> None:
    """Make all changes in one set of tables, in the transaction that is open."""
    found = outcomes(changes, _known(connection, slot, sorted({_id(change) for change in changes})))
    if not found:
        return
    _keep_places(connection, slot, found)
    staying = [one for one in found if one.facts is not None and one.places is None]
    rewritten = [one for one in found if one not in staying]
    tallies: dict[str, Tally] = {}
    gone = [one.known.number for one in rewritten if one.known]
    if gone:
        _take_out(connection, slot, gone, tallies)
    made = [(rows_of(one.facts, one.places or ()), one.known) for one in rewritten if one.facts is not None]
    if made:
        _put_in(connection, slot, made, tallies)
    for one in staying:
        _refresh(connection, slot, one)
    for owner in sorted(tallies):
        _settle(connection, slot, owner, tallies[owner])


def lock(connection: "Connection", changes: Iterable[Change]) -> None:
    """Wait until nobody else writes these jobs."""
    from sqlalchemy import text

    stripes = sorted({crc32(_id(change).encode("utf-8", "surrogatepass")) % STRIPES for change in changes})
    # An element is locked when it is reached; the schema's own number keeps installations in one database apart.
    connection.execute(
        text(
            "SELECT count(pg_advisory_xact_lock(:locks, CAST(hashtext(current_schema() || '/' || stripe) AS int))) "
            "FROM unnest(CAST(:stripes AS int[])) stripe"
        ),
        {"stripes": stripes, "locks": _LOCKS},
    )


def outcomes(changes: Iterable[Change], known: Mapping[str, Known]) -> list[Outcome]:
    """As if changes were made one after the other; jobs that stay as they are are left out."""
    found: dict[str, Outcome] = {}
    for change in changes:
        job_id = _id(change)
        if (job := found.get(job_id)) is None:
            before = known.get(job_id)
            job = found[job_id] = Outcome(known=before, version=before.version if before else None)
            job.places = None if before else ()
        if not isinstance(change, Put):
            job.changed = job.changed or job.version is not None
            job.version, job.facts, job.places = None, None, ()
        elif job.version is None or change.job.version >= job.version:
            job.places = job.places if change.places is None else tuple(change.places)
            job.version, job.facts, job.changed = change.job.version, change.job, True
    return [one for one in found.values() if one.changed and (one.known or one.facts)]


def _id(change: Change) -> str:
    return change.job.job_id if isinstance(change, Put) else change.job_id


def _known(connection: "Connection", slot: str, job_ids: Sequence[str]) -> dict[str, Known]:
    query = "SELECT job_id, job, version, basis FROM {jobs} WHERE job_id = ANY(:ids)"
    found = execute(connection, slot, query, {"ids": [one for one in job_ids if "\0" not in one]})
    return {row.job_id: Known(number=row.job, version=row.version, basis=row.basis) for row in found}


def _keep_places(connection: "Connection", slot: str, found: Sequence[Outcome]) -> None:
    """Where a job's places stay but their rows say something of it that has changed, read what they were made from."""
    query = (
        "SELECT artifact, place, title, text, parts, color, part_name FROM {entries} "
        "WHERE job = :job AND ordinal > 0 ORDER BY ordinal"
    )
    for one in found:
        if one.places is None and one.known and one.facts and basis(one.facts) != one.known.basis:
            rows = execute(connection, slot, query, {"job": one.known.number})
            one.places = tuple(
                Place(row.artifact, row.place, row.title, row.text, tuple(row.parts), row.color, row.part_name)
                for row in rows
            )


def _take_out(connection: "Connection", slot: str, jobs: Sequence[int], tallies: dict[str, Tally]) -> None:
    """Remove all rows of jobs, and note what counts lose by that."""
    values = {"jobs": list(jobs)}
    sums = """
        SELECT j.owner, count(*) AS entries, count(DISTINCT j.job) AS jobs, sum(e.heads) AS heads,
            count(*) FILTER (WHERE e.heads > 0) AS headed, sum(e.bodies) AS bodies,
            count(*) FILTER (WHERE e.bodies > 0) AS bodied
        FROM {jobs} j JOIN {entries} e USING (job) WHERE j.job = ANY(:jobs) GROUP BY j.owner"""
    for row in execute(connection, slot, sums, values).mappings():
        tallies.setdefault(row["owner"], Tally()).sums.subtract({k: int(v) for k, v in row.items() if k != "owner"})
    words = """
        SELECT j.owner, word, count(*) FROM {jobs} j JOIN {entries} e USING (job), unnest(tsvector_to_array(e.words)) word
        WHERE j.job = ANY(:jobs) AND word !~ '^[=/]' GROUP BY j.owner, word"""
    for owner, word, count in execute(connection, slot, words, values):
        tallies[owner].entries[word] -= count
    gists = """
        SELECT j.owner, word, count(*) FROM {jobs} j, unnest(tsvector_to_array(j.gist)) word
        WHERE j.job = ANY(:jobs) AND word !~ '^[=/]' GROUP BY j.owner, word"""
    for owner, word, count in execute(connection, slot, gists, values):
        tallies[owner].jobs[word] -= count
    named_in = """
        SELECT j.owner, j.job, j.name, j.tags, e.parts, e.part_name FROM {jobs} j JOIN {entries} e USING (job)
        WHERE j.job = ANY(:jobs) AND (e.ordinal = 0 OR e.part_name IS NOT NULL OR e.parts <> '{}')"""
    names: dict[tuple[str, int], dict[Name, str]] = {}
    for owner, job, name, tags, parts, part_name in execute(connection, slot, named_in, values):
        names.setdefault((owner, job), own_names(name, tags)).update(names_of(parts, part_name))
    for (owner, _job), those in names.items():
        tallies[owner].names.subtract(those.keys())
    execute(connection, slot, "DELETE FROM {entries} WHERE job = ANY(:jobs)", values)
    execute(connection, slot, "DELETE FROM {jobs} WHERE job = ANY(:jobs)", values)


def _put_in(
    connection: "Connection", slot: str, made: Sequence[tuple[Rows, Known | None]], tallies: dict[str, Tally]
) -> None:
    """Add jobs with all their rows, and note what counts gain by that."""
    query = "SELECT nextval(pg_get_serial_sequence('{jobs}', 'job')) FROM generate_series(1, :count)"
    drawn = iter(execute(connection, slot, query, {"count": sum(known is None for _rows, known in made)}).scalars())
    jobs, entries = [], []
    for rows, known in made:
        if "\0" in rows.facts.owner:
            raise ValueError("an owner's name with a NUL in it can't be kept")
        number = known.number if known else next(drawn)
        jobs.append(job_columns(rows, number=number))
        for row in rows.rows:
            one = row.entry
            color = one.colors[0] if one.ordinal and one.colors else None
            where = (one.place, one.title, one.text, one.artifact, color, one.part_name, list(one.parts))
            entries.append((number, one.ordinal, row.heads, row.bodies, row.words, *where))
        _count(rows, tallies.setdefault(rows.facts.owner, Tally()))
    _copy(connection, slot, "jobs", tuple(jobs[0]), [tuple(one.values()) for one in jobs])
    _copy(connection, slot, "entries", _ENTRY_COLUMNS, entries)


def _count(rows: Rows, tally: Tally) -> None:
    tally.entries.update(rows.counted)
    tally.jobs.update(rows.gist)
    tally.names.update(rows.names.keys())
    tally.shown.update(rows.names)
    heads = [row.heads for row in rows.rows if row.heads]
    bodies = [row.bodies for row in rows.rows if row.bodies]
    tally.sums.update(
        jobs=1, entries=len(rows.rows), heads=sum(heads), headed=len(heads), bodies=sum(bodies), bodied=len(bodies)
    )


def _copy(
    connection: "Connection", slot: str, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]
) -> None:
    driver: Any = connection.connection.driver_connection
    with (
        driver.cursor() as cursor,
        cursor.copy(named(f"COPY {{{table}}} ({', '.join(columns)}) FROM STDIN", slot)) as copy,
    ):
        for row in rows:
            copy.write_row(row)


def _refresh(connection: "Connection", slot: str, one: Outcome) -> None:
    """New facts of a job whose places stay as they are: its own row alone."""
    assert one.facts is not None
    assert one.known is not None, "only jobs that are there have places that stay"
    values = changing_columns(one.facts)
    changed = ", ".join(f"{name} = :{name}" for name in values if name not in ("job_id", "facts"))
    query = f"UPDATE {{jobs}} SET {changed}, facts = CAST(:facts AS tsvector) WHERE job = :job"
    execute(connection, slot, query, values | {"job": one.known.number})


def _settle(connection: "Connection", slot: str, owner: str, tally: Tally) -> None:
    """Change the counts that all writers share."""
    words = sorted(word for word in tally.entries.keys() | tally.jobs.keys() if tally.entries[word] or tally.jobs[word])
    if words:
        values = {
            "owner": owner,
            "words": words,
            "entries": [tally.entries[word] for word in words],
            "jobs": [tally.jobs[word] for word in words],
        }
        execute(connection, slot, _ADD_WORDS, values)
        fewer = [word for word in words if tally.entries[word] < 0]
        if fewer:
            execute(connection, slot, _DROP_WORDS, {"owner": owner, "words": fewer})
    names = sorted(name for name, count in tally.names.items() if count)
    if names:
        _add_names(connection, slot, owner, names, tally)
    if words or names or any(tally.sums.values()):
        execute(connection, slot, _ADD_SUMS, {"owner": owner, **{name: tally.sums[name] for name in _SUMS}})


def _add_names(connection: "Connection", slot: str, owner: str, names: Sequence[Name], tally: Tally) -> None:
    """What becomes less alone is not shown by anything here; its row is there already, and keeps its words."""
    shown = [tally.shown.get(name, "") for name in names]
    values = {
        "owner": owner,
        "fields": [name[0] for name in names],
        "values": [name[1] for name in names],
        "shown": [" ".join(text.split()) for text in shown],
        "begins": [" ".join(tokens(text))[:100] for text in shown],
        "words": [name_vector(owner, text) for text in shown],
        "jobs": [tally.names[name] for name in names],
    }
    execute(connection, slot, _ADD_NAMES, values)
    if any(tally.names[name] < 0 for name in names):
        execute(connection, slot, _DROP_NAMES, {name: values[name] for name in ("owner", "fields", "values")})


_SUMS = ("jobs", "entries", "headed", "heads", "bodied", "bodies")
_ADD_WORDS = """
INSERT INTO {words} AS known (owner, word, length, entries, jobs)
SELECT :owner, word, char_length(word), entries, jobs
FROM unnest(CAST(:words AS text[]), CAST(:entries AS int[]), CAST(:jobs AS int[])) AS more (word, entries, jobs)
ON CONFLICT (owner, word) DO UPDATE SET entries = known.entries + excluded.entries, jobs = known.jobs + excluded.jobs
"""
_DROP_WORDS = "DELETE FROM {words} WHERE owner = :owner AND word = ANY(:words) AND entries <= 0"
_ADD_NAMES = """
INSERT INTO {names} AS known (owner, field, value, shown, begins, words, jobs)
SELECT :owner, field, value, shown, begins, CAST(words AS tsvector), jobs
FROM unnest(
    CAST(:fields AS text[]), CAST(:values AS text[]), CAST(:shown AS text[]), CAST(:begins AS text[]),
    CAST(:words AS text[]), CAST(:jobs AS int[])
) AS more (field, value, shown, begins, words, jobs)
ON CONFLICT (owner, field, value) DO UPDATE SET jobs = known.jobs + excluded.jobs
"""
_DROP_NAMES = """
DELETE FROM {names} USING unnest(CAST(:fields AS text[]), CAST(:values AS text[])) AS less (field, value)
WHERE {names}.owner = :owner AND {names}.field = less.field AND {names}.value = less.value AND jobs <= 0
"""
_ADD_SUMS = """
INSERT INTO {owners} AS known (owner, jobs, entries, headed, heads, bodied, bodies, written_at)
VALUES (:owner, :jobs, :entries, :headed, :heads, :bodied, :bodies, clock_timestamp())
ON CONFLICT (owner) DO UPDATE SET jobs = known.jobs + excluded.jobs, entries = known.entries + excluded.entries,
    headed = known.headed + excluded.headed, heads = known.heads + excluded.heads,
    bodied = known.bodied + excluded.bodied, bodies = known.bodies + excluded.bodies, written_at = excluded.written_at
"""
