"""Tables as files: CSV for people, a second one for the parts-list parser, and the line about each."""

import csv
import io

import pytest
from support.bom_pdfs import STYLES, bom_pdf

from documents.tables import looks_like_parts_list, write
from jobs.issues import Record
from parsers import lists, sniff
from parsers.pdf_tables import Style, Table, tables


def _table(*rows, header=True, number=1):
    style = Style.RULED
    return Table(
        number=number, pages=(1, 2), boxes=((1.0, 2.0, 3.0, 4.0),), style=style, rows=list(rows), header=header
    )


LIST = _table(["Part No.", "Qty", "Description"], ["3001", "4", "Brick 2 x 4"], ["-3", "2", "=cmd|' /C calc'!A0"])


def test_write__what_is_known_of_it(tmp_path):
    """The line about a table names its file, place, size, header, and whether it is a parts list."""
    written = write(LIST, folder=tmp_path)
    assert written.facts == {
        "number": 1,
        "name": "table-001.csv",
        "pages": [1, 2],
        "boxes": [[1.0, 2.0, 3.0, 4.0]],
        "style": "ruled",
        "rows": 2,
        "columns": 3,
        "header": True,
        "parts_list": True,
    }
    assert written.path == tmp_path / "table-001.csv"
    assert written.parts_list == tmp_path / "table-001-list.csv"


def test_write__formulas_are_harmless_for_people_and_whole_for_the_parser(tmp_path):
    """The CSV for people runs nothing in a spreadsheet; the parts list keeps every cell as the page has it."""
    written = write(LIST, folder=tmp_path)
    assert list(csv.reader(written.path.open(encoding="utf-8-sig", newline="")))[2] == [
        "-3",
        "2",
        "'=cmd|' /C calc'!A0",
    ]
    assert list(csv.reader(written.parts_list.open(encoding="utf-8", newline=""))) == LIST.rows


def test_write__a_table_that_is_no_parts_list_has_one_file(tmp_path):
    """Only parts lists are written a second time."""
    written = write(_table(["Year", "Sales"], ["2023", "12"], number=12), folder=tmp_path)
    assert written.parts_list is None
    assert [path.name for path in tmp_path.iterdir()] == ["table-012.csv"]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([["Part", "Qty"], ["3001", "4"]], True),
        ([["Parts list for gearbox", ""], ["MPN", "Menge"], ["GRM188", "12"]], True),
        ([["Part", "Qty"], ["3001", "many"], ["3002", ""], ["3003", "4"]], False),
        ([["Part", "Qty"]], False),
        ([["Part", "Description"], ["3001", "Brick"]], False),
        ([["Name", "Quantity"], ["Bolts", "4"]], False),
        ([["3001", "4"], ["3002", "5"]], False),
    ],
    ids=["plain", "below a title", "words for quantities", "no rows", "no quantity", "no part", "no header"],
)
def test_looks_like_parts_list__by_header_and_quantities(rows, expected):
    """A parts list names parts and quantities in its header and states most quantities."""
    assert looks_like_parts_list(_table(*rows, header=False)) is expected


@pytest.mark.parametrize("style", STYLES)
def test_write__the_parts_list_parser_reads_what_the_page_shows(tmp_path, style):
    """The parts list of a PDF is told as a list by its bytes, and its parser finds each row's part and quantity."""
    bom = bom_pdf(style, 5)
    (tmp_path / "a.pdf").write_bytes(bom.content)
    (table,) = tables(tmp_path / "a.pdf")
    written = write(table, folder=tmp_path)
    content = written.parts_list.read_bytes()
    kind = sniff.sniff(content, size=len(content), name=written.parts_list.name)
    assert lists.is_list(kind.name, asked=False)
    found = [item for item in lists.reader(kind.name)(written.parts_list) if isinstance(item, Record)]
    assert [(record.fields["raw_id"], str(record.fields["qty"])) for record in found] == bom.pairs()


def test_write__signs_survive_the_parts_list_parser(tmp_path):
    """Part numbers and names that begin with a sign reach the list unchanged."""
    rows = [["Part No.", "Qty", "Name"], ["-3001", "4", "+ brick"], ["=3002", "2", "-plate"], ["@7", "1", "tile"]]
    written = write(_table(*rows), folder=tmp_path)
    content = written.parts_list.read_bytes()
    kind = sniff.sniff(content, size=len(content), name="a.csv")
    found = [item.fields for item in lists.reader(kind.name)(written.parts_list) if isinstance(item, Record)]
    assert [[one["raw_id"], str(one["qty"]), one["name"]] for one in found] == rows[1:]
    assert io.StringIO(content.decode()).readline() == "Part No.,Qty,Name\r\n"
