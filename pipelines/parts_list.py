"""Parts lists: every row read and resolved, every wrong row reported in one go, totals, costs, and other formats."""

from collections.abc import Iterator

from jobs.context import Place, SearchIndex, StepContext
from jobs.errors import StepError
from jobs.model import UPLOAD
from jobs.pipeline import Pipeline, Step
from jobs.queues import INDEXING, PARSING, PRICING
from lists.cost import price
from lists.exports import LOTS
from lists.options import Given, PartsListOptions
from lists.records_file import JSONL as RECORDS
from parsers.lists import LISTS, ON_REQUEST

_SHOWN = ("part_name", "name", "color_name", "remarks", "description")  # words that people search for


def parse(ctx: StepContext) -> None:
    """Every row to `records.jsonl` or, with all that is wrong with it, to the issues; the list in every form."""
    from catalog.sqlite import SqliteCatalog
    from lists.assembly import assemble

    options = PartsListOptions(**ctx.options)
    given = Given.read(ctx.resource("reading"))
    with SqliteCatalog(ctx.resource("catalog")) as catalog:
        found = assemble(
            ctx.path(UPLOAD),
            kind=ctx.kind,
            folder=ctx.scratch,
            catalog=catalog,
            corrections=given.corrections,
            wishes=options.wishes(given),
            choices=options.choices(),
            watch=ctx.progress,
        )
    for path, name, media_type in found.outputs:
        ctx.save(path, name=name, media_type=media_type)
    for notice in found.notices:
        ctx.warn(notice.code, notice.message)
    ctx.summary(**found.summary)
    ctx.count("rows", found.summary["rows_total"])


def index(ctx: StepContext, *, search: SearchIndex) -> None:
    """Each accepted row becomes findable by its numbers, names and remarks; of very long lists, each lot."""
    search.index(_places(ctx))


def _places(ctx: StepContext) -> Iterator[Place]:
    import orjson

    try:
        name, lines = RECORDS, ctx.open(RECORDS)
    except StepError:  # a list so long that its rows are in Parquet alone
        name, lines = LOTS, ctx.open(LOTS)
    with lines:
        for line in lines:
            row = orjson.loads(line)
            ids = dict.fromkeys(row[key] for key in ("part_num", "raw_id") if row[key])
            number = "" if row["raw_color"] is None else f"color {row['raw_color']}"
            color = row.get("color") or row.get("color_name") or number
            pieces = row["qty"] + row.get("spares", 0)
            words = dict.fromkeys(row[key] for key in _SHOWN if row.get(key))
            title = " ".join(filter(None, (next(iter(ids), "?"), color, f"x{pieces}")))
            text = " ".join(filter(None, (*ids, color, number, *words)))
            yield Place(
                artifact=name,
                place=f"row {row['row']}",
                title=title,
                text=text,
                parts=tuple(ids),
                color=row.get("color") or row.get("color_name"),
                name=row.get("part_name") or row.get("name"),
            )


PIPELINE = Pipeline(
    name="parts-list",
    version=2,
    title="Reads parts lists of every format, reports every wrong row, resolves ids, adds up, converts.",
    accepts=tuple(LISTS),
    on_request=tuple(ON_REQUEST),
    options=PartsListOptions,
    steps=(
        Step(run=parse, queue=PARSING, timeout=600.0, resources=("catalog", "reading")),
        Step(run=index, queue=INDEXING, needs=("parse",), reads=(RECORDS, LOTS), isolated=False, ports=("search",)),
        Step(
            run=price,
            queue=PRICING,
            needs=("parse",),
            reads=(LOTS,),
            when="price",
            required=False,
            isolated=False,
            ports=("prices",),
            timeout=3600.0,
        ),
    ),
)
