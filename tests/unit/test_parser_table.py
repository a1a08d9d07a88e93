"""What cases as data can not show about tables: hostile text, endless lines, bounded work, wishes, what is no table."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.errors import InputError
from jobs.issues import Fact, Issue, Record
from parsers import table
from parsers.designators import designators
from parsers.sniff import sniff
from parsers.table_aliases import meaning
from parsers.table_cells import decimal_mark, part_id, price, quantity
from parsers.table_columns import columns_of
from parsers.table_rows import Place, Tally, rows_of
from parsers.wishes import Wishes

SAMPLE = (
    b'Title of a list;;;\n;;;\nPart No;Farbe;Menge;"Note; more"\n3001;Rot;1.752;"a ""b"""\n'
    b'"3002";11;2;"two\nlines"\nRoof;;;\n3003;;x;\n9.55E+12;1;1;\n;;;\nTotal;;1754;\n3004;4;1;\n'
)
PASTED = b"Part      Color     Qty\n3001      Red       12\n3002                 4\n3003   Light Gray 5  x\n"
REFERENCES = b'"Reference","Value","Qty","MPN","MPN"\n"C1, C5-C8","100nF","5","A-1","B,2"\n"R1-R99999","x","","",""\n'
SPLICES = [
    b"", b'"', b'""', b",", b";", b"\t", b"|", b"\n", b"\r", b"\0", b"\xff", b"\xff\xfe", b"9" * 500, b"\xef\xbb\xbf", b"   ",
    b"Total", b"#REF!", b"C1-C99999999", b"-1", b"=", b"'", b"Part,Qty\n", b"\xe2\x80\xa8",
]  # fmt: skip


def written(folder, *, text):
    path = folder / "list"
    path.write_bytes(text)
    return path


def read(folder, text, **wishes):
    """Records and issues."""
    items = list(table.parse(written(folder, text=text.encode()), wishes=Wishes(**wishes)))
    return [item for item in items if isinstance(item, Record)], [item for item in items if isinstance(item, Issue)]


def refused(folder, text, **wishes):
    with pytest.raises(InputError) as caught:
        read(folder, text, **wishes)
    return caught.value.fault


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sample=st.sampled_from([SAMPLE, PASTED, REFERENCES]),
    cuts=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 40), st.sampled_from(SPLICES)), max_size=5),
    encoded=st.sampled_from(["utf-8", "utf-16", "utf-16-be"]),
    wishes=st.sampled_from(
        [
            {},
            {},
            {},
            {"columns": {"raw_id": 1, "qty": 3}},
            {"header_row": 3},
            {"header_row": 0},
            {"delimiter": ";"},
            {"decimal": ","},
        ]
    ),
)
def test_parse__raises_nothing_but_input_errors(tmp_path, sample, cuts, encoded, wishes):
    """However a table is damaged, its parser yields values or says what is wrong with the file."""
    found = sample
    for at, length, splice in cuts:
        found = found[:at] + splice + found[at + length :]
    if encoded != "utf-8":
        found = found.decode("latin-1").encode(encoded)
    code = "format."
    rows = []
    try:
        for item in table.parse(written(tmp_path, text=found), wishes=Wishes(**wishes)):
            assert isinstance(item, Record | Issue | Fact)
            if not isinstance(item, Fact):
                item.to_json()
                rows += [item.row] if item.row else []
    except InputError as caught:
        code = caught.fault.code
    assert code.partition(".")[0] in {"format", "encoding", "table", "columns"}
    assert rows == sorted(rows)
    assert set(rows) == set(range(1, max(rows, default=0) + 1))


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=40), decimal=st.sampled_from([None, ".", ","]))
def test_cells__any_text_is_read_or_told(text, decimal):
    """Each reader of cells takes any text that is stripped and not empty."""
    text = text.strip()
    if not text:
        return
    meaning(text)
    designators(text)
    decimal_mark([text])
    for value, code in (part_id(text), quantity(text, decimal)):
        assert value is not None or code
    amount, _, code = price(text, decimal)
    assert (amount is None) == (code is not None)
    assert amount is None or float(amount) >= 0


