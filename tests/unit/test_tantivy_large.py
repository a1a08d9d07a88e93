"""What is done in another way where an index, or an answer, is very large: the same comes of it as of the plain way."""

import base64
import json
import random
import subprocess
import sys
from contextlib import closing, contextmanager

import pytest
from support.search_engines import ME, OTHER, ask, places, put, row

from search import tantivy_facets, tantivy_queries, tantivy_ranking, tantivy_wanted
from search.port import Asked
from search.query import parse
from search.questions import MalformedCursor
from search.tantivy_engine import reading, writing
from search.tantivy_view import beside, count, count_all
from search.tantivy_wanted import Wanted

LETTERS = "abc"


@pytest.fixture
def engine(tmp_path):
    with closing(writing(tmp_path)) as made:
        yield made


@contextmanager
def settled(engine, folder):
    """To be asked twice: all merges are done. They would move scores, since deleted documents go."""
    engine.close()
    with closing(reading(folder)) as made:
        yield made


def text(rng, words, longest=4):
    return " ".join("".join(rng.choices(LETTERS, k=rng.randrange(2, longest + 1))) for _ in range(words))


def fill(engine, jobs=150, **more):
    """Jobs whose rows have a few words in names, colors and texts, in all combinations; in several segments."""
    rng = random.Random("a large index")

    def rows():
        for k in range(1, 5):
            words, parts, color = text(rng, rng.randrange(4)), (text(rng, 1),), text(rng, 1)
            yield row(k, text(rng, 1), words, parts=parts, color=color, name=None)

    made = [put(n, *rows(), **more) for n in range(1, jobs + 1)]
    for part in range(5):
        engine.write(made[part::5])


def pages(engine, q, *, limit, owner=ME, **more):
    """All hits with their scores, page after page, and the total that each page told."""
    found, totals, after = [], set(), None
    while True:
        page = ask(engine, q, limit=limit, after=after, owner=owner, **more)
        found += [(*where, round(hit.score, 4)) for where, hit in zip(places(page), page.hits, strict=True)]
        totals.add(page.total)
        if (after := page.following) is None:
            return found, totals


FLAT = ("ab*", "abc*", "abca*", "cb* -ab", "-bb ba*", "bc", "abcd", "color:ab*", "ab* cb*", '"ab cb"*')


LARGE = (
    (tantivy_ranking, "MANY"),  # documents of an index
    (tantivy_ranking, "MANY_HITS"),
    (tantivy_wanted, "MANY_HITS"),
)


def both_ways(engine, monkeypatch, *, limit, owner=ME, large=LARGE, questions=FLAT):
    """What is found, exactly and with a typo, where an index and an answer of one document count as large, and where none do."""
    told = []
    for many in (0, 10**9):
        for module, name in large:
            monkeypatch.setattr(module, name, many)
        asked = [(q, edits) for q in questions for edits in (0, 1)]
        told.append([pages(engine, q, limit=limit, owner=owner, edits=edits) for q, edits in asked])
    return told


@pytest.mark.parametrize(("limit", "most"), [(5, 10), (17, 200), (100, 10)])
def test_names_first__find_what_a_look_at_all_finds(engine, tmp_path, monkeypatch, limit, most):
    """Beginnings, and words with a typo: the same hits in the same order on every page, few of them or very many."""
    fill(engine)
    fill(engine, jobs=20, owner=OTHER)  # overwrites some: there are two owners, and deleted documents
    monkeypatch.setattr(tantivy_ranking, "ALL", most)
    for owner in (ME, OTHER):
        with settled(engine, tmp_path) as reader:
            large, plain = both_ways(reader, monkeypatch, limit=limit, owner=owner)
        assert large == plain
        assert all(len(found) == len(set(found)) and totals == {len(found)} for found, totals in plain)


def test_names_first__are_looked_through_alone(engine, monkeypatch):
    """That is the point of it: where enough names begin so, nobody looks at the texts for the best hits."""
    fill(engine)
    for module, name in LARGE:
        monkeypatch.setattr(module, name, 0)
    asked = []
    query = Wanted.query
    monkeypatch.setattr(Wanted, "query", lambda self, within=None: asked.append(within) or query(self, within=within))
    assert ask(engine, "ab*", limit=10).total > tantivy_ranking.ALL
    assert asked == [None]  # for the total


def test_names_of_words__come_first_where_no_text_can_score_as_much(engine, tmp_path, monkeypatch):
    """Words by BM25: in names rare, in texts often, many times over in one of them. Whoever scores most comes first."""
    rng = random.Random("names of words")

    def rows():
        for k in range(1, 4):
            yield row(k, text(rng, rng.randrange(1, 6)), text(rng, rng.randrange(2, 60)))
        yield row(4, "zz " * rng.randrange(12), "ab " * rng.randrange(1, 60))

    made = [put(n, *rows()) for n in range(1, 200)]
    engine.write(made[::2])
    engine.write(made[1::2])
    engine.write([put(n, row(1, "zz " * 30 + "wheel", "wheel")) for n in (300, 301)])
    engine.write([put(n, row(1, "zz", "wheel " * (n % 7 + 1))) for n in range(400, 450)])
    asked = ("ab", "abc", "cab -ab", "wheel", "zz", "wheel -cc", "bb", "ca")
    for limit in (5, 40):
        with settled(engine, tmp_path) as reader:
            large, plain = both_ways(reader, monkeypatch, limit=limit, questions=asked)
        assert large == plain
    assert sum(len(found) for found, _totals in plain) > 500


