"""Workbooks made by generators: what sheets say, what spreadsheets do to lists, and what is refused by name."""

import datetime as dt
import io
import struct
import zipfile

import openpyxl
import pytest
import xlwt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import workbooks

from jobs.errors import InputError
from jobs.issues import Fact, Issue, Record
from parsers import workbook
from parsers.cfb import Container, contained
from parsers.sniff import sniff
from parsers.wishes import Wishes

LIST = [("Part No", "Color", "Qty"), ("3001", "Red", 2), ("3002", "Blue", 3)]
MAKERS = {"xlsx": workbooks.xlsx, "xls": workbooks.xls}


@pytest.fixture(params=MAKERS)
def made(request, tmp_path):
    """Makes a workbook of either kind under a name that says nothing."""
    return lambda sheets, **more: MAKERS[request.param](tmp_path / "upload", sheets, **more)


def read(path, **wishes):
    """Records, issues and facts."""
    found = {Record: [], Issue: [], Fact: []}
    for item in workbook.parse(path, wishes=Wishes(**wishes)):
        item.to_json() if not isinstance(item, Fact) else None
        found[type(item)].append(item)
    return found[Record], found[Issue], {fact.name: fact.value for fact in found[Fact]}


def refused(path, **wishes):
    """The code that reading ends with."""
    with pytest.raises(InputError) as caught:
        list(workbook.parse(path, wishes=Wishes(**wishes)))
    assert caught.value.fault.message
    return caught.value.fault.code


def brief(records):
    return [(record.line, record.fields["raw_id"], record.fields["qty"]) for record in records]


def codes(issues):
    return [(issue.line, issue.column, issue.code) for issue in issues]


def test_workbook__is_read_and_told_from_its_bytes(made):
    """A plain list gives its rows with the numbers they have on the sheet, and the sheet's name."""
    path = made({"Bricks": LIST})
    records, issues, facts = read(path)
    assert brief(records) == [(2, "3001", 2), (3, "3002", 3)]
    assert [record.fields["color_name"] for record in records] == ["Red", "Blue"]
    assert {record.fields["sheet"] for record in records} == {"Bricks"}
    assert issues == []
    assert facts == {"sheet": "Bricks", "header_line": 1}
    raw = path.read_bytes()
    assert sniff(raw[: 64 * 1024], size=len(raw), name="upload").name in MAKERS


def test_lines__are_those_of_the_sheet(made):
    """Empty rows and columns before the list do not shift its line numbers, or columns given by number."""
    rows = [[], [], [None, None, "Castle"], [], *[[None, None, *row] for row in LIST]]
    records, _, facts = read(made({"Bricks": rows}))
    assert brief(records) == [(6, "3001", 2), (7, "3002", 3)]
    assert facts["header_line"] == 5
    assert facts["title"] == "Castle"
    records, _, _ = read(made({"Bricks": rows}), columns={"raw_id": 3, "qty": 5})
    assert brief(records) == [(6, "3001", 2), (7, "3002", 3)]


def test_numbers__become_exact_text(made):
    """A part number that the sheet holds as a number is its digits; nothing is rounded, and no `.0` stays."""
    rows = [("Part No", "Qty", "Price"), (3001, 2.0, 0.1), (9551670000000, 1, 1.234), (300126, 12, 1234.5)]
    records, issues, _ = read(made({"Bricks": rows}))
    assert [record.fields["raw_id"] for record in records] == ["3001", "9551670000000", "300126"]
    assert [float(record.fields["unit_price"]) for record in records] == [0.1, 1.234, 1234.5]
    assert issues == []


