"""The bench's files to search in: the same each time, of the size asked for, with labels that hold."""

import random
from itertools import islice

import pytest

from bench import search_hard_labels
from bench.search_corpus import Corpus
from bench.search_labels import CLASSES, Labelled, ndcg, recall, typo
from search.memory import MemoryEngine
from search.port import Asked
from search.query import parse
from search.snippets import distance


@pytest.mark.parametrize("places", [200, 3_000])
def test_corpus__has_the_places_asked_for(places):
    """So many places in about a tenth as many files, each file once, and queries of every class."""
    corpus = Corpus(places=places)
    changes = list(corpus.changes())
    assert sum(len(change.places) for change in changes) == places
    assert len({change.job.job_id for change in changes}) == len(changes)
    assert places / 20 < len(changes) < places / 3
    assert {labelled.of for labelled in corpus.queries} == {*CLASSES, *search_hard_labels.CLASSES}


def test_corpus__follows_from_its_seed():
    """The same seed gives the same files and queries, another seed others."""
    first, again, other = (Corpus(places=500, seed=seed) for seed in (1, 1, 2))
    assert list(first.changes()) == list(again.changes()) == list(first.changes())
    assert first.queries == again.queries
    assert first.queries != other.queries
    assert list(first.changes()) != list(other.changes())


def test_corpus__streams():
    """The first files of a million places are there at once; nothing is made before it is asked for."""
    assert len(list(islice(Corpus(places=1_000_000).changes(), 50))) == 50


def test_labels__name_places_that_are_there():
    """Each label names a place of the corpus, or a job itself."""
    corpus = Corpus(places=2_000)
    there = {(change.job.job_id, place.place) for change in corpus.changes() for place in change.places}
    there |= {(change.job.job_id, "file") for change in corpus.changes()}
    assert {where for labelled in corpus.queries for where in labelled.grades} <= there


def test_labels__are_what_an_engine_finds():
    """The engine that looks at every entry finds what is labelled: all that was meant, and it comes first."""
    corpus, engine = Corpus(places=1_200), MemoryEngine()
    engine.write(list(corpus.changes()))
    for labelled in corpus.queries:
        found = engine.find(Asked(owner="local", query=parse(labelled.q)))
        hits = [(hit.job_id, hit.place) for hit in found.hits]
        assert labelled.of not in CLASSES or set(hits) == set(labelled.grades), labelled
        assert recall(labelled, hits) == 1.0, labelled
        assert ndcg(labelled, hits) > 0.9, labelled


def test_ndcg__is_one_where_the_best_come_first():
    """A better order is worth more, nothing found is worth nothing, and what stands behind the tenth does not count."""
    wanted = Labelled(of="word", q="x", grades={("a", "1"): 3, ("b", "1"): 1})
    assert ndcg(wanted, [("a", "1"), ("b", "1")]) == pytest.approx(1.0)
    assert 0.0 < ndcg(wanted, [("b", "1"), ("a", "1")]) < ndcg(wanted, [("a", "1"), ("c", "1"), ("b", "1")]) < 1.0
    assert ndcg(wanted, [("c", str(n)) for n in range(10)] + [("a", "1")]) == 0.0


def test_recall__is_the_share_of_what_was_meant():
    """Only what was meant counts, and of more than ten ten are all that ten hits can hold."""
    wanted = Labelled(of="word", q="x", grades={("a", "1"): 3, ("a", "2"): 3, ("b", "1"): 1})
    assert recall(wanted, [("b", "1"), ("a", "2")]) == 0.5
    many = Labelled(of="word", q="x", grades={("a", str(n)): 3 for n in range(30)})
    assert recall(many, [("a", str(n)) for n in range(10)]) == 1.0


def test_typo__is_one_edit_away():
    """A word with a typo differs by one edit, and keeps its first letter."""
    rng = random.Random(1)
    for word in ("kavezojuqis", "48729pr0017") * 100:
        made = typo(rng, word)
        assert distance(made, word, 2) == 1
        assert made[0] == word[0]