@pytest.mark.parametrize(("q", "texts"), [("wheel", 300), ("rim", 300)])
def test_name_too_long__is_not_taken_for_the_best(engine, monkeypatch, q, texts):
    """A word in a title of hundreds scores less than one in a short text: then all are looked at."""
    for module, name in LARGE:
        monkeypatch.setattr(module, name, 0)
    long = "lorem " * 150
    engine.write([put(n, row(1, f"{long} wheel rim", "")) for n in range(1, 31)])
    engine.write([put(n, *(row(k, "x", "wheel") for k in range(10))) for n in range(100, 100 + texts // 10)])
    engine.write([put(n, *(row(k, "x", "rim " * 9) for k in range(10))) for n in range(200, 200 + texts // 10)])
    first = ask(engine, q, limit=10)
    assert all(number >= 100 for number, _place in places(first))
    assert first.total == 30 + texts


def test_very_many__are_counted_beside_as_they_are_counted_with_the_search(engine, tmp_path, monkeypatch):
    """Words, phrases, beginnings, several clauses."""
    fill(engine)
    with settled(engine, tmp_path) as reader:
        large, plain = both_ways(reader, monkeypatch, limit=17, large=LARGE[1:])
    assert large == plain
    searcher = engine._current().searcher()
    for q in ("ab", "ab*", "abca*", '"ab cb"', "ab* -cb"):
        found = ask(engine, q, limit=1, edits=0)
        asked = Asked(owner=ME, query=parse(q), edits=0)
        query = Wanted(searcher, asked, 0).query()
        assert count(searcher, query) == count_all(searcher, query) == found.total > 0


@pytest.mark.parametrize("field", ["", "color:", "title:"])
def test_words_side_by_side__find_what_a_walk_through_texts_finds(engine, monkeypatch, field):
    """Phrases of two and three words in names and colors, of which the index keeps a list, against a look at each place."""
    rng, made = random.Random(f"pairs {field}"), []
    for n in range(1, 150):
        rows = [row(k, text(rng, 4, 2), text(rng, 3, 2), color=text(rng, 3, 2)) for k in (1, 2)]
        made.append(put(n, *rows, tags=(text(rng, 2, 2), text(rng, 2, 2))))
    engine.write(made)
    pairs = [" ".join(("".join(rng.choices(LETTERS, k=2))) for _ in range(2 + number % 3)) for number in range(300)]
    asked = [f'{field}"{words}"' for words in pairs]
    quick = [ask(engine, q, limit=100) for q in asked]
    monkeypatch.setattr(tantivy_queries, "PAIRED", {})
    slow = [ask(engine, q, limit=100) for q in asked]
    assert [(sorted(places(one)), one.total) for one in quick] == [(sorted(places(one)), one.total) for one in slow]
    assert sum(one.total for one in quick) > 100


def test_words_side_by_side__do_not_reach_from_one_value_into_the_next(engine):
    """Two tags, a name and a part id, are no phrase together."""
    engine.write([put(1, row(1, "dark", "x", parts=("red",), color="blue", name="wheel"), tags=("one two", "three"))])
    for q in ('"two three"', '"dark red"', '"red wheel"', '"wheel dark"', '"dark wheel"', '"blue dark"'):
        assert ask(engine, q).total == 0, q
    assert ask(engine, '"one two"').total == 1


def test_facets_beside__are_those_of_a_small_index(engine, monkeypatch):
    """Counted while the search goes on, by what the words' lists tell of how many there may be."""
    fill(engine, tags=("urgent",))
    asked = ("ab", "ab cb", "ab*", "abca*", '"ab cb"', "pipeline:parts-list", "ab tag:urgent")
    names = ("kind", "color", "tag")
    plain = [ask(engine, q, facets=names, edits=0).facets for q in asked]
    monkeypatch.setattr(tantivy_facets, "MANY", 0)
    assert [ask(engine, q, facets=names, edits=0).facets for q in asked] == plain
    assert all(found["tag"] for found in plain[:3])


@pytest.fixture
def sampled(monkeypatch):
    """Few places count as very many."""
    monkeypatch.setattr(tantivy_facets, "MOST", 100)
    monkeypatch.setattr(tantivy_facets, "ENOUGH", 10)
    monkeypatch.setattr(tantivy_facets, "RARE", 300)


def test_facets_of_a_sample__tell_what_few_have_by_its_own_number(engine, sampled):
    """Whether the sample misses a value of a few jobs, or takes one job for many; another owner's is never told."""
    everyday = [put(n, *(row(k, "Wheel", color="Red") for k in range(4)), kind="bricklink-xml") for n in range(1, 401)]
    odd = [put(n, row(1, "Wheel", color=f"Odd {n}"), kind="ldraw") for n in range(501, 561)]
    lime = [put(n, row(1, "Wheel", color="Lime"), kind="ldraw") for n in range(601, 606)]
    olive = put(700, *(row(k, "Wheel", color="Olive") for k in range(290)), kind="stl")
    engine.write([*everyday, *odd, *lime, olive, put(701, row(1, "Axle", color="Tan"), kind="3mf")])
    theirs = [put(n, row(1, "Wheel", color=f"Theirs {n}"), kind="pdf", owner=OTHER) for n in range(800, 900)]
    engine.write([*theirs, put(900, row(1, "Wheel", color="Lime"), owner=OTHER)])
    found = ask(engine, "wheel", facets=("kind", "color")).facets
    assert 200 < found["kind"].pop("bricklink-xml") < 800
    assert found["kind"] == {"ldraw": 65, "stl": 1}
    assert 200 < found["color"].pop("Red") < 800
    assert found["color"] == {f"Odd {n}": 1 for n in range(501, 561)} | {"Lime": 5, "Olive": 1}


def test_facets_of_few_places__are_counted_where_the_word_is_common(engine, sampled, monkeypatch):
    """What many have, this owner has few of: his are counted, each of them."""
    monkeypatch.setattr(tantivy_facets, "MANY", 0)
    engine.write([put(n, row(1, "Wheel", color="Red"), owner=OTHER) for n in range(1, 601)])
    engine.write([put(n, row(1, "Wheel", color="Red")) for n in range(1001, 1081)])
    found = ask(engine, "wheel", facets=("color",))
    assert (found.total, found.facets["color"]) == (80, {"Red": 80})


def test_facets_of_two_common_words__are_counted_at_once_where_few_have_both(engine, sampled, monkeypatch):
    """A glance at a small sample spares them the look at a large one; where many have both, that is what is taken."""
    monkeypatch.setattr(tantivy_facets, "MANY", 0)
    looks, look = [], tantivy_facets._different

    def seen(searcher, query, names):
        looks.append(found := look(searcher, query, names))
        return found

    monkeypatch.setattr(tantivy_facets, "_different", seen)
    engine.write([put(n, row(1, "Wheel", "oak", color="Red")) for n in range(1, 401)])
    engine.write([put(n, row(1, "Axle", "oak", color="Tan")) for n in range(401, 801)])
    engine.write([put(n, row(1, "Wheel", "axle", color="Lime")) for n in range(801, 831)])
    assert ask(engine, "wheel axle", facets=("color",)).facets["color"] == {"Lime": 30}
    assert [places for _counts, _jobs, places in looks] == [30]
    assert 200 < ask(engine, "wheel oak", facets=("color",)).facets["color"]["Red"] <= 400
    assert looks[1][2] < 200


@pytest.mark.parametrize("sort", ["relevance", "name", "newest"])
def test_damaged_cursor__begins_no_count(engine, monkeypatch, sort):
    """Whoever sends many of them is refused before anything is counted beside: others would wait behind that."""
    engine.write([put(n, row(1, "Wheel", color="Red")) for n in range(1, 31)])
    monkeypatch.setattr(tantivy_facets, "MANY", 0)
    after = ask(engine, "wheel", sort=sort, limit=5, facets=("color",)).following
    digest, forgiven, *_keys = json.loads(base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)))
    asked = []
    monkeypatch.setattr(tantivy_facets, "beside", asked.append)
    for keys in (["x"], ["x", "1"], ["zz", "-1"], [1.0, 0.5, 3, "4", 5, 10**15], ["1", "2", "3"], ["-1", "-1", "-1"]):
        text = base64.urlsafe_b64encode(json.dumps([digest, forgiven, *keys]).encode()).decode().rstrip("=")
        if keys == ["1", "2", "3"] and sort == "newest":
            continue  # they are keys
        with pytest.raises(MalformedCursor):
            ask(engine, "wheel", sort=sort, limit=5, facets=("color",), after=text)
    assert asked == []


def test_work_beside__tells_what_it_raised():
    """To whoever takes its result, as if it had been done there; the next work is done."""
    failing = beside(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        failing()
    assert beside(lambda: 7)() == 7


def test_work_beside_that_hangs__keeps_no_process():
    """A call of the engine that never returns is left behind at the end."""
    program = "import time\nfrom search.tantivy_view import beside\nbeside(lambda: time.sleep(600))\ntime.sleep(0.2)"
    subprocess.run(
        [sys.executable, "-c", program], check=True, timeout=60
    )  # of a thread that is waited for: ten minutes
