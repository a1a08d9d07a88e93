"""What a search index is told of jobs, on SQLite and PostgreSQL: marks, lag, pages, and answers without an index."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from support.sample_jobs import submit

from jobs.errors import Actor, Fault
from jobs.model import StepKey
from jobs.outcomes import Failed, Succeeded
from ledger import CardFilter
from ledger.database import db_now
from ledger.schema import jobs

PARSE, PICTURE, INDEX = StepKey("parse"), StepKey("picture"), StepKey("index")
FINAL = Fault(code="xml.syntax", message="No XML.", actor=Actor.SUBMITTER)


def heard(ledger) -> None:
    """The index hears of everything."""
    ledger.indexed({job_id: card.version for job_id, card in ledger.cards(ledger.unindexed()).items()})
    assert ledger.unindexed() == []


def step(ledger, job_id: str, key: StepKey, outcome) -> None:
    dispatch = ledger.get(job_id, owner="local").step(key).dispatch
    claim = ledger.claim(job_id, key, dispatch=dispatch, worker="w", lease=20)
    assert ledger.finish(claim.held, outcome)[0]


def test_unindexed__has_a_new_job_until_its_version_was_heard_of(ledger):
    """A job waits from its submit on; hearing of a version that it no longer has leaves it waiting."""
    job = submit(ledger).job
    assert ledger.unindexed() == [job.id]
    ledger.indexed({job.id: job.version - 1})
    assert ledger.unindexed() == [job.id]
    ledger.indexed({job.id: job.version})
    assert ledger.unindexed() == []


def test_unindexed__has_what_ended_and_what_runs_again(ledger):
    """Steps on the way change nothing; an end does, and so does a retry, and the cancel after it."""
    job = submit(ledger).job
    heard(ledger)
    step(ledger, job.id, PICTURE, Succeeded(summary={"pieces": 3}))
    assert ledger.unindexed() == []
    step(ledger, job.id, PARSE, Failed(fault=FINAL))
    assert ledger.unindexed() == [job.id]
    assert ledger.cards([job.id])[job.id].status == "failed"
    for verb in (ledger.retry, ledger.cancel):
        heard(ledger)
        verb(job.id, owner="local")
        assert ledger.unindexed() == [job.id]


def test_unindexed__has_a_job_whose_tags_changed(ledger):
    """Other tags are news for an index; other metadata are none."""
    job = submit(ledger).job
    heard(ledger)
    ledger.update(job.id, owner="local", metadata={"a": 1})
    assert ledger.unindexed() == []
    ledger.update(job.id, owner="local", tags=("bridge",))
    assert ledger.unindexed() == [job.id]
    assert ledger.cards([job.id])[job.id].tags == ("bridge",)


def test_gone__has_deleted_jobs_until_they_were_forgotten(ledger):
    """A deleted job is to be forgotten by the index, and no longer waits to be heard of."""
    job = submit(ledger).job
    ledger.cancel(job.id, owner="local")
    ledger.delete(job.id, owner="local")
    assert (ledger.unindexed(), ledger.gone(), ledger.cards([job.id])) == ([], [job.id], {})
    ledger.indexed({}, gone=[job.id])
    assert ledger.gone() == []


def test_cards__say_what_is_findable_of_a_job(ledger):
    """A card has the file's facts, the tags and the summary, as they are now."""
    job = submit(ledger, sha256="ab" * 32, tags=("red", "düne")).job
    step(ledger, job.id, PARSE, Succeeded(summary={"pieces": 12}))
    card = ledger.cards([job.id, "nobody"])[job.id]
    assert (card.name, card.kind, card.sha256, card.size) == ("a.xml", "sample", "ab" * 32, 3)
    assert (card.tags, card.summary, card.owner) == (("red", "düne"), {"pieces": 12}, "local")
    assert (card.version, card.status) == (ledger.version(job.id, owner="local")[0], "running")


def test_shown__says_what_hits_show_of_their_jobs(ledger, monkeypatch):
    """As it is now, to the last commit, whether it was glanced at or asked for in the usual way."""
    job, other = submit(ledger, name='Brücke 🧱 "1".xml').job, submit(ledger, owner="other").job
    gone = submit(ledger).job
    ledger.cancel(gone.id, owner="local")
    ids = [job.id, other.id, gone.id, "nobody"]
    assert ledger.shown(ids)[gone.id].status == "cancelled"
    ledger.delete(gone.id, owner="local")
    step(ledger, job.id, PARSE, Succeeded())
    found = ledger.shown(ids)
    assert found == {
        job.id: (job.id, "local", "running", 'Brücke 🧱 "1".xml', "sample"),
        other.id: (other.id, "other", "queued", "a.xml", "sample"),
    }
    assert ledger.shown([]) == {}
    monkeypatch.setattr(ledger.glances, "rows", lambda *_asked: None)
    assert ledger.shown(ids) == found
    assert ledger.shown([]) == {}
    assert {card.id for card in ledger.unindexed_like("other", [])} == {other.id}


