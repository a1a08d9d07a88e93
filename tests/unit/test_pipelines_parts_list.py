"""The parts-list pipeline: records, issues and totals of a list, and what becomes findable."""

import json

import pytest
from reference import resources
from support.context import FolderContext, ListIndex

from examples.make import wanted_list
from jobs.errors import Cancelled, InputError
from pipelines import parts_list

JSONL, PARQUET = "application/x-ndjson", "application/vnd.apache.parquet"
MADE = {
    "records.jsonl": JSONL,
    "issues.jsonl": JSONL,
    "issues.csv": "text/csv",
    "summary.json": "application/json",
    "rebrickable.csv": "text/csv",
    "bricklink.xml": "application/xml",
    "lots.jsonl": JSONL,
    "lots.parquet": PARQUET,
}
CSV = b"Part,Color,Quantity,Is Spare\n3001,4,12,False\n3024,4,1,True\n3001,4,x,False\n,,5,False\n"


def context(folder, *, text, kind="bricklink-xml", said=None, **more):
    upload = folder / "upload.bin"
    upload.write_bytes(text)
    return FolderContext(folder, upload, kind=kind, resources=resources(folder, **(said or {})), **more)


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
    assert {"row": 44, "line": 384}.items() <= next(one for one in issues if one["code"] == "qty.zero").items()
    assert {record["match"]["by"] for record in records} == {"exact"}
    assert (ctx.facts["unresolved"], ctx.facts["verdict"]) == ({"lots": 0, "pieces": 0}, "errors")
    assert [code for code, _ in ctx.warnings] == ["catalog.sample"]
    assert ctx.media_types == MADE
    assert json.loads((ctx.artifacts / "summary.json").read_text())["pieces"] == ctx.facts["pieces"]
    assert ctx.told[-1][0] == ctx.told[-1][1]


def test_parse__spares_stand_apart(tmp_path):
    """Spares are lots, but no pieces of the build."""
    ctx = context(tmp_path, text=CSV, kind="rebrickable-csv")
    parts_list.parse(ctx)
    wanted = {"format": "rebrickable-csv", "lots": 2, "pieces": 12, "spares": 1, "rows_total": 4, "rows_rejected": 2}
    assert wanted.items() <= ctx.facts.items()
    assert ctx.facts["by_color"] == [{"color_id": 4, "name": "Red", "lots": 2, "pieces": 13}]
    assert [row["category"] for row in ctx.facts["by_category"]] == ["Bricks", "Plates"]


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
    assert [code for code, _ in ctx.warnings] == ["rows.all_rejected", "catalog.sample"]
    assert ctx.facts["verdict"] == "rejected"


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
    assert (first.artifact, first.place, first.title) == ("records.jsonl", "row 1", "3002 Red x8")
    assert first.text == "3002 Red color 5 Brick 2 x 3 Brick 2 x 3, bag 1"
    assert (first.parts, first.color, first.name) == (("3002",), "Red", "Brick 2 x 3")


def test_index__the_lots_of_a_very_long_list(tmp_path, monkeypatch):
    """A list whose rows are in Parquet alone is findable by its lots."""
    monkeypatch.setattr("lists.records_file.MAX_LINES", 2)
    text = b"Part,Color,Quantity\n3001,4,1\n3001,4,2\n3002,4,3\n"
    ctx, search = context(tmp_path, text=text, kind="rebrickable-csv"), ListIndex()
    parts_list.parse(ctx)
    parts_list.index(ctx, search=search)
    assert "records.parquet" in ctx.media_types
    assert [(one.artifact, one.place, one.title) for one in search.places] == [
        ("lots.jsonl", "row 1", "3001 Red x3"),
        ("lots.jsonl", "row 3", "3002 Red x3"),
    ]


NAMED = [
    (
        "bricklink-xml",
        "<ITEM><ITEMTYPE>P</ITEMTYPE><ITEMID>3001</ITEMID><COLOR>{}</COLOR><MINQTY>1</MINQTY></ITEM>",
        "5 Red",
    ),
    ("rebrickable-csv", "3001,{},1\n", "4 Red"),
]


