"""Catalog imports: tables fetched or uploaded, compiled in the sandbox, and put in force where they hold what they should."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from catalog.ports import Catalogs, Fetcher
from jobs.context import StepContext
from jobs.errors import InputError
from jobs.model import UPLOAD, Memory
from jobs.pipeline import Options, Pipeline, Step
from jobs.queues import HOUSEKEEPING, PARSING, PRICING

NAME = "catalog-import"
ZIP_KIND, ORDER_KIND = "catalog-zip", "catalog-order"
FETCHED, SOURCE, CATALOG, REPORT = "fetched.json", "source.zip", "catalog.sqlite", "report.json"
_MOST_JSON = 4 * 1024 * 1024  # bytes of what is read here as a whole


class ImportOptions(Options):
    """Options of the pipeline `catalog-import`."""

    source: str | None = Field(
        None, description="What an order fetches; an upload has none. Orders are made by POST /v1/catalog/imports."
    )
    force: bool = Field(False, description="Take a catalog that is much smaller than the one in force, or has doubles.")


def fetch(ctx: StepContext, *, fetcher: Fetcher) -> None:
    """Bring what an order asks for, as one ZIP; an uploaded ZIP is there already."""
    said: dict[str, Any] = {"version": fetcher.version, "unchanged": False}
    if source := _source(ctx):
        found = fetcher.fetch(source, ctx.scratch / "tables", anew=bool(ctx.options["force"]), watch=ctx.progress)
        said |= {"source": source, "unchanged": found is None}
        if found is not None:
            said["files"] = {name: file.to_json() for name, file in found.items()}
            ctx.save(_packed(ctx.scratch / "tables", found), name=SOURCE, media_type="application/zip")
    if said["unchanged"]:
        ctx.summary(unchanged=True)
    _save_json(ctx, FETCHED, said)


def compile(ctx: StepContext) -> None:  # noqa: A001 - the step's name
    """Read the tables, join them, and write the catalog as one file, with a report on what was wrong."""
    from catalog.compile import compile_catalog

    said = _read_json(ctx, FETCHED)
    if said["unchanged"]:
        return
    out = ctx.scratch / CATALOG
    tables = ctx.path(UPLOAD if ctx.kind == ZIP_KIND else SOURCE)
    report = compile_catalog(tables, out, version=said["version"], watch=ctx.progress).to_json()
    ctx.save(out, name=CATALOG, media_type="application/vnd.sqlite3")
    _save_json(ctx, REPORT, report)
    ctx.summary(version=said["version"], counts=report["counts"], notes=report["notes"][:20])


def activate(ctx: StepContext, *, catalogs: Catalogs) -> None:
    """Compare with the catalog in force, and take its place."""
    from catalog.checks import require_sound
    from catalog.compile import CompileReport

    said = _read_json(ctx, FETCHED)
    if said["unchanged"]:
        return
    found = _read_json(ctx, REPORT)
    report = CompileReport(
        version=found["version"],
        counts=found["counts"],
        duplicates=found["duplicates"],
        missing_colors=tuple(found["missing_colors"]),
    )
    require_sound(report, catalogs.counts(), force=bool(ctx.options["force"]))
    notes: dict[str, Any] = {name: said[name] for name in ("source", "files") if name in said}
    notes.update({name: found[name] for name in ("orphans", "duplicates", "skipped")})
    if not catalogs.activate(report.counts, notes):
        ctx.warn("catalog.superseded", "A catalog that was imported later was in force already; it stays.")


PIPELINE = Pipeline(
    name=NAME,
    version=1,
    title="Catalog of parts and colors, put in force",
    accepts=(ZIP_KIND, ORDER_KIND),
    options=ImportOptions,
    max_bytes=512 * 1024**2,
    steps=(
        # In the one pool that has a way out; it reads nothing that anybody uploaded.
        Step(run=fetch, queue=PRICING, reads=(), isolated=False, ports=("fetcher",)),
        Step(run=compile, queue=PARSING, needs=("fetch",), reads=(UPLOAD, FETCHED, SOURCE), memory=Memory.MEDIUM),
        Step(
            run=activate,
            queue=HOUSEKEEPING,
            needs=("compile",),
            reads=(FETCHED, REPORT),
            isolated=False,
            ports=("catalogs",),
        ),
    ),
)


def order_bytes(source: str) -> bytes:
    """The file of a job that is to fetch `source`: every job has one. Its options are what counts."""
    return json.dumps({"catalog": {"source": source}}).encode()


def _source(ctx: StepContext) -> str | None:
    """What an order asks for; None for an upload. Both at once make no sense."""
    source: str | None = ctx.options["source"]
    if (ctx.kind == ORDER_KIND) != (source is not None):
        raise InputError(
            "catalog.order",
            "An import is either uploaded or fetched.",
            hint="Leave `source` out, or post it as JSON to /v1/catalog/imports.",
        )
    return source


def _packed(folder: Path, found: Mapping[str, Any]) -> Path:
    """The files in one ZIP, as they are: they can be uploaded elsewhere, where nothing may be fetched."""
    path = folder.with_name(SOURCE)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as packed:
        for name in sorted(found):
            packed.write(folder / name, name)
    return path


def _read_json(ctx: StepContext, name: str) -> dict[str, Any]:
    with ctx.open(name) as file:
        text = file.read(_MOST_JSON + 1)
    found = json.loads(text) if len(text) <= _MOST_JSON else None
    if not isinstance(found, dict):
        raise InputError("catalog.order", f"{name} is not what it should be.")
    return found


def _save_json(ctx: StepContext, name: str, value: Mapping[str, Any]) -> None:
    path = ctx.scratch / name
    path.write_text(json.dumps(value))
    ctx.save(path, name=name, media_type="application/json")
