"""Tables are read by the names in their header; what is wrong with a row is counted and told, and the rest is kept."""

import pytest
from support.catalogs import PARTS, write_sources

from catalog.collect import collect
from catalog.port import Color, Element, Part, Relation
from catalog.rows import Tally
from catalog.tables import NAME_LENGTH, PartLink
from jobs.errors import InputError


def read(tmp_path, **files):
    """(tables, tally) of a folder with these files beside, or in place of, the usual parts and colors."""
    tally = Tally()
    return collect(write_sources(tmp_path / "sources", **files), tally=tally), tally


def test_parts__columns_in_any_order(tmp_path):
    """Columns are found by name: order, case and unknown ones do not matter."""
    found, _ = read(tmp_path, parts__csv="Part_Material, NAME ,x,part_num\nPlastic, Brick 2 x 4 ,?, 3001 \n")
    assert found.parts == [Part("3001", "Brick 2 x 4", "")]


def test_parts__oldest_header(tmp_path):
    """The header of the first downloads is understood."""
    found, _ = read(tmp_path, parts__csv="part_id,descr,category\n3001,Brick 2 x 4,Bricks\n")
    assert found.parts == [Part("3001", "Brick 2 x 4", "")]


def test_parts__have_their_categories_name(tmp_path):
    """The category's number becomes its name; an unknown one is counted."""
    found, tally = read(tmp_path, part_categories__csv="id,name\n11,Bricks\n")
    assert [part.category for part in found.parts] == ["Bricks", ""]
    assert tally.orphans == {"parts": 1}


def test_parts__without_categories_nothing_is_an_orphan(tmp_path):
    """Where there is no table of categories, a note says so once."""
    _, tally = read(tmp_path)
    assert tally.orphans == {}
    assert "part_categories.csv is missing: parts have no category" in tally.notes


@pytest.mark.parametrize("number", ["003381", "970e01", "1E5", "x1435", "3-4.5", "0"])
def test_parts__numbers_stay_text(tmp_path, number):
    """Leading zeros and numbers that look like other numbers are kept as they are."""
    found, _ = read(tmp_path, parts__csv=f"part_num,name\n{number},A\n")
    assert found.parts[0].part_num == number


@pytest.mark.parametrize("number", ["", "a b", "3001;", "-1", "=1+1", "x" * 41, "3001\x00", "\uff13001"])
def test_parts__odd_numbers_are_left_out(tmp_path, number):
    """A row whose number can be none is left out, counted and told with its line."""
    found, tally = read(tmp_path, parts__csv=f"{PARTS}{number},A,1,Plastic\n")
    assert len(found.parts) == 2
    assert tally.skipped == {"parts": 1}
    assert "parts.csv line 4" in tally.notes[-1]


def test_parts__doubles_are_counted(tmp_path):
    """Of two rows with one number, whatever its case, the first counts."""
    found, tally = read(tmp_path, parts__csv=f"{PARTS}3070B,Other,1,Plastic\n")
    assert [part.name for part in found.parts] == ["Brick 2 x 4", "Tile 1 x 1"]
    assert tally.duplicates == {"parts": 1}


def test_parts__ragged_rows_are_left_out(tmp_path):
    """Rows of another length than the header's are left out; blank lines are nothing."""
    _, tally = read(tmp_path, parts__csv=f"{PARTS}3002,Brick\n\n3003,A,1,Plastic,more\n")
    assert tally.skipped == {"parts": 2}


def test_parts__only_the_first_few_are_told(tmp_path):
    """A table of nothing but bad rows makes a count, not a thousand notes."""
    _, tally = read(tmp_path, parts__csv=PARTS + "?,A,1,Plastic\n" * 1000)
    assert tally.skipped == {"parts": 1000}
    assert len([note for note in tally.notes if "parts.csv line" in note]) == 3


def test_parts__names_are_one_line(tmp_path):
    """Line ends and control characters in a name become blanks; an endless name is cut."""
    found, _ = read(tmp_path, parts__csv=f'part_num,name\n1,"Brick\n2 x 4\x07"\n2,{"x" * 1000}\n')
    assert found.parts[0].name == "Brick 2 x 4"
    assert len(found.parts[1].name) == NAME_LENGTH


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("id,name,rgb,is_trans", "47,Trans-Clear,FCFCFC,True"),
        ("id,name,rgb,is_trans", "47,Trans-Clear,fcfcfc,t"),
        ("id,name,rgb,is_trans,num_parts,num_sets,y1,y2", "47,Trans-Clear,FCFCFC,True,43833,14160,1954,"),
        ("name,is_trans,rgb,id", "Trans-Clear,TRUE,#FCFCFC,47"),
    ],
)
def test_colors__old_and_new(tmp_path, header, row):
    """The table of four columns and that of eight say the same, with either kind of booleans."""
    found, _ = read(tmp_path, colors__csv=f"{header}\n{row}\n")
    assert found.colors == [Color(47, "Trans-Clear", "FCFCFC", True)]


@pytest.mark.parametrize("clear", ["False", "f", "", "0"])
def test_colors__opaque_or_not_said(tmp_path, clear):
    """An empty cell means that nothing is known, which is taken for opaque."""
    found, _ = read(tmp_path, colors__csv=f"id,name,rgb,is_trans\n-1,[Unknown],0033B2,{clear}\n")
    assert found.colors == [Color(-1, "[Unknown]", "0033B2", False)]


