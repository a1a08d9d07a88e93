"""The search index in PostgreSQL with writers that are killed, writers at the same time, rebuilds, and less than it wants."""

import random
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import text
from support.search_engines import ask, job_id, jobs, migrated, places, put, row
from support.search_kills import acknowledged, started
from support.search_writer import REWRITTEN, engine_in

from ledger.database import Database
from search import postgres_state
from search.port import Drop, EngineError, IndexLocked
from search.postgres import PostgresEngine, fresh, opened
from search.postgres_state import OtherFormat, put_in_force, sweep

KILLS = 25


@pytest.fixture
def place(postgres_ledger_url):
    """URL and schema of an index of this test alone."""
    schema = f"t{secrets.token_hex(6)}"
    migrated(postgres_ledger_url, schema)
    return postgres_ledger_url, schema


@pytest.fixture
def database(place):
    made = Database(place[0], db_schema=place[1], pool_size=4)
    yield made
    made.close()


@pytest.fixture
def engine(place):
    with closing(opened(Database(place[0], db_schema=place[1], pool_size=4))) as made:
        yield made


@pytest.mark.timeout(280)
def test_writer__killed_while_it_commits_loses_nothing_that_it_acknowledged(place):
    """25 kills: each acknowledged batch is there, whole and once; at most the next one is there too, whole as well."""
    where, seen, rng = "#".join(place), 0, random.Random(7)
    for _kill in range(KILLS):
        told = acknowledged(started(where, seen + 1), after=rng.random() * 0.3)
        assert told == list(range(seen + 1, seen + 1 + len(told)))
        with closing(engine_in(where)) as reader:
            reader.write([put(9_999), Drop(job_id=job_id(9_999))])  # what the killed one had begun has ended by now
            versions = {one: (version, count) for one, version, count in reader.versions(limit=100_000)}
            last = max(version for version, _count in versions.values())
            assert last in (told[-1], told[-1] + 1)
            for number in range(1, last + 1):
                assert versions.pop(job_id(1_000 + number)) == (1, 3), number
            newest = {n % REWRITTEN: n for n in range(1, last + 1)}
            assert versions == {job_id(one): (n, 1) for one, n in newest.items()}
            assert reader.stats().documents == 4 * last + 2 * len(newest)
            rows = [(1_000 + last, f"row {n}") for n in (1, 2, 3)]
            assert sorted(places(ask(reader, f"batch{last}", edits=0))) == rows
        seen = last
    assert seen > KILLS


def test_writers__at_the_same_time_leave_the_newest_of_each_job_and_right_counts(place, database):
    """Four writers on the same jobs in any order: none waits for ever, the newest versions stay, all counts are right."""
    rng = random.Random(5)
    batches = [
        [
            put(
                number,
                *(row(n, f"word{rng.randrange(9)} wheel", parts=(f"{rng.randrange(5)}",)) for n in (1, 2)),
                version=v,
            )
            for number in rng.sample(range(1, 13), 6)
        ]
        for v in range(1, 41)
    ]
    newest = {change.job.job_id: change.job.version for batch in batches for change in batch}
    engines = [opened(Database(place[0], db_schema=place[1], pool_size=2)) for _ in range(4)]
    rng.shuffle(batches)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: [engines[n].write(batch) for batch in batches[n::4]], range(4)))
    assert {one: version for one, version, _places in engines[0].versions()} == newest
    assert ask(engines[0], "wheel", edits=0).total == 2 * len(newest)
    assert _counts(database) == _counted(database)
    engines[0].write([Drop(job_id=one) for one in newest])
    assert _counts(database) == _counted(database) == []
    for one in engines:
        one.close()


def _counts(database):
    return _rows(database, "SELECT word, entries FROM search_a_words")


def _counted(database):
    """The same, from the entries themselves."""
    words = "search_a_entries, unnest(tsvector_to_array(words)) word"
    return _rows(
        database, f"SELECT word, count(*) FROM {words} WHERE word !~ '^[=/]' AND length(word) <= 24 GROUP BY word"
    )


def _rows(database, query):
    with database.reading() as connection:
        return sorted(map(tuple, connection.execute(text(query))))


def test_rebuild__takes_the_place_of_the_index_whole(engine, database):
    """Until the swap the old one answers; what others write meanwhile is in both; afterwards the old one is gone."""
    engine.write([put(1, row(1, "Old wheel")), put(2, row(1, "Stale wheel"))])
    first = engine.generation
    beside = fresh(database)
    beside.write([put(1, row(1, "New wheel"))])
    engine.write([put(3, row(1, "Late wheel"))])
    assert set(jobs(ask(engine, "wheel"))) == {1, 2, 3}
    assert set(jobs(ask(beside, "wheel"))) == {1, 3}
    name = beside.generation
    beside.close()
    put_in_force(database, name)
    assert set(jobs(ask(engine, "wheel"))) == {1, 3}
    assert engine.generation == name != first
    assert sweep(database) == ["a"]
    assert sweep(database) == []
    engine.write([put(4, row(1, "wheel"))])
    assert engine.stats().jobs == 3
    with pytest.raises(EngineError, match="being filled"):
        put_in_force(database, first)


def test_rebuild__is_alone_and_what_died_is_swept(engine, database):
    """A second rebuild is refused while one runs; of one that ended without a swap nothing stays, nor is written to."""
    beside = fresh(database)
    with pytest.raises(IndexLocked, match="already"):
        fresh(database)
    assert sweep(database) == []
    beside.write([put(1, row(1, "wheel"))])
    beside.close()
    assert sweep(database) == ["b"]
    engine.write([put(2, row(1, "wheel"))])
    assert _rows(database, "SELECT job_id FROM search_b_jobs") == []
    assert jobs(ask(engine, "wheel", edits=0)) == [2]


