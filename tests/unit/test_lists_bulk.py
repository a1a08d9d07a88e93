"""Lists whose good rows are read in bulk: everything that is made of them is the same as if each had come alone."""

import json
from itertools import product

import pyarrow.parquet as pq
import pytest

from catalog.sample import sample_catalog
from catalog.sqlite import SqliteCatalog
from jobs.issues import Rows
from lists import assembly, records_file
from lists.assembly import Choices, assemble
from parsers.lists import bulk_reader, reader

PARTS, COLORS = ("3001", "3001old", "x1", "973pb0001", "3020"), ("5", "11", "999")


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return sample_catalog(tmp_path_factory.mktemp("catalog"))


def item(part, color, qty, *, remarks=None, filled=None, tag="MINQTY"):
    more = "" if remarks is None else f"<REMARKS>{remarks}</REMARKS>"
    more += "" if filled is None else f"<QTYFILLED>{filled}</QTYFILLED>"
    fields = f"<ITEMTYPE>P</ITEMTYPE><ITEMID>{part}</ITEMID><COLOR>{color}</COLOR><{tag}>{qty}</{tag}>"
    return f"<ITEM>{fields}{more}</ITEM>\n"


def wanted():
    """Rows of several shapes in turn, every seventh with something wrong; remarks that repeat and that do not."""
    rows = []
    for number, (part, color) in enumerate(list(product(PARTS, COLORS)) * 8):
        qty = "many" if number % 7 == 3 else number % 5 + 1
        remarks = (None, "", "drawer 1", f"drawer {number}", "a &amp; b")[number % 5]
        rows.append(item(part, color, qty, remarks=remarks, filled=number % 3 if number % 11 < 4 else None))
    return "<INVENTORY>\n" + "".join(rows) + "</INVENTORY>\n"


def orders():
    """Two orders with equal rows in different money."""
    rows = "".join(item(part, "5", 2, tag="QTY").replace("</ITEM>", "<PRICE>0.10</PRICE></ITEM>") for part in PARTS * 4)
    order = "<ORDER><BASECURRENCYCODE>{}</BASECURRENCYCODE>{}</ORDER>\n"
    return "<ORDERS>" + order.format("EUR", rows) + order.format("USD", rows) + "</ORDERS>"


def rebrickable():
    rows = [
        f"{part},{color},{number % 4},{number % 3 == 0}\n"
        for number, (part, color) in enumerate(product(PARTS, COLORS))
    ]
    return "Part,Color,Quantity,Is Spare\n" + "".join(rows * 10) + '"3001",4,1,False\n,,,\n' + "".join(rows)


LISTS = {
    "wanted": ("bricklink-xml", wanted()),
    "orders": ("bricklink-xml", orders()),
    "csv": ("rebrickable-csv", rebrickable()),
}


def made(folder, kind, text, *, catalog, choices):
    """What comes of a list: records, lots, issues, summary."""
    source = folder / "list"
    source.write_text(text)
    out = folder / "out"
    out.mkdir()
    with SqliteCatalog(catalog) as opened:
        result = assemble(source, kind=kind, folder=out, catalog=opened, choices=choices)
    if (out / records_file.PARQUET).exists():
        records = pq.read_table(out / records_file.PARQUET).to_pylist()
    else:
        records = [json.loads(line) for line in (out / records_file.JSONL).read_text().splitlines()]
    others = {name: (out / name).read_text() for name in ("lots.jsonl", "issues.jsonl", "summary.json")}
    return records, others, result.summary


@pytest.mark.parametrize("limit", [10, 100_000])
@pytest.mark.parametrize("subtract", [False, True])
@pytest.mark.parametrize("name", LISTS)
def test_bulk__makes_the_same_as_row_by_row(tmp_path, monkeypatch, sample, name, subtract, limit):
    """Records, lots, issues and totals, whatever is wrong in between, in both forms of the records."""
    monkeypatch.setattr(records_file, "MAX_LINES", limit)
    kind, text = LISTS[name]
    choices = Choices(subtract_filled=subtract)
    found = []
    for read in (bulk_reader, reader):
        monkeypatch.setattr(assembly, "bulk_reader", read)
        folder = tmp_path / read.__name__
        folder.mkdir()
        found.append(made(folder, kind, text, catalog=sample, choices=choices))
    assert found[0] == found[1]
    assert found[0][0]


@pytest.mark.parametrize("name", LISTS)
def test_bulk__is_how_these_lists_are_read(tmp_path, name):
    """Most rows come in bulk: were none to, the comparison would compare nothing."""
    kind, text = LISTS[name]
    source = tmp_path / "list"
    source.write_text(text)
    items = list(bulk_reader(kind)(source))
    assert sum(len(item.qty) for item in items if isinstance(item, Rows)) > len(text.splitlines()) / 2
