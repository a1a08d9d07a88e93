"""Where the tantivy index takes a shorter way to an answer, the answer is that of the long way."""

import base64
import json
import random
from contextlib import closing

import pytest
from support.search_engines import ME, OTHER, ask, job_id, jobs, places, put, row

from search import tantivy_queries, tantivy_ranking, tantivy_wanted
from search.port import Drop
from search.questions import MalformedCursor
from search.tantivy_engine import writing
from search.tantivy_queries import whose
from search.tantivy_schema import SAMPLES, sample, samples, spread
from search.tantivy_wanted import Wanted

LETTERS = "abcdefghij"


@pytest.fixture
def engine(tmp_path):
    with closing(writing(tmp_path)) as made:
        yield made


def clauses(engine, owner=ME):
    """How many clauses say whose documents are meant."""
    return len(whose(engine._current().searcher(), owner))


def test_owner__is_a_clause_as_soon_as_there_are_two(engine):
    """Documents of one owner alone are not looked at for it; another's first one changes that, his last one may not."""
    engine.write([put(1, row(1, "Wheel")), put(2, row(1, "Wheel"))])
    assert (clauses(engine), clauses(engine, OTHER)) == (0, 1)
    assert ask(engine, "wheel", owner=OTHER).total == 0
    for other in (f"{ME}2", ME[:1], f" {ME}", ME.upper()):
        engine.write([put(3, row(1, "Wheel"), owner=other)])
        assert (clauses(engine), clauses(engine, other)) == (1, 1)
        assert jobs(ask(engine, "wheel", sort="oldest")) == [1, 2]
        assert jobs(ask(engine, "wheel", owner=other)) == [3]
    engine.write([Drop(job_id=job_id(3))])
    assert jobs(ask(engine, "wheel", sort="oldest")) == [1, 2]
    assert ask(engine, "wheel", owner=other).total == 0


def test_owner__with_many_deleted_documents_is_not_taken_for_the_only_one(engine):
    """Dropped documents count for how often a word stands there, and not for how many documents there are."""
    engine.write([put(n, *(row(k, "Wheel") for k in range(20))) for n in range(1, 6)])
    engine.write([put(9, row(1, "Wheel"), owner=OTHER)])
    engine.write([Drop(job_id=job_id(n)) for n in range(1, 5)])
    assert clauses(engine) == 1
    assert set(jobs(ask(engine, "wheel", limit=100))) == {5}


def test_question_without_words__is_answered_to_an_only_owner(engine):
    """What is not to be there is left out of all that there is, also where no clause says whose."""
    engine.write([put(1, row(1, "Wheel")), put(2, row(1, "Axle"), name="wheel.xml")])
    assert clauses(engine) == 0
    assert places(ask(engine, "-wheel")) == [(1, "file")]
    assert jobs(ask(engine, "", sort="oldest")) == [1, 2]


def words(rng, number):
    return " ".join("".join(rng.choices(LETTERS, k=rng.randrange(1, 6))) for _ in range(number))


@pytest.mark.parametrize("field", ["", "text:", "title:"])
def test_beginnings__find_what_a_walk_through_all_words_finds(engine, monkeypatch, field):
    """Prefixes of two and three letters, of which the index keeps a list, against the walk that longer ones take."""
    rng = random.Random(f"beginnings {field}")
    engine.write([put(n, row(1, words(rng, 2), words(rng, 4)), row(2, words(rng, 1))) for n in range(1, 200)])
    asked = [f"{field}{a}{b}{c}*" for a in LETTERS[:4] for b in LETTERS[:4] for c in ("", "a", "f")]
    quick = [ask(engine, q, limit=100, edits=0) for q in asked]
    for module in (tantivy_queries, tantivy_wanted):
        monkeypatch.setattr(module, "BEGINNINGS", {})
    slow = [ask(engine, q, limit=100, edits=0) for q in asked]
    assert [(places(one), one.total) for one in quick] == [(places(one), one.total) for one in slow]
    assert sum(one.total for one in quick) > 80


def levels(total):
    """Jobs whose rows have four scores: many of them share one."""
    return [put(n, row(1, "Wheel " * (n % 4 + 1), "lorem")) for n in range(1, total + 1)]


@pytest.fixture
def narrow(monkeypatch):
    """Few hits count as very many."""
    monkeypatch.setattr(tantivy_ranking, "ALL", 30)
    monkeypatch.setattr(tantivy_ranking, "_IN_A_SAMPLE", 1)


def all_pages(engine, q, limit):
    found, after = [], None
    while True:
        page = ask(engine, q, limit=limit, after=after, edits=0)
        found += [
            (number, place, round(hit.score, 4)) for (number, place), hit in zip(places(page), page.hits, strict=True)
        ]
        if (after := page.following) is None:
            return found


