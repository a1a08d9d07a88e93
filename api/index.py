"""The search index for those who run the platform: how it is, and a fresh one on request."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.answers import json_response
from api.openapi import answers
from api.ops_schemas import IndexBody, RunBody, run_json
from api.problems import documented
from api.state import face_of
from jobs.reconcilers import REBUILD
from search.breaker import Unanswered
from wiring.search import engine_name, is_shared

router = APIRouter(tags=["search"])


@router.get("/v1/search/status", responses=answers(IndexBody) | documented("ledger.unavailable"))
def status(request: Request) -> Response:
    """How large the search index is, and how far it is behind the ledger."""
    face = face_of(request)
    lag = face.ledger.search_lag()
    runs, _ = face.ledger.runs(name=REBUILD, limit=1)
    found: dict[str, Any] = {"engine": engine_name(face.settings), "documents": None, "jobs": None, "size": None}
    found |= {"committed_at": None, "error": None}
    try:
        stats = face.search.stats()
    except Unanswered as error:
        found["error"] = str(error.__cause__ or error)
    else:
        found |= {name: getattr(stats, name) for name in ("engine", "documents", "jobs", "size", "committed_at")}
    found |= {"waiting": lag.jobs, "gone": lag.gone, "lag": round(lag.seconds, 3)}
    return json_response(found | {"rebuild": run_json(runs[0]) if runs else None})


@router.post(
    "/v1/search/rebuild",
    status_code=202,
    responses=answers(
        RunBody, status=202, says="The run; one that is under way already is the same.", Location="Its address."
    )
    | documented("ledger.unavailable"),
)
def rebuild(request: Request) -> Response:
    """Make a fresh index beside the one in force, from ledger and artifacts; an indexing worker takes it."""
    face = face_of(request)
    ledger = face.ledger
    run = ledger.request_once(REBUILD, beside=is_shared(face.settings)) or ledger.runs(name=REBUILD, limit=1)[0][0]
    return json_response(run_json(run), status=202, Location=f"/v1/reconciliations/{run.id}")
