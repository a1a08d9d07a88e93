"""Id maps are read as they are published, and tied to the parts and colors that the catalog has."""

import json

import pytest
from support.catalogs import COLORS, write_sources

from catalog.collect import collect
from catalog.id_maps import IdMaps, read_ldconfig, read_leocad
from catalog.index import Index
from catalog.rows import Tally
from catalog.sources import find_sources
from jobs.errors import InputError

PARTS = "part_num,name\n3001,Brick\n6141,Plate round\n3070b,Tile\n4032a,Plate\n54200,Slope\n"
LDCONFIG = """0 LDraw.org Configuration File
0 // LDraw Solid Colours
0                              // LEGOID  26 - Black
0 !COLOUR Black                CODE   0   VALUE #1B2A34   EDGE #808080
0                              // LEGOID  21 - Bright Red
0 !COLOUR Red                  CODE   4   VALUE #B40000   EDGE #333333
0 !COLOUR Olive_Green          CODE 330   VALUE #77774E   EDGE #333333
0 !COLOUR Trans_Light_Grey     CODE  99   VALUE #FCFCFC   EDGE #C3C3C3   ALPHA 128
0 !COLOUR Odd_One              CODE  14   VALUE #F5C500   EDGE #333333
0 !COLOUR Unlike               CODE   5   VALUE #00FF00   EDGE #333333
0 !COLOUR Rubber_Black         CODE 256   VALUE #1B2A34   EDGE #595959 RUBBER
"""
MORE_COLORS = (
    COLORS + "326,Olive Green,9B9A5A,f\n1099,Trans-Light Gray,EEEEEE,t\n14,Yellow,F2CD37,f\n5,Dark Pink,C870A0,f\n"
)


def index_of(tmp_path, **files):
    """(index, tally) of a catalog with these files."""
    tally = Tally()
    given = {"parts__csv": PARTS, "colors__csv": MORE_COLORS} | files
    return Index.of(collect(write_sources(tmp_path / "sources", **given), tally=tally)), tally


def maps_of(tmp_path, read, body):
    """What one reader makes of one file."""
    (tmp_path / "file.txt").write_text(body)
    maps = IdMaps()
    read(find_sources(tmp_path)[0], maps)
    return maps


def test_leocad__lines(tmp_path):
    """`LDraw BrickLink` line by line; comments, headings of sections and odd lines are no ids."""
    body = "! 0 LDraw to BrickLink mappings. CC-0 licensed\n6141 4073\n! Colors\n4 5\n\nParts\n4032a.DAT\t4032\na b c\n"
    maps = maps_of(tmp_path, read_leocad, body)
    assert maps.leocad_parts == [("6141", "4073"), ("4032a", "4032")]
    assert maps.leocad_colors == [(4, 5)]


@pytest.mark.parametrize("first", ["", "! CC-0 licensed\n"])
def test_leocad__json(tmp_path, first):
    """Newer files are an object of parts and colors, perhaps below a line of comment."""
    body = json.dumps({"Parts": {"6141": "4073", "9": None}, "Colors": {"4": "5", "x": "7", "0": 11}}, indent=1)
    maps = maps_of(tmp_path, read_leocad, first + body)
    assert maps.leocad_parts == [("6141", "4073")]
    assert maps.leocad_colors == [(4, 5), (0, 11)]


def test_leocad__parts_are_tied(tmp_path):
    """A pair is tied by the LDraw id, else by BrickLink's, else through another pair of the same BrickLink id."""
    index, tally = index_of(tmp_path, ldraw2bl__txt="6141 4073\n50746 54200\n30057 4073\n1 2\n")
    assert index.part_maps["bricklink", "4073"] == ("6141",)
    assert index.part_maps["ldraw", "50746"] == ("54200",)
    assert index.part_maps["ldraw", "30057"] == ("6141",)
    assert index.external_ids["bricklink", "6141"] == ("4073",)
    assert tally.orphans == {"leocad_parts": 1}


def test_ldconfig__codes_names_and_lego(tmp_path):
    """Each color line gives a code, and the comment before it LEGO's number for this color alone."""
    found = maps_of(tmp_path, read_ldconfig, LDCONFIG).ldraw_colors
    assert [color.code for color in found] == [0, 4, 330, 99, 14, 5, 256]
    assert found[0].lego == (26, "Black")
    assert found[2].name == "Olive Green"
    assert found[2].lego is None


def test_ldconfig__colors_are_tied(tmp_path):
    """By name in whatever spelling, else by an equal number of nearly the same color; the rest stays out."""
    index, tally = index_of(tmp_path, LDConfig__ldr=LDCONFIG)
    assert index.color_maps["ldraw", 330] == [326]
    assert index.color_maps["ldraw", 99] == [1099]
    assert index.color_maps["ldraw", 14] == [14]
    assert ("ldraw", 5) not in index.color_maps
    assert index.color_maps["lego", 21] == [4]
    assert ("lego", 4) in index.color_names["bright red"]
    assert tally.orphans == {"ldconfig": 2}


def test_leocad__colors_go_through_ldraw(tmp_path):
    """BrickLink's numbers find their color by LDraw's code, which need not be the catalog's id."""
    leocad = json.dumps({"Parts": {}, "Colors": {"4": "5", "330": "155", "777": "9"}})
    index, tally = index_of(tmp_path, LDConfig__ldr=LDCONFIG, ldraw2bl__txt=leocad)
    assert index.color_maps["bricklink", 155] == [326]
    assert index.color_maps["bricklink", 5] == [4]
    assert tally.orphans["leocad_colors"] == 1
    assert not any("about one in nine" in note for note in tally.notes)


