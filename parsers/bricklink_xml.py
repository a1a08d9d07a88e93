"""Reads BrickLink XML (wanted lists, inventories, orders): streaming, flat in memory, every wrong row reported."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jobs.issues import Fact, Issue, Record, Rows
from parsers.bricklink_row import FIELDS
from parsers.encoding import Watch
from parsers.sniff import LIST_ROOTS
from parsers.wishes import PLAIN, Wishes
from parsers.xml_items import Items, Texts, Wrong
from parsers.xml_mixed import MixedRows

_CURRENCIES = ("BASECURRENCYCODE", "CURRENCYCODE", "CURRENCY")  # of an order, in the order in which they count
_OF_WANTED = frozenset({"MINQTY", "MAXPRICE", "QTYFILLED", "WANTEDLISTID", "NOTIFY"})
_OF_STORE = frozenset({"PRICE", "LOTID", "STOCKROOM", "STOCKROOMID", "BULK", "SALE", "RETAIN", "BUYERUSERNAME"})
_CODE_LENGTH = 3  # of a currency


def parse(path: Path, *, watch: Watch | None = None, wishes: Wishes = PLAIN) -> Iterator[Record | Issue | Fact]:
    """The list's rows in order, each good one as a `Record`, each thing wrong as an `Issue`.

    The fact `list_type` is wanted, inventory, store or order; rows of orders have their order's `currency`. Raises
    what `XmlRows` raises; `watch` is told how far it is.
    """
    yield from _items(path, wishes).read(watch)


def parse_in_bulk(
    path: Path, *, watch: Watch | None = None, wishes: Wishes = PLAIN
) -> Iterator[Rows | Record | Issue | Fact]:
    """The same, with good rows in bulk."""
    yield from _items(path, wishes).read_in_bulk(watch)


def _items(path: Path, wishes: Wishes) -> "_BrickLink":
    rows = MixedRows(path, item="ITEM", roots=LIST_ROOTS, also=_CURRENCIES, encoding=wishes.encoding)
    return _BrickLink(rows, wishes)


class _BrickLink(Items):
    """BrickLink's items."""

    fields = FIELDS
    slow = frozenset({"DELETE"})

    def __init__(self, rows: MixedRows, wishes: Wishes) -> None:
        base = wishes.blank_row(id_space="bricklink", color_space="bricklink", item_type=None)
        super().__init__(rows, base=base)
        self._order: Any = None  # the order that the last item stood in
        self._rank = len(_CURRENCIES)  # how much its currency counts; the lower the more

    def seen(self, element: Any) -> bool:
        name = self.rows.name(element.tag)
        parent = element.getparent()
        if parent is not None and self.rows.name(parent.tag) == "ORDER":
            if parent is not self._order:
                self._order, self._rank = parent, len(_CURRENCIES)
                self.base.pop("currency", None)
            if name in _CURRENCIES:
                self._priced_in(name, (element.text or "").strip().upper())
        return name == self.rows.item

    def _priced_in(self, name: str, code: str) -> None:
        rank = _CURRENCIES.index(name)
        if rank < self._rank and len(code) == _CODE_LENGTH and code.isalpha():
            self._rank = rank
            self.base["currency"] = code

    def facts(self, texts: Texts) -> Iterator[Fact]:
        yield Fact("list_type", self._type(texts))

    def _type(self, texts: Texts) -> str:
        if self.rows.name(self.rows.root.tag) != "INVENTORY":
            return "order"
        if "QTY" in texts:
            return "inventory" if texts.keys().isdisjoint(_OF_STORE) else "store"
        return "store" if texts.keys().isdisjoint(_OF_WANTED) and not texts.keys().isdisjoint(_OF_STORE) else "wanted"

    def judged(self, wrong: Wrong, texts: Texts) -> Wrong:
        if "DELETE" in texts:
            wrong = [*wrong, ("row.delete", "DELETE", None)]
        if "LOTID" in texts:  # an update of stock: -3 takes three away
            wrong = [("qty.delta" if code == "qty.negative" else code, name, text) for code, name, text in wrong]
        return wrong

    def missing(self, texts: Texts, found: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """What is not stated. No color means any; but stock and inventories must state a part's."""
        if found["raw_id"] is None:
            yield "part.missing", "ITEMID"
        if found["item_type"] is None:
            yield "itemtype.missing", "ITEMTYPE"
        if found["raw_color"] is None and found["item_type"] in {"P", None} and "QTY" in texts:
            yield "color.missing", "COLOR"
        if found["qty"] is None:
            yield "qty.missing", "QTY" if "QTY" in texts else "MINQTY"
            found["qty"] = 1
        found["item_type"] = found["item_type"] or "P"
