"""What cases as data can not show of BSX, element and Studio lists: damage of any kind, long files, memory."""

import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.errors import InputError
from jobs.issues import Fact, Issue, Record
from parsers import brickstore_bsx, element_csv, rebrickable_csv, studio_csv
from parsers.wishes import Wishes

STUDIO_HEADER = "BLItemNo,ElementId,LdrawId,PartName,BLColorId,LDrawColorId,ColorName,ColorCategory,Qty,Weight\n"
SAMPLES = {
    brickstore_bsx: '<?xml version="1.0"?>\n<!DOCTYPE BrickStoreXML>\n<BrickStoreXML><Inventory Currency="EUR">\n'
    "<Item><ItemID>3001</ItemID><ItemTypeID>P</ItemTypeID><ColorID>5</ColorID><Qty>3</Qty></Item>\n"
    "<Item><ItemID>a & b</ItemID><ItemTypeID>P</ItemTypeID><ColorID>5</ColorID><Qty>0</Qty><OrigQty>4</OrigQty></Item>"
    "<Item><ItemID>1</ItemID><Status>X</Status></Item>\n</Inventory><GuiState>x</GuiState></BrickStoreXML>\n",
    element_csv: 'Element ID,Quantity,Price\r\n300126,12,"€ 1,25"\r\n4211398,"1,752",0.10 EUR\n\n,,\n300126,x,-1\n',
    studio_csv: STUDIO_HEADER + '3001,1,3001.dat,"Brick ""2 x 4""",6,2,Green,Solid,12,2.3\n,,u1,x,,7,Gray,Solid,1,\n'
    ",,,,,,,,,\n,,,,,,,,Total qty,Total Weight\n,,,,,,,,13,2.3\n",
    rebrickable_csv: 'Part,Color,Quantity,Is Spare\n3001,4,12,False\n"3002",0,"1,752",True\n3003,-1,x,maybe\r\n3004,4,1\n',
}
SPLICES = [b"", b'"', b",", b"\n", b"\r", b"\0", b"\xff", b"\xff\xfe", b"9" * 5000, b"\xef\xbb\xbf", b"\t", b";", b"-1"]
SPLICES += [b"&", b"<", b">", b"<Item>", b"</Item>", b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"]]>", b"<![CDATA[", b"-->"]
SPLICES += ["é".encode("utf-16"), b"<x>" * 300, b"Total qty,", b"Currency='", b"=\x01", b"\xe2\x80\xa8"]
WISHES = [Wishes(), Wishes(encoding="cp1252"), Wishes(encoding="utf-8"), Wishes(encoding="shift_jis", delimiter=";")]


@pytest.mark.parametrize("module", SAMPLES, ids=lambda module: module.__name__)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cuts=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 40), st.sampled_from(SPLICES)), max_size=4),
    encoded=st.sampled_from(["utf-8", "utf-16", "utf-16-be", "latin-1"]),
    wishes=st.sampled_from(WISHES),
)
def test_parse__raises_nothing_but_input_errors(tmp_path, module, cuts, encoded, wishes):
    """However a list is damaged, its parser yields values or says what is wrong with the file."""
    found = SAMPLES[module].encode()
    for at, length, splice in cuts:
        found = found[:at] + splice + found[at + length :]
    if encoded != "utf-8":
        found = found.decode("latin-1").encode(encoded)
    path = tmp_path / "list"
    path.write_bytes(found)
    code = "format."
    try:
        for item in module.parse(path, wishes=wishes):
            assert isinstance(item, Record | Issue | Fact)
            if isinstance(item, Record):
                assert item.fields.keys() >= {
                    "item_type",
                    "raw_id",
                    "id_space",
                    "raw_color",
                    "color_space",
                    "qty",
                    "spare",
                }
                assert isinstance(item.fields["raw_id"], str)
                assert isinstance(item.fields["qty"], int)
    except InputError as caught:
        code = caught.fault.code
    assert code.partition(".")[0] in {"format", "encoding", "xml", "limit"}


