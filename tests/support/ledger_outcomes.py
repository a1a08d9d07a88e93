"""The ways in which an attempt may end, by a word."""

import hashlib

from support.sample_jobs import fault

from jobs.errors import Actor
from jobs.model import Artifact
from jobs.outcomes import Failed, Outcome, RetryLater, Succeeded
from ledger import Held, Ledger

FAULTS = {
    "input": fault("xml.syntax", Actor.SUBMITTER),
    "platform": fault("step.error"),
    "transient": fault("store.unavailable", Actor.NOBODY),
    "limit": fault("step.timeout"),
    "memory": fault("step.memory"),
    "crash": fault("step.crashed"),
}
RELEASES = {"released": 0.0, "put off": 15.0}  # seconds
SUCCESSES = ("success", "same bytes", "same name")
OUTCOMES = (*SUCCESSES, *FAULTS, *RELEASES)


def outcome_of(held: Held, kind: str, *, ledger: Ledger) -> Outcome:
    """How the attempt of that claim ends; a success saves one artifact and tells its fence."""
    if kind in FAULTS:
        return Failed(fault=FAULTS[kind], delay=15.0 if kind == "transient" else None)
    if kind in RELEASES:
        return RetryLater(fault=fault("step.released", Actor.NOBODY), delay=RELEASES[kind])
    content = held.job_id if kind == "same bytes" else repr(held)
    name = "report" if kind == "same name" else f"{held.step}.{held.part}"
    saved = Artifact(
        name=name,
        sha256=hashlib.sha256(content.encode()).hexdigest(),
        size=4,
        media_type="text/plain",
        step=held.step,
        key=ledger.reserve_blob(),
    )
    return Succeeded(artifacts=(saved,), summary={f"{held.step}.{held.part}": held.fence})