BOUNDED = {
    "quotes": b"Part No,Qty\n" + b'"3001,1\n' * 200_000,
    "quote_pairs": b"Part No,Qty\n" + b'"a""b,1\n' * 150_000,
    "one_quote": b'Part No,Qty\n"3001,1\n' + b"3001,1\n" * 200_000,
    "wide": b"Part No,Qty," + b"x," * 30_000 + b"\n" + b"," * 60_000 + b"\n" + b"3001,1\n" * 1000,
    "many_wide": b"Part No,Qty\n" + (b"3001,1" + b"," * 5000 + b"\n") * 1000,
    "spaces": b"Part No   Qty\n" + (b"a  " * 20_000 + b"\n") * 30,
    "spaced_header": b"Part No  Qty" + b"  x" * 1300 + b"\n" + (b"a  " * 1300 + b"\n") * 300,
    "ranges": b"Ref,Value,Qty\n" + b"C1-C19999,x,1\n" * 300,
    "lists": b"Ref,Value,Qty\n" + (b'"' + b"C1-C19999," * 300 + b'",x,1\n') * 50,
    "words": b"3001 " + b"a " * 30_000 + b"5\n",
    "totals": b"Part No,Qty\n" + b"Total,1\n" * 100_000 + b"3001,1\n",
    "headers": b"Part No,Qty\n" + b"Part No,Qty,Color\nPart No,Qty\n" * 30_000 + b"3001,1\n",
    "numbers": b"Part No,Qty,Price\n" + (b"3001," + b"1," * 10_000 + b"\n") * 20,
    "digits": b"Part No;Qty;Price\n" + (b"3001;" + b"1.234" * 5000 + b";" + b"1,234" * 5000 + b"\n") * 100,
    "blank": b"\n" * 500_000 + b"Part No,Qty\n3001,1\n",
}


@pytest.mark.parametrize("text", BOUNDED.values(), ids=BOUNDED)
def test_parse__no_text_costs_more_than_its_length(tmp_path, text):
    """Texts made to send the parser back and forth are read, or refused, in time that grows with their length."""
    started = time.process_time()
    try:
        for _ in table.parse(written(tmp_path, text=text)):
            pass
    except InputError as caught:
        assert caught.fault.code in {"table.no_header", "format.empty"}  # noqa: PT017 - most of them are read
    assert time.process_time() - started < 40  # quadratic work takes minutes; the bound allows for a slow machine


def test_lines__one_without_end_is_one_wrong_row(tmp_path):
    """A line of megabytes is one issue, and the next row is read as if nothing had been."""
    found, wrong = read(tmp_path, "Part No,Qty\n" + "3001," * 1_000_000 + "\n3002,4\n")
    assert [(issue.code, issue.row, issue.line) for issue in wrong] == [("row.too_long", 1, 2)]
    assert [(record.row, record.line, record.fields["raw_id"]) for record in found] == [(2, 3, "3002")]


def test_watch__is_told_up_to_the_end(tmp_path):
    """Progress is told in bytes, growing, and ends at the size of the file."""
    path = written(tmp_path, text=b"Part No,Qty\n" + b"3001,4\n" * 20_000)
    told = []
    list(table.parse(path, watch=lambda done, size: told.append((done, size))))
    assert told == sorted(told)
    assert told[-1] == (path.stat().st_size, path.stat().st_size)
    assert len(told) > 2


def test_header__stands_within_thirty_rows(tmp_path):
    """A header below a long preamble is found, and one below a longer one may be named."""
    near, far = "about this list\n" * 29, "about this list\n" * 120
    table_ = "Part No,Qty\n3001,4\n"
    assert len(read(tmp_path, near + table_)[0]) == 1
    assert refused(tmp_path, far + table_).code == "table.no_header"
    assert len(read(tmp_path, far + table_, header_row=121)[0]) == 1


def test_wishes__that_can_not_be_met_are_answered(tmp_path):
    """A wrong wish is named, with what would be right."""
    text = "Teil,Zahl\n3001,4\n"
    fault = refused(tmp_path, text, columns={"raw_id": "Teil", "colour": "Zahl"})
    assert fault.code == "columns.field"
    assert "raw_color" in fault.hint
    fault = refused(tmp_path, text, columns={"raw_id": "Nummer", "qty": "Zahl"})
    assert (fault.code, fault.message) == ("columns.unknown", "The list has no column 'Nummer'.")
    assert "Teil | Zahl" in fault.hint
    assert refused(tmp_path, text, columns={"raw_id": 1, "qty": 9}).code == "columns.unknown"
    assert refused(tmp_path, text, columns={"raw_id": 0}).code == "columns.unknown"
    assert refused(tmp_path, text, header_row=7).code == "columns.unknown"
    assert refused(tmp_path, text, delimiter="ab").code == "delimiter.unknown"
    assert refused(tmp_path, text, delimiter='"').code == "delimiter.unknown"
    for name in ("no-such", "idna", "rot13", "zip", "unicode_escape", "punycode"):
        assert refused(tmp_path, text, encoding=name).code == "encoding.unknown"
    assert refused(tmp_path, "Part No,Qty\ngr\u00fcn,4\n", encoding="ascii").code == "encoding.invalid"


