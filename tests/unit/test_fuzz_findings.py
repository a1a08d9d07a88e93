"""What `heavylift fuzz` has found and is mended: each is told here by the smallest input that showed it."""

import random
import struct
from collections.abc import Callable, Mapping

import pytest

from fuzz import books
from fuzz.zips import unzipped, zipped
from jobs.errors import InputError
from jobs.issues import Issue, Record
from lists import issues_file
from parsers import biff, ldd_lxf, ldraw_model, sheet_limits, studio_io, workbook, xml_rows
from parsers.codes import issue
from parsers.encoding import CHUNK
from parsers.lists import LISTS, reader
from parsers.table_cells import price
from parsers.wishes import PLAIN, Wishes
from parsers.zip_guard import LIMITS, MODELS, ZipLimits

WANTED = b"<INVENTORY><ITEM><ITEMTYPE>P</ITEMTYPE><ITEMID>3001</ITEMID><COLOR>5</COLOR></ITEM></INVENTORY>"
MODEL = ("model.ldr", b"0 A model\n1 4 0 0 0 1 0 0 0 1 0 0 0 1 3001.dat\n")
CELLS = [["Part No", "Qty", "Remarks"], ["3001", 4.0, "in a drawer"], ["3002", 5.0, "and another"]]


def ended(tmp_path, body: bytes, kind: str, wishes: Wishes = PLAIN) -> str | list:
    """What a parser yields, or the code that it ends with."""
    path = tmp_path / "upload"
    path.write_bytes(body)
    try:
        return list(reader(kind)(path, wishes=wishes))
    except InputError as error:
        return error.fault.code


@pytest.mark.parametrize("text", ["\u0663\u0664", "\uff11\uff12", "5\u0663", "\u0966.5"])
def test_price__digits_of_other_scripts(text: str):
    """An amount in other digits than 0 to 9 is no number here, and nothing that ends the step."""
    assert price(text) == (None, None, "price.not_number")


def test_encoding__utf_16_without_a_mark(tmp_path):
    """The caller may say utf-16 or utf-32 of a file that has no byte-order mark, or is none: no parser falls over that."""
    for name, body in (("utf-16", WANTED), ("utf-32", WANTED), ("utf-16", WANTED.decode().encode("utf-16-be"))):
        for kind in LISTS:
            assert isinstance(ended(tmp_path, body, kind, Wishes(encoding=name)), str | list)
    table = "Part No;Qty\n3001;4\n"
    for codec in ("utf-16-le", "utf-16-be", "utf-32-le"):
        found = ended(
            tmp_path, table.encode(codec), "rebrickable-csv", Wishes(encoding=codec[:6], columns={"raw_id": 1})
        )
        assert [item.fields["raw_id"] for item in found if type(item) is Record] == ["3001"]


@pytest.mark.parametrize("opening", ['<a b="', "<!--", "<![CDATA[", "<?x ", "<"])
def test_xml__what_never_ends_is_not_kept(opening: str, tmp_path, monkeypatch: pytest.MonkeyPatch):
    """A tag, comment or section without end is refused once it is longer than any list has one, wherever it stands."""
    monkeypatch.setattr(xml_rows, "MAX_STILL", 3 * CHUNK)
    items = WANTED.removesuffix(b"</INVENTORY>")
    assert ended(tmp_path, items + opening.encode() + b"> " * 3 * CHUNK, "bricklink-xml") == "xml.syntax"
    assert ended(tmp_path, items + b"<x/>" * 3 * CHUNK + b"</INVENTORY>", "bricklink-xml") != "xml.syntax"
    brick = b'<LXFML><Bricks><Brick><Part designID="3001" materials="21"/></Brick>'
    assert ended(tmp_path, brick + opening.encode() + b"> " * 3 * CHUNK, "ldd-lxfml") == "xml.syntax"


def book(tmp_path, changes: Mapping[str, Callable[[bytes], bytes]]) -> str | list:
    """What comes of a workbook whose parts were changed."""
    parts = [(name, changes.get(name, bytes)(content)) for name, content in unzipped(books.xlsx(CELLS, bytes))]
    return ended(tmp_path, zipped(parts), "xlsx")


