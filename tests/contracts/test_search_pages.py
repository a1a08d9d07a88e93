"""One suite for all search engines: orders, and pages that neither repeat nor skip a hit."""

from datetime import timedelta

import pytest
from support.search_engines import START, ask, jobs, places, put, row

from search.port import Drop
from search.questions import MalformedCursor


def pages(engine, q, *, between=lambda: None, limit=3, **more):
    """All pages of an answer; `between` is done after each."""
    told, after = [], None
    while True:
        found = ask(engine, q, after=after, limit=limit, **more)
        told.append(found)
        after = found.following
        if after is None:
            return told
        assert len(found.hits) == limit
        between()


@pytest.fixture
def shelf(engine):
    """Jobs 1 to 6, made in pairs at the same time, with names that do not follow them."""
    names = ["delta", "Bravo", "charlie", "alpha", "bravo", "Écho"]
    engine.write(
        [
            put(n, row(1, "Wheel"), row(2, "Wheel"), name=name, created_at=START + timedelta(minutes=n // 2))
            for n, name in enumerate(names, 1)
        ]
    )
    return engine


ORDERS = {"newest": [6, 4, 5, 2, 3, 1], "oldest": [1, 2, 3, 4, 5, 6], "name": [4, 2, 5, 3, 1, 6]}


@pytest.mark.parametrize("sort", ORDERS)
def test_sort__is_by_what_it_says(shelf, sort):
    """Jobs come by time or folded name, of equals the one with the smaller id first."""
    assert jobs(ask(shelf, "", sort=sort)) == ORDERS[sort]


@pytest.mark.parametrize("sort", ORDERS)
def test_sort__keeps_places_in_their_order(shelf, sort):
    """The places of a job stand together, in the order they were put."""
    expected = [(number, f"row {n}") for number in ORDERS[sort] for n in (1, 2)]
    assert places(ask(shelf, "wheel", sort=sort)) == expected


def test_sort__by_place_counts_numbers(engine):
    """Row 10 comes behind row 9, not behind row 1."""
    engine.write([put(1, *(row(n, "Wheel") for n in range(1, 13)))])
    assert places(ask(engine, "wheel", sort="oldest")) == [(1, f"row {n}") for n in range(1, 13)]


@pytest.mark.parametrize("sort", ["relevance", "newest", "oldest", "name"])
@pytest.mark.parametrize("limit", [1, 5, 12, 100])
def test_pages__hold_every_hit_once(shelf, sort, limit):
    """Page by page the same hits come in the same order as at once, with the same total on each page."""
    told = pages(shelf, "wheel", sort=sort, limit=limit)
    at_once = places(ask(shelf, "wheel", sort=sort, limit=100))
    assert [place for found in told for place in places(found)] == at_once
    assert len(at_once) == len(set(at_once)) == 12
    assert {found.total for found in told} == {12}


@pytest.mark.parametrize("sort", ["newest", "oldest", "name"])
def test_pages__neither_repeat_nor_skip_while_others_write(shelf, sort):
    """Whatever is written, changed or dropped between pages, what was there all along comes exactly once."""
    numbers = iter(range(7, 100))

    def between():
        n = next(numbers)
        for at, name in ((-5, "aaa"), (1, "bravo"), (30, "zulu")):
            shelf.write([put(n * 10 + at, row(1, "Wheel"), name=name, created_at=START + timedelta(minutes=at))])
        shelf.write([put(n * 10, row(1, "Wheel")), Drop(job_id=put(n * 10).job.job_id)])

    told = [place for found in pages(shelf, "wheel", sort=sort, limit=2, between=between) for place in places(found)]
    assert len(told) == len(set(told))
    assert [place for place in told if place[0] <= 6] == [(n, f"row {m}") for n in ORDERS[sort] for m in (1, 2)]


def test_pages__go_on_where_the_last_hit_is_gone(shelf):
    """A page goes on behind the last hit even where its job was dropped meanwhile."""
    first = ask(shelf, "", sort="oldest", limit=2)
    shelf.write([Drop(job_id=first.hits[-1].job_id)])
    assert jobs(ask(shelf, "", sort="oldest", limit=10, after=first.following)) == [3, 4, 5, 6]


def test_pages__by_relevance_hold_while_nothing_is_written(engine):
    """By relevance pages are exact while the index stays as it is; scores move with whatever is written."""
    engine.write([put(n, row(1, "Wheel " * (n % 4 + 1), "lorem " * (n % 7))) for n in range(1, 41)])
    told = [place for found in pages(engine, "wheel", limit=7) for place in places(found)]
    assert sorted(told) == [(n, "row 1") for n in range(1, 41)]
    engine.write([put(41, row(1, "Plate"))])
    again = [place for found in pages(engine, "wheel", limit=7) for place in places(found)]
    assert sorted(again) == sorted(told)


def test_pages__keep_forgiving(engine):
    """Where typos were forgiven on the first page they are on the next, though that is never few."""
    engine.write([put(n, row(1, "Turquoise")) for n in range(1, 8)])
    told = pages(engine, "turqoise", limit=2)
    assert sorted(number for found in told for number in jobs(found)) == list(range(1, 8))
    assert {found.corrected for found in told} == {("turqoise",)}


def test_cursor__counts_for_its_own_question_alone(shelf):
    """A cursor of another question, order or owner, a shortened one, or any other text is refused as malformed."""
    after = ask(shelf, "wheel", sort="oldest", limit=2).following
    for other in (
        {"q": "wheels"},
        {"sort": "newest"},
        {"owner": "other"},
        {"filters": {"kinds": ("pdf",)}},
        {"edits": 1},
    ):
        with pytest.raises(MalformedCursor):
            ask(shelf, **({"q": "wheel", "sort": "oldest", "after": after} | other))
    for wrong in ("", "x", after[:-3], after + "AAAA", "é", "A" * 10_000, "W10", "bnVsbA", "\0", "\ud800", "MTI"):
        with pytest.raises(MalformedCursor):
            ask(shelf, "wheel", sort="oldest", after=wrong)


def test_cursor__bears_another_limit_and_other_facets(shelf):
    """The number of hits and the facets may change from page to page."""
    after = ask(shelf, "", sort="oldest", limit=2).following
    assert jobs(ask(shelf, "", sort="oldest", after=after, limit=3, facets=("kind",))) == [3, 4, 5]


def test_cursor__can_not_be_bent(shelf):
    """Of a cursor whose inside was changed an engine takes nothing but what it could have made."""
    import base64
    import json

    after = ask(shelf, "wheel", sort="oldest", limit=2).following
    inside = json.loads(base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)))
    for bent in (
        [10**400],
        ["x"],
        [None],
        [[1]],
        [True],
        [1e300, "a", 1],
        [{"a": 1}] * 3,
        ["\0", "\0", 1],
        [1, 2, 3, 4, 5],
    ):
        text = base64.urlsafe_b64encode(json.dumps([*inside[:2], *bent]).encode()).decode()
        with pytest.raises(MalformedCursor):
            ask(shelf, "wheel", sort="oldest", after=text)
