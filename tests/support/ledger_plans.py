"""Plans with joins, optional steps and parts: what the ledger's promises are searched on."""

from sqlalchemy import insert, literal, select
from support.sample_jobs import SAMPLE

from jobs.context import StepContext
from jobs.pipeline import Pipeline, Step
from jobs.queues import INDEXING, PARSING, THUMBNAILS, VALIDATION, Queue
from ledger import Ledger
from ledger.schema import step_runs


def _step(name: str, queue: Queue, *needs: str, required: bool = True) -> Step:
    def run(ctx: StepContext) -> None:
        """A step that is planned in tests and never run."""

    run.__name__ = name
    return Step(run=run, queue=queue, needs=needs, required=required)


DIAMOND = Pipeline(
    name="diamond",
    version=1,
    title="A join, and optional steps of which one needs the other.",
    accepts=("sample",),
    steps=(
        _step("read", PARSING),
        _step("left", PARSING, "read"),
        _step("right", VALIDATION, "read"),
        _step("join", INDEXING, "left", "right"),
        _step("picture", THUMBNAILS, "read", required=False),
        _step("poster", THUMBNAILS, "picture", required=False),
    ),
)
PARTS = Pipeline(
    name="parts",
    version=1,
    title="A step in parts between two others.",
    accepts=("sample",),
    steps=(_step("cut", PARSING), _step("piece", VALIDATION, "cut"), _step("glue", INDEXING, "piece")),
)
PLANS = {pipeline.name: pipeline for pipeline in (DIAMOND, PARTS, SAMPLE)}


def split(ledger: Ledger, job_id: str) -> None:
    """Give the step `piece` of a new job a second part, as a planner that splits would."""
    columns = [literal(1).label("part") if c.name == "part" else c for c in step_runs.c]
    second = select(*columns).where(step_runs.c.job_id == job_id, step_runs.c.name == "piece")
    also = insert(step_runs).from_select([c.name for c in step_runs.c], second)
    ledger.database.writing(lambda tx: tx.execute(also))