@pytest.mark.parametrize(
    "said",
    [
        b'uniqueCount="4294967295"',
        b"uniqueCount='4294967295'",
        b'count="99999999999999999999999"',
        b'a=">" uniqueCount = "900000000"',
        b'uniqueCount="9" a="' + b" " * 5000 + b'"',
    ],
)
def test_workbook__no_memory_is_reserved_for_texts_that_are_not_there(said: bytes, tmp_path):
    """A reader reserves room for as many shared texts as the part claims: 4 billion of them ended its process."""
    assert isinstance(book(tmp_path, {}), list)
    assert book(tmp_path, {books.SHARED: lambda raw: raw.replace(b"<sst", b"<sst " + said)}) == "xlsx.broken"


def test_workbook__lists_within_it_are_bounded(tmp_path, monkeypatch: pytest.MonkeyPatch):
    """Shared texts, merged cells, names of ranges and sheets that a small archive unpacks to by the million are refused."""
    monkeypatch.setattr(sheet_limits, "MAX_SHARED", 50)
    monkeypatch.setattr(sheet_limits, "MAX_MERGES", 50)
    monkeypatch.setattr(sheet_limits, "MAX_MANIFEST", 9000)
    named = b'<definedName name="a">b</definedName>' * 300
    sheet = b'<sheet name="a" sheetId="1" r:id="rId1"/>'
    changes = [
        (books.SHARED, b"</sst>", b"<si/>" * 60 + b"</sst>"),
        (books.SHARED, b"<sst", b"<x:si></x:si >" * 60 + b"<sst"),
        (books.SHEET, b"</worksheet>", b'<mergeCell\tref="A1:A2"/>' * 60 + b"</worksheet>"),
        (books.BOOK, b"</sheets>", b"</sheets><definedNames>" + named + b"</definedNames>"),
        ("xl/_rels/workbook.xml.rels", b"</R", b'<Relationship Id="b" Type="x" Target="x"/>' * 300 + b"</R"),
    ]
    for name, old, new in changes:
        assert book(tmp_path, {name: lambda raw, old=old, new=new: raw.replace(old, new)}) == "limit.cells", new[:20]
    more = {books.BOOK: lambda raw: raw.replace(sheet.replace(b'"a"', b'"List"'), sheet * 200)}
    monkeypatch.setattr(sheet_limits, "MAX_SHEETS", 100)
    assert book(tmp_path, more) == "limit.sheets"


def test_workbook__texts_elsewhere_do_not_hide_cells(tmp_path):
    """A sheet that looks like shared texts at its beginning is measured all the same: two far cells took half a terabyte."""
    hidden = b"<!-- <sst > -->" + b"<!-- " + random.Random(1).randbytes(600_000).hex().encode() + b" -->"
    far = b'</row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'

    def change(raw: bytes) -> bytes:
        return raw.replace(b"<sheetData>", hidden + b"<sheetData>").replace(b"</row></sheetData>", far)

    assert book(tmp_path, {books.SHEET: change}) == "limit.cells"


def test_workbook__encodings_that_the_walk_cannot_read(tmp_path):
    """A sheet that declares an encoding of several bytes, or none that there is, is damaged; the step goes on."""
    for codec in (b"shift_jis", b"gb18030", b"x-nothing", b"EBCDIC-CP-US"):
        found = book(tmp_path, {books.SHEET: lambda raw, codec=codec: raw.replace(b"UTF-8", codec)})
        assert found == "xlsx.broken" or isinstance(found, list), codec


def test_workbook__a_comment_without_end_costs_its_length(tmp_path):
    """The walk through an odd sheet gives up on what does not end, instead of reading it anew with each piece."""
    noise = random.Random(2).randbytes(3 * 1024 * 1024).hex().encode()
    found = book(tmp_path, {books.SHEET: lambda raw: raw.replace(b"<sheetData>", b"<c/><!--" + noise + b"<sheetData>")})
    assert found == "xlsx.broken"


