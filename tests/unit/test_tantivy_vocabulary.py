"""The index's own list of words: all that a word with typos may mean, each once, and the same answers as without it."""

import random
import shutil
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.search_engines import ask, job_id, places, put, row

from search import tantivy_vocabulary
from search.analysis import edits, tokens
from search.port import Drop, EngineError
from search.snippets import distance
from search.tantivy_engine import reading, writing
from search.tantivy_folder import in_force
from search.tantivy_vocabulary import Vocabulary, Words, may_be_meant

LETTERS = "abc"


@pytest.fixture
def engine(tmp_path):
    with closing(writing(tmp_path)) as made:
        yield made


def listed(folder):
    """All words of the list, as often as they are in it."""
    index = tantivy_vocabulary._opened(in_force(folder) / "words")
    searcher = index.searcher()
    return dict(searcher.terms_with_prefix("word", "", limit=10_000))


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
            assert set(engine._close(typed, typos)) == near, typed


def test_close_words__too_many_are_not_told(engine, monkeypatch):
    """Where more words are meant than can be looked up one by one, that is said."""
    monkeypatch.setattr(tantivy_vocabulary, "CLOSE", 3)
    fill(engine, ["brack", "brick", "brock", "track", "truck", "plate", "tiles", "hinge", "wheel", "slope"])
    assert engine._close("bruck", 1) is None
    assert set(engine._close("plates", 1)) == {"plate"}


@pytest.mark.parametrize("q", ["color:{}", "{}", "title:{}", "{} -abc", "title:{} {}", "tag:{}"])
def test_answers__are_those_of_the_dictionaries(engine, tmp_path, monkeypatch, q):
    """Hits, scores, totals and facets are the same where the engine goes through each field's dictionary itself."""
    fill(engine, some_words("answers", 900))
    engine.close()
    told = []
    with closing(reading(tmp_path)) as asked:
        for close in (Words.close, lambda *_asked: None):
            monkeypatch.setattr(Words, "close", close)
            for typed in some_words("asked", 12):
                found = ask(asked, q.format(typed, typed), limit=50, facets=("color", "tag"))
                scores = [round(hit.score, 4) for hit in found.hits]
                told.append((close, typed, places(found), scores, found.total, found.facets, found.corrected))
    half = len(told) // 2
    assert [one[1:] for one in told[:half]] == [one[1:] for one in told[half:]]
    assert any(one[4] for one in told)


def test_words__stand_once_in_their_list(engine, tmp_path):
    """However often a word is written, by whichever writer, the list has it once; what is listed is no document."""
    engine.write([put(1, row(1, "Wheel hub", "brick"), row(2, "Wheel"), tags=("urgent",))])
    engine.write([put(1, row(1, "Wheel hub", "brick"), row(2, "Brick"), version=2), put(2, row(1, "Wheels"))])
    engine.close()
    with closing(writing(tmp_path)) as later:
        later.write([put(3, row(1, "wheel", "bricks hub"))])
        found = listed(tmp_path)
        assert {"wheel", "wheels", "hub", "brick", "bricks", "urgent"} <= set(found)
        assert set(found.values()) == {1}, found
        assert later.stats().documents == later._current().searcher().num_docs == 3 + 4


def test_scores__are_told_by_documents_alone(engine, tmp_path):
    """Many words move no score: a name comes before a text, and what is spelt right before what is not."""
    pages = [row(n, f"page {n}", " ".join(some_words(n, 150))) for n in range(1, 21)]
    named, told, misspelt = row(21, "Hinge plate"), row(22, "page 22", "hinge " * 10), row(23, "Hingo")
    engine.write([put(1, *pages, named, told, misspelt)])
    assert len(listed(tmp_path)) > 1_000
    assert places(ask(engine, "hinge", edits=0)) == [(1, "row 21"), (1, "row 22")]
    assert places(ask(engine, "hinge", edits=1)) == [(1, "row 21"), (1, "row 22"), (1, "row 23")]


def test_deleted__leaves_no_text_behind(engine, tmp_path):
    """Of a deleted job no text stays on the disk, though its words stay in the list."""
    engine.write([put(1, row(1, "Secret alpha", "confidential zebra"))])
    engine.write([Drop(job_id=job_id(1))])
    engine.close()
    left = [
        path for path in in_force(tmp_path).rglob("*") if path.is_file() and b"confidential zebra" in path.read_bytes()
    ]
    assert left == []
    assert listed(tmp_path)["zebra"] == 1


