"""The index's own list of words: all that a word with typos may mean, each once, and the same answers as without it."""

import random
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.search_engines import ask, places, put, row

from search import tantivy_vocabulary, tantivy_wanted
from search.analysis import edits, tokens
from search.snippets import distance
from search.tantivy_engine import reading, writing
from search.tantivy_queries import documents, whose
from search.tantivy_schema import KNOWN
from search.tantivy_vocabulary import Vocabulary, close_words, may_be_meant

LETTERS = "abc"


@pytest.fixture
def engine(tmp_path):
    with closing(writing(tmp_path)) as made:
        yield made


def searcher_of(engine):
    return engine._current().searcher()


def some_words(seed, number, longest=9):
    rng = random.Random(seed)
    return ["".join(rng.choices(LETTERS, k=rng.randrange(3, longest + 1))) for _ in range(number)]


def fill(engine, words):
    """A job for each ten words, which stand in names, texts and colors; in several segments."""
    for at in range(0, len(words), 30):
        changes = []
        for n in range(at, min(at + 30, len(words)), 10):
            tens = words[n : n + 10]
            rows = [row(k, word, tens[-k], color=tens[k - 1], name=None) for k, word in enumerate(tens, 1)]
            changes.append(put(n // 10 + 1, *rows, tags=(tens[0],)))
        engine.write(changes)


def test_close_words__are_all_that_have_so_few_typos(engine, monkeypatch):
    """What is found for a word are just those of the written ones that are as close, whichever field has them."""
    monkeypatch.setattr(tantivy_vocabulary, "CLOSE", 1_000)
    words = some_words("close", 600)
    fill(engine, words)
    for typed in some_words("typed", 60):
        for typos in (1, 2):
            near = {word for word in words if distance(typed, word, typos) <= typos}
            assert set(close_words(searcher_of(engine), typed, typos)) == near, typed


def test_close_words__too_many_are_not_told(engine, monkeypatch):
    """Where more words are meant than can be looked up one by one, that is said."""
    monkeypatch.setattr(tantivy_vocabulary, "CLOSE", 3)
    fill(engine, ["brack", "brick", "brock", "track", "truck", "plate", "tiles", "hinge", "wheel", "slope"])
    assert close_words(searcher_of(engine), "bruck", 1) is None
    assert set(close_words(searcher_of(engine), "plates", 1)) == {"plate"}


@pytest.mark.parametrize("q", ["color:{}", "{}", "title:{}", "{} -abc", "title:{} {}", "tag:{}"])
def test_answers__are_those_of_the_dictionaries(engine, tmp_path, monkeypatch, q):
    """Hits, scores, totals and facets are the same where the engine goes through each field's dictionary itself."""
    fill(engine, some_words("answers", 900))
    engine.close()
    told = []
    with closing(reading(tmp_path)) as asked:
        for close in (close_words, lambda *_asked: None):
            monkeypatch.setattr(tantivy_wanted, "close_words", close)
            for typed in some_words("asked", 12):
                found = ask(asked, q.format(typed, typed), limit=50, facets=("color", "tag"))
                scores = [round(hit.score, 4) for hit in found.hits]
                told.append((close, typed, places(found), scores, found.total, found.facets, found.corrected))
    half = len(told) // 2
    assert [one[1:] for one in told[:half]] == [one[1:] for one in told[half:]]
    assert any(one[4] for one in told)


def test_words__stand_once_and_are_no_documents(engine, tmp_path):
    """However often a word is written, by whichever writer, it has one document, and none is counted or shown."""
    change = put(1, row(1, "Wheel hub", "brick"), row(2, "Wheel"), tags=("urgent",))
    engine.write([change])
    engine.write([put(1, row(1, "Wheel hub", "brick"), row(2, "Brick"), version=2), put(2, row(1, "Wheels"))])
    engine.close()
    with closing(writing(tmp_path)) as later:
        later.write([put(3, row(1, "wheel", "bricks hub"))])
        searcher = searcher_of(later)
        told = {
            word: searcher.doc_freq(KNOWN, word) for word in ("wheel", "wheels", "hub", "brick", "bricks", "urgent")
        }
        assert set(told.values()) == {1}, told
        assert later.stats().documents == documents(searcher) == 3 + 4
        assert whose(searcher, "me") == [], "nobody else's are there, so no owner is asked for"
        assert ask(later, "", limit=50).total == ask(later, "-nothing", limit=50).total == 3
        assert len(later.versions()) == 3


def test_words__of_a_batch_that_failed_are_written_by_the_next(engine, monkeypatch):
    """A batch that was rolled back has taught nothing: the words come with whatever is committed next."""
    made = tantivy_vocabulary.word_document
    monkeypatch.setattr("search.tantivy_writing.word_document", lambda word: made(word) if word != "hinge" else 1 / 0)
    with pytest.raises(ZeroDivisionError):
        engine.write([put(1, row(1, "Plate", "hinge"))])
    monkeypatch.undo()
    engine.write([put(1, row(1, "Plate", "hinge"))])
    assert [searcher_of(engine).doc_freq(KNOWN, word) for word in ("plate", "hinge")] == [1, 1]
    assert places(ask(engine, "hinhe")) == [(1, "row 1")]


def test_vocabulary__remembers_so_much_and_no_more(engine, monkeypatch):
    """What a writer remembers is bounded; forgotten words are looked up, and not written again."""
    fill(engine, ["wheel", "plate", "brick", "hinge", "slope", "tiles", "bread", "wedge", "truck", "panel"])
    monkeypatch.setattr(tantivy_vocabulary, "_REMEMBERED", 4)
    vocabulary = Vocabulary()
    for _ in range(3):
        assert vocabulary.new(searcher_of(engine), {"wheel", "plate", "brick", "hinge", "slope", "crane"}) == ["crane"]
        vocabulary.learned(["a", "b", "c"])
        assert len(vocabulary._known) <= 4 + 5 + 3


@given(st.text("abz129\u00e4", min_size=4, max_size=30), st.data())
def test_may_be_meant__is_whatever_typos_may_come_from(typed, data):
    """Every word that is as close to a typed one as its length forgives is kept; ids and hashes are not."""
    meant = typed
    for _ in range(edits(typed)):
        at = data.draw(st.integers(0, len(meant)))
        meant = meant[:at] + data.draw(st.sampled_from(["", "a", "1"])) + meant[at + data.draw(st.integers(0, 1)) :]
    if edits(typed):
        assert may_be_meant(meant)
    assert not may_be_meant(tokens("0190abcd-1234-7abc-8def-0123456789ab")[0])
    assert not may_be_meant("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