def test_wishes__go_together_with_what_is_found(tmp_path):
    """A mapping overrides the words of the header, case and spaces aside; the other columns are found as ever."""
    found, _ = read(tmp_path, "Part No,Old Part No,Color,Qty\n1,3001,Red,4\n", columns={"raw_id": "oldpart NO"})
    assert found[0].fields["raw_id"] == "3001"
    assert (found[0].fields["color_name"], found[0].fields["qty"]) == ("Red", 4)
    found, _ = read(tmp_path, "Part No,Color,Qty\n3001,4,1\n", id_space="bricklink", color_space="ldraw")
    assert (found[0].fields["id_space"], found[0].fields["color_space"]) == ("bricklink", "ldraw")
    found, _ = read(tmp_path, "LDraw Id,BL Color,Qty\n3001,4,1\n", id_space="bricklink", color_space="ldraw")
    assert (found[0].fields["id_space"], found[0].fields["color_space"]) == ("ldraw", "bricklink")
    found, _ = read(tmp_path, "3001\t4\t7\n", columns={"raw_id": "1", "qty": "3"}, delimiter="tab")
    assert found[0].fields["qty"] == 7


def test_rows__from_elsewhere_are_read_alike():
    """Rows of cells that came from no file, such as a page's table, give the same records; counting goes on."""
    tally = Tally()
    for page in (1, 2):
        rows = [(1, ["Part No", "Color", "Qty"]), (2, ["3001", "Red", "4"]), (3, ["Total", "", "4"])]
        found = [item for item in rows_of(rows, tally=tally, place=Place(typed=True)) if isinstance(item, Record)]
        assert [(record.row, record.fields["qty"]) for record in found] == [(page, 4)]
    assert tally.total() == 8


def test_ids__fall_back_to_the_next_filled_column(tmp_path):
    """Where the best column of part numbers is empty, the next one counts, damage in it included."""
    found, wrong = read(tmp_path, "MPN,Value,Qty,Ref\n,10k,1,R1\n,9.55E+12,1,R2\nX-1,1k,1,R3\n,,1,R4\n")
    assert [record.fields["raw_id"] for record in found] == ["10k", "X-1"]
    assert ["name" in record.fields for record in found] == [False, True]
    assert [(issue.row, issue.column, issue.code) for issue in wrong] == [
        (2, "Value", "part.excel_number"),
        (4, "MPN", "part.missing"),
    ]


def test_tables__beside_each_other_are_read_row_by_row(tmp_path):
    """Two blocks of columns under the same headers are two tables; a row that is too long is one wrong row."""
    text = "Part No,Qty,,Part No,Qty\n3001,1,,3002,2\n" + "x" * 70_000 + "\n3003,3,,,\n"
    found, wrong = read(tmp_path, text)
    assert [(record.row, record.line, record.fields["qty"]) for record in found] == [(1, 2, 1), (2, 2, 2), (4, 4, 3)]
    assert [(issue.row, issue.code) for issue in wrong] == [(3, "row.too_long")]


SPELLINGS = {
    "raw_id": "Part|Part #|Part No.|PART NUMBER|MPN|Mfg Part #|Mfr. Part No|Manufacturer Part Number|Teilenummer|BLItemNo|"
    "BrickLink ID|LDraw Id|Rebrickable Part Num|Design ID|\u5236\u9020\u5546\u96f6\u4ef6\u7f16\u53f7|Value|Wert|Art.-Nr.",
    "element_id": "Element ID|elementId|LEGO Element|Elementnummer",
    "color": "Color|Colour|Farbe|Couleur|BLColorId|LDraw Color|Color ID|\u989c\u8272",
    "color_name": "Color Name|ColourName|Farbname",
    "qty": "Qty|QTY.|Quantity|Menge|Anzahl|St\u00fcck|Quantit\u00e9|Qt\u00e9|Cantidad|# needed|Quantity Per PCB|Qty (pcs)|\u6570\u91cf|MinQty",
    "reference": "Ref|Reference(s)|Designator|Designators|RefDes|Reference Designator|Bezeichner|\u4f4d\u53f7",
    "manufacturer": "Manufacturer|Mfr|Mfg Name|Hersteller|Fabricant|\u5236\u9020\u5546|Manufacturer 2",
    "unit_price": "Price|Unit Price|Preis|Einzelpreis|Price (EUR)|Unit$|Price/pc|Prix unitaire|\u5355\u4ef7|Unit Cost",
    "ignored": "Total Price|Ext. Price|Gesamtpreis|#|Pos.|Datasheet|Supplier|Unit",
    "remarks": "Remarks|Note|Notes|Bemerkung",
}


