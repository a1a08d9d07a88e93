"""What a row means, whatever its number and quantity: resolved once, then remembered, since lists repeat themselves."""

from collections.abc import Callable, Mapping
from typing import Any

from catalog.match import By, Match
from catalog.port import Catalog
from catalog.resolver import Resolver
from jobs.issues import Rows
from lists.lots import Lot, LotBook, Role
from lists.names import PartNames, color_names_of

MAX_KEPT = 25_000  # meanings remembered, and as many of those before them: some 40 MB
_EXACT = {"by": By.EXACT.value, "confidence": 1.0}
Written = bytes | tuple[Any, ...]


class Meaning:
    """Everything that equal rows have in common. Small: there are tens of thousands."""

    __slots__ = ("filled", "lot", "plain", "role", "written", "wrong")

    def __init__(self, match: Match, *, role: Role, lot: Lot | None, filled: int, written: Written) -> None:
        self.wrong = match.wrong
        self.role = role
        self.lot = lot  # what its rows are merged into; None where there are too many lots
        self.filled = filled  # pieces that are there already
        self.written = written  # how the file of records writes it
        # Whether there is nothing to say of its rows but how many pieces they are.
        self.plain = not match.wrong and not filled and lot is not None


class Meanings:
    """The meanings of one list's rows."""

    def __init__(
        self,
        resolver: Resolver,
        catalog: Catalog,
        *,
        book: LotBook,
        part_names: PartNames,
        write: Callable[[dict[str, Any]], Written],
    ) -> None:
        """`write` says how the file of records writes a record's fields, all but its row, line, quantity and issues."""
        self._resolver = resolver
        self._book = book
        self._write = write
        self._part_names = part_names
        self._color_names = color_names_of(catalog)
        self._kept: dict[tuple[Any, ...], Meaning] = {}
        self._older: dict[tuple[Any, ...], Meaning] = {}

    def of(self, fields: dict[str, Any]) -> Meaning:
        """What a record's fields mean; their quantity is left out already."""
        key = (*fields, *fields.values())
        meaning = self._kept.get(key)
        if meaning is None:
            meaning = self._older.get(key) or self._new(fields)
            if len(self._kept) >= MAX_KEPT:
                self._older, self._kept = self._kept, {}  # what is used again comes back from there
            self._kept[key] = meaning
        return meaning

    def shared(self, rows: Rows) -> list[Meaning]:
        """The same for rows in bulk; it is noted where the parser remembers them, and forgotten with them."""
        found = [stated.meaning for stated in rows.stated]
        if None not in found:
            return found
        for stated in rows.stated:
            if stated.meaning is None:
                fields, stated.fields = stated.fields, None
                stated.meaning = self._new(fields if fields is not None else rows.read(stated.cells))
        return [stated.meaning for stated in rows.stated]

    def _new(self, fields: dict[str, Any]) -> Meaning:
        match = self._resolver.resolve(fields)
        role = _role(fields)
        lot = self._book.lot(_lot_key(fields, match, role), fields)
        part, color = match.part_num, match.color_id
        fields["part_num"] = part
        fields["part_name"] = self._part_names[part]
        fields["color_id"] = color
        fields["color"] = self._color_names.get(color)
        fields["match"] = _match_json(match)
        return Meaning(match, role=role, lot=lot, filled=fields.get("qty_filled", 0), written=self._write(fields))


def _match_json(match: Match) -> dict[str, Any]:
    """How sure an answer is; why, where it is not a plain hit."""
    if match.by is By.EXACT:
        return _EXACT
    return {"by": match.by.value, "confidence": match.confidence, "reason": match.reason}


def _role(fields: Mapping[str, Any]) -> Role:
    if fields["spare"]:
        return Role.SPARE
    if "alternate" in fields:
        return Role.ALTERNATE
    return Role.COUNTERPART if "counterpart" in fields else Role.PIECE


def _lot_key(fields: Mapping[str, Any], match: Match, role: Role) -> tuple[Any, ...]:
    """The members of a `LotKey`."""
    part, color = match.part_num, match.color_id
    return (
        fields["item_type"],
        part,
        None if part else fields["raw_id"],
        color,
        None if color is not None else fields["raw_color"],
        fields.get("condition"),
        fields.get("unit_price") or fields.get("max_price"),
        fields.get("currency"),
        role,
    )
