"""One suite for all search engines: nothing of another owner's comes out, whichever way it is asked for."""

import pytest
from support.search_engines import OTHER, START, ask, facts, job_id, jobs, put, row

from search.port import Put, Sort
from search.questions import MalformedCursor

SECRET = "zanzibar"


@pytest.fixture
def shared(engine):
    """My job 1 and another owner's job 2 with the same texts; their job 3 has what nobody else has."""
    same = (
        row(1, "Dark Turquoise wheel", "millennium hyperdrive corellian", parts=("3001",), color="Red", name="Wheel"),
    )
    engine.write(
        [
            put(1, *same, tags=("urgent",), numbers={"pieces": 5}),
            put(2, *same, tags=("urgent",), numbers={"pieces": 5}, owner=OTHER),
            put(
                3,
                row(1, SECRET, f"{SECRET} hyperdrive", parts=(f"{SECRET}1",), color=SECRET, name=SECRET),
                owner=OTHER,
                name=f"{SECRET}.xml",
                tags=(SECRET,),
                kind=SECRET,
                status=SECRET,
                pipeline=SECRET,
            ),
        ]
    )
    return engine


ASKED = [
    "",
    "wheel",
    "hyperdrive",
    "wheel -tag:none",
    "-none",
    "tag:urgent",
    "pieces:5",
    "pieces:..9",
    "kind:bricklink-xml",
    "hyperdrve",
    "hyper*",
    "part:3001",
    "color:red",
    "owner:other",
    f"id:{job_id(2)}",
    job_id(3),
    f"sha256:{3:064x}",
    SECRET,
    f"{SECRET[:4]}*",
    f"title:{SECRET}",
    "zanzibra",
    f"kind:{SECRET}",
    f"name:{SECRET}",
]


@pytest.mark.parametrize("q", ASKED)
@pytest.mark.parametrize("sort", list(Sort))
def test_find__answers_with_the_owners_own_alone(shared, q, sort):
    """No word, field, range, exclusion, prefix or typo reaches into another owner's jobs; neither do totals and facets."""
    if q.startswith("owner:"):
        q = q.replace(":", " ")
    found = ask(shared, q, sort=sort, facets=("kind", "pipeline", "status", "tag", "color"))
    assert set(jobs(found)) <= {1}
    assert found.total == len(found.hits) <= 2
    assert SECRET not in str(found)
    assert all(count == 1 for counted in found.facets.values() for count in counted.values())


@pytest.mark.parametrize(
    "filters",
    [
        {"job_ids": (job_id(2), job_id(3))},
        {"tags": ("urgent",)},
        {"kinds": (SECRET, "bricklink-xml")},
        {"parts": ("3001", f"{SECRET}1")},
        {"colors": ("Red", SECRET)},
        {"created_from": START},
        {"ranges": {"pieces": (None, None)}},
    ],
    ids=str,
)
def test_filters__narrow_the_owners_own(shared, filters):
    """Filters narrow down what is mine; naming another's job, part or color yields nothing of it."""
    found = ask(shared, "", filters=filters, facets=("kind", "color", "tag"))
    assert set(jobs(found)) <= {1}
    assert SECRET not in str(found)
    assert (found.total == 0) == ("job_ids" in filters)


def test_suggest__completes_from_the_owners_own(shared):
    """What only others have is not suggested, and what all have is counted once."""
    assert shared.suggest("me", SECRET[:3]) == []
    assert [(one.text, one.jobs) for one in shared.suggest("me", "whe")] == [("Wheel", 1)]
    assert [one.jobs for one in shared.suggest("me", "urg")] == [1]
    assert {one.field for one in shared.suggest(OTHER, SECRET[:3])} == {"name", "part", "part_name", "tag"}
    assert shared.suggest("nobody", "whe") == []


def test_similar__looks_at_the_owners_own(shared):
    """Another's job has no look-alikes for me, and mine has none among another's, equal as they are."""
    assert shared.similar("me", job_id(1)) == []
    assert shared.similar("me", job_id(2)) == []
    assert shared.similar("me", job_id(3)) == []
    assert [hit.job_id for hit in shared.similar(OTHER, job_id(2))] in ([job_id(3)], [])


def test_cursor__of_another_owner_is_refused(shared):
    """A cursor that another owner was given opens nothing."""
    shared.write([put(n, row(1, "wheel"), owner=OTHER) for n in range(10, 15)])
    after = ask(shared, "wheel", owner=OTHER, sort="oldest", limit=1).following
    with pytest.raises(MalformedCursor):
        ask(shared, "wheel", sort="oldest", after=after)


def test_put__never_mixes_owners(shared):
    """A job whose owner changes is found by the new one alone, with its places."""
    shared.write([Put(job=facts(2, owner="me", version=2), places=None)])
    assert set(jobs(ask(shared, "wheel"))) == {1, 2}
    assert set(jobs(ask(shared, "wheel", owner=OTHER))) == set()


def test_owner__is_compared_exactly(shared):
    """An owner whose name looks alike, or is empty, sees nothing."""
    for owner in ("ME", "me ", "m", "", "*", "me OR other", "m\u00e9", "\0"):
        assert (ask(shared, "wheel", owner=owner).total, shared.suggest(owner, "whe")) == (0, [])
