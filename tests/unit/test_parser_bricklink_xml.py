"""What cases as data can not show: long files, edges of chunks, memory, and whatever else bytes may hold."""

import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.errors import InputError, UnreadableFile
from jobs.issues import Fact, Issue, Record
from parsers import bricklink_xml, encoding, xml_rows
from parsers.xml_source import Repair

ITEM = "<ITEM>\n  <ITEMTYPE>P</ITEMTYPE>\n  <ITEMID>{}</ITEMID>\n  <COLOR>5</COLOR>\n  <MINQTY>{}</MINQTY>\n</ITEM>\n"
ONE_LINE = "<ITEM><ITEMTYPE>P</ITEMTYPE><ITEMID>{}</ITEMID><COLOR>5</COLOR><MINQTY>{}</MINQTY></ITEM>\n"


def written(folder, *, text, name="list.xml"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def rows_of(path):
    return (item for item in bricklink_xml.parse(path) if not isinstance(item, Fact))


@pytest.mark.parametrize(("item", "height"), [(ITEM, 6), (ONE_LINE, 1), ("\n" + ITEM, 7)])
def test_lines__stay_exact_in_long_files(tmp_path, item, height):
    """Behind line 65,535, where libxml2 stops counting, each item still gets its own line."""
    rows = 150_000 // height
    text = "<INVENTORY>\n" + "".join(item.format(3001, row + 1) for row in range(rows)) + "</INVENTORY>"
    found = [(record.row, record.line) for record in rows_of(written(tmp_path, text=text))]
    offset = 2 + item.startswith("\n")
    assert found == [(row + 1, offset + row * height) for row in range(rows)]


def test_memory__stays_flat_whatever_the_file_holds(tmp_path):
    """A list thirty times as long needs no more Python memory, and items are let go of."""
    peaks = []
    for rows in (2_000, 60_000):
        text = "<INVENTORY>\n<NOTE>x</NOTE>" + "".join(ITEM.format(3001, 4) for _ in range(rows)) + "</INVENTORY>"
        path = written(tmp_path, text=text)
        tracemalloc.start()
        assert sum(1 for _ in rows_of(path)) == rows
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 2 * peaks[0]


def test_memory__an_item_without_end_is_refused(tmp_path):
    """One item that goes on and on is stopped long before it fills the memory."""
    text = "<INVENTORY>" + ONE_LINE.format(1, 1) * 3000 + "<ITEM>" + "<X/>" * 200_000 + "</ITEM></INVENTORY>"
    with pytest.raises(InputError) as caught:
        list(bricklink_xml.parse(written(tmp_path, text=text)))
    assert caught.value.fault.code == "limit.fields"
    assert caught.value.fault.place == {"row": 3001}


def test_memory__a_list_that_never_comes_to_its_items_is_refused(tmp_path, monkeypatch):
    """Elements that are no items are read for a while only."""
    monkeypatch.setattr(xml_rows, "MAX_PREAMBLE", 500_000)
    text = "<INVENTORY>" + "<X/>" * 400_000 + ONE_LINE.format(1, 1) + "</INVENTORY>"
    with pytest.raises(UnreadableFile) as caught:
        list(bricklink_xml.parse(written(tmp_path, text=text)))
    assert caught.value.fault.code == "format.unknown"


def test_syntax__says_how_many_items_were_fine(tmp_path):
    """A list that breaks off yields what came before, and the error counts it and names the place."""
    text = "<INVENTORY>\n" + ONE_LINE.format(3001, 4) * 5000 + "<ITEM><ITEMID>30"
    found = []
    with pytest.raises(UnreadableFile) as caught:
        found.extend(rows_of(written(tmp_path, text=text)))
    assert len(found) == 5000
    assert caught.value.fault.place == {"line": 5002, "column": 17, "rows_read": 5000}
    assert "5000 items" in caught.value.fault.message


def test_watch__is_told_up_to_the_end(tmp_path):
    """Progress is told in bytes, growing, and ends at the size of the file."""
    text = "<INVENTORY>" + ONE_LINE.format(3001, 4) * 8000 + "</INVENTORY>"
    path = written(tmp_path, text=text)
    told = []
    list(bricklink_xml.parse(path, watch=lambda done, size: told.append((done, size))))
    size = path.stat().st_size
    assert told == sorted(told)
    assert told[-1] == (size, size)
    assert len(told) > 1


@given(st.lists(st.sampled_from(["&", "&amp;", "&#65;", "&x;", "<!--", "-->", "<![CDATA[", "]]>", "a", "\n"])))
def test_repair__does_not_hang_on_where_chunks_end(pieces):
    """However a text is cut into chunks, the repair makes the same of it."""
    text = "".join(pieces).encode()
    whole, pieced = Repair(), Repair()
    expected = whole.feed(text) + whole.feed(b"", last=True)
    found = b"".join(pieced.feed(text[at : at + 3]) for at in range(0, len(text), 3)) + pieced.feed(b"", last=True)
    assert found == expected
    assert pieced.lines == whole.lines


def test_repair__across_the_edge_of_a_chunk(tmp_path, monkeypatch):
    """An ampersand at any place relative to a chunk's edge is repaired once, and counted in its line."""
    monkeypatch.setattr("parsers.xml_source.CHUNK", 64)
    monkeypatch.setattr(encoding, "CHUNK", 64)
    item = "<ITEM><ITEMTYPE>P</ITEMTYPE><ITEMID>1</ITEMID><REMARKS>{}a & b &amp; c&lt;</REMARKS></ITEM>\n"
    text = "<INVENTORY>\n" + "".join(item.format("x" * row) for row in range(70)) + "</INVENTORY>"
    found = list(bricklink_xml.parse(written(tmp_path, text=text)))
    records = [item for item in found if isinstance(item, Record)]
    repaired = [(item.row, item.line) for item in found if isinstance(item, Issue) and item.code.startswith("xml.")]
    assert [record.fields["remarks"] for record in records] == ["x" * row + "a & b & c<" for row in range(70)]
    assert repaired == [(row + 1, row + 2) for row in range(70)]


SAMPLE = (
    "<?xml version='1.0' encoding='utf-8'?>\n<!-- list -->\n<INVENTORY>\n"
    + ITEM.format(3001, 4)
    + ONE_LINE.format("3002 & 3003", "-1")
    + "<ITEM><ITEMTYPE>M</ITEMTYPE><ITEMID>sw1</ITEMID><QTY>+3</QTY><PRICE>.5</PRICE><CONDITION>q</CONDITION></ITEM>\n"
    + "</INVENTORY>\n"
).encode()
SPLICES = [b"", b"&", b"<", b">", b"<ITEM>", b"</ITEM>", b"\0", b"\xff", b"\xfe\xff", b"<!DOCTYPE x [<!ENTITY a 'b'>]>"]
SPLICES += [b"]]>", b"<![CDATA[", b"-->", b"9" * 5000, "é".encode("utf-16"), b"<?xml?>", b" xmlns='x'", b"<INVENTORY>"]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cuts=st.lists(st.tuples(st.integers(0, len(SAMPLE)), st.integers(0, 40), st.sampled_from(SPLICES)), max_size=4),
    encoded=st.sampled_from(["utf-8", "utf-16", "utf-16-le", "latin-1"]),
)
def test_parse__raises_nothing_but_input_errors(tmp_path, cuts, encoded):
    """However a list is damaged, its parser yields values or says what is wrong with the file."""
    found = SAMPLE
    for at, length, splice in cuts:
        found = found[:at] + splice + found[at + length :]
    if encoded != "utf-8":
        found = found.decode("latin-1").encode(encoded)
    code = "format."
    try:
        for item in bricklink_xml.parse(written(tmp_path, text=found)):
            assert isinstance(item, Record | Issue | Fact)
    except InputError as caught:
        code = caught.fault.code
    assert code.partition(".")[0] in {"xml", "format", "limit"}