def test_rebuild__leaves_no_gap_for_whoever_asks(place, engine, database):
    """Whoever asks over and over during swaps finds the job each time."""
    engine.write([put(1, row(1, "wheel"))])
    done, missed, asked = threading.Event(), [], []

    def look():
        while not done.is_set():
            asked.append(1)
            if ask(engine, "wheel").total != 1:
                missed.append(1)

    looker = threading.Thread(target=look)
    looker.start()
    for _ in range(8):
        beside = fresh(database)
        beside.write([put(1, row(1, "wheel"))])
        name = beside.generation
        beside.close()
        put_in_force(database, name)
        sweep(database)
    done.set()
    looker.join()
    assert asked
    assert not missed


def test_engine__without_pg_trgm_forgives_the_same_typos(engine, database):
    """Where the extension is missing typos are found in our own code, and status says that it is missing."""
    engine.write([put(1, row(1, "turquoise brick 3001"), name="a.xml")])
    typed = ("torquoize", "birck", "3010", "uqtrouise")
    expected = [places(ask(engine, q)) for q in typed]
    assert expected[:3] == [[(1, "row 1")]] * 3
    assert engine.stats().engine == "postgresql"
    database.writing(lambda connection: connection.execute(text("DROP EXTENSION pg_trgm CASCADE")))
    assert [places(ask(engine, q)) for q in typed] == expected
    assert engine.stats().engine == "postgresql without pg_trgm"


def test_migrate__goes_on_where_the_extension_may_not_be_made(fresh_postgres_url):
    """A user who may make tables alone gets the index without trigrams, and it works."""
    role, schema = f"r{secrets.token_hex(6)}", f"t{secrets.token_hex(6)}"
    admin = Database(fresh_postgres_url)
    admin.writing(
        lambda connection: [
            connection.execute(text(statement))
            for statement in (
                f"CREATE ROLE {role}",
                f"CREATE SCHEMA {schema} AUTHORIZATION {role}",
            )
        ]
    )
    try:
        _without_rights(admin, role, schema)
    finally:
        admin.writing(lambda connection: connection.execute(text(f"DROP OWNED BY {role}")))
        admin.writing(lambda connection: connection.execute(text(f"DROP ROLE {role}")))
        admin.close()


def _without_rights(admin, role, schema):
    from alembic import command

    from ledger.migrate import configuration

    def migrate(connection):
        connection.execute(text(f"SET ROLE {role}"))
        connection.execute(text(f"SET search_path = {schema}"))
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.execute(text("RESET ROLE"))

    admin.writing(migrate)
    admin.engine.dispose()
    with closing(PostgresEngine(Database(admin.url.render_as_string(hide_password=False), db_schema=schema))) as engine:
        engine.write([put(1, row(1, "turquoise"))])
        assert places(ask(engine, "turqoise")) == [(1, "row 1")]
        assert engine.stats().engine == "postgresql without pg_trgm"


def test_engine__that_is_too_slow_or_away_says_so(engine, database, monkeypatch):
    """A statement that takes too long, a lock that nobody frees and a server that is away are `EngineError`."""
    engine.write([put(1, row(1, "wheel"))])
    monkeypatch.setitem(postgres_state._SETTINGS, "statement_timeout", "100")
    with database.engine.begin() as blocking:
        blocking.execute(text("LOCK TABLE search_a_words IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(EngineError, match="timeout"):
            ask(engine, "wheel")
    assert ask(engine, "wheel").total == 1
    away = opened(Database("postgresql://nobody@127.0.0.1:1/none"))
    for call in (lambda: ask(away, "wheel"), lambda: away.write([put(1)]), away.stats, lambda: fresh(away._database)):
        with pytest.raises(EngineError):
            call()


def test_engine__of_another_format_asks_for_a_rebuild(engine, database):
    """An index of another release is neither asked nor written; a rebuild beside it brings this release's."""
    database.writing(lambda connection: connection.execute(text("UPDATE search_state SET format = 99")))
    for call in (lambda: ask(engine, "wheel"), lambda: engine.write([put(1)])):
        with pytest.raises(OtherFormat, match="search rebuild"):
            call()
    beside = fresh(database)
    beside.write([put(1, row(1, "wheel"))])
    name = beside.generation
    beside.close()
    put_in_force(database, name)
    assert jobs(ask(engine, "wheel")) == [1]


def test_find__by_a_sample_tells_about_as_much_as_there_is(engine):
    """Of a word in very many places totals are exact, filtered totals and facets near; pages by age and name miss nothing."""
    number = 700
    engine.write(
        [
            put(
                n,
                *(row(m, "wheel red" if m % 2 else "wheel", color="Red") for m in range(1, 11)),
                kind="pdf" if n % 4 else "stl",
            )
            for n in range(1, number + 1)
        ]
    )
    found = ask(engine, "wheel", facets=("kind",), limit=50)
    assert found.total == 10 * number
    assert len(found.hits) == 50
    assert abs(found.facets["kind"]["pdf"] - number * 3 / 4) < number / 4
    narrowed = ask(engine, "wheel", filters={"kinds": ("pdf",)}, sort="newest")
    assert abs(narrowed.total - 10 * number * 3 / 4) < number * 2
    for sort in ("newest", "oldest", "name"):
        told, after = [], None
        for _page in range(8):
            page = ask(engine, "wheel", sort=sort, limit=900, after=after)
            told += places(page)
            after = page.following
        assert after is None
        assert len(told) == len(set(told)) == 10 * number
