"""Two parts lists compared: added, removed, changed in number, or only taken in another mould or color."""

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import Field

from catalog.port import Catalog
from jobs.context import StepContext
from jobs.errors import InputError
from jobs.model import UPLOAD
from jobs.pipeline import Options, Pipeline, Step
from jobs.queues import PARSING
from lists.compare import COLUMNS, read_lots
from lists.exports import LOTS
from lists.options import Given, ReadingOptions

SIDES = ("left", "right")
READ = LOTS  # a side of this name is the artifact of a job that has read its list already
DIFF, TABLE = "diff.jsonl", "diff.csv"
_SAMPLE = 256 * 1024  # bytes that the sniffer gets


class DiffOptions(Options):
    """Options of the pipeline `parts-list-diff`."""

    left: ReadingOptions = Field(default_factory=ReadingOptions, description="How the left list is to be read.")
    right: ReadingOptions = Field(default_factory=ReadingOptions, description="How the right list is to be read.")
    spares: bool = Field(default=False, description="Spare pieces count as pieces.")


def compare(ctx: StepContext) -> None:
    """Both lists read, where they are not yet, and every difference to `diff.jsonl` and `diff.csv`."""
    import orjson

    from catalog.sqlite import SqliteCatalog
    from lists.compare import compare as differences
    from lists.issues_file import guarded

    options = DiffOptions(**ctx.options)
    found: Counter[str] = Counter()
    with SqliteCatalog(ctx.resource("catalog")) as catalog:
        left, right = (_lots(ctx, side, options=getattr(options, side), catalog=catalog) for side in SIDES)
        with (
            (ctx.scratch / DIFF).open("wb") as lines,
            (ctx.scratch / TABLE).open("w", encoding="utf-8-sig", newline="") as table,
        ):
            rows = csv.DictWriter(table, COLUMNS)
            rows.writeheader()
            for difference in differences(left, right, catalog=catalog, spares=options.spares):
                said = difference.to_json()
                found[said["change"]] += 1
                lines.write(orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE))
                rows.writerow({name: guarded(cell) if isinstance(cell, str) else cell for name, cell in said.items()})
        ctx.summary(catalog={"version": catalog.version, "parts": catalog.counts.get("parts", 0)})
    ctx.save(ctx.scratch / DIFF, name=DIFF, media_type="application/x-ndjson")
    ctx.save(ctx.scratch / TABLE, name=TABLE, media_type="text/csv")
    ctx.summary(equal=not found, differences=sum(found.values()), changes=dict(sorted(found.items())))


def _lots(ctx: StepContext, side: str, *, options: ReadingOptions, catalog: Catalog) -> Iterator[dict[str, Any]]:
    """The merged lots of one side."""
    folder = ctx.scratch / side
    folder.mkdir()
    name, path = _unpacked(ctx.path(UPLOAD), side, folder=folder)
    if name != READ:
        path = _read(ctx, path, name, side=side, options=options, catalog=catalog)
    with path.open("rb") as lines:
        yield from read_lots(lines)


def _unpacked(pair: Path, side: str, *, folder: Path) -> tuple[str, Path]:
    """The side's file, out of the pair: its name and where it lies now."""
    from parsers.zip_guard import open_zip

    with open_zip(pair) as archive:
        entry = next((entry for entry in archive.entries if entry.name.startswith(f"{side}/")), None)
        if entry is None:
            raise InputError("pair.incomplete", f"The pair has no {side} list.", hint="POST /v1/compare makes one.")
        path = folder / "list"
        with path.open("wb") as out:
            for chunk in archive.chunks(entry):
                out.write(chunk)
    return entry.name.partition("/")[2], path


def _read(ctx: StepContext, path: Path, name: str, *, side: str, options: ReadingOptions, catalog: Catalog) -> Path:
    """Read a list as the pipeline `parts-list` does; where its merged lots are."""
    from lists.assembly import assemble
    from parsers.lists import is_list
    from parsers.sniff import sniff

    with path.open("rb") as file:
        kind = sniff(file.read(_SAMPLE), size=path.stat().st_size, name=name)
    if kind is None or not is_list(kind.name, asked=bool(options.columns or options.mapping)):
        raise InputError("input.unsupported", f"The {side} file is no parts list of a known format.", side=side)
    given = Given.read(ctx.resource("reading"))
    try:
        made = assemble(
            path,
            kind=kind.name,
            folder=path.parent,
            catalog=catalog,
            corrections=given.corrections,
            wishes=options.wishes(given),
            watch=ctx.progress,
        )
    except InputError as error:
        fault = error.fault
        message = f"The {side} list: {fault.message}"
        raise InputError(fault.code, message, hint=fault.hint, **{**(fault.place or {}), "side": side}) from None
    numbers = {key: made.summary[key] for key in ("format", "lots", "pieces", "rows_total", "rows_rejected", "verdict")}
    ctx.summary(**{side: {"file": name, **numbers}})
    return path.parent / LOTS


PIPELINE = Pipeline(
    name="parts-list-diff",
    version=1,
    title="Compares two parts lists: added, removed, other quantity, other mould, other color.",
    accepts=("list-pair",),
    options=DiffOptions,
    steps=(Step(run=compare, queue=PARSING, timeout=600.0, resources=("catalog", "reading")),),
)
