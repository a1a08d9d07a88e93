"""What a row means, whatever its number and quantity: resolved once, then remembered, since lists repeat themselves."""

from collections.abc import Mapping
from typing import Any

from catalog.match import By, Match
from catalog.port import Catalog
from catalog.resolver import Resolver
from lists.lots import Role
from lists.names import PartNames, color_names_of

MAX_KEPT = 60_000  # meanings remembered, some 60 MB; then memory starts anew
_EXACT = {"by": By.EXACT, "confidence": 1.0}


class Meaning:
    """Everything that equal rows have in common. Its JSON and its cells are made by whoever writes the first one."""

    __slots__ = ("cells", "fields", "json", "lot", "match", "role")

    def __init__(self, fields: dict[str, Any], match: Match, *, role: Role, lot: tuple[Any, ...]) -> None:
        self.fields = fields  # of the record, all but row, line, quantity and issues
        self.match = match
        self.role = role
        self.lot = lot  # the members of `LotKey`
        self.json: bytes | None = None  # `fields` without braces
        self.cells: tuple[Any, ...] | None = None  # `fields` by the table's columns


class Meanings:
    """The meanings of one list's rows."""

    def __init__(self, resolver: Resolver, catalog: Catalog) -> None:
        self._resolver = resolver
        self._part_names = PartNames(catalog)
        self._color_names = color_names_of(catalog)
        self._kept: dict[tuple[Any, ...], Meaning] = {}
        self._shared: dict[int, tuple[dict[str, Any], Meaning]] = {}

    def of(self, fields: dict[str, Any]) -> Meaning:
        """What a record's fields mean; their quantity is left out already."""
        key = (*fields, *fields.values())
        meaning = self._kept.get(key)
        if meaning is None:
            meaning = self._new(fields)
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            self._kept[key] = meaning
        return meaning

    def shared(self, stated: dict[str, Any]) -> Meaning:
        """The same for an object that many rows share, and that is left as it is."""
        found = self._shared.get(id(stated))
        if found is None:
            if len(self._shared) >= MAX_KEPT:
                self._shared.clear()
            # The object is kept as well: as long as it is, no other one can have its id.
            found = self._shared[id(stated)] = (stated, self.of(stated.copy()))
        return found[1]

    def _new(self, fields: dict[str, Any]) -> Meaning:
        match = self._resolver.resolve(fields)
        role = _role(fields)
        lot = _lot_key(fields, match, role)
        part, color = match.part_num, match.color_id
        fields["part_num"] = part
        fields["part_name"] = self._part_names[part]
        fields["color_id"] = color
        fields["color"] = self._color_names.get(color)
        fields["match"] = _match_json(match)
        return Meaning(fields, match, role=role, lot=lot)


def _match_json(match: Match) -> dict[str, Any]:
    """How sure an answer is; why, where it is not a plain hit."""
    if match.by is By.EXACT:
        return _EXACT
    return {"by": match.by, "confidence": match.confidence, "reason": match.reason}


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
