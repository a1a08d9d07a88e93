"""Answers as bytes: written by orjson, once, with times in RFC 3339 UTC."""

from typing import Any

import orjson
from starlette.responses import Response

from api.recent import RecentJobs
from api.schemas import job_json
from jobs.model import Job

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS


def json_response(body: Any, *, status: int = 200, **headers: str) -> Response:
    """`body` as JSON."""
    return Response(orjson.dumps(body, option=_OPTIONS), status, headers=headers, media_type="application/json")


def etag_of(job: Job) -> str:
    """The job's version as an ETag."""
    return f'"{job.version}"'


def job_response(recent: RecentJobs, job: Job, *, status: int = 200, **more: Any) -> Response:
    """The job with its ETag; `more` becomes members of the body. May ask the ledger; call it in a thread.

    A 202 does without places in line: they would be counted for every submit, and most are never looked at.
    """
    headers = {"ETag": etag_of(job), "Cache-Control": "no-cache"}
    if status == 202:
        headers["Location"] = f"/v1/jobs/{job.id}"
    places = {} if status == 202 else recent.places(job)
    return json_response({**job_json(job, places=places), **more}, status=status, **headers)