def test_damage__is_named_where_it_was_done(made):
    """Dates, too long numbers, marks of failed formulas and halves do not pass for part numbers and quantities."""
    rows = [
        ("Part No", "Qty"),
        (dt.date(2026, 1, 5), 1),
        (1234567890123456789, 1),
        ("9.55E+12", 1),
        (True, 1),
        ("3001", 2.5),
        ("3002", dt.date(2026, 1, 5)),
    ]
    records, issues, _ = read(made({"Bricks": rows}))
    assert codes(issues) == [
        (2, "Part No", "part.excel_date"),
        (3, "Part No", "part.excel_number"),
        (4, "Part No", "part.excel_number"),
        (6, "Qty", "qty.not_integer"),
        (7, "Qty", "qty.not_integer"),
    ]
    assert issues[0].suggestions == ("1-5", "5-1")
    assert brief(records) == [(5, "TRUE", 1)]


def test_faults__of_formulas_are_flagged(tmp_path):
    """A formula that failed is told from an empty cell, in new workbooks and old ones."""
    cells = workbooks.header_row("Part No", "Qty") + (
        '<row r="2"><c r="A2" t="e"><f>B9</f><v>#REF!</v></c><c r="B2"><v>1</v></c></row>'
        '<row r="3"><c r="A3"><v>3001</v></c><c r="B3" s="1" t="e"><v>#N/A</v></c></row>'
    )
    _, issues, _ = read(workbooks.raw_xlsx(tmp_path / "new", cells))
    expected = [(2, "Part No", "part.formula_error"), (3, "Qty", "qty.formula_error")]
    assert codes(issues) == expected
    path = workbooks.xls(tmp_path / "old", {"List": [("Part No", "Qty"), (None, 1), ("3001", None)]})
    container = Container(path.read_bytes())
    stream = container.read(["Workbook"])
    number = struct.pack("<HHHHH", 0x27E, 10, 1, 1, 0x11)[:8]
    at = stream.index(number)
    fault = workbooks.record(0x205, struct.pack("<HHHBB", 1, 0, 0x11, 0x17, 1))
    fault += workbooks.record(0x205, struct.pack("<HHHBB", 2, 1, 0x11, 0x2A, 1))
    path.write_bytes(contained("Workbook", stream[:at] + fault + stream[at:]))
    _, issues, _ = read(path)
    assert codes(issues) == expected


def test_formulas__without_results_are_said(tmp_path):
    """A workbook that no spreadsheet program has calculated says so once, beside what is missing in its rows."""
    path = workbooks.xlsx(tmp_path / "x", {"List": [("Part No", "Qty"), ("3001", "=1+1")]})
    _, issues, _ = read(path)
    assert [issue.code for issue in issues] == ["workbook.not_calculated", "qty.required"]


def test_sheets__with_lists_are_all_read(made):
    """Every visible sheet with a header counts, others are named; issues say which sheet they are on."""
    sheets = {"Notes": [("Nothing here",), ("to be seen",)], "A": LIST, "B": [("MPN", "Qty"), ("X-1", "y"), ("X-2", 4)]}
    records, issues, facts = read(made(sheets))
    assert [(record.row, record.fields["sheet"], record.fields["raw_id"]) for record in records] == [
        (1, "A", "3001"),
        (2, "A", "3002"),
        (4, "B", "X-2"),
    ]
    assert [(issue.code, issue.value or issue.column) for issue in issues] == [
        ("qty.not_integer", "y"),
        ("sheet.skipped", "Notes"),
        ("sheet.several", "A, B"),
    ]
    assert issues[0].column == "B!Qty"
    assert facts["sheet"] == "B"


def test_sheets__may_be_named(made):
    """A wish picks one sheet by name or number, and one that is not there is answered with those that are."""
    path = made({"First": LIST, "Second": [("MPN", "Qty"), ("X-1", 4)]})
    assert brief(read(path, sheet="second")[0]) == [(2, "X-1", 4)]
    assert brief(read(path, sheet=2)[0]) == [(2, "X-1", 4)]
    assert brief(read(path, sheet="1")[0]) == [(2, "3001", 2), (3, "3002", 3)]
    with pytest.raises(InputError) as caught:
        list(workbook.parse(path, wishes=Wishes(sheet="third")))
    assert caught.value.fault.code == "sheet.unknown"
    assert "First, Second" in caught.value.fault.hint


