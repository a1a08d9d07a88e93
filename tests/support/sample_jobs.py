"""Jobs and pipelines made up for tests of the rules and the ledger."""

from dataclasses import replace
from datetime import UTC, datetime

from jobs.context import StepContext
from jobs.errors import Actor, Fault
from jobs.ids import new_id
from jobs.lifecycle import queue_ready
from jobs.model import FileFacts, Job, Status, StepKey
from jobs.pipeline import Pipeline, Step
from jobs.planning import plan
from jobs.policy import RetryPolicy
from jobs.queues import INDEXING, PARSING, THUMBNAILS
from jobs.verbs import claimed
from ledger import IdempotencyKey, Ledger, NewJob, Submitted

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STEADY = RetryPolicy(base=1.0, factor=3.0, cap=60.0, jitter=lambda: 0.5)  # delays are exact: 1, 3, 9, 27
NO_WAIT = RetryPolicy(base=0.0)


def parse(ctx: StepContext) -> None:
    """A step that is planned in tests and never run."""


def picture(ctx: StepContext) -> None:
    """A step that is planned in tests and never run."""


def index(ctx: StepContext) -> None:
    """A step that is planned in tests and never run."""


SAMPLE = Pipeline(
    name="sample",
    version=3,
    title="For tests.",
    accepts=("sample",),
    steps=(
        Step(run=parse, queue=PARSING),
        Step(run=picture, queue=THUMBNAILS, required=False),
        Step(run=index, queue=INDEXING, needs=("parse",)),
    ),
)


def sample_job(pipeline: Pipeline = SAMPLE) -> Job:
    """A queued job with its first steps queued."""
    facts = FileFacts(name="a.xml", size=3, sha256="ab" * 32, media_type="text/xml", kind="sample", key=new_id())
    job = Job(
        id=new_id(),
        owner="local",
        pipeline=pipeline.name,
        pipeline_version=pipeline.version,
        status=Status.QUEUED,
        file=facts,
        options={},
        metadata={},
        tags=(),
        priority=5,
        correlation_id="c-1",
        steps=plan(pipeline),
        summary={},
        created_at=NOW,
    )
    return queue_ready(job, NOW)


def running(job: Job, name: str) -> Job:
    """The job after its step was claimed."""
    return claimed(job, StepKey(name), now=NOW, worker="w-1", lease=20).job


def fault(code: str = "step.error", actor: Actor = Actor.PLATFORM) -> Fault:
    """Some fault."""
    return Fault(code=code, message="It broke.", actor=actor)


def submit(
    ledger: Ledger,
    *,
    sha256: str | None = None,
    owner: str = "local",
    name: str = "a.xml",
    pipeline: Pipeline = SAMPLE,
    idempotency: IdempotencyKey | None = None,
    **more: object,
) -> Submitted:
    """Submit a sample job whose bytes are only claimed to be stored."""
    key = ledger.reserve_blob()
    facts = sample_job().file
    new = NewJob(
        owner=owner,
        pipeline=pipeline,
        file=replace(facts, name=name, key=key, sha256=sha256 or new_id().replace("-", "") * 2),
        options={},
        metadata={"order": 7},
        tags=("red", "blue"),
        priority=5,
        correlation_id="c-1",
        idempotency=idempotency,
    )
    return ledger.submit(replace(new, **more))
