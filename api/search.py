"""Search over HTTP: everything that was parsed, and how what is typed could go on."""

import time

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.answers import json_response
from api.openapi import answers
from api.problems import documented
from api.routing import Direct
from api.search_asked import MOST, asked_in, described, described_text, limit_in, text_in
from api.search_schemas import HitPage, SuggestionList, answer_json, suggestion_json
from api.state import face_of

router = APIRouter(tags=["search"], route_class=Direct)
_PROBLEMS = documented("request.malformed", "search.query", "search.cursor", "ledger.unavailable")


@router.get("/v1/search", responses=answers(HitPage) | _PROBLEMS, openapi_extra=described())
async def search(request: Request) -> Response:
    """Places that have what is asked for: rows, pages, models, pictures, and jobs by file name, tags and id."""
    face = face_of(request)
    asked = asked_in(request.query_params, owner=face.owner_of(request))
    began = time.perf_counter()
    answer = await face.search.find(asked)
    face.metrics.searches.answered(answer, first=asked.after is None, seconds=time.perf_counter() - began)
    return json_response(answer_json(answer))


@router.get(
    "/v1/suggest",
    responses=answers(SuggestionList) | documented("request.malformed", "ledger.unavailable"),
    openapi_extra=described_text(),
)
async def suggest(request: Request) -> Response:
    """Names, part ids, part names and tags that begin with, or have a word that begins with, what was typed."""
    face, params = face_of(request), request.query_params
    text, limit = text_in(params), limit_in(params, usual=10, most=MOST)
    began = time.perf_counter()
    found, degraded = await face.search.suggest(face.owner_of(request), text, limit=limit)
    face.metrics.searches.suggested(degraded=degraded, seconds=time.perf_counter() - began)
    return json_response({"items": [suggestion_json(one) for one in found], "degraded": degraded})