def test_sheets__hidden_ones_are_left_out(tmp_path):
    """A hidden sheet is named and not read, unless it is asked for."""

    def hide(book):
        book["Old"].sheet_state = "hidden"

    path = workbooks.xlsx(tmp_path / "x", {"New": LIST, "Old": [("MPN", "Qty"), ("X-1", 4)]}, change=hide)
    records, issues, _ = read(path)
    assert len(records) == 2
    assert [(issue.code, issue.value) for issue in issues] == [("sheet.hidden", "Old")]
    assert brief(read(path, sheet="Old")[0]) == [(2, "X-1", 4)]


def test_sheets__without_any_list_are_refused(made):
    """Where no sheet shows a list, the answer tells how to map columns and quotes the first row."""
    path = made({"A": [("alpha", "beta"), (1, 2)], "B": [("gamma",)]})
    with pytest.raises(InputError) as caught:
        list(workbook.parse(path))
    assert caught.value.fault.code == "table.no_header"
    assert "alpha | beta" in caught.value.fault.hint
    assert refused(path, columns={"raw_id": "delta"}) == "columns.unknown"
    assert refused(made({"A": []})) == "format.empty"


def test_shape__is_asked_where_no_sheet_has_a_header(made):
    """A sheet of ids, colors and quantities needs no header."""
    path = made({"Empty": [], "Bricks": [("3001", "Red", 2), ("3062b", "Black", 1)]})
    records, issues, _ = read(path)
    assert brief(records) == [(1, "3001", 2), (2, "3062b", 1)]
    assert [issue.code for issue in issues] == ["columns.guessed"]


def test_merged__cells_hold_for_each_of_their_rows(tmp_path):
    """A part number merged over three rows is that of all three; a merged quantity belongs to the first alone."""

    def merge(book):
        book["List"].merge_cells("A2:A4")
        book["List"].merge_cells("C3:C4")
        book["List"].merge_cells("A5:C5")

    rows = [
        ("Part No", "Color", "Qty"),
        ("3001", "Red", 1),
        (None, "Blue", 2),
        (None, "White", None),
        ("Roof", None, None),
    ]
    records, issues, _ = read(workbooks.xlsx(tmp_path / "x", {"List": [*rows, ("3040", "Red", 4)]}, change=merge))
    assert brief(records) == [(2, "3001", 1), (3, "3001", 2), (6, "3040", 4)]
    assert codes(issues) == [(4, "Qty", "qty.required")]


def test_totals__are_claimed_for_the_workbook_as_a_whole(made):
    """Totals of sheets add up; where one of them has none, nothing is claimed."""
    total = [*LIST, ("Total", None, 5)]
    assert read(made({"A": total, "B": total}))[2]["declared_pieces"] == 10
    assert "declared_pieces" not in read(made({"A": total, "B": LIST}))[2]


def test_watch__is_told_up_to_the_end(tmp_path):
    """Progress grows and ends at the size of the file."""
    rows = [("Part No", "Qty"), *[("3001", 1)] * 10_000]
    path = workbooks.xlsx(tmp_path / "x", {"A": rows, "B": rows})
    told = []
    list(workbook.parse(path, watch=lambda done, size: told.append((done, size))))
    assert told == sorted(told)
    assert told[-1] == (path.stat().st_size, path.stat().st_size)
    assert len(told) > 3


def far(place, *, row="1048576"):
    return workbooks.header_row("Part No", "Qty") + f'<row r="{row}"><c r="{place}"><v>1</v></c></row>'


