"""Every engine finds what the one in memory finds, which looks at every entry: random jobs, random questions."""

import random
from datetime import timedelta

import pytest
from support.search_engines import ME, OTHER, START, ask, facts, job_id, places, put, row

from search.memory import MemoryEngine
from search.port import Drop, Put

WORDS = (
    "red",
    "dark",
    "turquoise",
    "turqoise",
    "brick",
    "bricks",
    "birck",
    "wheel",
    "wheal",
    "plate",
    "2x4",
    "3001",
    "3010",
    "日本",
    "été",
)
COLORS = ("Red", "Dark Red", "Dark Turquoise", "dark red", None)
KINDS = ("pdf", "stl", "bricklink-xml")
TAGS = ("urgent", "Urgent", "for sale", "red")
FACETS = ("kind", "pipeline", "status", "tag", "color")
QUESTIONS = 250


def text(rng, most):
    return " ".join(rng.choices(WORDS, k=rng.randrange(most)))


def job(rng, number):
    """A job with a few places, of either owner."""
    values = {
        "owner": rng.choice((ME, ME, OTHER)),
        "name": f"{text(rng, 3)}.{rng.choice(('pdf', 'xml'))}",
        "kind": rng.choice(KINDS),
        "status": rng.choice(("succeeded", "failed")),
        "tags": tuple(rng.sample(TAGS, rng.randrange(3))),
        "created_at": START + timedelta(minutes=rng.randrange(8)),
        "numbers": {"pieces": rng.randrange(5), "size": rng.randrange(5)} if rng.random() < 0.8 else {},
    }
    rows = (
        row(
            n,
            text(rng, 4),
            text(rng, 12),
            parts=tuple(rng.sample(("3001", "3001-1", "3010"), rng.randrange(3))),
            color=rng.choice(COLORS),
            name=text(rng, 3) or None,
        )
        for n in range(1, rng.randrange(1, 6))
    )
    return put(number, *rows, **values)


def fill(engines, rng):
    """The same jobs, changes of jobs and drops in each of the engines, in several commits."""
    batches = [[job(rng, n) for n in range(first, first + 10)] for first in range(0, 60, 10)]
    batches.append([Drop(job_id=job_id(n)) for n in (3, 17)])
    batches.append([put(5, row(1, "dark wheel", "brick", color="Red"), version=2)])
    batches.append([Put(job=facts(8, version=2, tags=("late",), name="wheel.xml"), places=None)])
    for batch in batches:
        for engine in engines:
            engine.write(batch)


def clause(rng):
    """Something that can be typed."""
    word = rng.choice(WORDS)
    made = rng.choice(
        (
            word,
            word,
            f"{word[:3]}*" if word.isalpha() else word,
            f'"{rng.choice(WORDS)} {rng.choice(WORDS)}"',
            f'"{rng.choice(WORDS)} {word[:2]}"*',
            f"{rng.choice(('title', 'text', 'color', 'name', 'part', 'tag'))}:{word}",
            f"kind:{rng.choice(KINDS)}",
            f"pieces:{rng.choice(('1..3', '>2', '..1', '4'))}",
            "part:3001",
            "status:failed",
        )
    )
    return f"-{made}" if rng.random() < 0.2 else made


def question(rng):
    """Query, filters and typos, as `ask` takes them."""
    filters = {}
    for name, values in {
        "kinds": KINDS,
        "tags": TAGS,
        "colors": ("red", "dark turquoise", "Blue"),
        "parts": ("3001", "3001-1"),
        "statuses": ("failed",),
        "job_ids": tuple(map(job_id, range(0, 60, 2))),
    }.items():
        if rng.random() < 0.12:
            filters[name] = tuple(rng.sample(values, rng.randrange(1, len(values) + 1)))
    if rng.random() < 0.1:
        filters["created_from"] = START + timedelta(minutes=rng.randrange(8))
    if rng.random() < 0.1:
        filters["ranges"] = {"size": (rng.choice((None, 1)), rng.choice((None, 3)))}
    q = " ".join(clause(rng) for _ in range(rng.choice((0, 1, 1, 2, 3))))
    return {"q": q, "filters": filters, "edits": rng.choice((0, 0, 1, 2, None))}


def told(engine, asked, sort):
    """What must be the same in each engine."""
    found = ask(engine, **asked, sort=sort, facets=FACETS, limit=500)
    order = places(found) if sort != "relevance" else sorted(places(found))
    facets = {name: dict(counted) for name, counted in found.facets.items()}
    shown = sorted((hit.job_id, hit.place, hit.title, hit.snippet, hit.marks) for hit in found.hits)
    return order, found.total, facets, found.corrected, shown


@pytest.mark.parametrize("seed", [1, 2])
def test_find__answers_as_the_engine_that_looks_at_every_entry(engine, seed):
    """Hits, their order by time and name, totals, facets, snippets and corrections are the same for any question."""
    rng, twin = random.Random(seed), MemoryEngine()
    fill((engine, twin), rng)
    found = 0
    for _ in range(QUESTIONS):
        asked, sort = question(rng), rng.choice(("relevance", "newest", "oldest", "name"))
        expected = told(twin, asked, sort)
        assert told(engine, asked, sort) == expected, (asked, sort)
        found += bool(expected[1])
    assert found > QUESTIONS / 4


def test_suggest__answers_as_the_engine_that_looks_at_every_entry(engine):
    """Suggestions are the same for whatever is typed, with the same counts, the most common first."""
    rng, twin = random.Random(3), MemoryEngine()
    fill((engine, twin), rng)
    for word in (*WORDS, "for sale"):
        for typed in (word, word[:2], word[:1], f"{rng.choice(WORDS)} {word[:2]}"):
            suggested, expected = engine.suggest(ME, typed, limit=100), twin.suggest(ME, typed, limit=100)
            assert {(one.text.casefold(), one.field, one.jobs) for one in suggested} == {
                (one.text.casefold(), one.field, one.jobs) for one in expected
            }, typed


def test_versions__are_those_of_the_engine_that_looks_at_every_entry(engine):
    """After any sequence of writes both know the same jobs, versions and numbers of places."""
    rng, twin = random.Random(4), MemoryEngine()
    fill((engine, twin), rng)
    assert engine.versions() == twin.versions()
    assert (engine.stats().documents, engine.stats().jobs) == (twin.stats().documents, twin.stats().jobs)
