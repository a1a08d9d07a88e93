"""The merged list in other programs' words: what each form carries, what it leaves out, and that both are told."""

import csv
import json

import pyarrow.parquet as pq
from lxml import etree
from small_catalog import small_catalog

from lists import lots as lots_module
from lists.exports import BrickLinkXml, LotLines, LotTable, RebrickableCsv
from lists.lot_rows import Names, lot_rows
from lists.lots import LotBook, LotKey, Role


def key(part="3001", color=4, **more):
    said = {"item_type": "P", "part_num": part, "raw_id": None, "color_id": color, "raw_color": None}
    said |= {"condition": None, "unit_price": None, "currency": None, "role": Role.PIECE}
    return LotKey(**(said | more))


def book(*rows):
    made = LotBook()
    for number, (lot, qty, fields) in enumerate(rows, 1):
        said = {"raw_id": lot.part_num, "id_space": "rebrickable", "raw_color": lot.color_id}
        made.lot(tuple(lot), said | {"color_space": "rebrickable"} | fields).add(number, qty)
    return made


def rows_of(*rows):
    (found,) = lot_rows(book(*rows), Names(small_catalog()))
    return found


def written(form, rows):
    """The form's file, and what it could carry."""
    with form:
        form.add(rows)
    return form.carried


UNRESOLVED = key(None, None, raw_id="x99", raw_color=77)
LOTS = (
    (key(), 4, {}),
    (key(role=Role.SPARE), 1, {}),
    (key("6141", 0, condition="N", unit_price="0.25", currency="EUR"), 7, {"name": "Round & flat"}),
    (UNRESOLVED, 2, {"raw_id": "x99", "id_space": "bricklink", "raw_color": 77, "color_space": "bricklink"}),
    (key("3023", 4, role=Role.ALTERNATE), 3, {}),
    (key("75192-1", None, item_type="S"), 1, {}),
    (key("3002", 4), 0, {}),
)


def test_book__merges_equal_keys_and_keeps_the_first_row():
    """Rows of one key are one lot with all their pieces; another price, condition or role is another lot."""
    rows = [(key(), 4, {}), (key(), 3, {}), (key(unit_price="1"), 1, {}), (key(role=Role.SPARE), 1, {})]
    merged = [(lot.qty, lot.rows, lot.row) for _, lot in book(*rows).entries()]
    assert merged == [(7, 2, 1), (1, 1, 3), (1, 1, 4)]


def test_book__has_an_end(monkeypatch):
    """A list with endlessly many lots fills no memory: there are no lots past the limit, and known ones still grow."""
    monkeypatch.setattr(lots_module, "MAX_LOTS", 2)
    made = LotBook()
    fields = {"raw_id": "1", "id_space": "unknown", "raw_color": None, "color_space": "unknown"}
    lots = [made.lot(tuple(key(part)), fields) for part in ["1", "2", "3", "1", "4"]]
    assert (len(made), lots[2], lots[4]) == (2, None, None)
    assert lots[3] is lots[0]


def test_rebrickable__parts_and_spares(tmp_path):
    """Parts and spares are written, what Rebrickable has no words for is counted; an unknown color is -1."""
    told = written(RebrickableCsv(tmp_path), rows_of(*LOTS))
    rows = list(csv.reader((tmp_path / "rebrickable.csv").open()))
    assert rows == [
        ["Part", "Color", "Quantity", "Is Spare"],
        ["3001", "4", "4", "False"],
        ["3001", "4", "1", "True"],
        ["6141", "0", "7", "False"],
        ["x99", "-1", "2", "False"],
    ]
    assert told == (4, 3)


def test_rebrickable__no_cell_is_a_formula(tmp_path):
    """An unresolved id that a spreadsheet would run is left out, and one with a comma is quoted."""
    odd = [(key(None, 4, raw_id=text), 1, {"raw_id": text}) for text in ("=1+1", "@x", "-2", "a,b", 'q"x')]
    told = written(RebrickableCsv(tmp_path), rows_of(*odd))
    assert [row[0] for row in csv.reader((tmp_path / "rebrickable.csv").open())] == ["Part", "a,b", 'q"x']
    assert told == (2, 3)


def test_bricklink__in_its_own_numbers(tmp_path):
    """Ids and colors are BrickLink's: by the maps, and the file's own where it spoke BrickLink already."""
    told = written(BrickLinkXml(tmp_path, spares=False), rows_of(*LOTS))
    items = [{child.tag: child.text for child in item} for item in etree.parse(tmp_path / "bricklink.xml").getroot()]
    assert items == [
        {"ITEMTYPE": "P", "ITEMID": "3001", "COLOR": "5", "MINQTY": "4"},
        {"ITEMTYPE": "P", "ITEMID": "4073", "COLOR": "11", "MINQTY": "7", "CONDITION": "N", "MAXPRICE": "0.25"},
        {"ITEMTYPE": "P", "ITEMID": "x99", "COLOR": "77", "MINQTY": "2"},
        {"ITEMTYPE": "S", "ITEMID": "75192-1", "MINQTY": "1"},
    ]
    assert told == (4, 3)


def test_bricklink__spares_on_request(tmp_path):
    """A wanted list can not mark spares, so they are in it only where they were asked for."""
    told = written(BrickLinkXml(tmp_path, spares=True), rows_of(*LOTS))
    assert told == (5, 2)


def test_bricklink__is_xml_whatever_an_id_holds(tmp_path):
    """Markup and control characters in an id end up as text."""
    odd = "a<b>&\"'\x01\x0b]]>ü"
    written(BrickLinkXml(tmp_path, spares=False), rows_of((key(None, 4, raw_id=odd), 1, {"raw_id": odd})))
    assert etree.parse(tmp_path / "bricklink.xml").findtext(".//ITEMID") == "a<b>&\"']]>ü"


def test_lots__json_lines_and_parquet_say_the_same(tmp_path):
    """Each lot is one object with pieces by role, and the table has the same in typed columns."""
    rows = rows_of(*LOTS)
    written(LotLines(tmp_path), rows)
    written(LotTable(tmp_path), rows)
    lines = [json.loads(line) for line in (tmp_path / "lots.jsonl").read_text().splitlines()]
    assert lines == rows == pq.read_table(tmp_path / "lots.parquet").to_pylist()
    assert [(one["qty"], one["spares"], one["alternates"]) for one in rows[:5]] == [
        (4, 0, 0),
        (0, 1, 0),
        (7, 0, 0),
        (2, 0, 0),
        (0, 0, 3),
    ]
    assert (rows[2]["name"], rows[2]["color_name"], rows[2]["bricklink_id"]) == ("Plate Round 1 x 1", "Black", "4073")
    assert (rows[3]["raw_id"], rows[3]["part_num"], rows[3]["bricklink_color"]) == ("x99", None, 77)
