"""Search over everything that was indexed."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator
from starlette.responses import Response

from api.answers import json_response
from api.fields import Limit
from api.openapi import answers
from api.problems import documented
from api.schemas import HitPage
from api.state import face_of

router = APIRouter(tags=["search"])
_DEEPEST = 10_000  # hits; ranking needs all before the page, so paging on without end would be dear


def _no_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("must not contain NUL characters")
    return value


Words = Annotated[
    str, Query(min_length=1, max_length=500, description="Words that must all stand there."), AfterValidator(_no_nul)
]
Offset = Annotated[int, Query(ge=0, le=_DEEPEST, description="`next_cursor` of the page before.")]


@router.get("/v1/search", responses=answers(HitPage) | documented("request.malformed", "ledger.unavailable"))
def search(request: Request, q: Words, limit: Limit = 20, cursor: Offset = 0) -> Response:
    """Places that hold every word of `q`, best first."""
    face = face_of(request)
    hits, following = face.search.query(face.owner_of(request), q, limit=limit, offset=cursor)
    next_cursor = str(following) if following is not None and following <= _DEEPEST else None
    return json_response({"items": hits, "next_cursor": next_cursor})
