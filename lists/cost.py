"""What a list costs: each lot's price from the first source that knows one, summed exactly, with what is missing stated.

A sum holds what is priced, in its own currency: nothing is converted, and a missing price is never taken for zero.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Context, Decimal
from itertools import islice
from typing import Any, Literal

from pydantic import Field

from catalog.prices.local import FILE
from catalog.prices.port import Away, PriceKey, PriceSource, Quote, amount, currency_code, plain
from jobs.context import StepContext
from jobs.pipeline import Options
from lists.exports import LOTS

PRICES = "prices.jsonl"
JSON_LINES = "application/x-ndjson"
UNNAMED = "unknown"  # the currency of prices in a list that names none
_BATCH = 200  # lots that are asked about at a time
_EXACT = Context(prec=100)  # more digits than a sum of a million prices can have
_SHOWN = ("row", "item_type", "part_num", "color_id", "condition")

Source = Literal["file", "table", "http-json", "bricklink"]


class PriceOptions(Options):
    """What a caller may say about prices; for pipelines whose lists can be priced."""

    price: bool = Field(False, description="Ask for prices; without it only those in the list itself are summed.")
    currency: str | None = Field(
        None,
        pattern="^[A-Z]{3}$",
        description="Wanted currency (ISO 4217); prices of a list that names none are taken to be in it.",
    )
    price_sources: tuple[Source, ...] | None = Field(
        None, max_length=4, description="Which sources to ask, the best first; null: all that are set up."
    )


def price(ctx: StepContext, *, prices: PriceSource) -> None:
    """A price for each lot to `prices.jsonl`, and what they add up to into the summary."""
    import orjson

    cost, path = Cost(), ctx.scratch / PRICES
    size, done = ctx.path(LOTS).stat().st_size, 0

    def tell() -> None:
        ctx.progress(done, size, f"{cost.priced} of {cost.lots} lots have a price")

    with ctx.open(LOTS) as lines, path.open("wb") as out:
        while batch := list(islice(lines, _BATCH)):
            tell()
            lots = list(_bought(map(orjson.loads, batch), spares=bool(ctx.options.get("include_spares"))))
            keys = [key_of(lot, currency=ctx.options.get("currency")) for lot, _ in lots]
            answers = prices.quote(keys, watch=tell)
            for (lot, pieces), key in zip(lots, keys, strict=True):
                cost.add(pieces, answers.get(key))
                out.write(orjson.dumps(_line(lot, pieces, answers.get(key)), option=orjson.OPT_APPEND_NEWLINE))
            done += sum(map(len, batch))
    ctx.save(path, name=PRICES, media_type=JSON_LINES)
    ctx.summary(cost=cost.facts())
    ctx.count("lots_priced", cost.priced)
    for code, message in _warnings(cost, prices.off):
        ctx.warn(code, message)


def file_cost(
    lots: Iterable[Mapping[str, Any]], *, currency: str | None = None, spares: bool = False
) -> dict[str, Any] | None:
    """What the list's own prices add up to, by nothing but arithmetic; None where it has none.

    `lots` are those of `lots.jsonl`; `currency` is that of a list which names none.
    """
    cost = Cost()
    units: dict[str | None, Decimal | None] = {}  # lists repeat their prices
    for lot, pieces in _bought(lots, spares=spares):
        said = lot.get("unit_price")
        if said not in units:
            units[said] = amount(said)
        unit = units[said]
        if unit is None:
            cost.lots += 1
        else:
            cost.add_priced(pieces, unit, currency=currency_code(lot.get("currency")) or currency, source=FILE)
    return cost.facts() if cost.priced else None


def key_of(lot: Mapping[str, Any], *, currency: str | None = None) -> PriceKey:
    """How sources are asked about a lot."""
    condition, raw_id = lot.get("condition"), lot.get("raw_id")
    part_num = lot.get("part_num") or (raw_id if lot.get("id_space") == "mpn" else None)
    return PriceKey(
        part_num=part_num,
        color_id=lot.get("color_id"),
        condition=condition if condition in {"N", "U"} else None,
        currency=currency,
        item_type=lot.get("item_type") or "P",
        raw_id=raw_id,
        bricklink_id=lot.get("bricklink_id"),
        bricklink_color=lot.get("bricklink_color"),
        file_price=amount(lot.get("unit_price")),
        file_currency=currency_code(lot.get("currency")) or currency,
    )


class Cost:
    """What priced lots add up to, and how much of the list that covers."""

    def __init__(self) -> None:
        self.lots = 0  # to be bought
        self.priced = 0
        self.stale = 0  # of those: at a price that is past its time
        self.unasked = 0  # of the others: a source that might know their price could not be asked
        self._totals: dict[str, Decimal] = defaultdict(Decimal)
        self._counts: Counter[str] = Counter()  # lots by currency
        self._sources: Counter[str] = Counter()  # lots by source
        self._away: Counter[tuple[str, str]] = Counter()  # lots by source and reason

    def add(self, pieces: int, answer: Quote | Away | None) -> None:
        """Count a lot of `pieces`."""
        if isinstance(answer, Quote):
            self.add_priced(pieces, answer.unit, currency=answer.currency, source=answer.source)
            self.stale += answer.stale
            return
        self.lots += 1
        if answer is not None:
            self.unasked += 1
            self._away[answer.source, answer.reason.value] += 1

    def add_priced(self, pieces: int, unit: Decimal, *, currency: str | None, source: str) -> None:
        """Count a lot of `pieces` at `unit` each."""
        name = currency or UNNAMED
        self.lots += 1
        self.priced += 1
        self._totals[name] = _EXACT.add(self._totals[name], times(unit, pieces))
        self._counts[name] += 1
        self._sources[source] += 1

    def facts(self) -> dict[str, Any]:
        """For the summary. `complete`: each lot has a price, or every source said that it knows none."""
        return {
            "status": "partial" if self.unasked else "complete",
            "partial": bool(self.unasked),
            "reason": self._away.most_common(1)[0][0][1] if self._away else None,
            "currencies": {
                name: {"total": money(total), "lots": self._counts[name]}
                for name, total in sorted(self._totals.items())
            },
            "lots": self.lots,
            "priced": self.priced,
            "unpriced": self.lots - self.priced,
            "unasked": self.unasked,
            "stale": self.stale,
            "sources": dict(sorted(self._sources.items())),
            "away": [
                {"source": source, "reason": reason, "lots": n} for (source, reason), n in sorted(self._away.items())
            ],
        }


def times(unit: Decimal, pieces: int) -> Decimal:
    """`pieces` at `unit` each, without rounding."""
    return _EXACT.multiply(unit, Decimal(pieces))


def money(value: Decimal) -> str:
    """An exact sum as text, with two decimals or as many more as it has: `12.30`, `0.0125`."""
    text = plain(value)
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.ljust(2, '0')}"


def _bought(lots: Iterable[Mapping[str, Any]], *, spares: bool) -> Iterator[tuple[Mapping[str, Any], int]]:
    """Lots with how many pieces of each are bought; spares only where they are wanted, alternates never."""
    for lot in lots:
        pieces = lot["qty"] + (lot.get("spares", 0) if spares else 0)
        if pieces > 0:
            yield lot, pieces


def _line(lot: Mapping[str, Any], pieces: int, answer: Quote | Away | None) -> dict[str, Any]:
    """One line of `prices.jsonl`: a lot with its quote, or with the reason why there is none."""
    line: dict[str, Any] = {name: lot.get(name) for name in _SHOWN} | {"pieces": pieces}
    if isinstance(answer, Quote):
        total = money(times(answer.unit, pieces))
        return line | answer.to_json() | {"stale": answer.stale, "total": total, "reason": None}
    reason = f"{answer.source}.{answer.reason.value}" if answer else "no_price"
    return (
        line
        | dict.fromkeys(("unit", "currency", "source", "kind", "as_of", "n", "stale", "total"))
        | {"reason": reason}
    )


def _warnings(cost: Cost, off: Sequence[str]) -> Iterator[tuple[str, str]]:
    for name in off:
        yield "cost.source_off", f"The price source {name} is not set up here; it was not asked."
    if cost.unasked:
        why = ", ".join(f"{one['source']}: {one['reason']} ({one['lots']})" for one in cost.facts()["away"])
        yield (
            "cost.partial",
            f"Priced {cost.priced} of {cost.lots} lots; for {cost.unasked} a source did not answer: {why}.",
        )
    elif cost.lots and not cost.priced:
        yield "cost.unpriced", f"None of the {cost.lots} lots has a price in any source."
