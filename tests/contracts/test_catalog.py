"""One suite for both catalogs: the compiled file and its twin in memory answer alike."""

from contextlib import ExitStack
from dataclasses import replace

import pytest
from support.catalogs import TABLES, compiled, in_memory

from catalog.port import Color, Element, Part, Relation
from catalog.tables import Tables


@pytest.fixture(params=["memory", "sqlite"])
def make(request, tmp_path):
    """Makes a catalog of the kind from tables."""
    with ExitStack() as closing:

        def made(tables=TABLES):
            if request.param == "memory":
                return in_memory(tables)
            return closing.enter_context(compiled(tmp_path / "catalog.sqlite", tables))

        yield made


@pytest.fixture
def catalog(make):
    return make()


def test_catalog__says_version_and_counts(catalog):
    """Version and rows by table are known without asking for anything."""
    assert catalog.version == "test-1"
    expected = {"parts": 9, "colors": 5, "elements": 5, "relations": 5, "part_maps": 5, "color_maps": 4}
    assert dict(catalog.counts) == expected


@pytest.mark.parametrize(("asked", "spelled"), [("3001", "3001"), ("3070B", "3070b"), ("970c00", "970C00")])
def test_part__is_found_in_any_case(catalog, asked, spelled):
    """Case does not matter in the question; the answer is spelled as the catalog spells it."""
    assert catalog.part(asked).part_num == spelled


def test_part__has_name_and_category(catalog):
    """A part comes with its category's name, empty where it has none."""
    assert catalog.part("3001") == Part("3001", "Brick 2 x 4", "Bricks")
    assert catalog.part("6141").category == ""


@pytest.mark.parametrize("asked", ["", "3001 ", "30", "3001%", "3001'--", "\x00", "\ud800", "x" * 100_000])
def test_catalog__knows_nothing_of_strange_ids(catalog, asked):
    """Whatever a file may hold as an id is merely unknown, in every question."""
    assert catalog.part(asked) is None
    assert catalog.element(asked) is None
    assert list(catalog.mapped("bricklink", asked)) == []
    assert list(catalog.mapped(asked, "3070")) == []
    assert list(catalog.external("bricklink", asked)) == []
    assert list(catalog.elements_of(asked, 0)) == []
    assert catalog.known_colors(asked) == frozenset()
    assert list(catalog.relations(asked)) == []
    assert list(catalog.mould_group(asked)) == []


@pytest.mark.parametrize("complete", [True, False])
def test_complete__as_the_tables_say(make, complete):
    """Whether the elements are all there are is what the tables' maker said."""
    assert make(replace(TABLES, complete=complete)).complete is complete


def test_mapped__best_first(catalog):
    """Of two parts for one id the one with more elements comes first; the other space's case does not matter."""
    assert list(catalog.mapped("bricklink", "4073")) == ["6141"]
    assert list(catalog.mapped("bricklink", "3070")) == ["3070b", "3070a"]
    assert list(catalog.mapped("bricklink", "3070b-OLD")) == ["3070b"]
    assert list(catalog.mapped("ldraw", "4073")) == []


def test_external__own_number_first(catalog):
    """Of several ids for a part its own number comes first, then those from the source that is trusted most."""
    assert list(catalog.external("bricklink", "3070B")) == ["3070b", "3070B-old", "3070"]
    assert list(catalog.external("bricklink", "3001")) == []


def test_element__stands_for_part_and_color(catalog):
    """An element number gives a part in a color."""
    assert catalog.element("300121") == Element("300121", "3001", 4)
    assert catalog.element("300199") is None


def test_elements_of__newest_first(catalog):
    """Several numbers of one part in one color are ordered as numbers, the highest first."""
    assert list(catalog.elements_of("3001", 0)) == ["4211385", "300126", "99"]
    assert list(catalog.elements_of("3001", 47)) == []
    assert list(catalog.elements_of("3001", 10**30)) == []


def test_known_colors__from_the_elements(catalog):
    """Colors are known from elements; a part without elements has none."""
    assert catalog.known_colors("3001") == frozenset({0, 4})
    assert catalog.known_colors("6141") == frozenset()
    asked = [("3001", 0), ("3001", 4), ("3001", 1), ("3001", -1), ("3001", 10**30), ("6141", 4), ("nothing", 0)]
    assert [catalog.is_known_in(*one) for one in asked] == [True, True, False, False, False, False, False]


def test_relations__from_either_side(catalog):
    """A relation is found by its child and by its parent, in any case."""
    print_of = Relation("P", "3001pr1", "3001")
    assert print_of in catalog.relations("3001")
    assert list(catalog.relations("3001PR1")) == [print_of]
    assert list(catalog.relations("970c00")) == [Relation("A", "3001", "970C00")]


def test_mould_group__is_closed_and_ordered(catalog):
    """Moulds that only meet in a third one are one group; the one with most elements leads, else the highest number."""
    for member in ("3070a", "3070B", "3070c"):
        assert list(catalog.mould_group(member)) == ["3070b", "3070c", "3070a"]
    assert list(catalog.mould_group("x9")) == ["x10", "x9"]
    assert list(catalog.mould_group("3001")) == []


def test_part_nums__lower_case_and_sorted(catalog):
    """All numbers for a search by likeness, the same object each time."""
    assert list(catalog.part_nums()) == sorted(part.part_num.lower() for part in TABLES.parts)
    assert catalog.part_nums() is catalog.part_nums()


def test_colors__special_ones_included(catalog):
    """Unknown and any color are colors, too."""
    assert list(catalog.colors()) == [-1, 0, 4, 47, 9999]
    assert catalog.colors()[47] == Color(47, "Trans-Clear", "FCFCFC", True)


def test_color_ids__lowest_first(catalog):
    """A number that stands for several colors gives the lowest first and the unknown one last."""
    assert list(catalog.color_ids("bricklink", 11)) == [0]
    assert list(catalog.color_ids("lego", 40)) == [0, 47, -1]
    assert list(catalog.color_ids("bricklink", 12345)) == []
    assert list(catalog.color_ids("bricklink", 10**30)) == []


def test_color_ids__of_the_catalog_itself(catalog):
    """Rebrickable's own numbers are answered as well, those that exist."""
    assert list(catalog.color_ids("rebrickable", 4)) == [4]
    assert list(catalog.color_ids("rebrickable", 5)) == []


def test_external_colors__lowest_first(catalog):
    """The other way the lowest number comes first."""
    assert list(catalog.external_colors("ldraw", 0)) == [0, 256]
    assert list(catalog.external_colors("bricklink", 4)) == []


def test_color_names__of_every_space(catalog):
    """Each name that any space has for a color leads to it."""
    names = catalog.color_names()
    assert names["bright red"] == (("lego", 4),)
    assert names["black"] == (("ldraw", 0), ("rebrickable", 0))
    assert "Black" not in names


def test_catalog__may_be_nearly_empty(make):
    """A catalog of one part without colors, relations or maps answers everything."""
    bare = make(Tables(parts=[Part("1", "One", "")], colors=[]))
    assert list(bare.part_nums()) == ["1"]
    assert bare.part("1") == Part("1", "One", "")
    assert dict(bare.colors()) == {}
    assert dict(bare.color_names()) == {}
    assert list(bare.color_ids("bricklink", 1)) == []


def test_catalog__without_parts_has_no_numbers(make):
    """An empty list of numbers is empty, and not one empty number."""
    assert list(make(Tables(parts=[], colors=[])).part_nums()) == []
