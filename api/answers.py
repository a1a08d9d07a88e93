"""Answers as bytes: written by orjson, once, with times in RFC 3339 UTC."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

from api.schemas import job_json
from jobs.model import Job, StepKey
from jobs.waiting import Waiting

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS


def json_response(body: Any, *, status: int = 200, **headers: str) -> Response:
    """`body` as JSON."""
    return Response(orjson.dumps(body, option=_OPTIONS), status, headers=headers, media_type="application/json")


def etag_of(job: Job) -> str:
    """The job's version as an ETag."""
    return f'"{job.version}"'


def job_body(job: Job, *, waits: Mapping[StepKey, Waiting] | None = None, **more: Any) -> bytes:
    """The job as JSON; `more` becomes members of it."""
    return orjson.dumps({**job_json(job, waits=waits), **more}, option=_OPTIONS)


def job_response(job: Job, body: bytes, *, status: int = 200) -> Response:
    """`body` with the job's ETag; a 202 also says where the job is."""
    headers = {"ETag": etag_of(job), "Cache-Control": "no-cache"}
    if status == 202:
        headers["Location"] = f"/v1/jobs/{job.id}"
    return Response(body, status, headers=headers, media_type="application/json")