def test_search_lag__is_the_age_of_the_oldest_change(ledger):
    """Nothing waits: no lag. Else it is counted from the oldest change on, deletes included."""
    job = submit(ledger).job
    heard(ledger)
    assert (ledger.search_lag().jobs, ledger.search_lag().seconds) == (0, 0.0)
    ledger.unindex([job.id])
    ledger.database.writing(lambda tx: tx.execute(update(jobs).values(unindexed_since=db_now(-100))))
    lag = ledger.search_lag()
    assert (lag.jobs, lag.gone) == (1, 0)
    assert lag.seconds == pytest.approx(100, abs=20)
    ledger.cancel(job.id, owner="local")
    ledger.delete(job.id, owner="local")
    lag = ledger.search_lag()
    assert (lag.jobs, lag.gone) == (0, 1)
    assert lag.seconds < 20


def test_unindex__marks_jobs_again(ledger):
    """All of them, or those that are named; what waits already keeps its time."""
    first, second = submit(ledger).job, submit(ledger).job
    heard(ledger)
    assert ledger.unindex([second.id]) == 1
    assert ledger.unindexed() == [second.id]
    assert ledger.unindex() == 1
    assert set(ledger.unindexed()) == {first.id, second.id}


def test_indexed_page__tells_what_an_index_should_have(ledger):
    """Jobs come by id, page by page, with the steps that made them findable."""
    made = [submit(ledger).job for _ in range(3)]
    for key in (PARSE, PICTURE, INDEX):
        step(ledger, made[1].id, key, Succeeded())
    first = ledger.indexed_page(limit=2)
    assert [one.id for one in first] == [made[0].id, made[1].id]
    assert [(one.ended, one.waits, one.steps) for one in first] == [(False, True, ()), (True, True, ("index",))]
    assert [one.id for one in ledger.indexed_page(after=first[-1].id, limit=2)] == [made[2].id]
    assert ledger.indexed_page(after=made[2].id) == []


def test_jobs_like__compares_names_tags_and_ids_without_case_and_accents(ledger):
    """Each word must be a part of file name, tags or id; nothing of another owner's is ever found."""
    job = submit(ledger, name="Brücke_Größe.XML", tags=("Pont Élevé", 'a"b')).job
    submit(ledger, name="bridge.xml", tags=("eleve",), owner="other")
    for words in (["brucke"], ["BRÜCKE", "xml"], ["élevé"], ["Eleve", "pont"], [job.id[:13]], ['a"'], []):
        assert [card.id for card in ledger.jobs_like("local", words)] == [job.id], words
    for words in (["bridge"], ["brucke", "nothing"], ["%"], ["_"] * 2 + ["\\"], ["sample"]):
        assert ledger.jobs_like("local", words) == [], words


def test_jobs_like__narrows_down_and_pages(ledger):
    """Kinds, pipelines, statuses, tags and times narrow down; the newest comes first."""
    old, new = submit(ledger, tags=("red",)).job, submit(ledger, tags=("blue",)).job
    ledger.cancel(old.id, owner="local")

    def found(**wanted: object) -> list[str]:
        return [card.id for card in ledger.jobs_like("local", ["a.xml"], wanted=CardFilter(**wanted))]

    now = datetime.now(UTC)
    assert found() == found(kinds=("sample", "x")) == found(pipelines=("sample",)) == [new.id, old.id]
    assert found(kinds=("x",)) == found(pipelines=("x",)) == found(tags=("red", "blue")) == []
    assert found(statuses=("cancelled", "failed")) == found(tags=("red",)) == [old.id]
    assert found(created_from=now - timedelta(hours=1), created_to=now + timedelta(hours=1)) == [new.id, old.id]
    assert found(created_to=now - timedelta(hours=1)) == found(created_from=now + timedelta(hours=1)) == []
    page = ledger.jobs_like("local", [], limit=1)
    assert [card.id for card in page + ledger.jobs_like("local", [], limit=1, after=page[-1].id)] == [new.id, old.id]


def test_unindexed_like__finds_only_what_the_index_has_yet_to_hear_of(ledger):
    """A job is found so from its submit until the index has it."""
    job = submit(ledger, name="Wand.xml").job
    assert [card.id for card in ledger.unindexed_like("local", ["wand"])] == [job.id]
    assert ledger.unindexed_like("other", ["wand"]) == ledger.unindexed_like("local", ["tor"]) == []
    heard(ledger)
    assert ledger.unindexed_like("local", ["wand"]) == []
    assert [card.id for card in ledger.jobs_like("local", ["wand"])] == [job.id]


def test_owners_of__tells_whose_jobs_are(ledger):
    """Deleted jobs have no owner."""
    mine, other = submit(ledger).job, submit(ledger, owner="other").job
    assert ledger.owners_of([mine.id, other.id, "nobody"]) == {mine.id: "local", other.id: "other"}


def test_index_waits__for_what_changed_and_for_what_is_gone(ledger):
    """One cheap look says whether either of the two is worth looking for."""
    assert not ledger.index_waits()
    job = submit(ledger).job
    assert ledger.index_waits()
    heard(ledger)
    assert not ledger.index_waits()
    ledger.cancel(job.id, owner="local")
    ledger.delete(job.id, owner="local")
    assert (ledger.unindexed(), ledger.gone(), ledger.index_waits()) == ([], [job.id], True)
    ledger.indexed({}, gone=[job.id])
    assert not ledger.index_waits()
