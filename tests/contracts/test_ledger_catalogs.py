"""Catalog versions, corrections and column mappings, on each back end."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from support.sample_jobs import submit

from jobs.ids import new_id
from jobs.lifecycle import WrongState
from jobs.model import Artifact, StepKey
from jobs.outcomes import Succeeded
from ledger import corrections as corrections_module
from ledger.catalogs import ACTIVE, CATALOG, KEPT, RETIRED
from ledger.errors import CorrectionNotFound, JobInUse, JobNotFound, MappingNotFound, TooMany

COUNTS = {"parts": 200, "colors": 30}
OWNER = "local"


def compiled(ledger):
    """A running job that has compiled a catalog."""
    job = submit(ledger).job
    claim = ledger.claim(job.id, StepKey("parse"), dispatch=1, worker="w", lease=60)
    made = Artifact(
        name=CATALOG,
        sha256=new_id().replace("-", "") * 2,
        size=4,
        media_type="application/vnd.sqlite3",
        step="parse",
        key=ledger.reserve_blob(),
    )
    assert ledger.finish(claim.held, Succeeded(artifacts=(made,)))[0]
    return job.id


def end(ledger, job_id):
    """Let what is left of the job succeed."""
    for name in ("picture", "index"):
        claim = ledger.claim(job_id, StepKey(name), dispatch=1, worker="w", lease=60)
        assert ledger.finish(claim.held, Succeeded())[0]


def states(ledger):
    return {version.job_id: version.state for version in ledger.catalog_versions()}


def test_active_catalog__is_none_before_the_first_import(ledger):
    """Nothing is in force until something was imported, and there is no import to wait for."""
    assert ledger.active_catalog() is None
    assert ledger.catalog_versions() == []
    assert ledger.latest_job("sample") is None


def test_activate__puts_the_artifact_of_the_job_in_force(ledger):
    """The active version tells where its bytes are, its counts and what its import said."""
    job_id = compiled(ledger)
    assert ledger.activate_catalog(job_id, counts=COUNTS, notes={"source": "x"})
    found = ledger.active_catalog()
    (made,) = ledger.get(job_id, owner=OWNER).artifacts
    assert (found.job_id, found.state, found.counts, found.notes) == (job_id, ACTIVE, COUNTS, {"source": "x"})
    assert (found.key, found.sha256, found.size) == (made.key, made.sha256, made.size)


def test_activate__is_done_once_per_job(ledger):
    """A second call of the same job changes nothing, also where another version came in between."""
    first, second = compiled(ledger), compiled(ledger)
    assert ledger.activate_catalog(first, counts=COUNTS, notes={})
    assert ledger.activate_catalog(first, counts={"parts": 1}, notes={})
    assert ledger.active_catalog().counts == COUNTS
    assert ledger.activate_catalog(second, counts=COUNTS, notes={})
    assert not ledger.activate_catalog(first, counts=COUNTS, notes={})
    assert states(ledger) == {first: RETIRED, second: ACTIVE}


def test_activate__takes_no_job_that_ended_or_compiled_nothing(ledger):
    """A cancelled job's catalog does not come in force, nor what is not there."""
    cancelled, empty = compiled(ledger), submit(ledger).job.id
    ledger.cancel(cancelled, owner=OWNER)
    for job_id in (cancelled, empty):
        with pytest.raises(WrongState):
            ledger.activate_catalog(job_id, counts=COUNTS, notes={})
    with pytest.raises(JobNotFound):
        ledger.activate_catalog("nobody", counts=COUNTS, notes={})
    assert ledger.active_catalog() is None


def test_activate__two_at_once_leave_one_active(ledger):
    """Of two imports that end at the same moment one is active and the other retired, never both or none."""
    ids = [compiled(ledger) for _ in range(4)]
    gate = Barrier(len(ids))

    def one(job_id):
        gate.wait()
        return ledger.activate_catalog(job_id, counts=COUNTS, notes={})

    with ThreadPoolExecutor(len(ids)) as threads:
        assert all(threads.map(one, ids))
    assert sorted(states(ledger).values()) == [ACTIVE, RETIRED, RETIRED]


def test_activate__keeps_the_last_few(ledger):
    """Older versions are forgotten, so that their jobs may go."""
    ids = [compiled(ledger) for _ in range(KEPT + 2)]
    for job_id in ids:
        ledger.activate_catalog(job_id, counts=COUNTS, notes={})
    assert list(states(ledger)) == ids[::-1][:KEPT]
    assert list(states(ledger).values()) == [ACTIVE] + [RETIRED] * (KEPT - 1)


