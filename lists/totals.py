"""What a list adds up to: rows and pieces as they come, colors and categories from its merged lots."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import compress
from typing import Any

from catalog.port import Catalog
from lists.lots import Role
from lists.meanings import Meaning

_WORDS = {Role.PIECE: "pieces", Role.SPARE: "spares", Role.ALTERNATE: "alternates", Role.COUNTERPART: "counterparts"}
SHOWN = 10  # colors and categories in a job's summary; its `summary.json` has all


class Totals:
    """Counts that grow with each row."""

    def __init__(self) -> None:
        self.accepted = 0
        self.rows = 0  # the last row seen, accepted or not
        self.zero = 0  # accepted rows with no pieces
        self.excluded = 0  # rows that the list itself leaves out
        self.pieces = [0] * len(Role)  # by role

    def add(self, row: int, qty: int, role: Role) -> None:
        """Count an accepted row."""
        self.accepted += 1
        self.rows = row
        self.pieces[role] += qty
        if not qty:
            self.zero += 1

    def add_many(self, last: int, pieces: list[int], meanings: list[Meaning]) -> None:
        """Count accepted rows, of which `last` is the last one."""
        self.accepted += len(pieces)
        self.rows = last
        self.zero += pieces.count(0)
        roles = [meaning.role for meaning in meanings]
        for role in set(roles):
            self.pieces[role] += sum(compress(pieces, map(role.__eq__, roles)))

    def facts(self) -> dict[str, Any]:
        """For the summary. Alternates and counterparts are told only where there are any."""
        always = (Role.PIECE, Role.SPARE)
        counted = {word: self.pieces[role] for role, word in _WORDS.items() if role in always or self.pieces[role]}
        return {
            "lots": self.accepted,
            **counted,
            "rows_total": self.rows,
            "rows_rejected": self.rows - self.accepted - self.excluded,
            **({"rows_excluded": self.excluded} if self.excluded else {}),
            **({"rows_zero": self.zero} if self.zero else {}),
        }


class Breakdown:
    """By color, by category, distinct parts and what is unresolved: of pieces and spares, rows of one lot merged."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._colors: dict[int | None, list[int]] = defaultdict(lambda: [0, 0])  # lots, pieces
        self._categories: dict[str | None, list[int]] = defaultdict(lambda: [0, 0])
        self._parts: dict[str, str | None] = {}  # part number -> category
        self._lots = self._unknown_lots = self._unknown_pieces = 0

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Count these lots, as `lists.lot_rows` makes them."""
        parts = self._parts
        for row in rows:
            if row["alternates"] or row["counterparts"]:
                continue
            part, pieces = row["part_num"], row["qty"] + row["spares"]
            self._lots += 1
            _grow(self._colors[row["color_id"]], pieces)
            if part is None:
                _grow(self._categories[None], pieces)
                if row["item_type"] == "P":
                    self._unknown_lots += 1
                    self._unknown_pieces += pieces
                continue
            if part not in parts:
                found = self._catalog.part(part)
                parts[part] = found.category if found else None
            _grow(self._categories[parts[part]], pieces)

    def facts(self) -> dict[str, Any]:
        """For the summary."""
        known = self._catalog.colors()
        return {
            "merged_lots": self._lots,
            "distinct_parts": len(self._parts),
            "unresolved": {"lots": self._unknown_lots, "pieces": self._unknown_pieces},
            "by_color": [
                {
                    "color_id": color,
                    "name": known[color].name if color in known else None,
                    "lots": lots,
                    "pieces": pieces,
                }
                for color, (lots, pieces) in _largest(self._colors)
            ],
            "by_category": [
                {"category": name, "lots": lots, "pieces": pieces}
                for name, (lots, pieces) in _largest(self._categories)
            ],
        }


def shortened(facts: dict[str, Any]) -> dict[str, Any]:
    """`facts` for a job's summary, which is read with each poll: the largest colors and categories alone."""
    return facts | {name: facts[name][:SHOWN] for name in ("by_color", "by_category")}


def _grow(counts: list[int], pieces: int) -> None:
    counts[0] += 1
    counts[1] += pieces


def _largest(counted: dict[Any, list[int]]) -> list[tuple[Any, list[int]]]:
    """Most pieces first; equal ones in a steady order."""
    return sorted(counted.items(), key=lambda entry: (-entry[1][1], str(entry[0])))
