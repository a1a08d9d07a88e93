"""Does nothing: measures the platform's own cost. No kind leads here; a caller has to ask for it by name."""

from jobs.context import StepContext
from jobs.pipeline import ANY_KIND, Pipeline, Step
from jobs.queues import PARSING


def nothing(_ctx: StepContext) -> None:
    """Return at once."""


PIPELINE = Pipeline(
    name="noop",
    version=1,
    title="Does nothing; measures the platform's own cost.",
    accepts=(ANY_KIND,),
    steps=(Step(run=nothing, queue=PARSING, reads=(), timeout=30.0),),
    max_bytes=1024 * 1024,
)
