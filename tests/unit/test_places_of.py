"""Places made once more from artifacts: what is read is fetched when it is asked for, and what goes wrong has few names."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.sample_jobs import sample_job

from jobs.context import Place, SearchIndex, StepContext
from jobs.errors import Cancelled, StepError
from jobs.ids import new_id
from jobs.model import UPLOAD, Artifact, Job
from jobs.pipeline import Pipeline, Step
from jobs.queues import INDEXING, PARSING
from ledger import Ledger
from storage.memory import MemoryStore
from storage.port import StoreUnavailable
from workers.inputs import Inputs
from workers.runner import Limits, Runner


def index(ctx: StepContext, *, search: SearchIndex) -> None:
    """Step: one place for each line."""
    with ctx.open("records.jsonl") as lines:
        search.index(
            Place(artifact="records.jsonl", place=line.decode().strip(), title="t", text="x") for line in lines
        )


def fails(_ctx: StepContext, *, search: SearchIndex) -> None:
    """Step: as with an artifact that another release has written."""
    raise KeyError("raw_id")


PIPELINE = Pipeline(
    name="sample",
    version=1,
    title="Makes findable.",
    accepts=(),
    steps=tuple(
        Step(run=run, queue=INDEXING, reads=("*.jsonl",), isolated=False, ports=("search",)) for run in (index, fails)
    ),
)


class Desk:
    """A runner over a store in memory, and a job with artifacts."""

    def __init__(self, folder: Path) -> None:
        self.ledger = Ledger(f"sqlite:///{folder / 'ledger.sqlite3'}")
        self.store = MemoryStore()
        self.scratch = folder / "scratch"
        self.scratch.mkdir()
        self.runner = Runner(
            ledger=self.ledger,
            store=self.store,
            sandbox=None,
            pipelines={"sample": PIPELINE},
            ports={},
            scratch=self.scratch,
            limits=Limits(max_output=1, max_outputs=1),
        )
        artifacts = tuple(self.artifact(name, b"row 1\nrow 2\n") for name in ("records.jsonl", "other.jsonl", "a.csv"))
        self.job = replace(sample_job(PIPELINE), artifacts=artifacts)

    def artifact(self, name: str, content: bytes) -> Artifact:
        key = new_id()
        with self.store.writer(key) as writer:
            writer.write(content)
            writer.commit()
        return Artifact(name=name, sha256="ab" * 32, size=len(content), media_type="text/plain", step="parse", key=key)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.ledger.close()


def places_of(desk: Desk, name: str = "index", *, job: Job | None = None, **more: object) -> list[Place]:
    return desk.runner.places_of(job or desk.job, name, **more)


def test_places_of__are_those_that_the_step_finds(desk):
    """The step runs once more over the artifacts, and leaves nothing in scratch."""
    assert [place.place for place in places_of(desk)] == ["row 1", "row 2"]
    assert list(desk.scratch.iterdir()) == []


def test_places_of__what_can_not_be_made_is_a_step_error(desk):
    """Steps and pipelines that this release lacks, isolated ones, artifacts that are gone or of another form."""
    for name in ("absent", "fails"):
        with pytest.raises(StepError):
            places_of(desk, name)
    with pytest.raises(StepError):
        places_of(desk, job=replace(desk.job, pipeline="of another release"))
    with pytest.raises(StepError):
        places_of(desk, job=replace(desk.job, artifacts=()))
    desk.store.fail_next(StoreUnavailable("away"), verb="fetch")
    with pytest.raises(StoreUnavailable):
        places_of(desk)
    assert list(desk.scratch.iterdir()) == []


def test_places_of__ends_when_it_is_told_to(desk):
    """A worker that ends does not wait for a long list."""
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        places_of(desk, stop=stop)
    assert list(desk.scratch.iterdir()) == []


def test_inputs__are_fetched_once_and_when_they_are_asked_for(desk, tmp_path):
    """A step that opens nothing costs nothing; names of files are ours; what it may not read is not there."""
    fetched: list[str] = []

    class Counting(MemoryStore):
        def fetch(self, key: str, path: Path) -> None:
            fetched.append(key)
            desk.store.fetch(key, path)

    step = Step(run=index, queue=PARSING, reads=("*.jsonl", "records.*", UPLOAD))
    inputs = Inputs(Counting(), desk.job, step, tmp_path / "in")
    assert (list(inputs), len(inputs), fetched) == (["other.jsonl", "records.jsonl", UPLOAD], 3, [])
    for _ in range(2):
        assert inputs["records.jsonl"].read_bytes() == b"row 1\nrow 2\n"
    assert inputs["records.jsonl"].suffix == ".jsonl"
    assert "records" not in inputs["records.jsonl"].name
    assert fetched == [desk.job.artifacts[0].key]
    assert "a.csv" not in inputs
    with pytest.raises(KeyError):
        inputs["a.csv"]
