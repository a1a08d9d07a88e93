"""Prices that cost nothing to ask for: what the list itself says, and the owner's own table."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from catalog.prices.port import Kind, PriceKey, Quote, Watch

FILE, TABLE = "file", "table"


class FilePrices:
    """The price column of the list."""

    name = FILE
    is_remote = False

    def quote(self, keys: Sequence[PriceKey], *, watch: Watch | None = None) -> dict[PriceKey, Quote]:  # noqa: ARG002 - nothing is waited for
        return {
            key: Quote(unit=key.file_price, currency=key.file_currency, source=FILE, kind=Kind.FILE)
            for key in keys
            if key.file_price is not None and key.file_price > 0
        }


class TableRow(NamedTuple):
    """One row of an owner's price table."""

    part_num: str  # lower case
    color_id: int | None  # None: any color
    condition: str | None  # N, U; None: either
    currency: str
    unit_price: Decimal
    as_of: datetime


class TablePrices:
    """The owner's table. `rows_of` gives its rows for part numbers in lower case."""

    name = TABLE
    is_remote = False

    def __init__(self, rows_of: Callable[[Sequence[str]], Iterable[TableRow]], *, currency: str) -> None:
        self._rows_of = rows_of
        self._currency = currency  # preferred where nobody wants another

    def quote(self, keys: Sequence[PriceKey], *, watch: Watch | None = None) -> dict[PriceKey, Quote]:  # noqa: ARG002 - nothing is waited for
        wanted = {name: None for key in keys for name in _names(key)}
        rows: dict[str, list[TableRow]] = defaultdict(list)
        for row in self._rows_of(list(wanted)) if wanted else ():
            rows[row.part_num].append(row)
        found: dict[PriceKey, Quote] = {}
        for key in keys:
            best = next(filter(None, (self._best(key, rows.get(name, ())) for name in _names(key))), None)
            if best is not None:
                found[key] = Quote(
                    unit=best.unit_price, currency=best.currency, source=TABLE, kind=Kind.MANUAL, as_of=best.as_of
                )
        return found

    def _best(self, key: PriceKey, rows: Iterable[TableRow]) -> TableRow | None:
        """The row that says most about just this: its currency first, then its color, then its condition."""

        def rank(row: TableRow) -> tuple[object, ...]:
            currency = key.currency or self._currency
            condition = row.condition is None if key.condition is None else row.condition == key.condition
            return row.currency != currency, row.color_id is None, not condition, row.currency, row.condition or ""

        fitting = [
            row for row in rows if row.unit_price > 0 and row.color_id in {None, key.color_id} and _fits(key, row)
        ]
        return min(fitting, key=rank, default=None)


def _fits(key: PriceKey, row: TableRow) -> bool:
    return row.condition is None or key.condition is None or row.condition == key.condition


def _names(key: PriceKey) -> Iterator[str]:
    """What the table may call it: the catalog's number, BrickLink's, or as the list says it."""
    for name in (key.part_num, key.bricklink_id, key.raw_id):
        if name:
            yield name.lower()
