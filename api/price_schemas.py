"""The JSON of owners' price tables; written here, and as models for OpenAPI."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from catalog.prices.port import plain
from ledger import DatedPrice


class _Out(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PriceBody(_Out):
    """One row of the owner's price table."""

    part_num: str = Field(description="In lower case.")
    color_id: int | None = Field(description="Of the catalog; null: any color.")
    condition: str | None = Field(description="N, U; null: either.")
    currency: str
    unit_price: str = Field(description="An exact decimal.", examples=["0.25"])
    as_of: datetime = Field(description="When the table was put.")


class PricePage(_Out):
    """The owner's price table, by part number."""

    items: list[PriceBody]
    next_cursor: str | None


class PriceTableBody(_Out):
    """How large the owner's price table is now."""

    rows: int
    parts: int = Field(description="Different part numbers.")
    currencies: dict[str, int] = Field(description="Rows by currency.")


class PricesCleared(_Out):
    """What a delete removed."""

    removed: int = Field(description="Rows.")


def price_json(row: DatedPrice) -> dict[str, Any]:
    """A row as the API shows it."""
    return row.price._asdict() | {"unit_price": plain(row.price.unit_price), "as_of": row.as_of}
