"""Owners' price tables in the ledger, and how long quotes and counts are kept, on both databases."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import update

from ledger import KeptQuote, Ledger, Price
from ledger.errors import LedgerUnavailable
from ledger.reference import price_quotes

NOW = datetime.now(UTC)


def price(
    part: str, color: int | None = None, condition: str | None = None, *, unit: str = "1", currency: str = "EUR"
) -> Price:
    return Price(part, color, condition, currency, Decimal(unit))


def listed(ledger: Ledger, owner: str = "me", **more: object) -> list[Price]:
    return [row.price for row in ledger.prices(owner, **more)[0]]


def test_put_prices__replaces_the_whole_table(ledger):
    """What was there is gone, what is new is there exactly, with the time at which it was put."""
    ledger.put_prices("me", [price("old"), price("3001")])
    rows = [
        price("3001", unit="0.000000000001"),
        price("3001", 0, "U", unit="999999999999.5"),
        price("3001", 5, currency="USD"),
    ]
    ledger.put_prices("me", rows)
    assert sorted(listed(ledger), key=str) == sorted(rows, key=str)
    (as_of,) = {row.as_of for row in ledger.prices("me")[0]}
    assert abs(as_of - datetime.now(UTC)) < timedelta(minutes=1)
    assert as_of.tzinfo is not None


def test_put_prices__an_empty_table(ledger):
    """A table may be emptied by putting nothing."""
    ledger.put_prices("me", [price("3001")])
    ledger.put_prices("me", [])
    assert ledger.count_prices("me") == 0


def test_put_prices__owners_do_not_meet(ledger):
    """Each owner has a table of their own: read, replaced and cleared alone."""
    ledger.put_prices("me", [price("3001", unit="1")])
    ledger.put_prices("you", [price("3001", unit="2"), price("3002")])
    assert [row.price.unit_price for row in ledger.prices_of("me", ["3001", "3002"])] == [1]
    assert ledger.clear_prices("you") == 2
    assert ledger.clear_prices("you") == 0
    assert listed(ledger) == [price("3001")]


def test_prices__pages_hold_each_row_once(ledger):
    """Pages follow each other by key, whatever is empty in it, and the last one says so."""
    rows = [
        price(part, color, condition, currency=currency)
        for part in ("a", "b")
        for color in (None, 1, 10)
        for condition in (None, "N")
        for currency in ("EUR", "USD")
    ]
    ledger.put_prices("me", rows)
    found: list[Price] = []
    more = True
    while more:
        page, more = ledger.prices("me", limit=5, after=found[-1] if found else None)
        found += [row.price for row in page]
    assert len(found) == len(rows)
    assert set(found) == set(rows)
    assert listed(ledger, part_num="A", limit=50) == [row for row in found if row.part_num == "a"]


def test_prices_of__many_parts(ledger):
    """More part numbers than fit one statement."""
    ledger.put_prices("me", [price(f"p{n}") for n in range(1100)])
    assert len(ledger.prices_of("me", [f"p{n}" for n in range(50, 1300)])) == 1050
    assert ledger.prices_of("me", []) == []


def test_put_prices__a_failed_put_changes_nothing(ledger):
    """A table is replaced in one transaction: one row too many, and the old one stays."""
    ledger.put_prices("me", [price("old")])
    with pytest.raises(LedgerUnavailable):  # callers rule it out; to the ledger it looks like a twin that was faster
        ledger.put_prices("me", [price("new"), price("new")])
    assert listed(ledger) == [price("old")]


def test_forget_quotes__after_ninety_days(ledger):
    """Quotes go after ninety days, counts of calls after thirty; newer ones stay."""
    quote = KeptQuote({"unit": "1"}, NOW, NOW + timedelta(days=1))
    ledger.keep_quotes("a", {"new": quote, "old": quote})
    aged = update(price_quotes).where(price_quotes.c.key == "old").values(fetched_at=NOW - timedelta(days=91))
    ledger.database.writing(lambda tx: tx.execute(aged))
    for day in ("2020-01-01", NOW.date().isoformat()):
        ledger.take_price_call("a", day=day, most=5)
    assert ledger.forget_quotes() == 2
    assert set(ledger.kept_quotes("a", ["new", "old"])) == {"new"}
    assert ledger.price_calls("a", day="2020-01-01") == 0
    assert ledger.price_calls("a", day=NOW.date().isoformat()) == 1


def test_keep_quotes__that_there_is_none_is_kept_too(ledger):
    """A row without a quote is SQL NULL and comes back as None."""
    ledger.keep_quotes("a", {"k": KeptQuote(None, NOW, NOW)})
    ledger.keep_quotes("a", {})
    assert ledger.kept_quotes("a", ["k"])["k"].quote is None
