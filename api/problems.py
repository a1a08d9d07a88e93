"""Problems: what a caller is told when something is wrong, as RFC 9457 problem+json with a stable code."""

from collections.abc import Mapping
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from jobs.lifecycle import WrongState
from ledger.errors import (
    ArtifactNotFound,
    CorrectionNotFound,
    IdempotencyMismatch,
    JobInUse,
    JobNotFound,
    LedgerUnavailable,
    LetterNotFound,
    MappingNotFound,
    RunNotFound,
    TooMany,
)
from search.query import MalformedQuery
from search.questions import MalformedCursor
from storage.port import StoreFull, StoreUnavailable

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 2  # seconds, for what passes by itself

# Each code with its HTTP status and title. Clients build on these: a snapshot test keeps them from vanishing.
CODES: dict[str, tuple[int, str]] = {
    "artifact.not_found": (404, "There is no such artifact"),
    "artifact.range": (416, "The artifact has no such range"),
    "catalog.no_source": (409, "There is nothing to fetch a catalog from"),
    "catalog.source_refused": (403, "A catalog is not fetched from there"),
    "correction.not_found": (404, "There is no such correction"),
    "idempotency.mismatch": (422, "The idempotency key was used for another request"),
    "input.empty": (400, "The file is empty"),
    "input.too_large": (413, "The file is too large"),
    "input.unsupported": (415, "This kind of file is not accepted"),
    "internal.error": (500, "Something went wrong on our side"),
    "job.in_use": (409, "The job's catalog is in use"),
    "job.not_found": (404, "There is no such job"),
    "job.wrong_state": (409, "The job's status does not allow this"),
    "ledger.unavailable": (503, "The ledger does not answer"),
    "letter.not_found": (404, "There is no such dead letter"),
    "letter.wrong_state": (409, "The letter's state does not allow this"),
    "mapping.not_found": (404, "There is no such column mapping"),
    "method.not_allowed": (405, "This method is not allowed here"),
    "prices.invalid": (422, "The price table has wrong rows"),
    "owner.full": (409, "There are as many of these as there may be"),
    "queue.not_found": (404, "There is no such queue"),
    "reconciler.not_found": (404, "There is no such reconciler"),
    "reconciliation.not_found": (404, "There is no such run of a reconciler"),
    "request.malformed": (400, "The request is malformed"),
    "route.not_found": (404, "There is nothing at this address"),
    "search.cursor": (400, "The cursor is not one of this question"),
    "search.query": (400, "The query can't be understood"),
    "server.ending": (503, "The server ends"),
    "store.full": (507, "The store is full"),
    "store.unavailable": (503, "The store does not answer"),
    "upload.interrupted": (400, "The upload broke off"),
    "upload.stalled": (408, "The upload was too slow"),
}

log = structlog.get_logger("api")