@pytest.mark.parametrize("limit", [7, 50])
def test_best_of_very_many__are_those_of_the_best_score_and_then_chance(engine, narrow, limit):
    """Page by page: scores fall, and of one score those come first whose chance is largest; the same after merges."""
    engine.write(levels(700))
    found = all_pages(engine, "wheel", limit)
    assert sorted(number for number, _place, _score in found) == list(range(1, 701))

    def chance(number):
        return spread(job_id(number), 1, rank=len(samples(job_id(number))))

    best = sorted(found, key=lambda one: (-one[2], -chance(one[0])))
    assert [one[0] for one in found] == [one[0] for one in best]
    assert len({one[2] for one in found}) == 4
    for number in range(1000, 1012):  # of other words: segments merge, and scores move together
        engine.write([put(number, row(1, "Axle"))])
    assert [one[0] for one in all_pages(engine, "wheel", limit)] == [one[0] for one in found]


CLOSE = {  # questions whose hits have hundreds of scores, many of them less than a thousandth apart
    "quick": "wh* part",
    "beginning": "whee* part",
    "typo": "wheal part",
    "phrase": '"wheel tyre" part',
    "common": "part wheel",
}


@pytest.mark.parametrize("of", CLOSE)
@pytest.mark.parametrize("limit", [50, 200])
def test_pages_of_close_scores__hold_each_hit_once(engine, of, limit):
    """However many more are looked at for a later page, nobody comes before the last hit of the page before."""
    rng = random.Random("close scores")
    for n in range(1, 21):
        rows = [row(k, "Wheel tyre", "part " + "lorem " * rng.randrange(300)) for k in range(1, 101)]
        engine.write([put(n, *rows)])
    after, found = None, []
    while True:
        page = ask(engine, CLOSE[of], limit=limit, after=after, edits=1 if of == "typo" else 0)
        assert page.total == 2000
        found += places(page)
        if (after := page.following) is None:
            break
    assert len(found) == len(set(found)) == 2000


def test_pages_by_relevance__end_where_nobody_pages_to(engine, monkeypatch):
    """Behind so many hits there is no cursor; one that somebody has changed asks for no more, whatever it says."""
    monkeypatch.setattr(tantivy_ranking, "DEEPEST", 300)
    engine.write([put(n, *(row(k, "Wheel") for k in range(1, 51))) for n in range(1, 21)])
    assert len(all_pages(engine, "wheel", 100)) == 400
    after = ask(engine, "wheel", limit=100, edits=0).following
    inside = json.loads(base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)))
    for seen in (301, 2**33, 2**53, -1):
        text = base64.urlsafe_b64encode(json.dumps([*inside[:-1], seen]).encode()).decode().rstrip("=")
        with pytest.raises(MalformedCursor):
            ask(engine, "wheel", limit=100, edits=0, after=text)


def test_best_of_very_many__come_from_a_sample(engine, narrow, monkeypatch):
    """That is the point of it: to raise each score by its chance, all of them were looked at."""
    engine.write(levels(700))
    asked = []
    query = Wanted.query
    monkeypatch.setattr(Wanted, "query", lambda self, within=None: asked.append(within) or query(self, within=within))
    assert len(ask(engine, "wheel", limit=10).hits) == 10
    assert asked[0] is None
    assert asked[1:]
    assert set(asked[1:]) <= {sample(halvings) for halvings in range(1, SAMPLES + 1)}


def test_spread__grows_with_the_samples_that_a_job_is_in():
    """Whatever the place: what is in a sample has a larger chance than all that is not."""
    known = {
        n: [spread(job_id(n), ordinal, rank=len(samples(job_id(n)))) for ordinal in (0, 1, 99)] for n in range(500)
    }
    ranks = {n: len(samples(job_id(n))) for n in known}
    for rank in range(1, max(ranks.values()) + 1):
        inside = [chance for n, chances in known.items() if ranks[n] >= rank for chance in chances]
        outside = [chance for n, chances in known.items() if ranks[n] < rank for chance in chances]
        assert min(inside) > max(outside)


def test_common_words__are_taken_as_they_were_typed(engine, monkeypatch):
    """Typos are forgiven in the rare word beside one that very many places have, not in that one; each owner by his own."""
    engine.write([put(n, row(1, "Wheel rubber", "tyre")) for n in range(1, 30)])
    engine.write([put(40, row(1, "Wheal turquoise")), put(41, row(1, "Wheel turquoise"))])
    assert set(jobs(ask(engine, "wheel turqoise"))) == {40, 41}
    monkeypatch.setattr(tantivy_wanted, "COMMON", 20)
    assert set(jobs(ask(engine, "wheel turqoise"))) == {41}
    assert ask(engine, "wheel turqoise").corrected
    engine.write([Drop(job_id=job_id(n)) for n in range(1, 25)])  # of those that had the word few are left
    assert set(jobs(ask(engine, "wheel turqoise"))) == {40, 41}
    engine.write([put(n, row(1, "Wheel rubber")) for n in range(100, 130)])
    engine.write([put(50, row(1, "Wheal turquoise"), owner=OTHER), put(51, row(1, "Wheel turquoise"), owner=OTHER)])
    assert set(jobs(ask(engine, "wheel turqoise", owner=OTHER))) == {50, 51}
    assert set(jobs(ask(engine, "wheel turqoise"))) == {41}
