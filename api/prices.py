"""The owner's own price table over HTTP: put as one CSV, read in pages, emptied."""

import base64
import binascii
import json
from collections import Counter
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.answers import json_response
from api.bodies import small_body
from api.fields import Limit, Text
from api.openapi import answers
from api.price_schemas import PricePage, PricesCleared, PriceTableBody, price_json
from api.problems import Problem, documented, malformed
from api.state import Face, face_of
from catalog.prices.table_file import COLUMNS, MOST_BYTES, read_table
from ledger import Price

router = APIRouter(tags=["prices"])
_CSV = {
    "requestBody": {
        "required": True,
        "description": f"UTF-8 with the header {','.join(COLUMNS)}; color_id and condition may be empty or left out.",
        "content": {"text/csv": {"schema": {"type": "string"}, "example": f"{','.join(COLUMNS)}\n3001,5,N,EUR,0.25\n"}},
    }
}
After = Annotated[str | None, Query(max_length=1000, description="`next_cursor` of the page before.")]


@router.put(
    "/v1/prices",
    responses=answers(PriceTableBody, says="The table, as it is now.")
    | documented("request.malformed", "prices.invalid", "upload.stalled", "ledger.unavailable"),
    openapi_extra=_CSV,
)
async def put_prices(request: Request) -> Response:
    """Let the body, a CSV, be the owner's whole price table. Where a row is wrong nothing changes, and all are told."""
    face = face_of(request)
    content = await small_body(request, most=MOST_BYTES, settings=face.settings.upload)
    return json_response(await run_in_threadpool(_put, face, face.owner_of(request), content=content))


@router.get("/v1/prices", responses=answers(PricePage) | documented("request.malformed", "ledger.unavailable"))
def list_prices(request: Request, part_num: Text = None, limit: Limit = 50, cursor: After = None) -> Response:
    """The owner's price table, by part number; `part_num` in whatever case picks one part."""
    face = face_of(request)
    after = _after(cursor) if cursor is not None else None
    rows, more = face.ledger.prices(face.owner_of(request), part_num=part_num, limit=limit, after=after)
    following = _cursor(rows[-1].price) if more else None
    return json_response({"items": [price_json(row) for row in rows], "next_cursor": following})


@router.delete("/v1/prices", responses=answers(PricesCleared) | documented("ledger.unavailable"))
def clear_prices(request: Request) -> Response:
    """Empty the owner's price table."""
    face = face_of(request)
    return json_response({"removed": face.ledger.clear_prices(face.owner_of(request))})


def _put(face: Face, owner: str, *, content: bytes) -> dict[str, object]:
    table = read_table(content)
    if table.wrong:
        detail = f"{table.wrong} things are wrong with this table; nothing was changed."
        raise Problem("prices.invalid", detail, issues=[one.to_json() for one in table.issues], count=table.wrong)
    rows = [Price(*row) for row in table.rows]
    face.ledger.put_prices(owner, rows)
    counts = Counter(row.currency for row in rows)
    return {"rows": len(rows), "parts": len({row.part_num for row in rows}), "currencies": dict(sorted(counts.items()))}


def _cursor(last: Price) -> str:
    key = json.dumps(last[:4], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(key).decode().rstrip("=")


def _after(cursor: str) -> Price:
    """The row after whose key a page begins."""
    try:
        found = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        part_num, color_id, condition, currency = found
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise _no_cursor() from error
    texts = (part_num, currency, condition or "")
    if not all(isinstance(text, str) and text.isprintable() for text in texts) or not isinstance(color_id, int | None):
        raise _no_cursor()
    return Price(part_num, color_id, condition, currency, Decimal(0))


def _no_cursor() -> Problem:
    return malformed("must be a next_cursor from the page before", field="cursor")