def test_old_workbook__is_not_read_where_it_is_too_long(tmp_path, monkeypatch: pytest.MonkeyPatch):
    """An old workbook is in memory as a whole, several times; a longer one is refused by name and not by the sandbox."""
    body = books.xls(CELLS, bytes)
    assert isinstance(ended(tmp_path, body, "xls"), list)
    monkeypatch.setattr(sheet_limits, "MAX_XLS", len(body) - 1)
    assert ended(tmp_path, body, "xls") == "limit.cells"


def test_issues__end_somewhere(tmp_path, monkeypatch: pytest.MonkeyPatch):
    """What has more errors than any list is refused as a whole: a gigabyte of wrong rows would outlast the step."""
    monkeypatch.setattr(issues_file, "MAX_ERRORS", 1500)
    wrong = issue("qty.zero", row=1, line=1), issue("qty.negative", row=1, line=1)
    with issues_file.IssuesFile(tmp_path) as issues:
        for number in range(1500 * 3):
            issues.add(wrong[number % 3 == 0])
        with pytest.raises(InputError) as caught:
            issues.add(wrong[1])
    assert caught.value.fault.code == "limit.errors"
    assert "qty" in caught.value.fault.message
    assert issues.severities["error"] == 1501


def test_table__blank_lines_keep_the_numbers_of_the_others(tmp_path):
    """Blank lines are passed over at once, between rows and before them, and not within a quoted cell."""
    found = ended(tmp_path, b'\n\n\nPart No,Qty,Remarks\n\n\n3001,4,"a\n\nb"\n\n\n3002,5,c\n\n', "table")
    rows = [(item.line, item.fields["raw_id"], item.fields["remarks"]) for item in found if type(item) is Record]
    assert rows == [(7, "3001", "a\n\nb"), (12, "3002", "c")]


def test_old_workbook__a_sheet_within_a_sheet_hides_nothing(tmp_path):
    """Cells before and behind a beginning within a sheet are measured together: apart they took 45 gigabytes."""

    def change(stream: bytes) -> bytes:
        far = struct.pack("<HHHd", 58_259, 1, 0, 1.0), struct.pack("<HHHd", 1, 21_905, 0, 1.0)
        begin = books.record(0x809, struct.pack("<HHHHII", 0x600, 0x20, 0, 0, 0, 6))
        return stream[:-4] + books.record(0x203, far[0]) + begin + books.record(0x203, far[1]) + stream[-4:]

    assert ended(tmp_path, books.xls(CELLS, change), "xls") == "limit.cells"


@pytest.mark.parametrize(
    "place", ["AAAAAA1", "aaaaaa1", "AAAAAAAAA1", "A999999999", "AAAAAAAAAAAA1", "A99999999999", "AB1C2"]
)
def test_workbook__places_that_no_sheet_has(place: str, tmp_path):
    """A reader takes columns of six letters for what they say, and lays out everything up to there."""
    found = book(tmp_path, {books.SHEET: lambda raw: raw.replace(b'r="B1"', b'r="' + place.encode() + b'"')})
    assert found in {"limit.cells", "xlsx.broken"}


@pytest.mark.parametrize(
    "far",
    [
        b'<row r="900000000"><c><v>1</v></c></row>',
        b'<row r="4294967295"><c><v>1</v></c></row>',
        b'<row><c r="XFD900000" t="inlineStr"><is><t/></is></c></row>',
        b'<row><c r="XFD900000" t="str"><v></v></c></row>',
        b'<row><x:c xmlns:x="y" r="XFD900000"><x:v>1</x:v></x:c></row>',
        b"<row><c r=\"A1\" r='XFD900000'><v>1</v></c></row>",
        b'<row><c r="A1" s="1" r\t=\n"XFD900000"><v>1</v></c></row>',
    ],
)
def test_workbook__far_cells_are_seen_however_they_are_written(far: bytes, tmp_path):
    """Rows of nine digits, and texts that are there and empty, are places that a reader goes to."""
    # Long sheets are only parsed where something looks odd.
    for before in (b"", b"<!--" + random.Random(5).randbytes(700_000).hex().encode() + b"-->"):
        found = book(
            tmp_path, {books.SHEET: lambda raw, new=before + far: raw.replace(b"</sheetData>", new + b"</sheetData>")}
        )
        assert found in {"limit.cells", "xlsx.broken"}


