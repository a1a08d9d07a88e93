"""One suite for all search engines: what is written counts once, whole, and in its newest version."""

import random
import threading

import pytest
from support.search_engines import ask, facts, job_id, jobs, places, put, row

from search.analysis import MAX_TEXT
from search.port import Drop, EngineError, Put
from search.query import MalformedQuery, parse


def test_write__can_be_found_when_it_returns(engine):
    """Whatever was written is found at once, by words, facets, suggestions and in the list of versions."""
    engine.write([put(1, row(1, "Wheel", "", parts=("4624",)))])
    assert places(ask(engine, "wheel")) == [(1, "row 1")]
    assert [one.text for one in engine.suggest("me", "46")] == ["4624"]
    assert engine.versions() == [(job_id(1), 1, 1)]


def test_write__twice_is_once(engine):
    """Writing the same again changes nothing: no hit is doubled, no count grows."""
    change = put(1, row(1, "Wheel"), row(2, "Wheel"), tags=("urgent",))
    engine.write([change])
    before = (ask(engine, "wheel", facets=("tag",)), engine.versions(), engine.stats().documents)
    engine.write([change])
    engine.write([change, change])
    assert (ask(engine, "wheel", facets=("tag",)), engine.versions(), engine.stats().documents) == before


def test_write__replaces_all_places_of_a_job(engine):
    """A newer version takes the place of all that was there, however many places it has; other jobs stay."""
    engine.write([put(1, *(row(n, "Wheel") for n in range(1, 8))), put(2, row(1, "Wheel"))])
    engine.write([put(1, row(1, "Plate"), version=2)])
    assert places(ask(engine, "wheel", edits=0)) == [(2, "row 1")]
    assert places(ask(engine, "plate")) == [(1, "row 1")]
    assert engine.versions() == [(job_id(1), 2, 1), (job_id(2), 1, 1)]
    engine.write([put(1, version=3)])
    assert ask(engine, "plate", edits=0).total == 0
    assert engine.versions()[0] == (job_id(1), 3, 0)


def test_write__passes_an_older_version_over(engine):
    """A late writer's older version changes nothing, alone or behind the newer one in the same batch."""
    engine.write([put(1, row(1, "New"), version=5, name="new.xml")])
    engine.write([put(1, row(1, "Old"), version=4, name="old.xml"), put(2, row(1, "New"))])
    engine.write([put(3, row(1, "New"), version=7), put(3, row(1, "Old"), version=6)])
    assert ask(engine, "old", edits=0).total == 0
    assert set(places(ask(engine, 'title:"new"', edits=0))) == {(1, "row 1"), (2, "row 1"), (3, "row 1"), (1, "file")}
    assert engine.versions() == [(job_id(1), 5, 1), (job_id(2), 1, 1), (job_id(3), 7, 1)]


def test_write__in_one_batch_counts_in_order(engine):
    """Changes of one batch count as if they were written one after the other."""
    engine.write([put(1, row(1, "Old")), Drop(job_id=job_id(1)), put(1, row(1, "New"))])
    engine.write([put(2, row(1, "Old")), put(2, row(1, "Newer"), version=2), Drop(job_id=job_id(2))])
    engine.write([put(3, row(1, "Kept")), Put(job=facts(3, version=2, tags=("late",)), places=None)])
    assert [(one[0], one[2]) for one in engine.versions()] == [(job_id(1), 1), (job_id(3), 1)]
    assert ask(engine, "old newer", edits=0).total == 0
    assert places(ask(engine, "tag:late kept")) == [(3, "row 1")]


def test_drop__forgets_a_job(engine):
    """Of a dropped job nothing is found in any way; dropping it again, or one that never was, changes nothing."""
    engine.write([put(1, row(1, "Wheel", "rare", parts=("4624",), color="Red", name="Wheel"), tags=("urgent",))])
    engine.write([put(2, row(1, "Plate", "rare"))])
    engine.write([Drop(job_id=job_id(1)), Drop(job_id=job_id(9))])
    engine.write([Drop(job_id=job_id(1))])
    assert jobs(ask(engine, "rare")) == [2]
    assert dict(ask(engine, "", facets=("tag", "color")).facets) == {"tag": {}, "color": {}}
    assert [engine.suggest("me", text) for text in ("whe", "46", "urg", "file-1")] == [[]] * 4
    assert engine.similar("me", job_id(2)) == []
    assert engine.versions() == [(job_id(2), 1, 1)]
    assert engine.stats().documents == 2


