"""Does nothing, or one thing wrong that is asked for: for measurements, drills and trying out alerts.

No kind leads here; a caller has to ask for it by name.
"""

import os
import signal
import time
from enum import StrEnum

from pydantic import Field

from jobs.context import StepContext
from jobs.errors import TransientError
from jobs.pipeline import ANY_KIND, Options, Pipeline, Step
from jobs.queues import PARSING

_STEPS = 20  # progress reports of a step that takes its time


class Misbehaviour(StrEnum):
    """What a step of this pipeline can be asked to do wrong."""

    CRASH = "crash"  # dies by a signal, as from a bug in native code
    MEMORY = "memory"  # wants more than any memory class grants
    ERROR = "error"  # raises what nobody foresaw
    TRANSIENT = "transient"  # fails as if something outside were away


class NoopOptions(Options):
    """How long it takes, and what it does wrong."""

    seconds: float = Field(0.0, ge=0, le=60, description="How long the step takes.")
    native: bool = Field(False, description="Spend that time in one native call that never lets go of the interpreter.")
    misbehave: Misbehaviour | None = Field(None, description="What it does wrong after that time.")


def nothing(ctx: StepContext) -> None:
    """Return at once, or after what the options say."""
    chosen = NoopOptions.model_validate(dict(ctx.options))  # completed: a plan of an older release says less
    if chosen.seconds and chosen.native:
        _hold_the_interpreter(chosen.seconds)
    elif chosen.seconds:
        for done in range(_STEPS):
            ctx.progress(done, _STEPS, "waiting")
            time.sleep(chosen.seconds / _STEPS)
    if chosen.misbehave:
        _misbehave(chosen.misbehave)


def _hold_the_interpreter(seconds: float) -> None:
    import ctypes  # beside this, no step of the pipeline needs it

    ctypes.PyDLL(None).usleep(int(seconds * 1e6))  # PyDLL, unlike CDLL, keeps the global interpreter lock


def _misbehave(how: Misbehaviour) -> None:
    if how is Misbehaviour.CRASH:
        os.kill(os.getpid(), signal.SIGSEGV)
    if how is Misbehaviour.MEMORY:
        bytearray(1 << 40)
    if how is Misbehaviour.TRANSIENT:
        raise TransientError("noop.away", "Something outside is away, as was asked for.")
    raise RuntimeError("asked for")


PIPELINE = Pipeline(
    name="noop",
    version=2,
    title="Does nothing, or one thing wrong that is asked for: for measurements and drills.",
    accepts=(ANY_KIND,),
    options=NoopOptions,
    steps=(Step(run=nothing, queue=PARSING, reads=(), timeout=90.0),),
    max_bytes=1024 * 1024,
)
