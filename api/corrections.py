"""What an owner says of their own lists, over HTTP: corrections of ids and colors, and named column mappings."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.answers import json_response
from api.bodies import json_body
from api.catalog_schemas import (
    NAME,
    CorrectionBody,
    CorrectionPage,
    MappingBody,
    MappingPage,
    SaidCorrection,
    SaidMapping,
    SpaceName,
    correction_json,
    mapping_json,
)
from api.fields import Cursor, Limit, Text, checked_id
from api.openapi import answers, body_of
from api.problems import documented, malformed
from api.state import face_of
from ledger.errors import CorrectionNotFound

router = APIRouter(tags=["corrections"])
_MAX_BODY = 64 * 1024  # bytes
_LIST_PROBLEMS = documented("request.malformed", "ledger.unavailable")
_SAY_PROBLEMS = documented("request.malformed", "owner.full", "ledger.unavailable")
_CORRECTION_PROBLEMS = documented("correction.not_found", "ledger.unavailable")
_MAPPING_PROBLEMS = documented("request.malformed", "mapping.not_found", "ledger.unavailable")


@router.get("/v1/catalog/corrections", responses=answers(CorrectionPage) | _LIST_PROBLEMS)
def list_corrections(
    request: Request,
    kind: Annotated[Literal["part", "color"] | None, Query(description="Only these.")] = None,
    space: Annotated[SpaceName | None, Query(description="Only of this space.")] = None,
    raw: Text = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """The owner's corrections, newest first."""
    face = face_of(request)
    found, following = face.ledger.corrections(
        face.owner_of(request), kind=kind, space=space, raw=raw, limit=limit, cursor=cursor
    )
    return json_response({"items": [correction_json(one) for one in found], "next_cursor": following})


@router.post(
    "/v1/catalog/corrections",
    status_code=201,
    responses=answers(CorrectionBody, status=201, says="It holds from the next list on.")
    | answers(CorrectionBody, says="It takes the place of what was said before.")
    | _SAY_PROBLEMS,
    openapi_extra=body_of(SaidCorrection),
)
async def say(request: Request) -> Response:
    """Say what an id or a color stands for; lists that come later are read so, before any other rule."""
    face = face_of(request)
    said = await json_body(request, SaidCorrection, most=_MAX_BODY, settings=face.settings.upload)

    def put() -> Response:
        made, is_new = face.ledger.put_correction(
            face.owner_of(request),
            kind=said.kind,
            space=said.space,
            raw=said.raw,
            target=said.target,
            note=said.note,
        )
        return json_response(correction_json(made), status=201 if is_new else 200)

    return await run_in_threadpool(put)


@router.delete("/v1/catalog/corrections/{correction_id}", status_code=204, responses=_CORRECTION_PROBLEMS)
def take_back(request: Request, correction_id: str) -> Response:
    """Forget a correction; jobs that used it keep what they found."""
    face = face_of(request)
    face.ledger.delete_correction(checked_id(correction_id, missing=CorrectionNotFound), owner=face.owner_of(request))
    return Response(status_code=204)


@router.get("/v1/column-mappings", responses=answers(MappingPage) | documented("ledger.unavailable"))
def list_mappings(request: Request) -> Response:
    """The owner's column mappings, by name."""
    face = face_of(request)
    found = [mapping_json(one) for one in face.ledger.mappings(face.owner_of(request))]
    return json_response({"items": found, "next_cursor": None})


@router.get("/v1/column-mappings/{name}", responses=answers(MappingBody) | _MAPPING_PROBLEMS)
def show_mapping(request: Request, name: str) -> Response:
    """One column mapping."""
    face = face_of(request)
    return json_response(mapping_json(face.ledger.mapping(face.owner_of(request), _checked(name))))


@router.put(
    "/v1/column-mappings/{name}",
    responses=answers(MappingBody, says="It takes the place of the one of this name.")
    | answers(MappingBody, status=201, says="It is kept.")
    | _SAY_PROBLEMS,
    openapi_extra=body_of(SaidMapping),
)
async def put_mapping(request: Request, name: str) -> Response:
    """Keep how a table is to be read; a submit's `options.mapping` names it."""
    face, checked = face_of(request), _checked(name)
    said = await json_body(request, SaidMapping, most=_MAX_BODY, settings=face.settings.upload)

    def put() -> Response:
        made, is_new = face.ledger.put_mapping(face.owner_of(request), checked, wishes=said.wishes())
        return json_response(mapping_json(made), status=201 if is_new else 200)

    return await run_in_threadpool(put)


@router.delete("/v1/column-mappings/{name}", status_code=204, responses=_MAPPING_PROBLEMS)
def delete_mapping(request: Request, name: str) -> Response:
    """Forget a column mapping."""
    face = face_of(request)
    face.ledger.delete_mapping(face.owner_of(request), _checked(name))
    return Response(status_code=204)


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise malformed("a name has 1 to 64 letters, digits, dots, dashes and underscores", field="name")
    return name
