"""The fast lane and the parser read the same out of any file: rows, lines, issues, and how a broken one ends."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.errors import InputError
from parsers import bricklink_xml, brickstore_bsx, xml_source
from parsers.xml_lane import Lane
from parsers.xml_mixed import MixedRows
from parsers.xml_rows import XmlRows

ITEM = "<ITEM><ITEMTYPE>P</ITEMTYPE><ITEMID>{}</ITEMID><COLOR>5</COLOR><MINQTY>4</MINQTY></ITEM>"
TALL = "  <ITEM>\r\n  <ITEMTYPE>P</ITEMTYPE>\n  <ITEMID>{}</ITEMID>\n <COLOR/>\n <MINQTY>x</MINQTY>\n</ITEM>\n"
STORE = (
    "<Item>\n<ItemID>{}</ItemID><ItemTypeID>P</ItemTypeID><ColorID>1</ColorID><Qty>0</Qty><Status>X</Status></Item>\n"
)
ODD = [
    "<ITEM><!-- <ITEM>x</ITEM> --><ITEMID>7</ITEMID><ITEMTYPE>P</ITEMTYPE><COLOR>1</COLOR></ITEM>",
    "<ITEM><ITEMID><![CDATA[</ITEM>]]></ITEMID></ITEM>",
    '<ITEM id="7"><ITEMID>8</ITEMID></ITEM>',
    "<item><itemid>9</itemid></item>\n",
    "<ITEM><ITEMID>a & b</ITEMID></ITEM>\n",
    "<ITEM><ITEMID>é</ITEMID><ITEMTYPE>P</ITEMTYPE><COLOR>1</COLOR></ITEM>",
    "<ITEM><ITEMID>1</ITEMID><ITEMID>2</ITEMID></ITEM>",
    "<ITEM><X><ITEM><ITEMID>1</ITEMID></ITEM>",
    "</X></ITEM>",
    "<ORDER><BASECURRENCYCODE>EUR</BASECURRENCYCODE>",
    "</ORDER>\n",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?pi </ITEM>?>",
    "<",
    "\r",
    "\n\n",
    "\x01",
    "&x;",
    "<ITEM><ITEMID>&#233;&#xE9;&lt;&amp;lt;&#10;\n&apos;</ITEMID><ITEMTYPE>P</ITEMTYPE><COLOR>1</COLOR></ITEM>",
    "<ITEM><ITEMID>&#2;</ITEMID></ITEM>",
    "<ITEM><REMARKS>&#1114112;</REMARKS></ITEM>",
    "<ITEM><ITEMID>4</ITEMID><ITEMTYPE>P</ITEMTYPE><COLOR>1</COLOR><REMARKS> two\n\tlines\r\n</REMARKS></ITEM>",
    "</INVENTORY>",
    "</ITEM>",
    "<a:ITEM xmlns:a='b'><ITEMID>1</ITEMID></a:ITEM>",
]
PIECES = st.lists(
    st.one_of(
        st.integers(1, 9).map(lambda number: ITEM.format(number) + "\n"),
        st.integers(1, 9).map(ITEM.format),
        st.integers(1, 9).map(TALL.format),
        st.integers(1, 9).map(STORE.format),
        st.sampled_from(ODD),
    ),
    max_size=30,
)


def outcome(module, path):
    """All that a reading comes to."""
    found = []
    try:
        found.extend(module.parse(path))
    except InputError as caught:
        return found, caught.fault
    return found, None


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=PIECES, root=st.sampled_from(["INVENTORY", "ORDERS"]), cut=st.integers(0, 40), size=st.integers(30, 400))
def test_lane__reads_what_the_parser_reads(tmp_path, pieces, root, cut, size):
    """However plain and other items mix, both ways of reading come to the same, in chunks of any size."""
    text = f"<{root}>\n" + "".join(pieces) + f"\n</{root}>"
    path = tmp_path / "list.xml"
    path.write_text(text[: len(text) - max(0, cut - 20)], encoding="utf-8", newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xml_source, "CHUNK", size)
        mixed = outcome(bricklink_xml, path)
        patch.setattr(MixedRows, "mixed", XmlRows.batches)
        assert mixed == outcome(bricklink_xml, path)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=PIECES, size=st.integers(30, 400))
def test_lane__reads_brickstore_alike(tmp_path, pieces, size):
    """The same holds for items below a second element."""
    path = tmp_path / "list.bsx"
    text = "<BrickStoreXML><Inventory Currency='EUR'>" + "".join(pieces) + "</Inventory><GuiState/></BrickStoreXML>"
    path.write_text(text, encoding="utf-8", newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xml_source, "CHUNK", size)
        mixed = outcome(brickstore_bsx, path)
        patch.setattr(MixedRows, "mixed", XmlRows.batches)
        assert mixed == outcome(brickstore_bsx, path)


def test_lane__takes_plain_items(tmp_path):
    """Items of several shapes and spellings go through the lane, so that the promise of speed rests on something."""
    text = "<ITEM><A>1</A><B/></ITEM>\n<ITEM><A>2</A><B>x</B></ITEM><ITEM><B>3</B></ITEM><ITEM><A>&a;</A></ITEM>"
    lane = Lane("ITEM")
    first = lane.run(text, 0, line=5)
    assert (first.tags, first.lines, first.texts, first.line) == (("A", "B"), [5, 6], [("1", None), ("2", "x")], 6)
    second = lane.run(text, first.end, line=first.line)
    assert (second.tags, second.lines, second.texts) == (("B",), [6], [("3",)])
    assert lane.run(text, second.end, line=6) is None


@pytest.mark.parametrize("text", ["]]>", "a\x02", "\ufffe", "&x;", "&#0;", "&#55296;", "&#9999999;", "a\rb", "<x/>"])
def test_lane__leaves_the_rest_to_the_parser(text):
    """What an XML parser would refuse or change is never read by pattern."""
    assert Lane("ITEM").run(f"<ITEM><A>{text}</A></ITEM>", 0, line=1) is None