class Problem(Exception):
    """Ends a request with a problem; `more` becomes members of its body."""

    def __init__(self, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = more


def malformed(detail: str, *, field: str | None = None) -> Problem:
    """`request.malformed`, naming the field at fault where there is one."""
    return Problem("request.malformed", detail, errors=[{"field": field, "message": detail}] if field else [])


def problem_response(request: Request, problem: Problem) -> Response:
    """The answer that tells `problem`."""
    status, title = CODES[problem.code]
    body = {
        "type": f"urn:heavylift:problem:{problem.code}",
        "title": title,
        "status": status,
        "code": problem.code,
        "detail": problem.detail,
        "instance": request.url.path,
        "correlation_id": getattr(request.state, "correlation_id", None),
        **problem.more,
    }
    # Written here too: an unexpected error is answered outside of the middleware that adds it.
    headers = {"X-Correlation-Id": body["correlation_id"] or "", **problem.headers}
    if status == 503:
        headers.setdefault("Retry-After", str(RETRY_AFTER))
    return Response(orjson.dumps(body, default=str), status, headers=headers, media_type=MEDIA_TYPE)


# What an error of the rooms below means to a caller.
_MEANS: dict[type[Exception], tuple[str, str]] = {
    JobNotFound: ("job.not_found", "No job has this id; it may have been deleted, or its time was over."),
    ArtifactNotFound: ("artifact.not_found", "The job has no artifact of this name, or not yet."),
    LetterNotFound: ("letter.not_found", "No dead letter has this id; it may have been dropped after its time."),
    CorrectionNotFound: ("correction.not_found", "No correction has this id; the list of corrections tells all."),
    MappingNotFound: ("mapping.not_found", "No column mapping has this name; the list of mappings tells all."),
    JobInUse: ("job.in_use", "Refused: {error}."),
    TooMany: ("owner.full", "Refused: {error}."),
    RunNotFound: ("reconciliation.not_found", "No run has this id; quiet ones are kept for a day."),
    MalformedCursor: ("search.cursor", "{error}"),
    MalformedQuery: ("search.query", "{error}"),
    WrongState: ("job.wrong_state", "Refused: {error}."),
    IdempotencyMismatch: (
        "idempotency.mismatch",
        "This key came before with another file, pipeline or other options; a new request needs a new key.",
    ),
    LedgerUnavailable: ("ledger.unavailable", "The database does not answer; nothing was changed. Try again."),
    StoreFull: ("store.full", "There is no room for this file now."),
    StoreUnavailable: ("store.unavailable", "The object store does not answer. Try again."),
}


def _known(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        return _invalid(error)
    if isinstance(error, HTTPException):
        return _http(error)
    default = ("internal.error", "An unexpected error; the correlation id finds it in the log.")
    code, detail = next((means for kind, means in _MEANS.items() if isinstance(error, kind)), default)
    if isinstance(error, MalformedQuery):
        return Problem(code, detail.format(error=error), position=error.position, cure=error.cure)
    return Problem(code, detail.format(error=error))


def _invalid(error: RequestValidationError) -> Problem:
    found = [
        {"field": ".".join(str(part) for part in one["loc"][1:]), "message": str(one["msg"])} for one in error.errors()
    ]
    detail = "; ".join(f"{one['field']}: {one['message']}" for one in found)
    return Problem("request.malformed", detail, errors=found)


def _http(error: HTTPException) -> Problem:
    headers = dict(error.headers or {})
    if error.status_code == 404:
        return Problem("route.not_found", "Nothing is served at this address; /openapi.json lists what is.")
    if error.status_code == 405:
        return Problem(
            "method.not_allowed", f"Allowed here: {headers.get('Allow', 'see /openapi.json')}.", headers=headers
        )
    return Problem("request.malformed", str(error.detail), headers=headers, errors=[])


async def _answer(request: Request, error: Exception) -> Response:
    problem = _known(error)
    request.state.problem = problem.code
    if problem.code == "internal.error":
        log.error("request.crashed", path=request.url.path, exc_info=error)
    return problem_response(request, problem)


def install(app: FastAPI) -> None:
    """Answer every error with a problem."""
    for kind in (*_MEANS, Problem, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _answer)


def documented(*codes: str) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's responses for `codes`, one per status, with an example for each code."""
    found: dict[int | str, dict[str, Any]] = {}
    for code in codes:
        status, title = CODES[code]
        example = {
            "type": f"urn:heavylift:problem:{code}",
            "title": title,
            "status": status,
            "code": code,
            "detail": title + ".",
            "instance": "/v1/jobs",
            "correlation_id": "0197a1d2-7b6c-7d31-9c52-3f0b8a4c1e77",
        }
        known = found.setdefault(status, {"description": "", "content": {MEDIA_TYPE: {"examples": {}}}})
        known["content"][MEDIA_TYPE]["schema"] = {"$ref": "#/components/schemas/ProblemBody"}
        known["content"][MEDIA_TYPE]["examples"][code] = {"value": example}
        known["description"] = "; ".join(filter(None, [known["description"], f"`{code}`"]))
    return found