ODD = {  # one cell far out, written so that a plain search might not find it
    "plain": far("XFD1048576"),
    "quotes": far("XFD1048576").replace('"', "'"),
    "spaces": far("XFD1048576").replace('r="X', 'r = "X'),
    "style": far("XFD1048576").replace('<c r="X', '<c s="1" r="X'),
    "row": far("XFD2", row="2") + '<row r="900000"><c><v>1</v></c></row>',
    "implicit": workbooks.header_row("Part No", "Qty") + "<row>" + "<c><v>1</v></c>" * 16_000 + "</row>" + "<row/>" * 999_000
    + "<row><c><v>1</v></c></row>",
}  # fmt: skip


@pytest.mark.parametrize("cells", ODD.values(), ids=ODD)
def test_bombs__far_cells_are_refused(tmp_path, cells):
    """Two cells at far corners would be laid out as half a terabyte; they are refused before that."""
    assert refused(workbooks.raw_xlsx(tmp_path / "x", cells)) == "limit.cells"


def test_bombs__a_second_place_of_a_cell_is_no_way_in(tmp_path):
    """A cell with two places is no XML, and its reader would take the one that was not looked at."""
    cells = far("B2", row="2").replace('<c r="B2"', '<c r="B2" r="A999999999"')
    assert refused(workbooks.raw_xlsx(tmp_path / "x", cells)) == "xlsx.broken"
    many = "".join(f'<row r="{row}"><c r="A{row}"><v>{row}</v></c></row>' for row in range(2, 50_000))
    many += '<row r="50000"><c r="B50000" r="XFD1048576"><v>1</v></c></row>'
    assert refused(workbooks.raw_xlsx(tmp_path / "x", workbooks.header_row("Part No", "Qty") + many)) == "xlsx.broken"


def test_bombs__prefixed_cells_are_counted_too(tmp_path):
    """A namespace prefix hides no cell."""
    path = tmp_path / "x"
    workbooks.raw_xlsx(path, "")
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = f'<x:worksheet xmlns:x="{workbooks.NAMESPACE}"><x:sheetData>'
    sheet += '<x:row r="1"><x:c r="A1"><x:v>1</x:v></x:c><x:c r="XFD1048576"><x:v>1</x:v></x:c></x:row>'
    parts["xl/worksheets/sheet1.xml"] = f"{sheet}</x:sheetData></x:worksheet>".encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    assert refused(path) == "limit.cells"


@pytest.mark.parametrize("dimension", ["A1:XFD1048576", "A1:ZZZ99999999", "nonsense"])
def test_dimensions__that_are_declared_alone_harm_nothing(tmp_path, dimension):
    """What a sheet declares of its size is not believed, and a styled cell without content is none."""
    cells = workbooks.header_row("Part No", "Qty") + (
        '<row r="2"><c r="A2"><v>3001</v></c><c r="B2"><v>2</v></c></row>'
        '<row r="1048576"><c r="A1048576" s="1"/><c r="XFD1048576" s="1"/></row>'
    )
    path = workbooks.raw_xlsx(tmp_path / "x", cells, dimension=f'<dimension ref="{dimension}"/>')
    if dimension == "nonsense":
        assert refused(path) == "xlsx.broken"
    else:
        assert brief(read(path)[0]) == [(2, "3001", 2)]


def test_bombs__of_zeros_are_refused(tmp_path):
    """A sheet that unpacks to a gigabyte stops early, under a name of its own."""
    path = workbooks.raw_xlsx(tmp_path / "x", far("A2", row="2") + "<row/>" + " " * 40_000_000)
    assert refused(path) == "zip.ratio"


def test_bombs__huge_shared_text_is_refused(tmp_path):
    """One text of megabytes that many cells share would be copied for each of them."""
    cells = workbooks.header_row("Part No", "Qty") + '<row r="2">' + '<c t="s"><v>0</v></c>' * 100 + "</row>"
    path = workbooks.raw_xlsx(tmp_path / "x", cells, shared=f"<si><t>{'x' * 2_000_000}</t></si>")
    assert refused(path) == "limit.cells"