def test_leocad__colors_without_ldconfig(tmp_path):
    """Where nothing knows LDraw's codes, they are taken for the catalog's ids, and a note says how wrong that may be."""
    index, tally = index_of(tmp_path, ldraw2bl__txt='{"Colors": {"4": "5"}}')
    assert index.color_maps["bricklink", 5] == [4]
    assert any("about one in nine" in note for note in tally.notes)


def api_colors():
    """A page of colors as the API gives it, oddities included."""
    black = {
        "BrickLink": {"ext_ids": [11], "ext_descrs": [["Black"]]},
        "LEGO": {"ext_ids": [26, "149"], "ext_descrs": [["Black", "BLACK"], ["Metallic Black", ["BL"]]]},
        "LDraw": {"ext_ids": [0, 256], "ext_descrs": [["Black"], ["Rubber_Black"]]},
        "Peeron": {"ext_ids": [None], "ext_descrs": [["black"]]},
        "BrickOwl": {"ext_ids": [38], "ext_descrs": None},
        "Odd Name": {"ext_ids": [1]},
    }
    rows = [{"id": 0, "name": "Black", "external_ids": black}, {"id": 9, "name": "Gone", "external_ids": black}]
    return {"count": 2, "next": None, "previous": None, "results": [*rows, {"id": 4, "external_ids": []}, 7, None]}


def test_external_ids__colors(tmp_path):
    """Numbers and names of every system are taken; null numbers and nested lists are not."""
    index, tally = index_of(tmp_path, colors_api__json=json.dumps(api_colors()))
    assert index.color_maps["lego", 149] == [0]
    assert index.external_colors["ldraw", 0] == [0, 256]
    assert index.color_maps["brickowl", 38] == [0]
    assert index.color_names["metallic black"] == [("lego", 0)]
    assert ("peeron", 0) in index.color_names["black"]
    assert "bl" not in index.color_names
    assert tally.orphans == {"color_ids": 6}


def test_external_ids__parts_of_several_pages(tmp_path):
    """Parts come as a list of pages, as one page, or as a bare list."""
    tile = {"part_num": "3070b", "external_ids": {"BrickLink": ["3070b", "3070"], "LDraw": ["3070b"], "LEGO": "3070"}}
    plate = {"part_num": "6141", "external_ids": {"BrickLink": ["4073", 30057, None, True, "x" * 65, "a\nb"]}}
    gone = {"part_num": "77", "external_ids": {"BrickLink": ["78"]}}
    pages = [{"results": [tile]}, {"results": [plate, gone]}]
    index, tally = index_of(tmp_path, a__json=json.dumps(pages))
    assert index.part_maps["bricklink", "3070"] == ("3070b",)
    assert index.external_ids["bricklink", "6141"] == ("4073", "30057")
    assert ("lego", "3070") not in index.part_maps
    assert tally.orphans == {"part_ids": 1}


def test_external_ids__bare_list(tmp_path):
    """A bare list of parts is understood as well."""
    index, _ = index_of(tmp_path, a__json='[{"part_num": "6141", "external_ids": {"BrickLink": ["4073"]}}]')
    assert index.part_maps["bricklink", "4073"] == ("6141",)


@pytest.mark.parametrize("body", ["{}", "[]", "7", '"results"', '{"results": {"a": 1}}', "[[[[1]]]]", '[{"id": true}]'])
def test_external_ids__other_json_is_passed_over(tmp_path, body):
    """JSON of another kind is no id map and no error."""
    _, tally = index_of(tmp_path, a__json=body)
    assert "a.json holds no ids that are known here: passed over" in tally.notes


@pytest.mark.parametrize("body", ["", "{", "[" * 200_000, "<html>"])
def test_external_ids__broken_json_is_refused(tmp_path, body):
    """JSON that is not well formed, or nests without end, is refused with a stable code."""
    with pytest.raises(InputError) as caught:
        index_of(tmp_path, a__json=body)
    assert caught.value.fault.code == "catalog.json"


def test_links__csv(tmp_path):
    """Plain CSV gives ids of parts and of colors, and names of colors; spaces are told in any case."""
    parts = "space,external_id,part_num\nBrickLink,4073,6141\nbricklink,4073,3001\nbricklink,,3001\nbrick link,1,3001\nldraw,1,9\n"
    colors = "space,external_id,color_id,name\nbricklink,11,0,Black\nmine,,4,Fire\nmine,x,4,\nmine,1,99,Gone\n"
    index, tally = index_of(tmp_path, ids__csv=parts, shades__csv=colors)
    assert index.part_maps["bricklink", "4073"] == ("3001", "6141")
    assert index.color_maps["bricklink", 11] == [0]
    assert index.color_names["fire"] == [("mine", 4)]
    assert tally.skipped == {"part_ids": 2, "color_ids": 1}
    assert tally.orphans == {"part_ids": 1, "color_ids": 1}


def test_links__plain_csv_is_trusted_before_the_rest(tmp_path):
    """Where sources contradict each other, all answers are kept, the operator's own first."""
    parts = "space,external_id,part_num\nbricklink,4073,54200\n"
    api = json.dumps([{"part_num": "3001", "external_ids": {"BrickLink": ["4073"]}}])
    index, _ = index_of(tmp_path, ids__csv=parts, a__json=api, ldraw2bl__txt="6141 4073\n")
    assert index.part_maps["bricklink", "4073"] == ("54200", "3001", "6141")
