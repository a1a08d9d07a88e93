"""What a list costs: sums that are exact, coverage that adds up, and a step that says what is missing."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.context import FolderContext

from catalog.prices.chain import Chain
from catalog.prices.local import FilePrices
from catalog.prices.port import Away, Kind, PriceKey, Quote, Reason
from jobs.errors import Cancelled
from lists.cost import PRICES, Cost, PriceOptions, file_cost, key_of, money, price, times

LOT: dict[str, Any] = {
    "row": 1, "rows": 1, "item_type": "P", "part_num": "3001", "color_id": 5, "name": "Brick", "qty": 4, "spares": 0,
    "alternates": 0, "counterparts": 0, "condition": "N", "unit_price": None, "currency": None, "raw_id": "3001",
    "id_space": "bricklink", "raw_color": 7, "color_space": "bricklink", "bricklink_id": "3001", "bricklink_color": 7,
}  # fmt: skip


def lot(**more: Any) -> dict[str, Any]:
    return LOT | more


def quote(unit: str | Decimal, *, currency: str | None = "EUR", source: str = "table", stale: bool = False) -> Quote:
    return Quote(unit=Decimal(unit), currency=currency, source=source, kind=Kind.MANUAL, stale=stale)


class Book:
    """A source with answers by part number; `watch` is called before each."""

    name = "table"
    is_remote = False

    def __init__(self, answers: dict[str | None, Quote | Away], *, off: tuple[str, ...] = ()) -> None:
        self.answers = answers
        self.off = off
        self.asked: list[PriceKey] = []

    def quote(self, keys, *, watch=None):
        self.asked += keys
        if watch is not None:
            watch()
        return {key: self.answers[key.part_num] for key in keys if key.part_num in self.answers}


def stepped(tmp_path: Path, lots: list[dict[str, Any]], prices: Any, **options: Any) -> FolderContext:
    """The step's context after it ran."""
    ctx = FolderContext(
        tmp_path, tmp_path / "none", kind="bricklink-xml", cancel_after=options.pop("cancel_after", None)
    )
    ctx.options = options
    (ctx.artifacts / "lots.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lots))
    price(ctx, prices=prices)
    return ctx


answers = st.one_of(
    st.none(),
    st.sampled_from([Away(source="a", reason=Reason.TIMEOUT), Away(source="b", reason=Reason.DAILY_LIMIT)]),
    st.builds(
        quote,
        st.decimals(min_value="0.0001", max_value=10**9, places=4),
        currency=st.sampled_from(["EUR", "USD", "JPY", None]),
        source=st.sampled_from(["file", "table"]),
        stale=st.booleans(),
    ),
)


@given(st.lists(st.tuples(st.integers(1, 10**9), answers), max_size=60))
def test_cost__adds_up(lots):
    """Each sum is the exact decimal sum of its lots; priced, unpriced and unasked lots add up, by currency and source."""
    cost, sums = Cost(), {}
    for pieces, answer in lots:
        cost.add(pieces, answer)
        if isinstance(answer, Quote):
            units = int(answer.unit.scaleb(4))  # whole numbers cannot be rounded
            sums[answer.currency or "unknown"] = sums.get(answer.currency or "unknown", 0) + units * pieces
    facts = cost.facts()
    told = {name: int(Decimal(one["total"]).scaleb(4)) for name, one in facts["currencies"].items()}
    assert told == sums
    assert facts["lots"] == len(lots) == facts["priced"] + facts["unpriced"]
    assert facts["priced"] == sum(facts["sources"].values()) == sum(one["lots"] for one in facts["currencies"].values())
    assert facts["unasked"] == sum(one["lots"] for one in facts["away"]) <= facts["unpriced"]
    assert facts["partial"] == (facts["status"] == "partial") == (facts["reason"] is not None) == (facts["unasked"] > 0)
    assert json.loads(json.dumps(facts)) == facts


def test_cost__no_digit_is_lost():
    """More digits than the default context has, and many small prices, are summed exactly."""
    assert money(times(Decimal("999999999999.999999999999"), 10**12)) == "999999999999999999999999.00"
    cost = Cost()
    for _ in range(3):
        cost.add(1, quote("0.1"))
    assert cost.facts()["currencies"] == {"EUR": {"total": "0.30", "lots": 3}}


@pytest.mark.parametrize(
    ("value", "text"),
    [("12.3", "12.30"), ("0.0125", "0.0125"), ("7", "7.00"), ("1E+3", "1000.00"), ("100.10", "100.10")],
)
def test_money__two_decimals_or_more(value, text):
    """A sum is shown exactly, with two decimals at least and no exponent."""
    assert money(Decimal(value)) == text


def test_file_cost__sums_what_the_list_says():
    """Zeros and negatives are missing; a sum for each currency; alternates and, by default, spares are not bought."""
    lots = [
        lot(unit_price="0.25", currency="EUR", qty=4),
        lot(unit_price="1", currency="USD", qty=1, spares=2),
        lot(unit_price="0.0000", currency="EUR"),
        lot(unit_price="-1.0000", currency="EUR"),
        lot(unit_price=None),
        lot(unit_price="5", currency="EUR", qty=0, spares=3),
        lot(unit_price="9", currency="EUR", qty=0, alternates=3),
    ]
    found = file_cost(lots)
    assert found["currencies"] == {"EUR": {"total": "1.00", "lots": 1}, "USD": {"total": "1.00", "lots": 1}}
    assert (found["lots"], found["priced"], found["unpriced"], found["status"]) == (5, 2, 3, "complete")
    assert found["sources"] == {"file": 2}
    assert file_cost(lots, spares=True)["currencies"]["EUR"] == {"total": "16.00", "lots": 2}


def test_file_cost__a_list_without_prices_has_none():
    """Where no lot has a price there is no cost, rather than one of zero."""
    assert file_cost([lot()]) is None
    assert file_cost([]) is None


def test_file_cost__a_list_that_names_no_currency():
    """Its sum stands under `unknown`, unless the caller says which currency the list is in."""
    lots = [lot(unit_price="2")]
    assert file_cost(lots)["currencies"] == {"unknown": {"total": "8.00", "lots": 1}}
    assert file_cost(lots, currency="EUR")["currencies"] == {"EUR": {"total": "8.00", "lots": 1}}


def test_key_of__in_the_words_of_every_source():
    """A lot is asked about by the catalog's ids, BrickLink's, and what the list itself says; X is either condition."""
    found = key_of(lot(condition="X", unit_price="0.10", currency="eur"), currency="USD")
    assert found == PriceKey("3001", 5, None, "USD", "P", "3001", "3001", 7, Decimal("0.10"), "EUR")
    assert key_of(lot(part_num=None, raw_id="BSS138", id_space="mpn")).part_num == "BSS138"
    assert key_of(lot(part_num=None, raw_id="4073")).part_num is None


def test_price__every_lot_has_its_line(tmp_path):
    """Each lot gets a line with its quote, or with the reason why there is none, and the summary adds them up."""
    lots = [lot(row=1), lot(row=2, part_num="3002"), lot(row=3, part_num="3003"), lot(row=4, qty=0)]
    book = Book({"3001": quote("0.25"), "3002": Away(source="bricklink", reason=Reason.SERVICE_DOWN)})
    ctx = stepped(tmp_path, lots, book, currency="EUR")
    first, second, third = ctx.lines(PRICES)
    assert (first["row"], first["pieces"], first["unit"], first["total"], first["reason"]) == (
        1,
        4,
        "0.25",
        "1.00",
        None,
    )
    assert (second["unit"], second["reason"]) == (None, "bricklink.service_down")
    assert (third["total"], third["reason"]) == (None, "no_price")
    cost = ctx.facts["cost"]
    assert (cost["status"], cost["reason"], cost["priced"], cost["unpriced"], cost["unasked"]) == (
        "partial", "service_down", 1, 2, 1,
    )  # fmt: skip
    assert ctx.warnings == [
        ("cost.partial", "Priced 1 of 3 lots; for 1 a source did not answer: bricklink: service_down (1).")
    ]
    assert {key.currency for key in book.asked} == {"EUR"}
    assert ctx.counts["lots_priced"] == 1


def test_price__complete_where_all_is_known(tmp_path):
    """Every lot priced, or known to have no price, is complete; a list in which nothing has one says so."""
    ctx = stepped(tmp_path / "a", [lot(), lot(part_num="x")], Book({"3001": quote("1", stale=True)}))
    assert (ctx.facts["cost"]["status"], ctx.facts["cost"]["stale"], ctx.warnings) == ("complete", 1, [])
    ctx = stepped(tmp_path / "b", [lot()], Book({}))
    assert [code for code, _ in ctx.warnings] == ["cost.unpriced"]
    ctx = stepped(tmp_path / "c", [], Book({}))
    assert (ctx.facts["cost"]["lots"], ctx.warnings, ctx.lines(PRICES)) == (0, [], [])


def test_price__says_which_sources_are_off(tmp_path):
    """A source that was asked for and is not set up here is a warning."""
    ctx = stepped(tmp_path, [lot()], Book({"3001": quote("1")}, off=("bricklink",)))
    assert ctx.warnings == [("cost.source_off", "The price source bricklink is not set up here; it was not asked.")]


def test_price__the_list_itself_is_a_source(tmp_path):
    """Through a chain, the list's own prices and other ones add up together, spares where they are wanted."""
    lots = [lot(unit_price="0.50", currency="EUR", spares=1), lot(part_num="3002", unit_price="0")]
    ctx = stepped(tmp_path, lots, Chain([FilePrices(), Book({"3002": quote("2")})]), include_spares=True)
    assert ctx.facts["cost"]["currencies"] == {"EUR": {"total": "10.50", "lots": 2}}
    assert ctx.facts["cost"]["sources"] == {"file": 1, "table": 1}


def test_price__a_cancel_is_heard_while_it_waits(tmp_path):
    """What the source is told to look at while it waits ends the step once its job is cancelled."""
    with pytest.raises(Cancelled):
        stepped(tmp_path, [lot()], Book({"3001": quote("1")}), cancel_after=2)


def test_price__tells_how_far_it_is(tmp_path):
    """Progress grows with the lots that are done, batch after batch."""
    ctx = stepped(tmp_path, [lot(row=n) for n in range(900)], Book({"3001": quote("1")}))
    told = [done / total for done, total in ctx.told]
    assert told == sorted(told)
    assert len(set(told)) == 5
    assert ctx.facts["cost"]["priced"] == 900


def test_options__currency_and_sources_are_checked():
    """A currency has three capital letters, a source is one that there is."""
    assert PriceOptions(price=True, currency="EUR", price_sources=("file", "table")).price_sources == ("file", "table")
    for wrong in ({"currency": "euro"}, {"price_sources": ["ebay"]}, {"prices": True}):
        with pytest.raises(ValueError, match="validation error"):
            PriceOptions.model_validate(wrong)


def test_file_cost__agrees_with_the_step(tmp_path):
    """What the parse step sums without any source is what the pricing step finds with the list as its only one."""
    prices = ["0.25", "0", None, "x", "3", "0.0001"]
    lots = [
        lot(row=n, unit_price=said, currency=[None, "EUR", "usd"][n % 3], qty=n % 4)
        for n, said in enumerate(prices * 5)
    ]
    ctx = stepped(tmp_path, lots, Chain([FilePrices()]))
    assert ctx.facts["cost"] == file_cost(lots)