def test_put__without_places_keeps_those_that_are_there(engine):
    """New tags, status and name count for all places of the job, whose words, parts and colors stay."""
    first = row(1, "Wheel", "rubber tyre", parts=("4624",), color="Dark Red", name="Wheel 8mm")
    engine.write([put(1, first, row(2, "Axle"), tags=("old",), status="running", name="a.xml", numbers={"lots": 1})])
    changed = facts(1, version=2, tags=("new",), status="succeeded", name="b.xml", numbers={"lots": 2})
    engine.write([Put(job=changed, places=None)])
    assert engine.versions() == [(job_id(1), 2, 2)]
    for q in ("tag:new tyre", "status:succeeded wheel", "name:b part:4624", 'color:"dark red" lots:2', "title:wheel"):
        assert places(ask(engine, q, edits=0)) == [(1, "row 1")], q
    for q in ("tag:old", "old", "status:running", "lots:1", "name:a"):
        assert ask(engine, q, edits=0).total == 0, q
    assert dict(ask(engine, "", facets=("color", "tag")).facets) == {"color": {"Dark Red": 1}, "tag": {"new": 1}}
    assert jobs(ask(engine, filters={"colors": ("dark red",), "parts": ("4624",)})) == [1]
    assert [one.text for one in engine.suggest("me", "wheel")] == ["Wheel 8mm"]
    (hit,) = ask(engine, "rubber").hits
    assert (hit.artifact, hit.title, hit.snippet) == ("records.jsonl", "Wheel", "rubber tyre")


def test_put__without_places_makes_an_unknown_job_findable(engine):
    """A job that has no places yet is found by name, tag and id."""
    engine.write([Put(job=facts(1, name="falcon.xml", tags=("urgent",), status="queued"), places=None)])
    for q in ("falcon", "urgent", job_id(1), "status:queued"):
        assert places(ask(engine, q)) == [(1, "file")], q
    assert engine.versions() == [(job_id(1), 1, 0)]


def test_write__of_a_batch_that_fails_leaves_nothing(engine):
    """A change that can't be written takes its whole batch along; the engine goes on with the next."""
    engine.write([put(1, row(1, "Kept"))])
    broken = Put(job=facts(3), places=(row(1, "Fine"), row(2, object())))
    with pytest.raises((EngineError, TypeError, AttributeError, ValueError)):
        engine.write([put(2, row(1, "Lost")), Drop(job_id=job_id(1)), broken, put(4, row(1, "Lost"))])
    assert engine.versions() == [(job_id(1), 1, 1)]
    assert ask(engine, "lost fine", edits=0).total == ask(engine, "lost", edits=0).total == 0
    engine.write([put(2, row(1, "Found"))])
    assert set(jobs(ask(engine, "title:kept"))) | set(jobs(ask(engine, "title:found"))) == {1, 2}
    assert ask(engine, "lost", edits=0).total == 0


def test_write__of_nothing_is_fine(engine):
    """An empty batch, and one that only passes things over, are no fault."""
    engine.write([])
    engine.write([Drop(job_id=job_id(1))])
    assert engine.versions() == []
    assert (engine.stats().documents, engine.stats().jobs) == (0, 0)


