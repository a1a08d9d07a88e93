"""LEGO Digital Designer models: archives and what they are not, floods, and progress; plain cases are data."""

import pytest
from cad_lists import brick, encrypted, lxf, lxfml, zipped

from jobs.errors import InputError
from jobs.issues import Fact, Record
from parsers import ldd_lxf, ldd_lxfml
from parsers.wishes import Wishes

BRICKS = brick("3001", "21,0") * 3 + brick("3002", "1,0")


@pytest.fixture
def read(tmp_path):
    """Reads bytes with the parser of archives: (lots, facts)."""

    def reading(content, *, parser=ldd_lxf, **wishes):
        path = tmp_path / "model.lxf"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        found = list(parser.parse(path, wishes=Wishes(**wishes)))
        records = [item.fields for item in found if isinstance(item, Record)]
        lots = {(fields["raw_id"], fields["raw_color"]): fields["qty"] for fields in records}
        return lots, {item.name: item.value for item in found if isinstance(item, Fact)}

    return reading


def code_of(read, content, **given):
    with pytest.raises(InputError) as caught:
        read(content, **given)
    return caught.value.fault.code


@pytest.mark.parametrize("entry", ["IMAGE100.LXFML", "image100.lxfml", "folder\\Image100.lxfml", "other.LXFML"])
def test_archive__holds_the_model_under_any_spelling(read, entry):
    """The model is found whatever its case and folder."""
    lots, facts = read(lxf(BRICKS, entry=entry))
    assert lots == {("3001", 21): 3, ("3002", 1): 1}
    assert facts == {"title": "A model", "bricks": 4}


def test_archive__may_be_none(read):
    """A .lxf that is the plain XML is read as such."""
    lots, _ = read(lxfml(BRICKS))
    assert lots == {("3001", 21): 3, ("3002", 1): 1}


def test_archive__hostile_ones_are_refused_by_name(read):
    """Bombs, locks, two models or none: each has its own code."""
    assert code_of(read, b"") == "format.empty"
    assert code_of(read, b"hello") == "format.unknown"
    assert code_of(read, lxf(BRICKS)[:-40]) == "zip.damaged"
    assert code_of(read, zipped({"IMAGE100.PNG": "x"})) == "lxf.no_model"
    assert code_of(read, zipped({"a.lxfml": "x", "b.lxfml": "x"})) == "zip.ambiguous"
    assert code_of(read, zipped({"a/image100.lxfml": "x", "IMAGE100.LXFML": "x"})) == "zip.ambiguous"
    assert code_of(read, encrypted({"IMAGE100.LXFML": lxfml(BRICKS)}, "x")) == "zip.encrypted"
    assert code_of(read, zipped({"../IMAGE100.LXFML": lxfml(BRICKS)})) == "zip.name"
    assert code_of(read, lxf(" " * 80_000_000)) == "zip.ratio"
    assert code_of(read, zipped({"IMAGE100.LXFML": "<html></html>"})) == "format.html"


def test_entities__are_never_expanded(read):
    """Billions of laughs, files of the server and harmless entities alike are refused."""
    laughs = "".join(f'<!ENTITY l{at} "{f"&l{at - 1};" * 10}">' for at in range(1, 10))
    for subset in (f'<!ENTITY l0 "ha">{laughs}', '<!ENTITY l9 SYSTEM "file:///etc/passwd">', '<!ENTITY l9 "3001">'):
        text = f'<!DOCTYPE LXFML [{subset}]>\n<LXFML><Bricks><Brick designID="1">&l9;</Brick></Bricks></LXFML>'
        assert code_of(read, text, parser=ldd_lxfml) == "xml.entity"


def test_depth__is_bounded(read):
    """Elements in elements beyond any model are refused by the XML parser's own limit."""
    text = "<LXFML>" + "<Group>" * 100_000
    assert code_of(read, text, parser=ldd_lxfml) == "xml.syntax"


def test_limits__a_flood_of_designs_ends(read, monkeypatch):
    """More different parts than any model has are refused; more of the same are counted."""
    monkeypatch.setattr(ldd_lxfml, "MAX_LOTS", 100)
    assert code_of(read, lxfml("".join(brick(str(at), "21") for at in range(101)))) == "limit.rows"
    lots, _ = read(lxfml(brick("3001", "21,0") * 5000))
    assert lots == {("3001", 21): 5000}


def test_limits__a_brick_of_a_million_parts_is_counted_or_refused(read):
    """One brick that never ends does not take all memory."""
    text = lxfml('<Brick designID="1">' + '<Part designID="2" materials="21"/>\n' * 100_000 + "</Brick>")
    assert code_of(read, text) == "limit.fields"


def test_encoding__cp1252_is_read_with_a_warning(read):
    """A title in the wrong encoding does not cost the list."""
    lots, facts = read(lxfml(BRICKS, name="Größe").encode("cp1252"))
    assert facts["title"] == "Größe"
    assert len(lots) == 2
