"""The calls about the owner's own price table; part of `Client`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Self

from client.transfer import Upload
from client.transport import Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """One row of the table."""

    part_num: str  # lower case
    color_id: int | None  # of the catalog; None: any color
    condition: str | None  # N, U; None: either
    currency: str
    unit_price: Decimal
    as_of: str  # when the table was put
    raw: Mapping[str, Any]

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Self:
        """From the JSON object that the API answers."""
        return cls(
            part_num=found["part_num"],
            color_id=found.get("color_id"),
            condition=found.get("condition"),
            currency=found["currency"],
            unit_price=Decimal(found["unit_price"]),
            as_of=found.get("as_of") or "",
            raw=found,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTable:
    """How large the table is."""

    rows: int
    parts: int  # different part numbers
    currencies: Mapping[str, int]  # rows by currency
    raw: Mapping[str, Any]

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Self:
        """From the JSON object that the API answers."""
        return cls(rows=found["rows"], parts=found["parts"], currencies=found["currencies"], raw=found)


class PriceCalls:
    """One method per call; raises what `Client` says."""

    _transport: Transport

    def put_prices(self, path: Path) -> PriceTable:
        """Let the CSV at `path` be the whole table.

        Raises `Rejected` with the code `prices.invalid` where rows are wrong; its `body["issues"]` has each of them.
        """
        headers = {"Content-Type": "text/csv"}
        answer = self._transport.call("PUT", "/v1/prices", headers=headers, body=lambda: Upload(path))
        return PriceTable.read(answer.json())

    def prices(self, *, part_num: str | None = None, limit: int = 50) -> Iterator[Price]:
        """The table by part number, of one part or all; pages are fetched as they are needed, up to `limit` rows."""
        pages = self._transport.pages("/v1/prices", params={"part_num": part_num}, limit=limit)
        return map(Price.read, islice(pages, limit))

    def clear_prices(self) -> int:
        """Empty the table; returns how many rows went."""
        return int(self._transport.call("DELETE", "/v1/prices", repeat=False).json()["removed"])
