"""A job's attempts over HTTP: each try of a step with its own error, signal, memory, seconds and worker."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.answers import json_response
from api.fields import checked_id
from api.openapi import answers
from api.ops_schemas import AttemptPage, attempt_json
from api.problems import documented
from api.state import face_of

router = APIRouter(tags=["jobs"])


@router.get(
    "/v1/jobs/{job_id}/attempts", responses=answers(AttemptPage) | documented("job.not_found", "ledger.unavailable")
)
def list_attempts(request: Request, job_id: str) -> Response:
    """Every attempt of the job's steps, in the order in which they began."""
    face = face_of(request)
    found = face.ledger.attempts(checked_id(job_id), owner=face.owner_of(request))
    return json_response({"items": [attempt_json(one) for one in found], "next_cursor": None})