@pytest.mark.parametrize(("kind", "row", "likely"), NAMED, ids=[name for name, *_ in NAMED])
def test_parse__a_color_by_name_is_told_its_number(tmp_path, kind, row, likely):
    """Where a number belongs and a color's name stands, the row is rejected, with the number that the file could say."""
    rows = "".join(map(row.format, ("red", "nonsense", "Lt Bluish Gray")))
    whole = f"<INVENTORY>{rows}</INVENTORY>" if kind == "bricklink-xml" else f"Part,Color,Quantity\n{rows}"
    ctx = context(tmp_path, text=whole.encode(), kind=kind)
    parts_list.parse(ctx)
    gray = "86" if kind == "bricklink-xml" else "71"
    assert [(one["code"], one["suggestions"]) for one in ctx.lines("issues.jsonl")] == [
        ("color.not_integer", [likely]),
        ("color.not_integer", []),
        ("color.not_integer", [f"{gray} Light Bluish Gray"]),
    ]


def test_options__filled_pieces_are_subtracted(tmp_path):
    """On request the totals are what is still needed, never below nothing; the record keeps what the row says."""
    item = "<ITEM><ITEMTYPE>P</ITEMTYPE><ITEMID>3001</ITEMID><COLOR>5</COLOR><MINQTY>{}</MINQTY><QTYFILLED>{}</QTYFILLED></ITEM>"
    text = ("<INVENTORY>" + item.format(10, 4) + item.format(2, 5) + "</INVENTORY>").encode()
    ctx = context(tmp_path, text=text, options={"subtract_filled": True})
    parts_list.parse(ctx)
    assert ctx.facts["pieces"] == 6
    assert [record["qty"] for record in ctx.lines("records.jsonl")] == [10, 2]
    assert ctx.facts["issue_codes"]["row.duplicate"] == 1


def test_options__corrections_come_first(tmp_path):
    """What the owner said that an id stands for is believed before the catalog is asked."""
    said = {"corrections": [{"kind": "part", "space": "rebrickable", "raw": "my-brick", "target": "3001"}]}
    ctx = context(tmp_path, text=b"Part,Color,Quantity\nMy-Brick,4,2\n", kind="rebrickable-csv", said=said)
    parts_list.parse(ctx)
    (record,) = ctx.lines("records.jsonl")
    assert (record["raw_id"], record["part_num"], record["match"]["by"]) == ("My-Brick", "3001", "correction")


def test_options__an_unknown_mapping_names_those_there_are(tmp_path):
    """A mapping that nobody saved ends the job with the names of those that were."""
    ctx = context(tmp_path, text=CSV, said={"mappings": {"ours": {}}}, options={"mapping": "theirs"})
    with pytest.raises(InputError) as caught:
        parts_list.parse(ctx)
    assert (caught.value.fault.code, "ours" in caught.value.fault.message) == ("mapping.unknown", True)


def test_parse__rows_that_the_list_leaves_out_are_no_rejects(tmp_path):
    """A BrickStore row with Status X is counted apart: neither a piece nor something wrong."""
    item = "<Item><ItemID>3001</ItemID><ItemTypeID>P</ItemTypeID><ColorID>5</ColorID><Qty>{}</Qty>{}</Item>"
    text = "<BrickStoreXML><Inventory>" + item.format(3, "") + item.format(4, "<Status>X</Status>")
    ctx = context(tmp_path, text=(text + "</Inventory></BrickStoreXML>").encode(), kind="brickstore-bsx")
    parts_list.parse(ctx)
    told = {name: ctx.facts[name] for name in ("pieces", "rows_total", "rows_rejected", "rows_excluded", "verdict")}
    assert told == {"pieces": 3, "rows_total": 2, "rows_rejected": 0, "rows_excluded": 1, "verdict": "clean"}
