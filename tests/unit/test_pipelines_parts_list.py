"""The parts-list pipeline: records, issues and totals of a list, and what becomes findable."""

import pytest
from support.context import FolderContext, ListIndex

from examples.make import wanted_list
from jobs.errors import Cancelled, InputError
from pipelines import parts_list

CSV = b"Part,Color,Quantity,Is Spare\n3001,4,12,False\n3024,4,1,True\n3001,4,x,False\n,,5,False\n"


def context(folder, *, text, kind="bricklink-xml", **more):
    upload = folder / "upload.bin"
    upload.write_bytes(text)
    return FolderContext(folder, upload, kind=kind, **more)


def test_parse__the_sample(tmp_path):
    """The sample's good rows are records, each wrong row is an issue, and the summary adds up."""
    ctx = context(tmp_path, text=wanted_list())
    parts_list.parse(ctx)
    records, issues = ctx.lines("records.jsonl"), ctx.lines("issues.jsonl")
    assert len(records) == ctx.facts["lots"] == 54
    assert sum(record["qty"] for record in records) == ctx.facts["pieces"]
    assert (ctx.facts["format"], ctx.facts["rows_total"], ctx.facts["rows_rejected"]) == ("bricklink-xml", 60, 6)
    assert ctx.facts["issues"] == {"error": 6, "warning": 2, "info": 0}
    assert [issue["row"] for issue in issues] == [9, 17, 23, 31, 38, 44, 52, 57]
    assert sum(ctx.facts["issue_codes"].values()) == len(issues)
    assert {"row": 44, "line": 384}.items() <= issues[5].items()
    assert ctx.warnings == []
    assert ctx.media_types == {"records.jsonl": "application/x-ndjson", "issues.jsonl": "application/x-ndjson"}
    assert ctx.told[-1][0] == ctx.told[-1][1]


def test_parse__spares_stand_apart(tmp_path):
    """Spares are lots, but no pieces of the build."""
    ctx = context(tmp_path, text=CSV, kind="rebrickable-csv")
    parts_list.parse(ctx)
    assert ctx.facts | {"issues": 0, "issue_codes": 0} == {
        "format": "rebrickable-csv",
        "lots": 2,
        "pieces": 12,
        "spares": 1,
        "rows_total": 4,
        "rows_rejected": 2,
        "issues": 0,
        "issue_codes": 0,
    }


def test_parse__alternates_and_counterparts_are_no_pieces(tmp_path):
    """What stands for another row, or comes with one, is counted apart."""
    item = "<ITEM><ITEMTYPE>P</ITEMTYPE><ITEMID>1</ITEMID><COLOR>1</COLOR><QTY>{}</QTY>{}</ITEM>"
    rows = [(2, ""), (3, "<ALTERNATE>Y</ALTERNATE>"), (5, "<COUNTERPART>Y</COUNTERPART>"), (7, "<EXTRA>Y</EXTRA>")]
    text = "<INVENTORY>" + "".join(item.format(*row) for row in rows) + "</INVENTORY>"
    ctx = context(tmp_path, text=text.encode())
    parts_list.parse(ctx)
    assert [ctx.facts[name] for name in ("pieces", "alternates", "counterparts", "spares")] == [2, 3, 5, 7]


def test_parse__a_list_of_wrong_rows_succeeds(tmp_path):
    """A list of which nothing could be accepted is read all the same, and a warning says so."""
    ctx = context(tmp_path, text=b"Part,Color,Quantity\n,,\n,x,y\n", kind="rebrickable-csv")
    parts_list.parse(ctx)
    assert (ctx.facts["lots"], ctx.facts["rows_total"], ctx.facts["rows_rejected"]) == (0, 1, 1)
    assert [code for code, _ in ctx.warnings] == ["rows.all_rejected"]


def test_parse__an_unreadable_list_saves_nothing(tmp_path):
    """A list that breaks off fails, and leaves no artifact that looks whole."""
    ctx = context(tmp_path, text=wanted_list()[:-100])
    with pytest.raises(InputError) as caught:
        parts_list.parse(ctx)
    assert caught.value.fault.code == "xml.syntax"
    assert ctx.media_types == {}


def test_parse__stops_when_cancelled(tmp_path):
    """A cancel during a long list ends the step at the next word on progress."""
    ctx = context(tmp_path, text=wanted_list(), cancel_after=1)
    with pytest.raises(Cancelled):
        parts_list.parse(ctx)


def test_index__each_accepted_row(tmp_path):
    """Each record is findable by part number, color and remarks, under its row."""
    ctx, search = context(tmp_path, text=wanted_list()), ListIndex()
    parts_list.parse(ctx)
    parts_list.index(ctx, search=search)
    assert len(search.places) == 54
    first = search.places[0]
    assert (first.artifact, first.place, first.title) == ("records.jsonl", "row 1", "3002 color 5 x8")
    assert first.text == "3002 color 5 Brick 2 x 3, bag 1"