def test_workbooks__sheets_are_bounded_together(tmp_path, monkeypatch: pytest.MonkeyPatch):
    """An old workbook's sheets are laid out at once and twice: 8 million cells crashed it; a new one's take their time."""

    def again(stream: bytes) -> bytes:
        """The one sheet under several names."""
        at = stream.index(bound := struct.pack("<HH", 0x85, 12))
        (begin,) = struct.unpack_from("<I", stream, at + 4)
        moved = bound + struct.pack("<I", begin + 3 * 16) + stream[at + 8 : at + 16]
        return stream[:at] + moved * 4 + stream[at + 16 :]

    assert len([item for item in ended(tmp_path, books.xls(CELLS, again), "xls") if type(item) is Record]) == 8
    monkeypatch.setattr(biff, "MAX_AREA_AT_ONCE", 30)  # each has nine cells
    assert isinstance(ended(tmp_path, books.xls(CELLS, bytes), "xls"), list)
    assert ended(tmp_path, books.xls(CELLS, again), "xls") == "limit.cells"
    monkeypatch.setattr(workbook, "MAX_AREA_IN_ALL", 30)
    sheet = b'<sheet name="List" sheetId="1" r:id="rId1"/>'
    assert isinstance(book(tmp_path, {books.BOOK: lambda raw: raw.replace(sheet, sheet * 3)}), list)
    assert book(tmp_path, {books.BOOK: lambda raw: raw.replace(sheet, sheet * 4)}) == "limit.cells"


@pytest.mark.parametrize("materials", ["", " ", ",", "\t,0", ":0", ",,,"])
def test_lxfml__materials_without_a_number(materials: str, tmp_path):
    """A list of materials whose first is blank names no color, and ends no step."""
    text = f'<LXFML><Bricks><Brick><Part designID="3001" materials="{materials}"/></Brick></Bricks></LXFML>'
    (found,) = [item for item in ended(tmp_path, text.encode(), "ldd-lxfml") if type(item) is Issue]
    assert (found.code, found.value) == ("color.missing", None)


def test_ldraw__models_of_one_name_are_counted_each(tmp_path, monkeypatch: pytest.MonkeyPatch):
    """Each further model of a name is told, so that there is an end to them as to those of different names."""
    monkeypatch.setattr(ldraw_model, "MAX_MODELS", 50)
    line = "1 4 0 0 0 1 0 0 0 1 0 0 0 1 3001.dat\n"
    first = f"0 FILE a.ldr\n{line}"
    assert isinstance(ended(tmp_path, (first + "0 FILE a.ldr\n" * 49).encode(), "ldraw"), list)
    assert ended(tmp_path, (first + "0 FILE a.ldr\n" * 50).encode(), "ldraw") == "limit.models"


def test_archives__models_unpack_to_what_models_have(tmp_path, monkeypatch: pytest.MonkeyPatch):
    """Half a gigabyte of bricks in an archive of two megabytes kept a reader busy for ten seconds and more."""
    brick = b'<LXFML><Bricks><Brick><Part designID="3001" materials="21"/></Brick></Bricks></LXFML>'
    for module, kind, entry in ((ldd_lxf, "ldd-lxf", ("IMAGE100.LXFML", brick)), (studio_io, "studio-io", MODEL)):
        assert isinstance(ended(tmp_path, zipped([entry]), kind), list)
        monkeypatch.setattr(module, "MODELS", ZipLimits(unzipped=len(entry[1]) - 1))
        assert ended(tmp_path, zipped([entry]), kind) == "zip.too_large"
    assert MODELS.unzipped < LIMITS.unzipped
