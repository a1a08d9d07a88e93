"""The verbs on a job over HTTP: cancel, retry, relabel, delete."""

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.answers import job_body, job_response
from api.bodies import json_body
from api.fields import checked_id
from api.openapi import answers, body_of
from api.problems import documented
from api.schemas import JobBody
from api.state import face_of
from api.submission import Labels

router = APIRouter(tags=["jobs"])
_PROBLEMS = documented("job.not_found", "job.wrong_state", "ledger.unavailable")
_ACCEPTED = answers(JobBody, status=202, says="The job as it stands now.", ETag="Its version.") | _PROBLEMS
_LABEL_PROBLEMS = documented("request.malformed", "job.not_found", "ledger.unavailable")
MAX_LABELS = 64 * 1024  # bytes of a PATCH body


@router.patch("/v1/jobs/{job_id}", responses=answers(JobBody) | _LABEL_PROBLEMS, openapi_extra=body_of(Labels))
async def relabel(request: Request, job_id: str) -> Response:
    """Replace the job's tags, its metadata, or both."""
    face = face_of(request)
    labels = await json_body(request, Labels, most=MAX_LABELS, settings=face.settings.upload)

    def update() -> Response:
        owner = face.owner_of(request)
        job = face.ledger.update(checked_id(job_id), owner=owner, tags=labels.tags, metadata=labels.metadata)
        return job_response(job, job_body(job, waits=face.ledger.waiting(job)))

    return await run_in_threadpool(update)


@router.delete(
    "/v1/jobs/{job_id}",
    status_code=204,
    responses=documented("job.not_found", "job.wrong_state", "job.in_use", "ledger.unavailable"),
)
def delete(request: Request, job_id: str) -> Response:
    """Forget a job that has ended, with its artifacts and its place in the index; not one whose catalog is kept."""
    face = face_of(request)
    face.ledger.delete(checked_id(job_id), owner=face.owner_of(request))
    return Response(status_code=204)


@router.post("/v1/jobs/{job_id}/cancel", status_code=202, responses=_ACCEPTED)
def cancel(request: Request, job_id: str) -> Response:
    """End a job that has not ended; what runs is killed within two seconds."""
    face = face_of(request)
    job = face.ledger.cancel(checked_id(job_id), owner=face.owner_of(request))
    return job_response(job, job_body(job), status=202)


@router.post("/v1/jobs/{job_id}/retry", status_code=202, responses=_ACCEPTED)
def retry(request: Request, job_id: str) -> Response:
    """Run a failed or cancelled job again under its id; steps that succeeded stay."""
    face = face_of(request)
    job, dispatches = face.ledger.retry(checked_id(job_id), owner=face.owner_of(request))
    face.publisher.wake(dispatches)
    return job_response(job, job_body(job), status=202)
