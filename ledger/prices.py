"""Prices: each owner's own table, what services have answered, and how many calls were made to them on a day."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, tuple_, update

from ledger.database import Database, db_as_of, db_now
from ledger.reference import price_calls, price_quotes, prices

_MANY = 500  # keys in one statement
_QUOTES_DAYS = 90.0  # that answers are kept: no setting lets a price be shown for longer
_COUNTS_DAYS = 30.0  # that counts of calls are kept
_KEY = (prices.c.part_num, prices.c.color_id, prices.c.condition, prices.c.currency)


class Price(NamedTuple):
    """One row of an owner's table. A tuple: a table has many thousands of them."""

    part_num: str  # lower case
    color_id: int | None  # None: any color
    condition: str | None  # N, U; None: either
    currency: str
    unit_price: Decimal


class DatedPrice(NamedTuple):
    """The same, as it stands in the ledger."""

    price: Price
    as_of: datetime  # when the table was put


class KeptQuote(NamedTuple):
    """What a service answered."""

    quote: Mapping[str, Any] | None  # None: it knew no price
    fetched_at: datetime
    fresh_until: datetime


class Prices:
    """Reads and writes of prices; part of `Ledger`."""

    database: Database

    def put_prices(self, owner: str, rows: Sequence[Price]) -> None:
        """Let `rows`, whose keys differ, be the owner's table instead of what it was."""

        def work(tx: Connection) -> None:
            tx.execute(delete(prices).where(prices.c.owner == owner))
            if rows:
                now = tx.execute(select(db_now())).scalar_one()
                tx.execute(insert(prices), [_values(owner, row, now=now) for row in rows])

        self.database.writing(work, durable=True)

    def clear_prices(self, owner: str) -> int:
        """Empty the owner's table; returns how many rows went."""
        gone = delete(prices).where(prices.c.owner == owner)
        return self.database.writing(lambda tx: tx.execute(gone).rowcount, durable=True)

    def prices(
        self, owner: str, *, part_num: str | None = None, limit: int = 50, after: Price | None = None
    ) -> tuple[list[DatedPrice], bool]:
        """A page of the owner's table in the order of its keys, and whether more follow."""
        query = select(prices).where(prices.c.owner == owner)
        if part_num is not None:
            query = query.where(prices.c.part_num == part_num.lower())
        if after is not None:
            query = query.where(tuple_(*_KEY) > tuple_(*_key_values(after)))
        with self.database.reading() as tx:
            rows = tx.execute(query.order_by(*_KEY).limit(limit + 1)).mappings().all()
        return [_price(row) for row in rows[:limit]], len(rows) > limit

    def count_prices(self, owner: str) -> int:
        """Rows of the owner's table."""
        with self.database.reading() as tx:
            return int(tx.execute(select(func.count()).where(prices.c.owner == owner)).scalar_one())

    def prices_of(self, owner: str, part_nums: Sequence[str]) -> list[DatedPrice]:
        """Every row of the owner's table for these part numbers, which are in lower case."""
        found: list[DatedPrice] = []
        with self.database.reading() as tx:
            for start in range(0, len(part_nums), _MANY):
                some = prices.c.part_num.in_(part_nums[start : start + _MANY])
                rows = tx.execute(select(prices).where(prices.c.owner == owner, some)).mappings()
                found += map(_price, rows)
        return found

    def kept_quotes(self, provider: str, keys: Sequence[str]) -> dict[str, KeptQuote]:
        """What a service has answered to these keys, fresh or not."""
        found: dict[str, KeptQuote] = {}
        with self.database.reading() as tx:
            for start in range(0, len(keys), _MANY):
                some = price_quotes.c.key.in_(keys[start : start + _MANY])
                query = select(price_quotes).where(price_quotes.c.provider == provider, some)
                found |= {row.key: KeptQuote(row.quote, row.fetched_at, row.fresh_until) for row in tx.execute(query)}
        return found

    def keep_quotes(self, provider: str, rows: Mapping[str, KeptQuote]) -> None:
        """Remember what a service answered, in place of what it answered before."""
        keys = sorted(rows)  # in one order, so that two workers do not wait for each other
        values = [{"provider": provider, "key": key, **rows[key]._asdict()} for key in keys]

        def work(tx: Connection) -> None:
            for start in range(0, len(keys), _MANY):
                some = price_quotes.c.key.in_(keys[start : start + _MANY])
                tx.execute(delete(price_quotes).where(price_quotes.c.provider == provider, some))
            if values:
                tx.execute(insert(price_quotes), values)

        self.database.writing(work)

    def take_price_call(self, provider: str, *, day: str, most: int) -> bool:
        """Count one more call of `day` (2026-11-26); False, and nothing counted, where `most` are made."""
        of_day = (price_calls.c.provider == provider, price_calls.c.day == day)
        one_more = update(price_calls).where(*of_day, price_calls.c.calls < most).values(calls=price_calls.c.calls + 1)

        def work(tx: Connection) -> bool:
            if most <= 0:
                return False
            if tx.execute(one_more).rowcount:
                return True
            if tx.execute(select(price_calls.c.calls).where(*of_day)).first() is not None:
                return False
            tx.execute(insert(price_calls).values(provider=provider, day=day, calls=1))
            return True

        return self.database.writing(work)  # of two first calls at once one fails, looks again, and counts on

    def price_calls(self, provider: str, *, day: str) -> int:
        """Calls that were made on that day."""
        query = select(price_calls.c.calls).where(price_calls.c.provider == provider, price_calls.c.day == day)
        with self.database.reading() as tx:
            return int(tx.execute(query).scalar_one_or_none() or 0)

    def forget_quotes(self) -> int:
        """Drop what services answered too long ago, and old counts of calls; returns how many rows went."""
        old = delete(price_quotes).where(price_quotes.c.fetched_at < db_as_of(-_QUOTES_DAYS * 86400))

        def work(tx: Connection) -> int:
            oldest = tx.execute(select(db_now(-_COUNTS_DAYS * 86400))).scalar_one().date().isoformat()
            counts = tx.execute(delete(price_calls).where(price_calls.c.day < oldest)).rowcount
            return tx.execute(old).rowcount + counts

        return self.database.writing(work)


def _key_values(row: Price) -> tuple[str, str, str, str]:
    color = "" if row.color_id is None else str(row.color_id)
    return row.part_num, color, row.condition or "", row.currency


def _values(owner: str, row: Price, *, now: datetime) -> dict[str, Any]:
    part_num, color, condition, currency = _key_values(row)
    known = {"owner": owner, "part_num": part_num, "color_id": color, "condition": condition, "currency": currency}
    return known | {"unit_price": format(row.unit_price, "f"), "as_of": now}


def _price(row: RowMapping) -> DatedPrice:
    color = int(row["color_id"]) if row["color_id"] else None
    unit = Decimal(row["unit_price"])
    return DatedPrice(Price(row["part_num"], color, row["condition"] or None, row["currency"], unit), row["as_of"])
