"""The search bench's questions, its bare baseline and its way to fill engines: what is timed is what is meant."""

import time
from itertools import islice

import pytest

from bench.search_contenders import BATCH, Bare, OfPort, answer, asked, batches, filled
from bench.search_corpus import Corpus
from bench.search_fuzz import adversarial
from bench.search_http import fill_ledger
from bench.search_labels import recall
from bench.search_questions import QUICK, Question, labelled_question, questions
from ledger import Ledger
from search.memory import MemoryEngine
from search.port import EngineError


@pytest.fixture(scope="module")
def corpus():
    return Corpus(places=1_200)


def test_questions__are_the_same_each_time_and_many(corpus):
    """Each class has as many questions as were asked for, most of them different, and the same for the next engine."""
    made = questions(corpus, 24)
    assert made == questions(Corpus(places=1_200), 24)
    assert set(QUICK) < set(made)
    for of, all_of_it in made.items():
        assert len(all_of_it) == 24
        assert len({one.path for one in all_of_it}) > 8, of


def test_questions__mostly_find_something(corpus):
    """What is timed are answers: of each class a third of the questions at least find something."""
    contender = OfPort("memory", MemoryEngine())
    contender.write(list(corpus.changes()))
    for of, all_of_it in questions(corpus, 12).items():
        assert sum(bool(contender.ask(one)) for one in all_of_it) >= 4, of


def test_question__is_the_same_over_http(corpus):
    """What an engine is asked bare is what the API would ask it."""
    question = Question(
        of="filter", q="brick -plate", filters={"color": "Dark Red", "facet": "kind,tag", "sort": "newest"}
    )
    assert question.path == "/v1/search?q=brick+-plate&color=Dark+Red&facet=kind%2Ctag&sort=newest"
    found = question.asked()
    assert (found.filters.colors, found.facets, found.sort) == (("Dark Red",), ("kind", "tag"), "newest")


def test_baseline__finds_what_is_labelled(corpus, tmp_path):
    """FTS5 finds all that needs no forgiven typo: it is a baseline that does the same work."""
    bare = Bare(tmp_path / "fts5")
    seconds, documents = filled(bare, corpus.changes())
    assert seconds > 0
    assert documents == sum(1 + len(change.places) for change in corpus.changes())
    assert bare.size() > 100 * documents
    for labelled in corpus.queries:
        if "typo" not in labelled.of:
            assert recall(labelled, bare.ask(labelled_question(labelled))) == 1.0, labelled
    every = [one for of, all_of_it in questions(corpus, 12).items() if of not in bare.lacks for one in all_of_it]
    told = asked(bare, every)
    assert (len(told.milliseconds), told.given_up) == (len(every), 0)
    bare.close()


def test_question__given_up_is_counted_and_costs_its_time():
    """An engine that ends a question to protect its neighbors is measured to the end, with that time among the others."""

    class Impatient:
        name, lacks = "impatient", ()

        def ask(self, question):
            if question.q == "common":
                time.sleep(0.02)
                raise EngineError("Too much.")
            return [("job", question.q)]

    told = asked(Impatient(), [Question(of="term", q=q) for q in ("rare", "common", "rare", "common")])
    assert told.given_up == 2
    assert len(told.milliseconds) == 4
    assert min(told.milliseconds[1::2]) >= 20
    assert answer(Impatient(), Question(of="term", q="rare")) == [("job", "rare")]


def test_batches__are_those_of_the_writer(corpus):
    """No commit has more documents than a platform's would have, and none is left out."""
    made = list(batches(corpus.changes()))
    assert [change for batch in made for change in batch] == list(corpus.changes())
    assert all(sum(1 + len(change.places) for change in batch) <= BATCH or len(batch) == 1 for batch in made)


def test_ledger__has_the_jobs_that_hits_are_held_against(corpus, tmp_path):
    """Filled, it has all files as finished jobs that the index has heard of."""
    url = f"sqlite:///{tmp_path / 'ledger.sqlite3'}"
    ledger = Ledger(url)
    ledger.migrate()
    fill_ledger(url, corpus.changes())
    change = next(corpus.changes())
    card = ledger.cards([change.job.job_id])[change.job.job_id]
    assert (card.name, card.status, card.tags) == (change.job.name, "succeeded", change.job.tags)
    assert ledger.unindexed() == []
    ledger.close()


def test_adversarial__is_the_same_each_time():
    """The slowest one can be asked again."""
    assert list(islice(adversarial(200), 50)) == list(adversarial(50))
