"""Parts lists: every row read, every wrong row reported in one go, and the good ones made findable."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from jobs.context import Place, SearchIndex, StepContext
from jobs.issues import Issue, Record
from jobs.model import UPLOAD
from jobs.pipeline import Pipeline, Step
from jobs.queues import INDEXING, PARSING

RECORDS, ISSUES = "records.jsonl", "issues.jsonl"
JSON_LINES = "application/x-ndjson"
_BUFFER = 1024 * 1024  # bytes written at a time
_SHOWN = ("name", "color_name", "remarks", "description")  # words that people search for


def parse(ctx: StepContext) -> None:
    """Every row to `records.jsonl` or, with all that is wrong with it, to `issues.jsonl`."""
    import orjson

    totals = Totals()
    records, issues = ctx.scratch / RECORDS, ctx.scratch / ISSUES
    with records.open("wb", _BUFFER) as good, issues.open("wb", _BUFFER) as wrong:
        for item in _reader(ctx.kind)(ctx.path(UPLOAD), watch=ctx.progress):
            if isinstance(item, Record):
                good.write(orjson.dumps(item.to_json(), option=orjson.OPT_APPEND_NEWLINE))
                totals.add(item)
            else:
                wrong.write(orjson.dumps(item.to_json(), option=orjson.OPT_APPEND_NEWLINE))
                totals.note(item)
    ctx.save(records, name=RECORDS, media_type=JSON_LINES)
    ctx.save(issues, name=ISSUES, media_type=JSON_LINES)
    ctx.summary(format=ctx.kind, **totals.facts())
    ctx.count("rows", totals.rows)
    if totals.rows and not totals.lots:
        ctx.warn("rows.all_rejected", f"None of the {totals.rows} rows could be accepted; {ISSUES} says why.")


def index(ctx: StepContext, *, search: SearchIndex) -> None:
    """Each accepted row becomes findable by part number and by its words."""
    search.index(_places(ctx))


class Totals:
    """What a list adds up to."""

    def __init__(self) -> None:
        self.lots = 0  # accepted rows
        self.rows = 0  # the last row seen, accepted or not
        self.pieces: Counter[str] = Counter()
        self.codes: Counter[str] = Counter()
        self.severities: Counter[str] = Counter()

    def add(self, record: Record) -> None:
        """Count an accepted row."""
        fields = record.fields
        self.lots += 1
        self.rows = record.row
        # An alternate stands for another row, a counterpart comes with one: neither is bought on top.
        stead = "alternates" if "alternate" in fields else "counterparts" if "counterpart" in fields else "pieces"
        self.pieces["spares" if fields["spare"] else stead] += fields["qty"]

    def note(self, issue: Issue) -> None:
        """Count an issue."""
        if issue.row is not None and issue.row > self.rows:
            self.rows = issue.row
        self.codes[issue.code] += 1
        self.severities[issue.severity.value] += 1

    def facts(self) -> dict[str, Any]:
        """The summary."""
        found: dict[str, Any] = {
            "lots": self.lots,
            "pieces": self.pieces["pieces"],
            "spares": self.pieces["spares"],
            "rows_total": self.rows,
            "rows_rejected": self.rows - self.lots,
            "issues": {severity: self.severities[severity] for severity in ("error", "warning", "info")},
            "issue_codes": dict(sorted(self.codes.items())),
        }
        return found | {name: self.pieces[name] for name in ("alternates", "counterparts") if self.pieces[name]}


def _reader(kind: str) -> Callable[..., Iterator[Record | Issue]]:
    if kind == "rebrickable-csv":
        from parsers import rebrickable_csv

        return rebrickable_csv.parse
    from parsers import bricklink_xml

    return bricklink_xml.parse


def _places(ctx: StepContext) -> Iterator[Place]:
    import orjson

    with ctx.open(RECORDS) as lines:
        for line in lines:
            row = orjson.loads(line)
            color = "" if row["raw_color"] is None else f" color {row['raw_color']}"
            words = " ".join(row[name] for name in _SHOWN if name in row)
            title = f"{row['raw_id']}{color} x{row['qty']}"
            text = f"{row['raw_id']}{color} {words}".rstrip()
            yield Place(artifact=RECORDS, place=f"row {row['row']}", title=title, text=text)


PIPELINE = Pipeline(
    name="parts-list",
    version=1,
    title="Reads parts lists (BrickLink XML, Rebrickable CSV) and reports every wrong row.",
    accepts=("bricklink-xml", "rebrickable-csv"),
    steps=(
        Step(run=parse, queue=PARSING, timeout=600.0),
        Step(
            run=index,
            queue=INDEXING,
            needs=("parse",),
            reads=(RECORDS,),
            isolated=False,
            ports=("search",),
        ),
    ),
)
