"""The executor: one message in, one Outcome committed. The only place where a step runs."""

import threading
import time
from collections.abc import Callable

import structlog

from broker.messages import StepMessage
from jobs.errors import Actor, Cancelled, Fault, StepError, TransientError
from jobs.outcomes import Failed, Outcome, RetryLater, Usage
from ledger import Claim, Ledger
from ledger.errors import LedgerUnavailable
from workers.heartbeat import Heartbeat, Hold

log = structlog.get_logger(__name__)
_LEDGER_PAUSE = 0.5  # seconds between tries while the ledger is away


class ShuttingDown(Exception):
    """The worker ends and takes nothing new; the message goes back to the broker."""


class Executor:
    """Claims, runs, finishes. Thread-safe: each of a pool's threads calls `execute`."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        heartbeat: Heartbeat,
        run: Callable[[Claim, Hold], Outcome],  # isolated or in-process: workers/runner.py
        wake: Callable[..., None],  # the publisher's
        worker: str,
        lease: float,
    ) -> None:
        self._ledger = ledger
        self._heartbeat = heartbeat
        self._run = run
        self._wake = wake
        self._worker = worker
        self._lease = lease
        self._stopping = threading.Event()

    def execute(self, message: StepMessage) -> None:
        """Do what `message` asks, unless it is stale; raises `ShuttingDown` where nothing was begun."""
        claim = self._claim(message)
        if claim is None:
            return
        bound = structlog.contextvars.bound_contextvars(
            job_id=claim.job.id, correlation_id=claim.job.correlation_id, step=claim.step.name
        )
        with bound, self._heartbeat.holding(claim.held) as hold:
            log.info("step.started", attempt=claim.step.attempt, pipeline=claim.job.pipeline)
            began = time.monotonic()
            outcome = self._attempt(claim, hold)
            self._finish(claim, outcome)
            log.info("step.ended", outcome=type(outcome).__name__, seconds=round(time.monotonic() - began, 3))

    def stop(self) -> None:
        """Begin nothing new; `Heartbeat.stop_all` ends what runs."""
        self._stopping.set()

    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping.is_set()

    def _claim(self, message: StepMessage) -> Claim | None:
        """Wait for an absent ledger here: this thread has nothing else to do, and the message stays unacked."""
        while not self._stopping.is_set():
            try:
                return self._ledger.claim(
                    message.job_id,
                    message.key,
                    dispatch=message.dispatch,
                    worker=self._worker,
                    lease=self._lease,
                )
            except LedgerUnavailable as error:
                log.warning("ledger.unavailable", during="claim", reason=str(error))
                self._stopping.wait(_LEDGER_PAUSE)
        raise ShuttingDown

    def _attempt(self, claim: Claim, hold: Hold) -> Outcome:
        """Whatever happens becomes an Outcome: the only broad `except` around a step."""
        began = time.monotonic()
        try:
            outcome = self._run(claim, hold)
        except Cancelled:
            outcome = RetryLater(fault=_released(claim)) if hold.shutdown else Failed(fault=_stopped(claim))
        except TransientError as error:
            outcome = Failed(fault=error.fault, delay=error.delay)
        except StepError as error:
            outcome = Failed(fault=error.fault)
        except Exception as error:
            log.exception("step.error")
            outcome = Failed(fault=unexpected(error), usage=Usage(seconds=time.monotonic() - began))
        return outcome

    def _finish(self, claim: Claim, outcome: Outcome) -> None:
        """Commit, however long the ledger is away: until then the lease runs out and somebody else may win."""
        while True:
            try:
                held, dispatches = self._ledger.finish(claim.held, outcome)
            except LedgerUnavailable as error:
                log.warning("ledger.unavailable", during="finish", reason=str(error))
                if self._stopping.wait(_LEDGER_PAUSE):
                    return  # the lease brings the step back
            else:
                if not held:
                    log.info("step.fenced")
                self._wake(dispatches)
                return


def unexpected(error: BaseException) -> Fault:
    """A defect of ours. Its own message may quote the file, so only its type is shown."""
    return Fault(
        code="step.error",
        message=f"The step failed with an unexpected {type(error).__name__}.",
        actor=Actor.PLATFORM,
        hint="Those who run the platform find the details in the worker's log under the correlation id.",
    )


def _stopped(claim: Claim) -> Fault:
    return Fault(code="step.cancelled", message=f"Step {claim.step.name} was stopped.", actor=Actor.NOBODY)


def _released(claim: Claim) -> Fault:
    return Fault(
        code="step.released",
        message=f"Step {claim.step.name} was given back when its worker ended; no attempt is charged.",
        actor=Actor.NOBODY,
    )
