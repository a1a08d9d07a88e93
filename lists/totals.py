"""What a list adds up to: rows and pieces as they come, colors and categories from its merged lots."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from catalog.port import Catalog
from lists.lots import Lot, LotBook, Role

_WORDS = {Role.PIECE: "pieces", Role.SPARE: "spares", Role.ALTERNATE: "alternates", Role.COUNTERPART: "counterparts"}
SHOWN = 10  # colors and categories in a job's summary; its `summary.json` has all


class Totals:
    """Counts that grow with each row."""

    def __init__(self) -> None:
        self.accepted = 0
        self.rows = 0  # the last row seen, accepted or not
        self.zero = 0  # accepted rows with no pieces
        self.pieces = [0] * len(Role)  # by role

    def add(self, row: int, qty: int, role: Role) -> None:
        """Count an accepted row."""
        self.accepted += 1
        self.rows = row
        self.pieces[role] += qty
        if not qty:
            self.zero += 1

    def facts(self) -> dict[str, Any]:
        """For the summary. Alternates and counterparts are told only where there are any."""
        always = (Role.PIECE, Role.SPARE)
        counted = {word: self.pieces[role] for role, word in _WORDS.items() if role in always or self.pieces[role]}
        return {
            "lots": self.accepted,
            **counted,
            "rows_total": self.rows,
            "rows_rejected": self.rows - self.accepted,
            **({"rows_zero": self.zero} if self.zero else {}),
        }


def breakdown(book: LotBook, catalog: Catalog) -> dict[str, Any]:
    """By color, by category, distinct parts and what is unresolved: of pieces and spares, rows of one lot merged."""
    colors: dict[int | None, list[int]] = defaultdict(lambda: [0, 0])
    categories: dict[str | None, list[int]] = defaultdict(lambda: [0, 0])
    parts: dict[str, str | None] = {}
    unresolved: Counter[str] = Counter()
    count = 0
    for lot in _counted(book.lots()):
        key = lot.key
        count += 1
        _grow(colors[key.color_id], lot)
        if key.part_num is None:
            _grow(categories[None], lot)
            if key.item_type == "P":
                unresolved.update({"lots": 1, "pieces": lot.qty})
            continue
        if key.part_num not in parts:
            part = catalog.part(key.part_num)
            parts[key.part_num] = part.category if part else None
        _grow(categories[parts[key.part_num]], lot)
    known = catalog.colors()
    return {
        "merged_lots": count,
        "distinct_parts": len(parts),
        "unresolved": {"lots": unresolved["lots"], "pieces": unresolved["pieces"]},
        "by_color": [
            {
                "color_id": number,
                "name": known[number].name if number in known else None,
                "lots": lots,
                "pieces": pieces,
            }
            for number, (lots, pieces) in _largest(colors)
        ],
        "by_category": [
            {"category": name, "lots": lots, "pieces": pieces} for name, (lots, pieces) in _largest(categories)
        ],
    }


def shortened(facts: dict[str, Any]) -> dict[str, Any]:
    """`facts` for a job's summary, which is read with each poll: the largest colors and categories alone."""
    return facts | {name: facts[name][:SHOWN] for name in ("by_color", "by_category")}


def _counted(lots: Iterable[Lot]) -> Iterable[Lot]:
    return (lot for lot in lots if lot.key.role <= Role.SPARE)


def _grow(counts: list[int], lot: Lot) -> None:
    counts[0] += 1
    counts[1] += lot.qty


def _largest(counted: dict[Any, list[int]]) -> list[tuple[Any, list[int]]]:
    """Most pieces first; equal ones in a steady order."""
    return sorted(counted.items(), key=lambda entry: (-entry[1][1], str(entry[0])))