def test_cells__long_ones_keep_their_beginning(tmp_path):
    """Text up to what a spreadsheet allows is read; a record keeps 2,000 characters of it."""
    path = workbooks.xlsx(tmp_path / "x", {"List": [("Part No", "Qty", "Note"), ("3001", 1, "y" * 32_000)]})
    assert len(read(path)[0][0].fields["remarks"]) == 2000


@pytest.mark.parametrize("kind", MAKERS)
def test_damage__of_the_file_is_named(tmp_path, kind):
    """A workbook that was cut off, is another file, or is empty is refused by a name that says what."""
    raw = MAKERS[kind](tmp_path / "whole", {"List": LIST * 100}).read_bytes()
    path = tmp_path / "cut"
    for share in (0.3, 0.6, 0.9):
        path.write_bytes(raw[: int(len(raw) * share)])
        assert refused(path) == f"{kind}.broken"
    path.write_bytes(b"Part No,Qty\n")
    assert refused(path) == "format.unknown"
    path.write_bytes(b"")
    assert refused(path) == "format.empty"
    path.write_bytes(workbooks.zipped(b"x"))
    assert refused(path) == "xlsx.broken"
    path.write_bytes(contained("WordDocument", b"x" * 5000))
    assert refused(path) == "xls.broken"


def test_encrypted__workbooks_are_told_what_to_do(tmp_path):
    """A password is named as the reason, for new workbooks and for old ones."""
    path = tmp_path / "x"
    raw = contained("EncryptedPackage", b"x" * 5000)
    path.write_bytes(raw)
    assert sniff(raw, size=len(raw), name="upload").name == "xlsx"
    assert refused(path) == "workbook.encrypted"
    stream = Container(workbooks.xls(path, {"List": LIST}).read_bytes()).read(["Workbook"])
    opening = 4 + struct.unpack_from("<H", stream, 2)[0]
    password = workbooks.record(0x2F, struct.pack("<HHH", 0, 0x1234, 0x5678))
    path.write_bytes(contained("Workbook", stream[:opening] + password + stream[opening:]))
    assert refused(path) == "workbook.encrypted"


def test_other__workbooks_are_refused(tmp_path):
    """A binary workbook hidden in a new one, and a document beside it, are never handed to their readers."""
    assert refused(workbooks.raw_xlsx(tmp_path / "x", "", more={"xl/workbook.bin": b"x"})) == "workbook.binary"
    assert refused(workbooks.raw_xlsx(tmp_path / "x", "", more={"content.xml": b"x"})) == "xlsx.broken"


def test_old__declared_sizes_are_not_believed(tmp_path):
    """An old workbook that declares 4 billion rows or shared texts is read for what stands in it."""
    path = workbooks.xls(tmp_path / "x", {"List": LIST})
    stream = bytearray(Container(path.read_bytes()).read(["Workbook"]))
    at = stream.index(struct.pack("<HH", 0x200, 14))
    struct.pack_into("<IIHH", stream, at + 4, 0, 0xFFFFFFFF, 0, 0xFFFF)
    texts = stream.index(struct.pack("<H", 0xFC), 500)
    struct.pack_into("<II", stream, texts + 4, 0x7FFFFFFF, 0x7FFFFFFF)
    path.write_bytes(contained("Workbook", bytes(stream)))
    assert brief(read(path)[0]) == [(2, "3001", 2), (3, "3002", 3)]


def test_old__sheets_begin_where_records_do(tmp_path):
    """An old workbook whose sheet is said to begin amid other bytes is refused: nobody looked at what is read there."""
    path = workbooks.xls(tmp_path / "x", {"List": LIST})
    stream = bytearray(Container(path.read_bytes()).read(["Workbook"]))
    at = stream.index(b"List") - 8
    struct.pack_into("<I", stream, at, struct.unpack_from("<I", stream, at)[0] + 6)
    path.write_bytes(contained("Workbook", bytes(stream)))
    assert refused(path) == "xls.broken"