@pytest.mark.parametrize(
    "row", ["x,A,000000,f", "1.5,A,000000,f", ",A,000000,f", "1,A,000000,maybe", "9999999999,A,0,f"]
)
def test_colors__odd_rows_are_left_out(tmp_path, row):
    """A color without a number, or with a strange boolean, is left out."""
    found, tally = read(tmp_path, colors__csv=f"id,name,rgb,is_trans\n0,Black,05131D,f\n{row}\n")
    assert [color.id for color in found.colors] == [0]
    assert tally.skipped == {"colors": 1}


def test_colors__without_rgb_are_gray(tmp_path):
    """A color does not vanish because its RGB value is missing."""
    found, tally = read(tmp_path, colors__csv="id,name,rgb,is_trans\n0,Black,,f\n")
    assert found.colors == [Color(0, "Black", "808080", False)]
    assert any("no RGB value" in note for note in tally.notes)


def test_elements__part_color_and_design(tmp_path):
    """An element gives a part in a color; a design number that is no part's number leads to its part."""
    rows = "element_id,part_num,color_id,design_id\n300121,3001,4,3001\n307026,3070B,0,3070\n1,3001,0,\n"
    found, tally = read(tmp_path, elements__csv=rows)
    assert found.elements == [Element("300121", "3001", 4), Element("307026", "3070b", 0), Element("1", "3001", 0)]
    assert found.part_links == [PartLink("lego", "3070", "3070b", 3)]
    assert (tally.skipped, tally.orphans, tally.duplicates) == ({}, {}, {})


def test_elements__without_design_ids(tmp_path):
    """The older table has three columns."""
    found, _ = read(tmp_path, elements__csv="element_id,part_num,color_id\n300121,3001,4\n")
    assert found.elements == [Element("300121", "3001", 4)]


def test_elements__orphans_and_odd_rows_are_counted(tmp_path):
    """Elements of unknown parts or colors are orphans; numbers that are none are malformed; doubles are doubles."""
    rows = "element_id,part_num,color_id\n1,9,4\n2,3001,77\n3x,3001,4\n4,3001,red\n5,3001,4\n5,3001,0\n"
    found, tally = read(tmp_path, elements__csv=rows)
    assert found.elements == [Element("5", "3001", 4)]
    assert tally.orphans == {"elements": 2}
    assert tally.skipped == {"elements": 2}
    assert tally.duplicates == {"elements": 1}


def test_relations__of_known_parts_once(tmp_path):
    """Relations are sorted, each stands once; unknown kinds, two unknown parts and a part's own alternate are left out."""
    rows = "rel_type,child_part_num,parent_part_num\nm,3001,3070B\nM,3001,3070b\nA,3001,3001\nP,3001pr1,3001\nZ,3001,3070b\n"
    rows += "A,9999x,9998x\n"
    found, tally = read(tmp_path, part_relationships__csv=rows)
    assert found.relations == [Relation("M", "3001", "3070b"), Relation("P", "3001pr1", "3001")]
    assert tally.orphans == {"part_relationships": 1}
    assert tally.skipped == {"part_relationships": 1}


def test_tables__others_are_passed_over(tmp_path):
    """Sets and inventories are not needed, other files not known: both are told."""
    _, tally = read(tmp_path, sets__csv="set_num,name\n1-1,A\n", photo__png=b"\x89PNG", other__csv="a,b\n1,2\n")
    assert "sets.csv is not needed: passed over" in tally.notes
    assert "photo.png is no table that is known here: passed over" in tally.notes
    assert "other.csv holds no ids that are known here: passed over" in tally.notes


@pytest.mark.parametrize("body", ["", "\n", "part_num;name\n3001;A\n", "a,b\n1,2\n"])
def test_tables__header_must_name_the_columns(tmp_path, body):
    """A table without the needed columns is refused, with those that it has and those that it needs."""
    with pytest.raises(InputError) as caught:
        read(tmp_path, parts__csv=body)
    assert caught.value.fault.code == "catalog.header"
    assert "part_num" in caught.value.fault.hint


def test_tables__broken_quotes_are_refused(tmp_path):
    """CSV that is not well formed is refused with its line."""
    with pytest.raises(InputError) as caught:
        read(tmp_path, parts__csv=f'{PARTS}3002,"Brick"2,1,Plastic\n')
    assert caught.value.fault.code == "catalog.unreadable"
    assert caught.value.fault.place["line"] == 4


def test_tables__an_open_quote_swallows_no_memory(tmp_path):
    """A quote that is never closed ends at csv's limit for a field."""
    with pytest.raises(InputError) as caught:
        read(tmp_path, parts__csv=PARTS + '3002,"' + "Brick\n" * 100_000)
    assert caught.value.fault.code == "catalog.unreadable"


def test_tables__too_many_rows_are_refused(tmp_path, monkeypatch):
    """A table of millions of rows is no catalog."""
    monkeypatch.setattr("catalog.rows.MAX_ROWS", 5)
    with pytest.raises(InputError) as caught:
        read(tmp_path, parts__csv=PARTS * 3)
    assert caught.value.fault.code == "catalog.too_large"


def test_tables__watch_is_told_and_may_stop(tmp_path):
    """Progress is told per file, and what the watch raises ends the reading."""
    place, told = write_sources(tmp_path / "a"), []
    collect(place, tally=Tally(), watch=lambda done, total: told.append((done, total)))
    assert told == [(0, 2), (1, 2)]

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        collect(place, tally=Tally(), watch=stop)
