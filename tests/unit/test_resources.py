"""Reference data for steps: the catalog's file on this host through every damage, and what owners said."""

import fcntl
import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.sample_jobs import sample_job, submit

from catalog.sqlite import SqliteCatalog
from jobs.errors import ConfigurationError, StepError
from jobs.ids import new_id
from jobs.likeness import Family, Fingerprint
from jobs.model import Artifact, StepKey
from jobs.outcomes import Succeeded
from jobs.pipeline import Pipeline, Step
from jobs.queues import PARSING
from ledger import Ledger
from ledger.catalogs import CATALOG
from ledger.errors import LedgerUnavailable
from storage import open_store
from storage.port import StoreFull, StoreUnavailable
from workers import resources
from workers.duplicates import EarlierJobs
from workers.resources import CatalogKeeper, OwnersWord, Sample, sample
from workers.runner import Limits, Runner

JOB = sample_job()


class Shelf:
    """A ledger and a store with catalogs, and keepers on one folder."""

    def __init__(self, folder: Path) -> None:
        self.ledger = Ledger(f"sqlite:///{folder / 'ledger.sqlite3'}")
        self.ledger.migrate()
        self.store = open_store(kind="memory")
        self.folder = folder / "cache"
        self.fetched: list[str] = []
        fetch = self.store.fetch

        def counted(key: str, path: Path) -> None:
            self.fetched.append(key)
            fetch(key, path)

        self.store.fetch = counted

    def keeper(self) -> CatalogKeeper:
        """One process's."""
        made = Sample(name="sample", make=lambda path: path.write_bytes(b"the sample"))
        return CatalogKeeper(self.ledger, self.store, folder=self.folder, sample=lambda: made)

    def put(self, content: bytes) -> str:
        """A catalog, in force; its version."""
        job = submit(self.ledger).job
        key = self.ledger.reserve_blob()
        with self.store.writer(key) as writer:
            writer.write(content)
            writer.commit()
        claim = self.ledger.claim(job.id, StepKey("parse"), dispatch=1, worker="w", lease=60)
        made = Artifact(
            name=CATALOG,
            sha256=hashlib.sha256(content).hexdigest(),
            size=len(content),
            media_type="application/vnd.sqlite3",
            step="parse",
            key=key,
        )
        assert self.ledger.finish(claim.held, Succeeded(artifacts=(made,)))[0]
        self.ledger.activate_catalog(job.id, counts={}, notes={})
        return job.id

    def key(self) -> str:
        return self.ledger.active_catalog().key


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(tmp_path)
    yield made
    made.ledger.close()


def given(keeper: CatalogKeeper) -> Path:
    return keeper(JOB, Path("unused"))


def test_catalog__is_the_sample_until_one_is_imported(shelf):
    """A fresh installation reads the sample; an import takes its place."""
    keeper = shelf.keeper()
    assert given(keeper).read_bytes() == b"the sample"
    version = shelf.put(b"imported")
    assert given(keeper) == shelf.folder / f"{version}.sqlite"
    assert given(keeper).read_bytes() == b"imported"


def test_catalog__the_sample_of_the_release_compiles(tmp_path):
    """The sample that comes along is a catalog that answers."""
    made = sample()
    made.make(tmp_path / "sample.sqlite")
    catalog = SqliteCatalog(tmp_path / "sample.sqlite")
    assert catalog.part("3001") is not None
    assert catalog.version in made.name


def test_catalog__is_fetched_once(shelf):
    """Steps share one file, which is fetched once, by one of several threads."""
    shelf.put(b"imported")
    keeper = shelf.keeper()
    with ThreadPoolExecutor(8) as threads:
        paths = set(threads.map(lambda _: given(keeper), range(40)))
    assert len(paths) == 1
    assert len(shelf.fetched) == 1


def test_catalog__the_next_step_reads_what_was_imported_before_it(shelf):
    """A catalog that is in force is the one that the very next step is given, and so is the one after it."""
    keeper = shelf.keeper()
    for content in (b"first", b"second"):
        shelf.put(content)
        assert given(keeper).read_bytes() == content


