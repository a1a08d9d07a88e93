"""For ops: is it alive, what does it stand on, how much of everything is there, and what can be run."""

import time
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from api.answers import json_response
from api.openapi import answers
from api.schemas import PipelinePage, pipeline_json
from api.state import Face, face_of
from jobs.errors import HeavyliftError
from jobs.queues import QUEUES
from pipelines import pipelines

router = APIRouter(tags=["system"])
OK, DEGRADED, UNAVAILABLE, ENDING = "ok", "degraded", "unavailable", "ending"
_STATES: dict[int | str, Any] = {
    200: {"description": "Submits work; `degraded` where something else is away."},
    503: {"description": "Submits do not work now, or the server ends and asks for no new requests (`ending`)."},
}


@router.get("/v1/pipelines", tags=["jobs"], responses=answers(PipelinePage))
def list_pipelines() -> Response:
    """What can be run: accepted kinds, options, steps, queues and limits."""
    found = sorted(pipelines().values(), key=lambda pipeline: pipeline.name)
    return json_response({"items": [pipeline_json(one) for one in found], "next_cursor": None})


@router.get("/health", responses={200: {"description": "The process answers."}})
async def health() -> Response:
    """Liveness: says nothing about what it stands on, so that nobody restarts us for a database that is away."""
    return json_response({"status": OK})


@router.get("/metrics", responses={200: {"description": "Prometheus text.", "content": {"text/plain": {}}}})
def metrics(request: Request) -> Response:
    """What Prometheus scrapes."""
    return Response(generate_latest(face_of(request).metrics.registry), media_type=CONTENT_TYPE_LATEST)


@router.get("/ready", responses=_STATES)
def ready(request: Request) -> Response:
    """Readiness, each dependency by name. A broker that is away only degrades: jobs are safe in the outbox."""
    if getattr(request.app.state, "ending", False):
        return json_response({"status": ENDING, "dependencies": {}}, status=503)
    face = face_of(request)
    found = {
        "ledger": _asked(face.ledger.ping, without=UNAVAILABLE),
        "store": _asked(lambda: _store(face), without=UNAVAILABLE),
        "broker": _asked(lambda: _broker(face), without=DEGRADED),
        "workers": _asked(lambda: _workers(face), without=DEGRADED),
        "search": _asked(lambda: _search(face), without=DEGRADED),
    }
    states = {one["status"] for one in found.values()}
    status = next((state for state in (UNAVAILABLE, DEGRADED) if state in states), OK)
    return json_response({"status": status, "dependencies": found}, status=503 if status == UNAVAILABLE else 200)


def _asked(ask: Callable[[], dict[str, Any] | None], *, without: str) -> dict[str, Any]:
    """What a dependency says of itself; `without` is what its absence means for us."""
    began = time.perf_counter()
    try:
        said = {"status": OK} | (ask() or {})
    except HeavyliftError as error:
        said = {"status": without, "detail": str(error)[:200]}
    return said | {"ms": round((time.perf_counter() - began) * 1000, 1)}


def _store(face: Face) -> dict[str, Any]:
    face.store.probe()
    free = face.store.free_bytes()
    full = free is not None and free < face.settings.upload.disk_floor
    return {"status": UNAVAILABLE if full else OK, "free_bytes": free} | ({"detail": "store is full"} if full else {})


def _broker(face: Face) -> None:
    from broker import BrokerOptions, ping  # imports Celery: not before somebody asks

    broker = face.settings.broker
    ping(BrokerOptions(url=face.settings.broker_url, prefix=broker.prefix))


def _search(face: Face) -> dict[str, Any]:
    """Asks nobody: what the last questions met tells."""
    if not face.search.degraded:
        return {}
    return {"status": DEGRADED, "detail": "the index has failed several times; the ledger answers"}


def _workers(face: Face) -> dict[str, Any]:
    counts = face.ledger.counts()
    missing = sorted(set(QUEUES) - {pool for pool, n in counts.workers.items() if n})
    weak = sorted(pool for pool, mode in counts.sandbox.items() if mode != "full")
    facts = {"alive": counts.workers, "sandbox": counts.sandbox, "unsent": counts.unsent, "queued": counts.queued}
    facts |= {"gpus": counts.gpus} if counts.gpus else {}
    if missing:
        return facts | {"status": DEGRADED, "detail": f"no worker for {', '.join(missing)}"}
    if weak:
        return facts | {"status": DEGRADED, "detail": f"sandbox is limited for {', '.join(weak)}"}
    return facts
