"""Every file that a list becomes, with its name and media type, in the order in which people look for them."""

from pathlib import Path
from typing import Any, NamedTuple

from catalog.port import Catalog
from lists import exports, issues_file, records_file
from lists.cost import file_cost
from lists.exports import Names, lot_json, write_bricklink, write_lots, write_parquet, write_rebrickable
from lists.lots import LotBook

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


class Output(NamedTuple):
    """One file that was made."""

    path: Path
    name: str
    media_type: str


def write_outputs(
    folder: Path,
    *,
    book: LotBook,
    catalog: Catalog,
    summary: dict[str, Any],
    spares: bool,
    currency: str | None,
    written: tuple[Path, ...],
) -> tuple[tuple[Output, ...], dict[str, Any]]:
    """Write the summary and the merged list below `folder`, beside the files in `written`.

    Returns all of them, and for the summary what each form could carry and what the list's own prices add up to.
    """
    import orjson

    names = Names(catalog)
    lots = list(book.lots())
    carried = {
        exports.REBRICKABLE: write_rebrickable(lots, folder / exports.REBRICKABLE),
        exports.BRICKLINK: write_bricklink(lots, folder / exports.BRICKLINK, names=names, spares=spares),
    }
    rows = [lot_json(lot, names=names) for lot in lots]
    write_lots(rows, folder / exports.LOTS)
    write_parquet(rows, folder / exports.LOTS_PARQUET)
    more: dict[str, Any] = {"exports": {name: entry._asdict() for name, entry in carried.items()}}
    if any(row["unit_price"] for row in rows) and (cost := file_cost(rows, currency=currency, spares=spares)):
        more["cost"] = cost
    told = orjson.dumps(summary | more, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    (folder / SUMMARY).write_bytes(told)
    made = [*written, *(folder / name for name in (SUMMARY, *carried, exports.LOTS, exports.LOTS_PARQUET))]
    return tuple(Output(path, path.name, _TYPES[path.name]) for path in made), more
