"""One row of a table: its cells become a record's fields, each answer remembered, since tables repeat themselves."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from parsers.designators import designators, may_cost
from parsers.table_cells import (
    MAX_TEXT,
    Decimal,
    color,
    condition,
    filled,
    item_type,
    part_id,
    price,
    quantity,
    yes,
)
from parsers.table_columns import Columns
from parsers.table_words import is_total

MAX_SPELLED = 2_000_000  # designators that are spelled out under one header; further ones are kept as they stand
MAX_SEEN = 500_000  # designators that are remembered, to notice a list that comes twice
_CACHED = 4096  # answers per column
_CACHED_LENGTH = 48  # characters of a text

Updates = tuple[dict[str, Any], str | None]  # fields that a cell states, and the code of what is wrong with it
Take = Callable[[str], Updates]
NOTHING: Updates = ({}, None)


class Wrong(NamedTuple):
    """One thing wrong with a row."""

    code: str
    at: int | None  # index of the column
    text: str | None  # the cell
    expected: str | None = None


class _Column(NamedTuple):
    at: int
    take: Take
    known: dict[str, Updates]


class RowReader:
    """Reads rows under one header. Not for two tables at once: it remembers designators."""

    def __init__(
        self,
        columns: Columns,
        *,
        decimal: Decimal | None,
        id_space: str | None = None,
        color_space: str | None = None,
        seen: set[str] | None = None,
    ) -> None:
        self.columns = columns
        self.decimal = decimal
        self.seen = seen if seen is not None else set()
        self._id_space = id_space
        self._budget = MAX_SPELLED
        first, space = columns.ids[0]
        known_color = columns.color_space != "unknown"
        self._base: dict[str, Any] = {
            "item_type": "P",
            "raw_id": None,
            "id_space": self._space(space),
            "raw_color": None,
            "color_space": columns.color_space if known_color else color_space or "unknown",
            "qty": None,
            "spare": False,
        }
        takes = [(first, self._id(space))]
        if columns.qty is not None:
            takes.append((columns.qty, self._quantity))
        if columns.color is not None:
            takes.append((columns.color, _color))
        takes += [(index, self._of_field(name)) for index, name in columns.rest]
        self._columns = [_Column(index, take, {}) for index, take in takes]
        self._width = 1 + max([first, columns.reference or 0, *(column.at for column in self._columns)])
        self._plain = columns.qty is not None and columns.reference is None and len(columns.ids) == 1

    def read(self, cells: Sequence[str]) -> tuple[dict[str, Any], list[Wrong] | None]:
        """The fields, and what is wrong; None where nothing is, so that nobody has to look at the row again."""
        if len(cells) < self._width:
            cells = [*cells, *[""] * (self._width - len(cells))]
        fields = self._base.copy()
        wrong: list[Wrong] | None = None
        for index, take, known in self._columns:
            text = cells[index]
            if not text:
                continue
            got = known.get(text) or _remember(known, text, take)
            updates, code = got
            fields.update(updates)
            if code is not None:
                wrong = [*(wrong or ()), Wrong(code, index, text.strip())]
        if wrong is None and self._plain and fields["qty"] is not None and fields["raw_id"] is not None:
            return fields, None
        return self._completed(cells, fields, wrong or [])

    def _completed(
        self, cells: Sequence[str], fields: dict[str, Any], wrong: list[Wrong]
    ) -> tuple[dict[str, Any], list[Wrong] | None]:
        """The slower way: other id columns, designators, what is missing."""
        columns = self.columns
        judged = {found.at for found in wrong} if wrong else set()
        if fields["raw_id"] is None and columns.ids[0][0] not in judged:
            self._fall_back(cells, fields, wrong)
        elif columns.second_sources:
            self._note_alternates(cells, fields)
        listed = None
        if columns.reference is not None and (text := cells[columns.reference].strip()):
            fields["reference"] = text[:MAX_TEXT]
            if self._budget > 0:
                listed = designators(text)
                self._budget -= len(listed) if listed else may_cost(text)
        if fields["qty"] is None and columns.qty not in judged - {None}:
            self._count(fields, listed, wrong)
        elif listed and fields["qty"] is not None and len(listed) != fields["qty"]:
            wrong.append(
                Wrong("qty.designators", columns.qty, str(fields["qty"]), f"{len(listed)} (the designators listed)")
            )
        if listed:
            self._note_seen(listed, fields["reference"], wrong)
        if fields.pop("dnp", None):
            fields["qty"] = 0
            index = next(index for index, name in columns.rest if name == "dnp")
            wrong = [found for found in wrong if not found.code.startswith("qty.")]
            wrong.append(Wrong("row.not_fitted", index, cells[index].strip()))
        return fields, wrong or None

    def _fall_back(self, cells: Sequence[str], fields: dict[str, Any], wrong: list[Wrong]) -> None:
        """The next id column that is filled."""
        for index, space in self.columns.ids[1:]:
            if index < len(cells) and (text := cells[index].strip()):
                updates, code = self._id(space)(text)
                fields.update(updates)
                fields["id_space"] = self._space(space)
                if code is None and fields.get("name") == fields["raw_id"]:
                    del fields["name"]
                if code:
                    wrong.append(Wrong(code, index, text))
                return
        wrong.append(Wrong("part.missing", self.columns.ids[0][0], None))

    def _note_alternates(self, cells: Sequence[str], fields: dict[str, Any]) -> None:
        """Parts of other makers that would do as well."""
        others = [
            cells[index].strip()
            for index, _ in self.columns.ids[1:]
            if index in self.columns.second_sources and index < len(cells) and cells[index].strip()
        ]
        if others := [other for other in dict.fromkeys(others) if other != fields["raw_id"]]:
            fields["alternates"] = "; ".join(others)[:MAX_TEXT]

    def _count(self, fields: dict[str, Any], listed: tuple[str, ...] | None, wrong: list[Wrong]) -> None:
        """A row without a quantity: as many as it has designators, else one where no column states any."""
        has_column = self.columns.qty is not None
        fields["qty"] = len(listed) if listed else None if has_column else 1
        if has_column:
            index = self.columns.qty
            wrong.append(
                Wrong("qty.counted", index, str(len(listed))) if listed else Wrong("qty.required", index, None)
            )

    def _note_seen(self, listed: tuple[str, ...], text: str, wrong: list[Wrong]) -> None:
        if self.seen.issuperset(listed):
            wrong.append(Wrong("reference.repeated", self.columns.reference, text))
        elif len(self.seen) < MAX_SEEN:
            self.seen.update(listed)

    def _space(self, space: str) -> str:
        return self._id_space or space if space == "unknown" else space

    def _id(self, space: str) -> Take:
        is_element = space == "element"

        def take(text: str) -> Updates:
            raw, code = part_id(text)
            if code is None and is_total(text):
                return {"raw_id": raw}, "row.total_unclear"
            if raw is None:
                return {}, code
            return ({"raw_id": raw, "element_id": raw} if is_element else {"raw_id": raw}), code

        return take

    def _quantity(self, text: str) -> Updates:
        value, code = quantity(text, self.decimal)
        return {"qty": value}, code

    def _price(self, name: str) -> Take:
        stated = self.columns.currency

        def take(text: str) -> Updates:
            amount, currency, code = price(text, self.decimal)
            if amount is None:
                return {}, None if text in {"-", "n/a", "N/A"} else code
            currency = currency or stated
            return ({name: amount, "currency": currency} if currency else {name: amount}), code

        return take

    def _of_field(self, name: str) -> Take:
        if name in {"unit_price", "max_price"}:
            return self._price(name)
        if name == "item_type" and self.columns.lenient_types:
            return lambda text: (_stated(name, item_type(text)[0]), None)
        if reader := _READERS.get(name):
            return lambda text: _valued(name, *reader(text))
        return lambda text: ({name: text[:MAX_TEXT]}, None)


def _remember(known: dict[str, Updates], text: str, take: Take) -> Updates:
    found = take(stripped) if (stripped := text.strip()) else NOTHING
    if len(text) <= _CACHED_LENGTH and len(known) < _CACHED:
        known[text] = found
    return found


def _color(text: str) -> Updates:
    number, name, code = color(text)
    return ({"color_name": name} if name is not None else _stated("raw_color", number)), code


def _stated(name: str, value: Any) -> dict[str, Any]:
    return {} if value is None else {name: value}


def _valued(name: str, value: Any, code: str | None) -> Updates:
    return _stated(name, None if value is False and name != "spare" else value), code


def _element(text: str) -> tuple[str | None, str | None]:
    found, code = part_id(text)
    return (found, None) if code is None else (None, "element.unreadable")


def _flag(text: str) -> tuple[bool, str | None]:
    return yes(text)[0], None


def _not_fitted(text: str) -> tuple[bool, str | None]:
    """KiCad writes the column's own name into the cell."""
    return yes(text)[0] or text.strip().upper() in {"DNP", "DNI", "DNF", "EXCLUDED FROM BOM"}, None


def _currency(text: str) -> tuple[str | None, str | None]:
    return (text.upper() if len(text) == 3 and text.isalpha() and text.isascii() else None), None


_READERS: dict[str, Callable[[str], tuple[Any, str | None]]] = {
    "condition": condition,
    "item_type": item_type,
    "spare": yes,
    "alternate": _flag,
    "counterpart": _flag,
    "qty_filled": filled,
    "currency": _currency,
    "element_id": _element,
    "dnp": _not_fitted,
}