def test_old__far_cells_are_refused(tmp_path):
    """Cells at far corners of an old sheet are refused as those of a new one."""

    def widen(book):
        book.get_sheet(0).write(65_535, 255, 1)

    assert refused(workbooks.xls(tmp_path / "x", {"List": LIST}, change=widen)) == "limit.cells"


def test_old__text_that_multiplies_is_refused(tmp_path):
    """One long text in very many cells is counted as often as it would be copied."""
    book = xlwt.Workbook()
    sheet = book.add_sheet("List")
    for row in range(10_000):
        sheet.write(row, 0, "x" * 30_000)
    book.save(str(tmp_path / "x"))
    assert refused(tmp_path / "x") == "limit.cells"


def test_container__circles_and_lies_are_refused(tmp_path):
    """A chain of sectors that leads back into itself ends, and a length that no file has is no reason to reserve it."""
    raw = bytearray(workbooks.xls(tmp_path / "x", {"List": LIST * 200}).read_bytes())
    (table,) = struct.unpack_from("<I", raw, 76)
    circle = bytearray(raw)
    struct.pack_into("<I", circle, (table + 1) * 512 + 4, 0)
    long = bytearray(raw)
    (directory,) = struct.unpack_from("<I", raw, 48)
    struct.pack_into("<I", long, (directory + 1) * 512 + 128 + 120, 0xFFFFFFF0)
    tables = bytearray(raw)
    struct.pack_into("<II", tables, 68, 0, 0xFFFFFF)
    for damaged in (circle, long, tables):
        (tmp_path / "x").write_bytes(damaged)
        assert refused(tmp_path / "x") == "xls.broken"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """One workbook of each kind, as bytes; the new one with its sheet not packed, so that damage reaches it."""
    folder = tmp_path_factory.mktemp("whole")
    rows = [*LIST, ("4070", "White", 1.5), (dt.date(2026, 1, 5), None, "x"), ("Total", None, 5)]
    old = workbooks.xls(folder / "old", {"List": rows}).read_bytes()
    out = io.BytesIO()
    with zipfile.ZipFile(workbooks.xlsx(folder / "new", {"List": rows})) as packed, zipfile.ZipFile(out, "w") as plain:
        for name in packed.namelist():
            plain.writestr(name, packed.read(name))
    return {"old": old, "new": out.getvalue()}


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["old", "new"]),
    hits=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=4)), min_size=1, max_size=8
    ),
    repair=st.booleans(),
)
def test_damage__raises_nothing_but_input_errors(tmp_path, whole, kind, hits, repair):
    """However bytes are altered, reading gives values or names what is wrong, and takes no process down."""
    raw = bytearray(whole[kind])
    for share, bytes_ in hits:
        at = int(share * (len(raw) - len(bytes_)))
        raw[at : at + len(bytes_)] = bytes_
    if repair and kind == "new":
        raw = recomputed(whole[kind], raw)
    path = tmp_path / "x"
    path.write_bytes(raw)
    code = "format.unknown"
    try:
        for item in workbook.parse(path):
            assert isinstance(item, Record | Issue | Fact)
    except InputError as caught:
        code = caught.fault.code
    assert code.partition(".")[0] in {"xls", "xlsx", "zip", "format", "table", "limit", "workbook", "xml"}


def recomputed(original, damaged):
    """The damaged parts in a sound archive, so that their XML is read."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(original)) as source, zipfile.ZipFile(out, "w") as target:
        for info in source.infolist():
            start = info.header_offset + 30 + len(info.filename)
            target.writestr(info.filename, bytes(damaged[start : start + info.file_size]))
    return out.getvalue()


def test_openpyxl__reads_what_the_generators_make(tmp_path):
    """The workbooks written by hand are workbooks, so that what is refused is refused for the right reason."""
    path = workbooks.raw_xlsx(tmp_path / "x.xlsx", workbooks.header_row("Part No", "Qty"))
    assert [cell.value for cell in openpyxl.load_workbook(path).active[1]] == ["Part No", "Qty"]