def test_write__from_several_threads_loses_nothing(engine):
    """Threads may write and ask at the same time; in the end all is there once."""

    def work(first):
        for number in range(first, first + 10):
            engine.write([put(number, row(1, "Wheel"))])
            assert ask(engine, "wheel", filters={"job_ids": (job_id(number),)}).total == 1

    threads = [threading.Thread(target=work, args=(first,)) for first in (100, 200, 300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ask(engine, "wheel").total == 30
    assert len(engine.versions()) == 30


def test_versions__come_in_pages_by_id(engine):
    """All jobs of all owners, by id, each once, from behind `after`."""
    engine.write([put(n, row(1, "x"), version=n, owner="me" if n % 2 else "other") for n in range(1, 26)])
    told, after = [], ""
    while page := engine.versions(after=after, limit=7):
        assert len(page) <= 7
        told += page
        after = page[-1][0]
    assert told == [(job_id(n), n, 1) for n in range(1, 26)]
    assert engine.versions(after=job_id(20), limit=2) == [(job_id(21), 21, 1), (job_id(22), 22, 1)]


def test_stats__count_documents_and_jobs(engine):
    """Documents are places, and one more for each job."""
    engine.write([put(1, row(1, "a"), row(2, "b")), put(2), put(3, row(1, "c"))])
    told = engine.stats()
    assert (told.documents, told.jobs) == (6, 3)
    assert told.engine
    assert told.size is None or told.size > 0


ODD = [
    "nul\0inside",
    "half \ud800 pair",
    "emoji \U0001f600",
    "rtl \u202eabc",
    "tab\tand\nline",
    "'; DROP TABLE x; --",
    "\\",
    "%_",
]


@pytest.mark.parametrize("odd", ODD, ids=ascii)
def test_write__takes_any_text(engine, odd):
    """Whatever signs stand in names, tags, titles, texts, parts and colors, the job is kept and found."""
    place = row(1, f"wheel {odd}", odd, parts=(odd, "4624"), color=odd, name=odd)
    engine.write([put(1, place, name=odd, tags=(odd, "urgent"), sha256="", kind="", numbers={"size": 2.0**40})])
    assert places(ask(engine, "wheel")) == [(1, "row 1")]
    assert places(ask(engine, "urgent")) == [(1, "file")]
    assert places(ask(engine, filters={"parts": ("4624",), "colors": (odd,)})) == [(1, "row 1")]
    assert places(ask(engine, filters={"tags": (odd,)}, sort="name")) == [(1, "file")]
    assert places(ask(engine, "size:>1g")) == [(1, "file")]
    assert [one.text for one in engine.suggest("me", "46")] == ["4624"]
    found = ask(engine, "wheel", facets=("color", "tag")).facets
    assert (len(found["color"]), len(found["tag"])) == (1, 2)


def test_write__takes_endless_texts(engine):
    """Of a text the first MAX_TEXT characters are searched; a word of any length hurts nobody."""
    long = "lorem " * (MAX_TEXT // 6 - 10) + "inside " + "x" * 200_000 + " outside"
    engine.write(
        [
            put(
                1,
                row(1, "y" * 50_000, long, parts=("z" * 10_000,), color="c" * 5_000, name="n" * 5_000),
                name="w" * 5_000,
            )
        ]
    )
    engine.write([put(2, row(1, "Many", " ".join(f"word{n}" for n in range(4_000))))])
    assert places(ask(engine, "inside")) == [(1, "row 1")]
    assert ask(engine, "outside", edits=0).total == 0
    assert places(ask(engine, "part:zzz*")) == [(1, "row 1")]
    assert places(ask(engine, "word1500")) == places(ask(engine, '"word1000 word1001"')) == [(2, "row 1")]
    (hit,) = ask(engine, "inside").hits
    assert [hit.snippet[start:end] for start, end in hit.marks] == ["inside"]


def test_write__takes_jobs_of_many_places(engine):
    """A list of 12,000 rows is one change; each row is found, counted, and gone with the next version."""
    engine.write(
        [put(1, *(row(n, f"part{n} Red", f"lot {n}", parts=(f"part{n}",), color="Red") for n in range(1, 12_001)))]
    )
    assert engine.versions() == [(job_id(1), 1, 12_000)]
    assert places(ask(engine, "part:part11999")) == [(1, "row 11999")]
    found = ask(engine, "red", facets=("color",), limit=5)
    assert (found.total, len(found.hits), dict(found.facets["color"])) == (12_000, 5, {"Red": 1})
    engine.write([put(1, row(1, "Blue"), version=2)])
    assert (ask(engine, "red", edits=0).total, engine.stats().documents) == (0, 2)


HOSTILE = [
    "' OR 1=1 --",
    "\\",
    "a:b:c",
    "(((((",
    "[* TO *]",
    "*:*",
    "~2",
    "a^9",
    "AND OR NOT",
    "/.*/",
    "{!x}",
    "field:(a b)",
    "&|!<->",
    "'a':*",
    "::tsquery",
    "%",
    "_",
    "a" * 999,
    "a* " * 32,
    '"' + "a b " * 30 + '"',
    "\0",
    "\ud800\udfff",
    "\u202e",
    "١٢*",
    "🧱",
    "日*",
    "-" * 500,
    "-a " * 32,
    "color:" * 20,
    "pieces:1..9" + "9" * 30,
    "pieces:..1.5k",
    "title:*",
    "x " * 400,
    "\\'",
    "a\\*",
    "$1",
    "a\tb\u3000c",
    "sha256:" + "0" * 64,
    "id:" + "f" * 300,
    '""',
    '"-"*',
    "\u0301",
    "İıſß" * 50,
    "red red red -red",
    "..",
    ">",
    "\r\n",
    "e\u0301" * 200,
]


def test_find__stands_hostile_queries(engine):
    """Whatever is typed is answered or refused as malformed; nothing of an engine's own language works or shows."""
    engine.write([put(1, row(1, "Dark red brick", "a b c 日本 wheel", parts=("3001",), color="Red"), tags=("a",))])
    rng = random.Random(3)
    alphabet = [*"\"-*:().<>^~!&|\\'%_ \0\ud800", "a", "red", "color:", "pieces:", "..", "日", "12", "\u0301", " ", " "]
    built = ["".join(rng.choice(alphabet) for _ in range(rng.randrange(1, 40))) for _ in range(2_000 - len(HOSTILE))]
    answered = 0
    for q in [*HOSTILE, *built]:
        try:
            parse(q)
        except MalformedQuery:
            continue
        found = ask(engine, q, facets=("kind", "color"), sort=rng.choice(["relevance", "newest", "oldest", "name"]))
        answered += 1
        assert len(found.hits) == found.total <= 2
        engine.suggest("me", q)
    assert answered > 300
