"""Queues over HTTP: how full they are; pause and resume, which hold over restarts."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.answers import json_response
from api.openapi import answers
from api.ops_schemas import QueueBody, QueuePage, queue_json
from api.problems import Problem, documented
from api.state import Face, face_of
from jobs.queues import QUEUES

router = APIRouter(tags=["queues"])
_PROBLEMS = documented("queue.not_found", "ledger.unavailable")


@router.get("/v1/queues", responses=answers(QueuePage) | documented("ledger.unavailable"))
def list_queues(request: Request) -> Response:
    """All queues."""
    return json_response({"items": [queue_json(line) for line in face_of(request).ledger.lines()], "next_cursor": None})


@router.post("/v1/queues/{name}/pause", responses=answers(QueueBody) | _PROBLEMS)
def pause(request: Request, name: str) -> Response:
    """Let nothing of this queue begin until it is resumed; what runs goes on, and submits are accepted."""
    face = face_of(request)
    face.ledger.pause(_known(name))
    return _shown(face, name)


@router.post("/v1/queues/{name}/resume", responses=answers(QueueBody) | _PROBLEMS)
def resume(request: Request, name: str) -> Response:
    """Let a paused queue go on; workers send what is due within a second."""
    face = face_of(request)
    face.ledger.resume(_known(name))
    return _shown(face, name)


def _known(name: str) -> str:
    if name not in QUEUES:
        raise Problem("queue.not_found", f"No queue has this name; there are {', '.join(QUEUES)}.")
    return name


def _shown(face: Face, name: str) -> Response:
    return json_response(next(queue_json(line) for line in face.ledger.lines() if line.name == name))