def test_retention__spares_jobs_of_kept_versions_only(ledger):
    """A kept version's job is refused by delete and passed over by retention; once it is dropped, both take it."""
    ids = [compiled(ledger) for _ in range(KEPT + 1)]
    for job_id in ids[:KEPT]:
        ledger.activate_catalog(job_id, counts=COUNTS, notes={})
        end(ledger, job_id)
    assert ledger.past_retention(days=-1, letter_days=90) == []
    for job_id in ids[:KEPT]:
        with pytest.raises(JobInUse):
            ledger.delete(job_id, owner=OWNER)
    ledger.activate_catalog(ids[KEPT], counts=COUNTS, notes={})
    assert ledger.past_retention(days=-1, letter_days=90) == [ids[0]]
    ledger.delete(ids[0], owner=OWNER)
    with pytest.raises(JobNotFound):
        ledger.get(ids[0], owner=OWNER)


def test_latest_job__is_the_newest_of_its_pipeline(ledger):
    """Whoever owns it, the newest job tells its status and its age."""
    submit(ledger)
    newest = submit(ledger, owner="somebody").job
    found = ledger.latest_job("sample")
    assert (found.job_id, found.status) == (newest.id, newest.status)
    assert 0 <= found.age < 300
    assert ledger.latest_job("other") is None


def test_corrections__replace_what_was_said_before(ledger):
    """One owner says one thing of one id: a second word replaces the first, whatever its case."""
    first, is_new = ledger.put_correction(OWNER, kind="part", space="bricklink", raw=" 30O1 ", target="3001")
    assert (first.raw, first.target, is_new) == ("30o1", "3001", True)
    second, is_new = ledger.put_correction(OWNER, kind="part", space="bricklink", raw="30o1", target="3002", note="n")
    assert (second.id, second.target, second.note, is_new) == (first.id, "3002", "n", False)
    ledger.put_correction(OWNER, kind="color", space="bricklink", raw="30o1", target="4")
    ledger.put_correction("other", kind="part", space="bricklink", raw="30o1", target="9")
    assert ledger.corrections(OWNER, kind="part") == ([second], None)


def test_corrections__two_at_once_make_one(ledger):
    """Two that say something of the same id at once both get an answer, and one row is left."""
    gate = Barrier(4)

    def one(target):
        gate.wait()
        return ledger.put_correction(OWNER, kind="part", space="lego", raw="x", target=target)[0]

    with ThreadPoolExecutor(4) as threads:
        said = list(threads.map(one, "abcd"))
    assert len({one.id for one in said}) == 1
    assert len(ledger.corrections(OWNER)[0]) == 1


def test_corrections__come_in_pages(ledger):
    """The newest first, page after page; other filters narrow them down."""
    made = [ledger.put_correction(OWNER, kind="part", space="lego", raw=str(n), target="1")[0] for n in range(5)]
    page, cursor = ledger.corrections(OWNER, limit=3)
    rest, end_ = ledger.corrections(OWNER, limit=3, cursor=cursor)
    assert page + rest == made[::-1]
    assert end_ is None
    assert ledger.corrections(OWNER, space="lego", raw="3") == ([made[3]], None)


def test_corrections__are_their_owners(ledger):
    """Nobody deletes what another one said, and nothing twice."""
    made, _ = ledger.put_correction(OWNER, kind="part", space="lego", raw="x", target="1")
    with pytest.raises(CorrectionNotFound):
        ledger.delete_correction(made.id, owner="other")
    ledger.delete_correction(made.id, owner=OWNER)
    with pytest.raises(CorrectionNotFound):
        ledger.delete_correction(made.id, owner=OWNER)


def test_corrections__have_an_end(ledger, monkeypatch):
    """An owner may say only so much, but change it still."""
    monkeypatch.setattr(corrections_module, "MAX_CORRECTIONS", 1)
    monkeypatch.setattr(corrections_module, "MAX_MAPPINGS", 1)
    ledger.put_correction(OWNER, kind="part", space="lego", raw="x", target="1")
    ledger.put_correction(OWNER, kind="part", space="lego", raw="x", target="2")
    with pytest.raises(TooMany, match="1 already"):
        ledger.put_correction(OWNER, kind="part", space="lego", raw="y", target="1")
    ledger.put_mapping(OWNER, "a", wishes={})
    with pytest.raises(TooMany):
        ledger.put_mapping(OWNER, "b", wishes={})
    ledger.put_mapping("other", "b", wishes={})


def test_mappings__are_kept_under_their_names(ledger):
    """A mapping is replaced by its name, listed by name, and gone once deleted; each owner has its own."""
    assert ledger.put_mapping(OWNER, "shop", wishes={"sheet": 1})[1]
    ledger.put_mapping(OWNER, "bom", wishes={"columns": {"qty": 3}})
    ledger.put_mapping("other", "shop", wishes={})
    changed, is_new = ledger.put_mapping(OWNER, "shop", wishes={"sheet": "Parts"})
    assert (changed.wishes, is_new) == ({"sheet": "Parts"}, False)
    assert [one.name for one in ledger.mappings(OWNER)] == ["bom", "shop"]
    assert ledger.mapping(OWNER, "shop") == changed
    ledger.delete_mapping(OWNER, "shop")
    for call in (ledger.mapping, ledger.delete_mapping):
        with pytest.raises(MappingNotFound):
            call(OWNER, "shop")
    assert ledger.mapping("other", "shop").wishes == {}
