"""Owners' price tables over HTTP."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from support.faces import Caller, Rooms

from api.price_schemas import PricePage, PricesCleared, PriceTableBody
from catalog.prices.table_file import MOST_BYTES
from ledger import Price

TABLE = b"part_num,color_id,condition,currency,unit_price\n3001,5,N,EUR,0.25\n3001,,,EUR,.1000\n970c00PB001,0,U,USD,3\n"


@pytest.fixture
def caller(tmp_path: Path) -> Iterator[Caller]:
    rooms = Rooms(tmp_path)
    made = Caller(rooms)
    yield made
    made.close()
    rooms.close()


def put(caller: Caller, content: bytes = TABLE):
    return caller("PUT", "/v1/prices", content=content, headers={"Content-Type": "text/csv"})


def listed(caller: Caller, **params: object) -> list[tuple]:
    page = caller.get("/v1/prices", params=params).json()
    PricePage.model_validate(page)
    return [
        tuple(one[name] for name in ("part_num", "color_id", "condition", "currency", "unit_price"))
        for one in page["items"]
    ]


def test_prices__put_is_the_whole_table(caller):
    """A put replaces what was there, tells what it holds, and each row is read back exactly."""
    answer = put(caller)
    assert (answer.status_code, answer.json()) == (200, {"rows": 3, "parts": 2, "currencies": {"EUR": 2, "USD": 1}})
    PriceTableBody.model_validate(answer.json())
    assert listed(caller) == [
        ("3001", None, None, "EUR", "0.1"),
        ("3001", 5, "N", "EUR", "0.25"),
        ("970c00pb001", 0, "U", "USD", "3"),
    ]
    assert listed(caller, part_num="970C00pb001") == [("970c00pb001", 0, "U", "USD", "3")]
    put(caller, b"part_num,currency,unit_price\n1,EUR,2\n")
    assert listed(caller) == [("1", None, None, "EUR", "2")]


def test_prices__every_wrong_row_is_told_and_nothing_changes(caller):
    """All wrong rows come in one answer with row, line, column, value and what was expected; the old table stays."""
    put(caller)
    wrong = b'part_num,color_id,condition,currency,unit_price\n,5,N,EUR,1\n3002,red,X,E,0.0000\n3003,1,N,EUR,"0,25"\n3004,,,EUR,1\n'
    answer = put(caller, wrong)
    body = answer.json()
    assert (answer.status_code, body["code"], body["count"]) == (422, "prices.invalid", 6)
    assert [(one["row"], one["line"], one["column"], one["code"]) for one in body["issues"]] == [
        (1, 2, "part_num", "part.missing"),
        (2, 3, "color_id", "color.not_integer"),
        (2, 3, "condition", "condition.unknown"),
        (2, 3, "currency", "currency.unknown"),
        (2, 3, "unit_price", "price.zero"),
        (3, 4, "unit_price", "price.not_decimal"),
    ]
    assert body["issues"][5]["suggestions"] == ["0.25"]
    assert len(listed(caller)) == 3


def test_prices__pages_follow_each_other(caller):
    """Pages hold each row once, in order; a made-up cursor is refused."""
    put(caller, b"part_num,currency,unit_price\n" + b"".join(b"p%d,EUR,1\n" % n for n in range(5)))
    found, cursor = [], None
    while True:
        page = caller.get("/v1/prices", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        found += [one["part_num"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == ["p0", "p1", "p2", "p3", "p4"]
    for cursor in ("x", "é", "bnVsbA", "WzEsMl0", "WyJhIiwgbnVsbCwgbnVsbCwgIlx1ZDgwMCJd", "W" * 900):
        answer = caller.get("/v1/prices", params={"cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (400, "request.malformed"), cursor


def test_prices__delete_empties_the_own_table_alone(caller):
    """A delete tells how many rows went; another owner's table is neither shown nor touched."""
    caller.rooms.ledger.put_prices("other", [Price("1", None, None, "EUR", Decimal(1))])
    put(caller)
    assert len(listed(caller)) == 3
    answer = caller("DELETE", "/v1/prices")
    assert PricesCleared.model_validate(answer.json()).removed == 3
    assert listed(caller) == []
    assert caller.rooms.ledger.count_prices("other") == 1


def test_prices__a_body_has_its_limit(caller):
    """A table above the limit is refused before it is read to its end."""
    answer = put(caller, b"x" * (MOST_BYTES + 1))
    assert (answer.status_code, answer.json()["code"]) == (400, "request.malformed")


def test_prices__are_documented(caller):
    """The API's description knows the three calls, what they answer and what can go wrong."""
    document = caller.get("/openapi.json").json()
    calls = document["paths"]["/v1/prices"]
    assert set(calls) == {"get", "put", "delete"}
    assert "text/csv" in calls["put"]["requestBody"]["content"]
    assert {"200", "400", "408", "422", "503"} <= set(calls["put"]["responses"])
    assert {"PricePage", "PriceTableBody", "PricesCleared"} <= set(document["components"]["schemas"])