@pytest.mark.parametrize("field", SPELLINGS)
def test_headers__are_known_in_many_spellings(field):
    """What exports of many tools, in several languages, call a column is understood."""
    told = {cell: found.field if (found := meaning(cell)) else None for cell in SPELLINGS[field].split("|")}
    assert set(told.values()) == {field}, told


def test_headers__say_whose_numbers_stand_below():
    """The words of a header tell the space of ids and colors."""
    spaces = {
        "BLItemNo,BLColorId,Qty": ("bricklink", "bricklink"),
        "BrickLink ID,LDraw Color,Qty": ("bricklink", "ldraw"),
        "Design ID,LEGO Color,Qty": ("lego", "lego"),
        "Part,Color,Amount": ("unknown", "unknown"),
        "Part,Manufacturer,Qty": ("mpn", "unknown"),
        "Part,Ref,Qty": ("mpn", "unknown"),
        "MPN,Qty": ("mpn", "unknown"),
        "Element ID,Qty": ("element", "unknown"),
    }
    for header, expected in spaces.items():
        columns = columns_of(header.split(","), 1)
        assert (columns.ids[0][1], columns.color_space) == expected, header


LISTED = {
    "C1, C5-C8": 5, "R1 R2;R3": 3, "J1..J3": 3, "U1A": 1, "R1 \u2013 R4": 4, "R1-4": 4, "TP1,TP1": 1, "see note": None, "C8-C5": None,
    "1-5": None, "C1-R5": None, "C1-C9999999": None, "C1-C999999": None, "": None, "C1,": 1, "C1-C4000,C1-C4000": None,
}  # fmt: skip


@pytest.mark.parametrize("text", LISTED)
def test_designators__are_spelled_out(text):
    """Lists and ranges of designators are counted, each once; what is none is not guessed at."""
    found = designators(text)
    assert (len(found) if found else None) == LISTED[text]


NO_TABLES = [
    "2024,1,15\n2024,2,3\n2023,3,4\n",
    "1.0 2.0 3.0\n1.1 2.2 3.3\n",
    "2024-01-01 12:00:01 ERROR something 5\n2024-01-01 12:00:02 INFO other 7\n",
    "1 2 3\n4 5 6\n7 8 9\n",
    "100 200 300\n400 500 600\n120 2 3\n",
    "id,name,quantity\n1,Bob,3\n2,Al,4\n",
    "date,open,close,volume\n2024-01-01,1,2,3\n",
    "Item,Quantity,Price\nMilk,2,1.20\n",
    "value,count\n3,17\n4,12\n",
    "name;age;city\nA;3;B\n",
    "root:x:0:0:root:/root:/bin/sh\n",
    "# A title\n\nSome text | with a pipe\n",
    '{"part": 1, "qty": 2}\n',
    '[{"part": "3001", "qty": 2}]\n',
    "for part, qty in parts:\n    print(part, qty)\n",
    "INSERT INTO parts (part, qty) VALUES (1, 2);\n",
    "Reference data: parts, colors, and the quantity of each.\nIt goes on here.\n",
    "Part, quantity and color are what a list needs.\n",
    "  120 file_a.py\n  340 file_b.py\n",
    "numpy 1.24.0\npandas 2.0.1\n",
    "0 FILE a.ldr\n1 4 0 0 0 1 0 0 0 1 0 0 0 1 3001.dat\n",
    "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n",
    "Part,Color\n3001,4\n",
    "Dear sir,\n\nplease send me 5 pieces of part 3001.\n\nBest regards\n",
]


@pytest.mark.parametrize("text", NO_TABLES, ids=range(len(NO_TABLES)))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_sniff__takes_no_other_text_for_a_table(text, encoding):
    """Prose, code, logs, models and tables of something else are no parts lists."""
    content = text.encode(encoding)
    kind = sniff(content, size=len(content), name="list.csv")
    assert kind is None or kind.name != "table"
