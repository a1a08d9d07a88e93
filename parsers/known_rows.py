"""Whole rows remembered: lists repeat themselves, and equal rows are read once."""

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import islice, repeat
from operator import getitem
from typing import Any, NamedTuple, cast

from jobs.issues import Rows, Stated
from parsers.readings import WRONG, Known, Unread

Cells = tuple[str, ...]
Finish = Callable[[dict[str, Any]], None]
_ROWS = 100_000  # remembered, some 25 MB
_CHARACTERS = 8_000_000  # of them together
_FIELDS = 8192  # different contents of some cells remembered
_LONG = 200  # characters that are not worth remembering
_UNREAD = Unread()
ANY = "*"  # stands for the cells of a row that are told apart from it: its quantity, what it says of itself


class KnownRows(dict[Cells, Stated | None]):
    """Whether a row's cells are well: the same object for equal ones, None where they have to be looked at closely.

    What is behind the cells that `memos` read tells rows apart that hold the same cells and mean different things.
    """

    def __init__(
        self,
        memos: Sequence[Known],
        *,
        base: dict[str, Any],
        needed: Sequence[str] = (),
        finish: Finish | None = None,
    ) -> None:
        """`base`: what each row's fields are at first; `needed`: those that it has to state; `finish` changes them last."""
        super().__init__()
        self._memos, self._needed, self._finish = memos, needed, finish
        self._base = {name: value for name, value in base.items() if name != "qty"}
        self._texts: dict[str, str] = {}  # of their cells: rows have many in common, of which one object is kept
        self._characters = 0

    def __missing__(self, cells: Cells) -> Stated | None:
        self._characters += len("".join(cells))
        if len(self) >= _ROWS or self._characters >= _CHARACTERS:
            self.clear()
            self._texts.clear()
            self._characters = 0
        fields = self._base | dict(map(getitem, self._memos, cells))
        kept = tuple(map(self._texts.setdefault, cells, cells))
        if WRONG in fields or None in map(fields.__getitem__, self._needed):
            self[kept] = None
            return None
        found = self[kept] = Stated(kept, self._finished(fields))
        return found

    def fields(self, cells: Cells) -> dict[str, Any]:
        """What cells that are well come to."""
        return self._finished(self._base | dict(map(getitem, self._memos, cells)))

    def _finished(self, fields: dict[str, Any]) -> dict[str, Any]:
        fields.pop("", None)
        if self._finish is not None:
            self._finish(fields)
        return fields


class KnownFields(dict[str | Cells, dict[str, Any] | None]):
    """What a cell of a row comes to, or some: the same object for equal ones, None where they need a closer look."""

    def __init__(self, memos: Sequence[Known]) -> None:
        super().__init__()
        self._memos = memos

    def __missing__(self, cells: str | Cells) -> dict[str, Any] | None:
        some = (cells,) if isinstance(cells, str) else cells
        fields: dict[str, Any] = dict(map(getitem, self._memos, some))
        fields.pop("", None)
        found = None if WRONG in fields else fields
        if len("".join(some)) <= _LONG:
            if len(self) >= _FIELDS:
                self.clear()
            self[cells] = found
        return found


class Columns(NamedTuple):
    """How rows with the same columns are read together."""

    quantities: Known
    known: KnownRows
    owns: KnownFields
    at: int  # the quantity's column
    own_at: tuple[int, ...]  # columns that say nothing of what a row means
    mark: str  # tells rows with other columns apart

    def read(self, columns: list[Sequence[str]], row: int, lines: Sequence[int]) -> Rows | None:
        """Rows from `row` on, by column; None where one of them has to be looked at closely."""
        count, own = len(columns[0]), None
        kinds, qty = zip(*map(self.quantities.__getitem__, columns[self.at]), strict=True)
        if kinds.count("qty") != count:
            return None
        if self.own_at:
            several = len(self.own_at) > 1
            cells = zip(*(columns[at] for at in self.own_at), strict=True) if several else columns[self.own_at[0]]
            said = list(map(self.owns.__getitem__, cells))
            if None in said:
                return None
            own = cast("list[dict[str, Any]]", said)
        same: list[Iterable[str]] = [*columns, repeat(self.mark)]
        for at in (self.at, *self.own_at):
            same[at] = repeat(ANY)
        stated = list(map(self.known.__getitem__, islice(zip(*same, strict=False), count)))
        if None in stated:
            return None
        return Rows(row, lines, list(qty), cast("list[Stated]", stated), self.known.fields, own)

    def one(self, cells: list[str]) -> tuple[int, Stated, dict[str, Any]] | None:
        """Quantity and what else a row states; None where it has to be looked at closely. Changes `cells`."""
        kind, qty = self.quantities[cells[self.at]]
        some = tuple([cells[at] for at in self.own_at])
        own = (self.owns[some[0] if len(some) == 1 else some]) if some else {}
        for at in (self.at, *self.own_at):
            cells[at] = ANY
        stated = self.known[*cells, self.mark]
        return (qty, stated, own) if stated is not None and own is not None and kind == "qty" else None


def columns_of(
    memos: Sequence[Known],
    names: Sequence[str],
    *,
    base: dict[str, Any],
    own: Collection[str] = (),
    needed: Sequence[str] = (),
    finish: Finish | None = None,
    mark: str = "",
) -> Columns:
    """How rows are read whose columns `memos` read, into fields of these names, of which one is `qty`.

    Fields in `own` say nothing of what a row means; the others as in `KnownRows`.
    """
    at, own_at = names.index("qty"), tuple(place for place, name in enumerate(names) if name in own)
    others = [_UNREAD if place in (at, *own_at) else memo for place, memo in enumerate(memos)]
    known = KnownRows(others, base=base, needed=[name for name in needed if name != "qty"], finish=finish)
    return Columns(memos[at], known, KnownFields([memos[place] for place in own_at]), at, own_at, mark)