def test_catalog__two_workers_at_once_fetch_it_once(shelf):
    """Two processes that need the file at the same moment wait for one another; both are given the whole file."""
    shelf.put(b"imported" * 1000)
    gate = threading.Barrier(4)

    def one(keeper):
        gate.wait()
        return given(keeper).read_bytes()

    with ThreadPoolExecutor(4) as threads:
        found = set(threads.map(one, [shelf.keeper() for _ in range(4)]))
    assert found == {b"imported" * 1000}
    assert len(shelf.fetched) == 1
    assert [path.name for path in shelf.folder.iterdir() if path.name.endswith(".part")] == []


def test_catalog__a_stopped_worker_is_not_waited_for(shelf, monkeypatch):
    """A worker that was frozen with the lock in its hands keeps the others of its host from nothing."""
    monkeypatch.setattr(resources, "_PATIENCE", 0.2)
    shelf.put(b"imported")
    shelf.folder.mkdir()
    with (shelf.folder / ".lock").open("a") as frozen:
        fcntl.flock(frozen, fcntl.LOCK_EX)
        assert given(shelf.keeper()).read_bytes() == b"imported"


def shorten(path):
    path.chmod(0o600)
    os.truncate(path, 3)


def alter(path):
    path.chmod(0o600)
    path.write_bytes(b"x" * path.stat().st_size)


@pytest.mark.parametrize("harm", [shorten, alter, Path.unlink])
@pytest.mark.parametrize("same_process", [True, False])
def test_catalog__a_damaged_file_is_fetched_again(shelf, harm, same_process):
    """A file that was cut, altered or removed is noticed before a step gets it, by its keeper and by others."""
    shelf.put(b"imported")
    keeper = shelf.keeper()
    harm(given(keeper))
    keeper = keeper if same_process else shelf.keeper()
    assert given(keeper).read_bytes() == b"imported"
    assert len(shelf.fetched) == 2


def test_catalog__is_looked_at_again_after_a_while(shelf, monkeypatch):
    """Damage that leaves size and times alone is found once the file's hash is looked at again."""
    shelf.put(b"imported")
    keeper = shelf.keeper()
    path = given(keeper)
    times = path.stat()
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.write(b"I")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert given(keeper).read_bytes() == b"Imported"
    monkeypatch.setattr(resources, "_TRUSTED", 0.0)
    assert given(keeper).read_bytes() == b"imported"


@pytest.mark.parametrize("error", [StoreUnavailable("away"), StoreFull("no room")])
def test_catalog__a_store_that_is_away_leaves_nothing_half(shelf, error):
    """While the store does not give the bytes the step is put off; nothing half stays, and later it works."""
    shelf.put(b"imported")
    keeper, fetch = shelf.keeper(), shelf.store.fetch

    def away(_key, path):
        path.write_bytes(b"imp")
        raise error

    shelf.store.fetch = away
    with pytest.raises(type(error)):
        given(keeper)
    assert [path.name for path in shelf.folder.iterdir()] == [".lock"]
    shelf.store.fetch = fetch
    assert given(keeper).read_bytes() == b"imported"


def test_catalog__a_full_disk_puts_the_step_off(shelf):
    """No room on this host is told as no room in the store is, by which no attempt is charged."""

    def full(_path):
        raise OSError(28, "No space left on device")

    keeper = CatalogKeeper(
        shelf.ledger, shelf.store, folder=shelf.folder, sample=lambda: Sample(name="sample", make=full)
    )
    with pytest.raises(StoreFull, match="this worker's disk"):
        given(keeper)


def test_catalog__lost_bytes_are_the_operators_matter(shelf):
    """Where the store has lost the catalog, or has another content, the fault says how to cure it."""
    shelf.put(b"imported")
    with shelf.store.writer(other := new_id()) as writer:
        writer.write(b"not this")
        writer.commit()
    fetch, shelf.store.fetch = shelf.store.fetch, lambda _key, path: fetch(other, path)
    with pytest.raises(StepError) as told:
        given(shelf.keeper())
    assert (told.value.fault.code, told.value.fault.actor) == ("catalog.missing", "platform")
    shelf.store.fetch = fetch
    shelf.store.delete(shelf.key())
    with pytest.raises(StepError) as told:
        given(shelf.keeper())
    assert "heavylift catalog import" in told.value.fault.hint


