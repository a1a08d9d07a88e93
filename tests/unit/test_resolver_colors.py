"""Colors: whose number it is, what a name beside it says, and what a part is known in."""

from dataclasses import replace

import pytest
from support.catalogs import TABLES, in_memory
from support.labelled_parts import row
from support.small_catalog import small_catalog, small_tables

from catalog.color_names import plain_name
from catalog.match import ColorBy
from catalog.port import Element
from catalog.resolver import Resolver
from catalog.tables import ColorLink

LIGHT, DARK, RED, BLACK, WHITE = 71, 72, 4, 0, 15


@pytest.fixture
def resolver():
    return Resolver(small_catalog())


def colored(number, space="bricklink", *, part="3023", **more):
    return row(part, raw_color=number, color_space=space, **more)


def codes(match):
    return [finding.code for finding in match.wrong]


@pytest.mark.parametrize(
    ("number", "space", "color"),
    [(5, "bricklink", RED), (4, "ldraw", RED), (21, "lego", RED), (4, "rebrickable", RED), (86, "bricklink", LIGHT)],
)
def test_color__number_is_read_in_its_space(resolver, number, space, color):
    """Each site's number finds the one color that the site calls so."""
    match = resolver.resolve(colored(number, space, part="6141"))
    assert (match.color_id, match.color_by) == (color, ColorBy.NUMBER)
    assert "color.unknown" not in codes(match)


@pytest.mark.parametrize(
    "spelled", ["Light Bluish Gray", "light bluish grey", "Lt Bluish Gray", "LIGHT_BLUISH_GRAY", "Gray, Light Bluish"]
)
def test_color__name_is_known_however_it_is_spelled(resolver, spelled):
    """Grey and gray, abbreviations, underscores and the order of words make no other color."""
    match = resolver.resolve(colored(None, "unknown", color_name=spelled))
    assert (match.color_id, match.color_by) == (LIGHT, ColorBy.NAME)
    assert match.color_confidence > 0.9


@pytest.mark.parametrize(
    ("name", "plain"), [("trans clear", "trans clear"), ("Tr.-Clear", "trans clear"), ("Dk. Bley", "dark bluish gray")]
)
def test_color__names_are_made_plain(name, plain):
    """What people write for short is written out."""
    assert plain_name(name) == plain


def test_color__other_space_is_told_by_the_name(resolver):
    """71 in a BrickLink column beside Light Bluish Gray is LDraw's number; BrickLink's is suggested."""
    match = resolver.resolve(colored(71, color_name="Light Bluish Gray"))
    assert (match.color_id, match.color_by) == (LIGHT, ColorBy.NAME)
    (finding,) = [finding for finding in match.wrong if finding.code == "color.space_mismatch"]
    assert finding.suggestions == ("86",)
    assert finding.expected == "71 is LDraw's number for Light Bluish Gray; BrickLink's is 86"
    assert not finding.once


def test_color__other_space_is_told_by_the_element(resolver):
    """An element is as good as a name: 300121 is red, so 4 beside it is no number of BrickLink's."""
    match = resolver.resolve(colored(4, part="3001", element_id="300121"))
    assert (match.color_id, match.color_by) == (RED, ColorBy.ELEMENT)
    assert codes(match) == ["color.space_mismatch"]


def test_color__name_and_number_agree(resolver):
    """A name that says the same as the number makes the answer certain."""
    match = resolver.resolve(colored(86, part="6141", color_name="Light Bluish Gray"))
    assert (match.color_id, match.color_confidence) == (LIGHT, 1.0)


def test_color__name_and_number_never_meet(resolver):
    """Where no space has that number for that name, the name is taken with little confidence, and both are shown."""
    match = resolver.resolve(colored(11, color_name="Light Bluish Gray"))
    assert match.color_id == LIGHT
    assert match.color_confidence <= 0.6
    (finding,) = [finding for finding in match.wrong if finding.code == "color.name_mismatch"]
    assert finding.suggestions == ("Light Bluish Gray", "Black")


def test_color__name_that_nobody_knows_does_not_hurt(resolver):
    """A number with an unknown name beside it is read by itself."""
    match = resolver.resolve(colored(5, color_name="Rot"))
    assert (match.color_id, codes(match)) == (RED, [])
    assert codes(resolver.resolve(colored(None, color_name="Rot"))) == ["color.unknown"]


def test_color__unknown_number_shows_other_readings(resolver):
    """A number that its space does not have comes with what others mean by it."""
    match = resolver.resolve(colored(72))
    assert match.color_id is None
    (finding,) = match.wrong
    assert (finding.code, finding.value) == ("color.unknown", "72")
    assert finding.suggestions[0] == "LDraw 72: Dark Bluish Gray"


@pytest.mark.parametrize(
    ("number", "space"), [(0, "bricklink"), (16, "ldraw"), (24, "ldraw"), (9999, "rebrickable"), (9999, "unknown")]
)
def test_color__not_applicable_is_no_mistake(resolver, number, space):
    """BrickLink's 0, LDraw's inherited colors and Rebrickable's 9999 say that any color will do."""
    match = resolver.resolve(colored(number, space))
    assert (match.color_id, match.color_by, codes(match)) == (9999, ColorBy.NOT_APPLICABLE, [])


