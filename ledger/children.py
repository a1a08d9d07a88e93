"""Child jobs: what a step submits on its own artifacts, entered in the transaction in which the step succeeds."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from jobs.lifecycle import queue_ready
from jobs.model import Artifact, FileFacts, Job, Status
from jobs.outcomes import ChildJob, Succeeded
from ledger.apply import Dispatch
from ledger.submit import enter


def enter_children(
    tx: Connection, parent: Job, outcome: Succeeded, *, keys: Mapping[str, str], now: datetime
) -> tuple[Dispatch, ...]:
    """Enter them as jobs of the parent's owner; `keys` say where each artifact's bytes are now."""
    saved = {artifact.name: artifact for artifact in outcome.artifacts}
    sent: list[Dispatch] = []
    for child in outcome.children:
        artifact = saved[child.artifact]
        sent += enter(tx, _planned(child, parent, artifact, key=keys[artifact.name], now=now), now=now)
    return tuple(sent)


def _planned(child: ChildJob, parent: Job, artifact: Artifact, *, key: str, now: datetime) -> Job:
    """The parent anew on another file: whose it is, and what a caller hung on it, goes for its children as well."""
    file = FileFacts(
        name=child.file_name,
        size=artifact.size,
        sha256=artifact.sha256,
        media_type=artifact.media_type,
        kind=child.kind,
        key=key,
    )
    job = parent.evolve(
        id=child.id,
        pipeline=child.pipeline,
        pipeline_version=child.pipeline_version,
        status=Status.QUEUED,
        file=file,
        options=child.options,
        parent_job_id=parent.id,
        expires_at=None,
        version=1,
        steps=child.steps,
        summary={},
        warnings=(),
        fault=None,
        artifacts=(),
        created_at=now,
        started_at=None,
        finished_at=None,
    )
    return queue_ready(job, now)