def test_catalog__goes_on_while_the_ledger_is_away(shelf):
    """A keeper that knows which version is in force goes on with it; one that never knew puts the step off."""
    shelf.put(b"imported")
    keeper = shelf.keeper()
    given(keeper)

    def away():
        raise LedgerUnavailable("away")

    shelf.ledger.active_catalog = away
    assert given(keeper).read_bytes() == b"imported"
    with pytest.raises(LedgerUnavailable):
        given(shelf.keeper())


def test_catalog__old_files_go_once_unused(shelf):
    """A file that no step was given for an hour goes when another version comes; a younger one stays for its readers."""
    keeper = shelf.keeper()
    shelf.put(b"first")
    old = given(keeper)
    shelf.put(b"second")
    young = given(keeper)
    assert old.exists()
    half = shelf.folder / ".x.part"
    half.touch()
    long_ago = time.time() - 2 * 3600
    for path in (old, half):
        os.utime(path, (long_ago, path.stat().st_mtime))
    shelf.put(b"third")
    current = given(keeper)
    assert {path.name for path in shelf.folder.iterdir()} == {".lock", young.name, current.name}


def test_catalog__nobody_may_write_it(shelf):
    """The file's mode lets nobody write."""
    shelf.put(b"imported")
    assert given(shelf.keeper()).stat().st_mode & 0o222 == 0


def test_reading__tells_what_the_owner_said(shelf, tmp_path):
    """A job gets its owner's corrections and mappings, nobody else's, and the operator's Studio password."""
    shelf.ledger.put_correction("local", kind="part", space="bricklink", raw="30O1", target="3001")
    shelf.ledger.put_correction("other", kind="part", space="bricklink", raw="9", target="8")
    shelf.ledger.put_mapping("local", "bom", wishes={"columns": {"qty": 3}})
    path = OwnersWord(shelf.ledger, studio_password="secret")(JOB, tmp_path)
    assert json.loads(path.read_text()) == {
        "corrections": [{"kind": "part", "space": "bricklink", "raw": "30o1", "target": "3001"}],
        "mappings": {"bom": {"columns": {"qty": 3}}},
        "studio_password": "secret",
    }
    assert path.stat().st_mode & 0o077 == 0


def test_duplicates__names_earlier_jobs_only(shelf, tmp_path):
    """Copies and look-alikes of before are named with the job's own fingerprints; later jobs and other owners' are not."""
    shape = "01" + "80" * 42
    same = Fingerprint(family=Family.MODEL, exact="ab" * 32, near=shape)
    near = Fingerprint(family=Family.MODEL, exact="cd" * 32, near=shape[:-2] + "81")
    made = []
    for owner, print_ in (("local", same), ("local", near), ("other", same), ("local", same), ("local", same)):
        job = submit(shelf.ledger, owner=owner).job
        held = shelf.ledger.claim(job.id, StepKey("parse"), dispatch=1, worker="w", lease=60).held
        shelf.ledger.finish(held, Succeeded(fingerprints=(print_,)))
        made.append(job)
    copy, alike, _, mine, _ = made
    path = EarlierJobs(shelf.ledger)(mine, tmp_path)
    assert json.loads(path.read_text()) == {
        "fingerprints": {"model": {"exact": same.exact, "near": same.near}},
        "same": [{"job_id": copy.id, "file_name": copy.file.name, "same_file": copy.file.sha256 == mine.file.sha256}],
        "alike": [{"job_id": alike.id, "file_name": alike.file.name, "distance": 0.00049}],
    }
    assert path.stat().st_mode & 0o077 == 0


def wanting(ctx) -> None:
    """A step that asks for reference data."""


def test_resources__an_unknown_one_fails_at_start(shelf, tmp_path):
    """A step that asks for what nobody provides is a mistake that a worker tells when it starts, with the cure."""
    step = Step(run=wanting, queue=PARSING, resources=("catalogue",))
    pipelines = {"x": Pipeline(name="x", version=1, title="t", accepts=(), steps=(step,))}
    with pytest.raises(ConfigurationError, match=r"x\.wanting asks for the resource 'catalogue'.*one of: catalog"):
        Runner(
            ledger=shelf.ledger,
            store=shelf.store,
            sandbox=None,
            pipelines=pipelines,
            ports={},
            scratch=tmp_path,
            limits=Limits(max_output=1, max_outputs=1),
            resources={"catalog": shelf.keeper()},
        )