def test_color__black_is_not_the_same_as_no_color(resolver):
    """0 is black at LDraw and Rebrickable, and no color at BrickLink; a name beside it still counts."""
    assert resolver.resolve(colored(0, "ldraw")).color_id == BLACK
    assert resolver.resolve(colored(0, "rebrickable")).color_id == BLACK
    assert resolver.resolve(colored(0, "bricklink", color_name="Black")).color_id == BLACK


def test_color__unknown_by_the_list_itself(resolver):
    """-1 is Rebrickable's word for unknown; its parser has told it already."""
    match = resolver.resolve(colored(-1, "rebrickable"))
    assert (match.color_id, codes(match)) == (-1, [])
    assert resolver.resolve(colored(-1, "rebrickable", color_name="Red")).color_id == RED


def test_color__not_stated_is_not_a_finding_here(resolver):
    """A row without a color was told by its parser where its format asks for one."""
    match = resolver.resolve(colored(None))
    assert (match.color_id, match.color_by, match.wrong) == (None, ColorBy.NONE, ())


def test_color__of_nobody_knows_whose_numbers(resolver):
    """Without a space the first reading is taken, told once, with what the others are."""
    match = resolver.resolve(colored(1, "unknown", part="6141"))
    assert match.color_confidence <= 0.5
    (finding,) = [finding for finding in match.wrong if finding.code == "color.space_guessed"]
    assert finding.once
    assert finding.suggestions == ("Rebrickable: Blue", "BrickLink: White", "LDraw: Blue")
    assert codes(resolver.resolve(colored(987, "unknown"))) == ["color.unknown"]


def test_color__not_known_for_the_part(resolver):
    """A part that is known in other colors only is told, with those that look most like it; it is kept."""
    match = resolver.resolve(colored(LIGHT, "rebrickable", part="3001"))
    assert match.color_id == LIGHT
    assert codes(match) == ["color.not_known_for_part"]
    assert set(match.wrong[0].suggestions) == {"0 Black", "4 Red"}
    assert resolver.resolve(colored(RED, "rebrickable", part="3001")).wrong == ()
    assert resolver.resolve(colored(LIGHT, "rebrickable", part="3002")).wrong == (), "nothing is known of that part"


@pytest.mark.parametrize(
    ("number", "space", "said"),
    [
        (86, "bricklink", {"11 Black", "5 Red"}),
        (71, "ldraw", {"0 Black", "4 Red"}),
        (194, "lego", {"26 Black", "21 Red"}),
        (71, "unknown", {"0 Black", "4 Red"}),
        (None, "bricklink", {"Black", "Red"}),
    ],
)
def test_color__is_suggested_as_the_row_can_say_it(resolver, number, space, said):
    """Colors are suggested by the numbers that the row speaks, and by name alone where it names its color."""
    match = resolver.resolve(colored(number, space, part="3001", color_name="Light Bluish Gray"))
    (finding,) = [one for one in match.wrong if one.code == "color.not_known_for_part"]
    assert set(finding.suggestions) == said


def test_color__without_a_number_is_suggested_by_its_name():
    """A color that a site has no number for is suggested by its name."""
    tables = replace(TABLES, color_links=[])
    match = Resolver(in_memory(tables)).resolve(colored(47, "bricklink", part="3001", color_name="Trans-Clear"))
    assert [one.suggestions for one in match.wrong if one.code == "color.not_known_for_part"] == [("Red", "Black")]


def test_color__nothing_is_odd_where_elements_are_a_selection():
    """A catalog that knows some elements only warns of no color that they do not tell."""
    some = in_memory(replace(small_tables(), complete=False))
    assert Resolver(some).resolve(colored(86, part="3001")).wrong == ()


@pytest.mark.parametrize(("complete", "space"), [(True, "rebrickable"), (False, "bricklink")])
def test_color__a_selection_of_elements_refutes_no_claim(complete, space):
    """Numbers that are known colors of the part elsewhere count against a claim only where all its colors are known."""
    links = [ColorLink("bricklink", number, color) for number, color in ((1, LIGHT), (4, DARK), (14, WHITE))]
    elements = [Element(f"30010{color}", "3001", color) for color in (1, 4, 14)]
    tables = replace(small_tables(), color_links=links, elements=elements, complete=complete)
    rows = [colored(number, part="3001") for number in (1, 4, 14)]
    assert Resolver(in_memory(tables)).survey(rows).ballot("bricklink").space == space


def test_color__direct_colors_of_models(resolver):
    """Red, green and blue that are a known color's are that color; others come with the nearest ones."""
    match = resolver.resolve(colored(0x2C91A09, "ldraw"))
    assert (match.color_id, match.color_by) == (RED, ColorBy.RGB)
    (finding,) = resolver.resolve(colored(0x2C91A0A, "ldraw")).wrong
    assert finding.code == "color.unknown"
    assert finding.suggestions[0] == "4 Red"


@pytest.mark.parametrize("number", [10**30, -(10**30), 2**31, -5, 0x4000000])
def test_color__numbers_that_no_site_has(resolver, number):
    """However large a number is, it is unknown, and nothing else."""
    assert codes(resolver.resolve(colored(number, "ldraw"))) == ["color.unknown"]