ROWS = {
    brickstore_bsx: (
        "<BrickStoreXML><Inventory>\n",
        "<Item><ItemID>{0}</ItemID><ItemTypeID>P</ItemTypeID><ColorID>5</ColorID><Qty>3</Qty></Item>\n",
        "</Inventory></BrickStoreXML>",
    ),
    element_csv: ("elementId,quantity\n", "{0},3\n", ""),
    studio_csv: (STUDIO_HEADER, "{0},1,3001.dat,Brick,6,2,Green,Solid,3,2.3\n", ",,,,,,,,Total qty\n,,,,,,,,3"),
    rebrickable_csv: ("Part,Color,Quantity\n", "{0},4,3\n", ""),
}


@pytest.mark.parametrize("module", ROWS, ids=lambda module: module.__name__)
def test_long_lists__keep_their_lines_and_the_memory_flat(tmp_path, module, monkeypatch):
    """A list of many distinct parts has each row on its own line, and three times the rows need no more memory."""
    monkeypatch.setattr("parsers.known_rows._ROWS", 1000)  # so that few rows fill what is remembered
    monkeypatch.setattr("parsers.readings._KNOWN", 1000)
    head, row, tail = ROWS[module]
    peaks = []
    for count in (9_000, 30_000):  # the smaller one has more than a block as well
        path = tmp_path / f"{count}"
        path.write_text(head + "".join(row.format(number) for number in range(count)) + tail, encoding="utf-8")
        tracemalloc.start()
        good = 0
        for item in module.parse(path):
            if isinstance(item, Record):
                good += 1
                assert (item.row, item.line, item.fields["raw_id"]) == (good, good + 1, str(good - 1))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert good == count
    assert peaks[1] < 2 * peaks[0]


def test_watch__is_told_the_whole_size_below_a_footer(tmp_path):
    """Whoever watches sees the end of the file, even where the list ends long before it."""
    path = tmp_path / "list.csv"
    path.write_text(
        STUDIO_HEADER + "1,1,1,x,1,1,x,x,1,1\n,,,,,,,,Total qty\n" + ",,,,,,,,\n" * 50_000, encoding="utf-8"
    )
    told = []
    list(studio_csv.parse(path, watch=lambda done, size: told.append((done, size))))
    size = path.stat().st_size
    assert told == sorted(told)
    assert told[-1] == (size, size)


@pytest.mark.parametrize("name", ["no-such-thing", "idna", "base64", "unicode_escape", "\0"])
@pytest.mark.parametrize("module", SAMPLES, ids=lambda module: module.__name__)
def test_wishes__an_encoding_that_is_none_is_refused(tmp_path, module, name):
    """What the caller takes for an encoding has to be one of written text."""
    path = tmp_path / "list"
    path.write_text(SAMPLES[module], encoding="utf-8")
    with pytest.raises(InputError) as caught:
        list(module.parse(path, wishes=Wishes(encoding=name)))
    assert caught.value.fault.code == "encoding.unknown"


def test_wishes__the_callers_encoding_is_taken(tmp_path):
    """Text that passes for UTF-8 or Windows-1252 is read as the caller says."""
    path = tmp_path / "list"
    path.write_bytes("Element ID,Quantity,Name\n1,2,Стол\n".encode("cp1251"))
    found = [item for item in element_csv.parse(path, wishes=Wishes(encoding="cp1251")) if not isinstance(item, Fact)]
    assert [item.fields["name"] for item in found] == ["Стол"]
    bsx = SAMPLES[brickstore_bsx].replace("3001", "Стол").replace('<?xml version="1.0"?>', "")
    path.write_bytes(bsx.encode("cp1251"))
    records = [
        item for item in brickstore_bsx.parse(path, wishes=Wishes(encoding="cp1251")) if isinstance(item, Record)
    ]
    assert records[0].fields["raw_id"] == "Стол"
