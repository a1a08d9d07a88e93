"""Reads lists of LEGO's element numbers (Pick a Brick): one number stands for a part in a color.

Rows of one element may repeat: exporters split what is more than 999. Prices are what people copied from invoices.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jobs.issues import Fact, Issue, Record
from parsers.csv_list import PART, CsvList, words
from parsers.encoding import Watch
from parsers.list_headers import ELEMENTS
from parsers.readings import Field, Reading
from parsers.table_cells import price
from parsers.wishes import PLAIN, Wishes


def parse(path: Path, *, watch: Watch | None = None, wishes: Wishes = PLAIN) -> Iterator[Record | Issue | Fact]:
    """The list's rows in order, each good one as a `Record`, each thing wrong as an `Issue`.

    Facts: `header_line`, `delimiter`. Raises what `CsvList.read` raises; `watch` is told how far it is.
    """
    base = wishes.blank_row(id_space="element", color_space="unknown")
    yield from _Elements(wishes, base=base).read(path, watch)


class _Elements(CsvList):
    """The columns of such lists."""

    layout = ELEMENTS
    title = "list of element numbers"
    expected = "elementId, quantity"

    def __init__(self, wishes: Wishes, *, base: dict[str, Any]) -> None:
        super().__init__(wishes, base=base)
        self.finish = _finish
        self.fields = {
            **self.fields,
            "element": PART,
            "price": Field("price", self._price),
            "name": Field("name", words),
            "color_name": Field("color_name", words),
        }

    def _price(self, text: str) -> Reading:
        """Amount and currency."""
        amount, currency, code = price(text, self.decimal)
        return (amount, currency) if amount else None, code


def _finish(found: dict[str, Any]) -> None:
    """The element's number stands for part and color; an amount may bring its currency."""
    found["element_id"] = found["raw_id"]
    if amount := found.pop("price", None):
        found["unit_price"], currency = amount
        if currency:
            found["currency"] = currency
