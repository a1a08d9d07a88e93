"""Reconciliation over HTTP: which reconcilers there are, what their runs found, and a run on request."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.answers import json_response
from api.bodies import json_body
from api.fields import Cursor, Limit, Text, checked_id
from api.openapi import answers, body_of
from api.ops_schemas import ReconcilerPage, RunBody, RunPage, reconciler_json, run_json
from api.problems import Problem, documented
from api.state import face_of
from jobs.reconcilers import RECONCILERS
from ledger.errors import RunNotFound

router = APIRouter(tags=["reconciliation"])
_MAX_BODY = 4 * 1024  # bytes
_LIST_PROBLEMS = documented("request.malformed", "ledger.unavailable")


class Asked(BaseModel):
    """What to run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(max_length=100, description="A reconciler; see /v1/reconcilers.", examples=["store"])


@router.post(
    "/v1/reconciliations",
    status_code=202,
    responses=answers(RunBody, status=202, says="The run, which begins within a second.", Location="Its address.")
    | documented("request.malformed", "reconciler.not_found", "ledger.unavailable"),
    openapi_extra=body_of(Asked),
)
async def begin(request: Request) -> Response:
    """Ask for a run now; a housekeeping worker takes it."""
    face = face_of(request)
    asked = await json_body(request, Asked, most=_MAX_BODY, settings=face.settings.upload)
    if asked.name not in RECONCILERS:
        raise Problem("reconciler.not_found", f"No reconciler has this name; there are {', '.join(RECONCILERS)}.")
    run = await run_in_threadpool(face.ledger.request_run, asked.name)
    return json_response(run_json(run), status=202, Location=f"/v1/reconciliations/{run.id}")


@router.get("/v1/reconciliations", responses=answers(RunPage) | _LIST_PROBLEMS)
def list_runs(
    request: Request,
    *,
    name: Text = None,
    found: Annotated[bool, Query(description="Only runs that repaired or left something, or failed.")] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Runs, newest first; quiet ones are kept for a day, others for thirty."""
    runs, following = face_of(request).ledger.runs(name=name, found=found, limit=limit, cursor=cursor)
    return json_response({"items": [run_json(run) for run in runs], "next_cursor": following})


@router.get(
    "/v1/reconciliations/{run_id}",
    responses=answers(RunBody) | documented("reconciliation.not_found", "ledger.unavailable"),
)
def show_run(request: Request, run_id: str) -> Response:
    """One run: checked, repaired, left alone, and why."""
    run = face_of(request).ledger.run(checked_id(run_id, missing=RunNotFound))
    return json_response(run_json(run))


@router.get("/v1/reconcilers", responses=answers(ReconcilerPage))
def list_reconcilers() -> Response:
    """What is reconciled, and in which rhythm."""
    return json_response({"items": [reconciler_json(one) for one in RECONCILERS.values()], "next_cursor": None})