def test_words__of_a_batch_that_failed_may_be_there(engine, tmp_path, monkeypatch):
    """The list is committed first: it may have words that no document has, and then nothing is found for them."""
    monkeypatch.setattr("search.tantivy_writing.Vocabulary.add", broken := Broken(Vocabulary.add))
    with pytest.raises(EngineError):
        engine.write([put(1, row(1, "Plate", "hinge"))])
    assert broken.calls == 1
    assert listed(tmp_path)["hinge"] == 1
    assert ask(engine, "hinhe").total == 0
    monkeypatch.undo()
    engine.write([put(1, row(1, "Plate", "hinge"))])
    assert places(ask(engine, "hinhe")) == [(1, "row 1")]


@pytest.mark.parametrize("damage", ["no folder", "no files", "no list", "cut off", "of another kind"])
def test_list__that_is_damaged_or_missing_is_done_without(engine, tmp_path, damage):
    """Questions with typos are answered from the dictionaries then, by readers that had it open, too."""
    engine.write([put(1, row(1, "Wheel", "hinge"))])
    engine.close()
    words = in_force(tmp_path) / "words"
    with closing(reading(tmp_path)) as asked:
        assert places(ask(asked, "whel")) == [(1, "row 1")]
        if damage == "no folder":
            shutil.rmtree(words)
        elif damage == "no files":
            for path in words.iterdir():
                path.unlink()
        elif damage == "no list":
            (words / "meta.json").unlink()
        elif damage == "cut off":
            for path in words.glob("*.term"):
                cut = path.read_bytes()[:10]
                path.unlink()  # whoever had it open has it whole
                path.write_bytes(cut)
        else:
            (words / "meta.json").write_text("{}")
        assert places(ask(asked, "whel")) == [(1, "row 1")]
    with closing(reading(tmp_path)) as anew:
        assert places(ask(anew, "hinhe")) == [(1, "row 1")]
    with closing(writing(tmp_path)) as later:
        later.write([put(2, row(1, "Slope"))])
        assert [places(ask(later, typed)) for typed in ("slop", "whel")] == [[(2, "row 1")], [(1, "row 1")]]


def test_generation__of_an_older_release_gets_no_list(engine, tmp_path):
    """One that was begun without a list has words in its documents that no list would have: it goes on without."""
    (in_force(tmp_path) / "words").rmdir()
    engine.write([put(1, row(1, "Wheel"))])
    assert not (in_force(tmp_path) / "words").exists()
    assert places(ask(engine, "whel")) == [(1, "row 1")]


def test_vocabulary__remembers_so_much_and_no_more(tmp_path, monkeypatch):
    """What a writer remembers is bounded; forgotten words are looked up, and not written again."""
    monkeypatch.setattr(tantivy_vocabulary, "_REMEMBERED", 4)
    (tmp_path / "words").mkdir()
    vocabulary = Vocabulary(tmp_path, empty=True, check=lambda: None)
    for _ in range(3):
        vocabulary.add({"wheel", "plate", "brick", "hinge", "slope", "crane"})
        vocabulary.add({"a", "bb", "plates"})
        assert len(vocabulary._known) <= 4
    vocabulary.close()
    assert Words(tmp_path).close("plate", 1) in {("plate", "plates"), ("plates", "plate")}


def test_vocabulary__ends_with_its_writer(tmp_path, monkeypatch):
    """A list of very many words is given up between two of them, and has none of them then."""
    monkeypatch.setattr(tantivy_vocabulary, "_AT_ONCE", 2)
    (tmp_path / "words").mkdir()
    checks = iter((None, EngineError("ends")))

    def check():
        if (problem := next(checks)) is not None:
            raise problem

    vocabulary = Vocabulary(tmp_path, empty=True, check=check)
    with pytest.raises(EngineError, match="ends"):
        vocabulary.add({"wheel", "plate", "brick"})
    assert Words(tmp_path).close("wheel", 1) == ()
    vocabulary = Vocabulary(tmp_path, empty=True, check=lambda: None)
    vocabulary.add({"wheel", "plate", "brick"})
    assert Words(tmp_path).close("wheels", 1) == ("wheel",)


class Broken:
    """Does what it stands for, and fails then."""

    def __init__(self, does):
        self.does, self.calls = does, 0

    def __get__(self, one, _kind):
        def call(*given):
            self.calls += 1
            self.does(one, *given)
            raise EngineError("the disk is full")

        return call


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
