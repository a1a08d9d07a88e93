"""From an upload to an accepted job, the same for every route that takes one: what the job is, and what is answered."""

from dataclasses import dataclass
from typing import Self

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from api.headers import idempotency_key, wait_seconds
from api.state import face_of
from api.submission import Submission, options_for
from api.uploads import Upload
from jobs.model import Job
from jobs.pipeline import Pipeline
from ledger import IdempotencyKey, NewJob, Submitted


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request's headers ask of its submit; read before the body, so that nonsense is refused early."""

    request: Request
    idempotency: IdempotencyKey | None
    wait: float | None  # seconds that the answer may take

    @classmethod
    def of(cls, request: Request) -> Self:
        """Raises `request.malformed`."""
        settings = face_of(request).settings
        key, hours = idempotency_key(request), settings.retention.idempotency_hours
        known = IdempotencyKey(route=f"POST {request.url.path}", key=key, hours=hours) if key else None
        return cls(request=request, idempotency=known, wait=wait_seconds(request, most=settings.api.max_wait))

    def new_job(self, upload: Upload, *, said: Submission, pipeline: Pipeline | None) -> NewJob:
        """The job that a finished upload becomes; without `pipeline` the kind of its bytes has decided."""
        settled = upload.settle_pipeline(pipeline)
        return NewJob(
            owner=face_of(self.request).owner_of(self.request),
            pipeline=settled,
            file=upload.facts,
            options=options_for(settled, said.options),
            metadata=said.metadata or {},
            tags=said.tags or (),
            priority=said.priority,
            correlation_id=self.request.state.correlation_id,
            batch_id=said.batch_id,
            deadline=said.deadline,
            idempotency=self.idempotency,
        )

    async def answer(self, submitted: Submitted) -> tuple[Job, int]:
        """The job and the status to answer with, once what became due was sent: 200 where it ended in time, else 202.

        It does not tell what a line waits for: that would be asked for every submit, and most never look.
        """
        face = face_of(self.request)
        face.publisher.wake(submitted.dispatches)
        job = submitted.job
        if not self.wait:
            return job, 202
        if not job.status.ended:
            await face.hub.wait(job.id, version=job.version, seconds=self.wait, until_ended=True)
            job = await run_in_threadpool(face.ledger.get, job.id, owner=job.owner)
        return job, 200 if job.status.ended else 202
