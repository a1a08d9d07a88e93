"""The files that the merged list becomes, with their media types, and what their lots add up to."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from catalog.port import Catalog
from lists import exports, issues_file, records_file
from lists.cost import file_cost
from lists.exports import forms
from lists.lot_rows import Names, lot_rows
from lists.lots import LotBook
from lists.names import PartNames
from lists.totals import Breakdown

SUMMARY = "summary.json"
JSON_LINES, PARQUET_TYPE = "application/x-ndjson", "application/vnd.apache.parquet"
_TYPES = {
    records_file.JSONL: JSON_LINES,
    records_file.PARQUET: PARQUET_TYPE,
    issues_file.JSONL: JSON_LINES,
    issues_file.CSV: "text/csv",
    SUMMARY: "application/json",
    exports.REBRICKABLE: "text/csv",
    exports.BRICKLINK: "application/xml",
    exports.LOTS: JSON_LINES,
    exports.LOTS_PARQUET: PARQUET_TYPE,
}
_CAN_LEAVE_OUT = (exports.REBRICKABLE, exports.BRICKLINK)  # the others carry whatever there is


class Output(NamedTuple):
    """One file that was made."""

    path: Path
    name: str
    media_type: str


def write_lots(
    folder: Path, *, book: LotBook, catalog: Catalog, part_names: PartNames, spares: bool, currency: str | None
) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Write the merged list below `folder` in every form.

    Returns the names of the files, and for the summary what the lots add up to, what each form could carry, and what
    the list's own prices come to, where it has some.
    """
    breakdown, made = Breakdown(catalog), tuple(forms(folder, spares=spares))

    def written() -> Iterator[Mapping[str, Any]]:
        """Each lot once it is counted and written: one pass, whatever has to look at them."""
        with ExitStack() as stack:
            for form in made:
                stack.enter_context(form)
            for rows in lot_rows(book, Names(catalog, parts=part_names)):
                breakdown.add(rows)
                for form in made:
                    form.add(rows)
                yield from rows

    cost = file_cost(written(), currency=currency, spares=spares)
    carried = {form.name: form.carried._asdict() for form in made if form.name in _CAN_LEAVE_OUT}
    facts = breakdown.facts() | {"exports": carried}
    return tuple(form.name for form in made), facts | ({"cost": cost} if cost else {})


def outputs(paths: Iterable[Path]) -> tuple[Output, ...]:
    """These files with their media types."""
    return tuple(Output(path, path.name, _TYPES[path.name]) for path in paths)
