"""Jobs over HTTP: submit a file, list jobs, follow one. The verbs on a job are in api/verbs.py."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.accepting import Asked
from api.answers import etag_of, job_body, job_response, json_response
from api.bodies import named, receive_body
from api.fields import Cursor, Limit, Text, checked_id
from api.headers import etag_matches, wait_seconds
from api.openapi import IF_NONE_MATCH, PREFER, answers, submit_operation
from api.problems import documented
from api.recent import Shown
from api.routing import Direct
from api.schemas import JobBody, JobPage, ProcessFileBody, job_json
from api.state import face_of
from jobs.model import Job, Status
from ledger import JobFilter

router = APIRouter(tags=["jobs"], route_class=Direct)
_SUBMIT_PROBLEMS = documented(
    "request.malformed",
    "input.empty",
    "upload.stalled",
    "input.too_large",
    "input.unsupported",
    "idempotency.mismatch",
    "ledger.unavailable",
    "server.ending",
    "store.unavailable",
    "store.full",
)
_ONE_PROBLEMS = documented("job.not_found", "ledger.unavailable")
_ACCEPTED = answers(
    JobBody, status=202, says="Accepted: the job will end.", Location="The job's address.", ETag="Its version."
)
_IN_TIME = answers(JobBody, says="The job as it stands.", ETag="Its version.")
_UNCHANGED: dict[int | str, Any] = {304: {"description": "Nothing changed."}}


@router.post(
    "/v1/jobs", status_code=202, responses=_ACCEPTED | _IN_TIME | _SUBMIT_PROBLEMS, openapi_extra=submit_operation()
)
async def submit(request: Request) -> Response:
    """Upload a file and get its job at once; the kind is told from the bytes unless `pipeline` is given."""
    job, status = await _submit(request)
    return job_response(job, job_body(job), status=status)


@router.post(
    "/v1/process-file",
    status_code=202,
    responses=answers(ProcessFileBody, status=202, says="Accepted.") | answers(ProcessFileBody) | _SUBMIT_PROBLEMS,
    openapi_extra=submit_operation(),
)
async def process_file(request: Request) -> Response:
    """The same as `POST /v1/jobs`; its answer also carries `jobId`."""
    job, status = await _submit(request)
    return job_response(job, job_body(job, jobId=job.id), status=status)


async def _submit(request: Request) -> tuple[Job, int]:
    """From the body to a job: stream, hash, sniff, commit, wake the publisher."""
    face, asked = face_of(request), Asked.of(request)
    async with face.intake.upload() as upload:
        said = await receive_body(request, upload, settings=face.settings.upload)
        submitted = await upload.submit(lambda: asked.new_job(upload, said=said, pipeline=named(said.pipeline)))
    return await asked.answer(submitted)


@router.get("/v1/jobs", responses=answers(JobPage) | documented("request.malformed", "ledger.unavailable"))
def list_jobs(
    request: Request,
    status: Annotated[Status | None, Query(description="Only jobs that stand here.")] = None,
    pipeline: Text = None,
    batch_id: Text = None,
    parent_job_id: Text = None,
    tag: Text = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Jobs, newest first. Places in line, and what a line waits for, are told for single jobs only."""
    face = face_of(request)
    wanted = JobFilter(status=status, pipeline=pipeline, batch_id=batch_id, parent_job_id=parent_job_id, tag=tag)
    jobs, next_cursor = face.ledger.list_jobs(face.owner_of(request), filter=wanted, limit=limit, cursor=cursor)
    return json_response({"items": [job_json(job) for job in jobs], "next_cursor": next_cursor})


@router.get(
    "/v1/jobs/{job_id}",
    responses=_IN_TIME | _UNCHANGED | _ONE_PROBLEMS,
    openapi_extra={"parameters": [IF_NONE_MATCH, PREFER]},
)
async def show(request: Request, job_id: str) -> Response:
    """One job. With `Prefer: wait=N` the answer comes once it differs from If-None-Match, or else once it has ended."""
    face, known = face_of(request), request.headers.get("if-none-match")
    wait = wait_seconds(request, most=face.settings.api.max_wait)
    shown = await _look(request, job_id)
    if wait and (etag_matches(known, etag_of(shown.job)) or (known is None and not shown.job.status.ended)):
        await face.hub.wait(job_id, version=shown.job.version, seconds=wait, until_ended=known is None)
        shown = await _look(request, job_id)
    if etag_matches(known, etag_of(shown.job)):
        return Response(status_code=304, headers={"ETag": etag_of(shown.job)})
    return job_response(shown.job, shown.body)


async def _look(request: Request, job_id: str) -> Shown:
    face = face_of(request)
    owner = face.owner_of(request)
    at_hand = face.recent.at_hand(job_id, owner=owner)
    if at_hand is not None:
        return at_hand
    return await run_in_threadpool(face.recent.look, checked_id(job_id), owner=owner)
