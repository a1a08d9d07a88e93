"""Rows of lists: what is no part, elements, corrections, what is told of guesses, and that nothing makes it raise."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.labelled_parts import labelled_set, row
from support.small_catalog import small_catalog

import catalog.resolver
from catalog import suffixes
from catalog.likeness import Likeness
from catalog.match import By, ColorBy, Correction, Finding
from catalog.memory import MemoryCatalog
from catalog.port import Color, Element, Part, Relation, Space
from catalog.resolver import Resolver
from catalog.tables import Tables
from parsers.codes import CODES

CATALOG = small_catalog()
ROOM = Path(catalog.resolver.__file__).parent


@pytest.fixture
def resolver():
    return Resolver(CATALOG)


def codes(match):
    return [finding.code for finding in match.wrong]


@pytest.mark.parametrize("letter", list("SMGBIOUC"))
def test_resolve__what_is_no_part_is_no_mistake(resolver, letter):
    """Sets, minifigs, books and the like are not looked up, and nothing is said of them."""
    match = resolver.resolve(row("75192-1", space="bricklink", item_type=letter, raw_color=0, color_space="bricklink"))
    assert (match.part_num, match.color_id, match.by, match.wrong) == (None, None, By.NOT_A_PART, ())
    gear = resolver.resolve(row("bag7", item_type=letter, raw_color=5, color_space="bricklink"))
    assert (gear.color_id, gear.wrong) == (4, ())


def test_resolve__manufacturers_numbers_are_left_alone(resolver):
    """A BOM's part numbers are nothing that a catalog of bricks could know, even where one looks like a brick."""
    match = resolver.resolve(row("3001", space="mpn", color_name="Red"))
    assert (match.part_num, match.color_id, match.by, match.wrong) == (None, None, By.FOREIGN, ())


def test_resolve__element_is_part_and_color(resolver):
    """LEGO's element number says both."""
    match = resolver.resolve(row("300121", space="element", element_id="300121"))
    assert (match.part_num, match.color_id, match.by, match.color_by) == ("3001", 4, By.ELEMENT, ColorBy.ELEMENT)
    assert resolver.resolve(row("300121", space="element"))[:2] == ("3001", 4)
    assert resolver.resolve(row(None, element_id="300121"))[:2] == ("3001", 4)


def test_resolve__element_that_nobody_knows(resolver):
    """It is told; a part's number in the column of elements is taken for one, with little confidence."""
    match = resolver.resolve(row("999999", space="element"))
    assert (match.part_num, codes(match)) == (None, ["element.unknown"])
    match = resolver.resolve(row("3001", space="element"))
    assert (match.part_num, codes(match)) == ("3001", ["element.unknown"])
    assert match.confidence <= 0.7


def test_resolve__element_beside_the_part(resolver):
    """An element confirms the part, finds it where its number is unknown, or is told where it is another."""
    assert resolver.resolve(row("3001", element_id="300121")).confidence == 0.99
    assert resolver.resolve(row("3001", element_id="999999")).wrong == ()
    match = resolver.resolve(row("qqq", element_id="300121"))
    assert (match.part_num, match.by, codes(match)) == ("3001", By.ELEMENT, ["part.renamed"])
    match = resolver.resolve(row("3023", element_id="300121"))
    assert (match.part_num, codes(match)) == ("3023", ["element.mismatch"])
    assert match.confidence <= 0.7
    assert match.wrong[0].suggestions == ("3001",)


def test_resolve__correction_comes_first():
    """What the owner said counts before the catalog, for parts, colors and colors' names, in its space alone."""
    given = [
        Correction("part", "bricklink", "3001", "3023"),
        Correction("part", "unknown", " MyBrick ", "3001"),
        Correction("color", "bricklink", "5", "0"),
        Correction("color", "unknown", "rot", "4"),
    ]
    resolver = Resolver(CATALOG, corrections=given)
    match = resolver.resolve(row("3001", space="bricklink", raw_color=5, color_space="bricklink"))
    assert match[:4] == ("3023", 0, By.CORRECTION, 1.0)
    assert match.color_by is ColorBy.CORRECTION
    assert resolver.resolve(row("3001", raw_color=4, color_space="rebrickable"))[:2] == ("3001", 4)
    assert resolver.resolve(row("mybrick", space="ldraw", color_name="Rot"))[:2] == ("3001", 4)
    assert resolver.findings == ()


@pytest.mark.parametrize(
    ("kind", "target"), [("part", "9999x"), ("part", ""), ("color", "77"), ("color", "red"), ("x", "3001")]
)
def test_resolve__correction_that_leads_nowhere_is_told(kind, target):
    """A correction to something that the catalog does not have is not used, and says so."""
    resolver = Resolver(CATALOG, corrections=[Correction(kind, "bricklink", "3001", target)])
    assert [finding.code for finding in resolver.findings] == ["correction.stale"]
    assert resolver.findings[0].suggestions == (target,)
    assert resolver.resolve(row("3001", space="bricklink")).by is By.EXACT


def test_resolve__map_comes_before_likeness(resolver):
    """BrickLink's 4073 is 6141, which no distance between numbers could tell."""
    match = resolver.resolve(row("4073", space="bricklink"))
    assert (match.part_num, match.by, match.wrong) == ("6141", By.MAP, ())
    assert "BrickLink" in match.reason


def test_resolve__slips_are_taken_back(resolver):
    """O for 0 and l for 1 are read as meant, and told."""
    for slip in ("30O1", "300l", "3OOI"):
        match = resolver.resolve(row(slip))
        assert (match.part_num, match.by, codes(match)) == ("3001", By.SPELLING, ["part.misspelled"])
        assert match.confidence <= 0.9


def test_resolve__unknown_id_comes_with_suggestions(resolver):
    """What resembles a part is suggested, at most three, and not taken."""
    match = resolver.resolve(row("3003"))
    assert (match.part_num, match.confidence, match.by) == (None, 0.0, By.NONE)
    (finding,) = match.wrong
    assert (finding.code, finding.value) == ("part.unknown", "3003")
    assert set(finding.suggestions) == {"3001", "3002", "3023"}


def test_resolve__name_helps_an_unknown_id(resolver):
    """One slip away and of the same name is close enough to be taken; another row's name is another matter."""
    match = resolver.resolve(row("3003", name="Plate Round 1 x 1"))
    assert (match.part_num, match.by) == (None, By.NONE)
    match = resolver.resolve(row("3003", name="Brick 2 x 3"))
    assert (match.part_num, match.by, codes(match)) == ("3002", By.LIKENESS, ["part.misspelled"])
    assert match.confidence <= 0.9
    assert resolver.resolve(row("3003")).part_num is None
    assert resolver.resolve(row("3003", name="Brick 2 x 3")).part_num == "3002"


def test_resolve__name_ranks_prints():
    """The prints of a part whose names share the row's own words are suggested; the part without print is taken."""
    parts = [
        Part("973", "Torso", "x"),
        Part("973pr0007", "Torso Pirate Stripes", "x"),
        Part("973pr0009", "Torso Police", "x"),
    ]
    relations = [Relation("P", part.part_num, "973") for part in parts[1:]]
    tables = Tables(parts=parts, colors=[Color(4, "Red", "C91A09", False)], relations=relations)
    resolver = Resolver(MemoryCatalog(tables))
    match = resolver.resolve(row("973pb1234", space="bricklink", name="Torso Police Badge Pattern"))
    assert (match.part_num, match.by) == ("973", By.PRINT)
    assert match.wrong == (Finding("part.print_of", "part", "973pb1234", "973", ("973pr0009",)),)
    assert resolver.resolve(row("973pb1234", space="bricklink")).wrong[0].suggestions == ("973",)


def test_resolve__other_half_of_a_pair_is_only_suggested():
    """A left wing is not a right wing."""
    tables = Tables(parts=[Part("41747", "Wedge Right", "x")], colors=[], relations=[Relation("R", "90001", "41747")])
    match = Resolver(MemoryCatalog(tables)).resolve(row("90001"))
    assert (match.part_num, match.wrong[0].suggestions) == (None, ("41747",))


def test_resolve__assemblies_are_told(resolver):
    """An assembly that the catalog does not have stands for its main part, with a warning."""
    match = resolver.resolve(row("3001c01", space="bricklink"))
    assert (match.part_num, match.by, codes(match)) == ("3001", By.ASSEMBLY, ["part.assembly_of"])
    assert match.confidence <= 0.5


def test_resolve__known_colors_of_another_mould_count():
    """A color that another mould of the part is known in is no news."""
    tables = Tables(
        parts=[Part("3070a", "Tile", "x"), Part("3070b", "Tile", "x")],
        colors=[Color(number, str(number), "000000", False) for number in (1, 2, 3)],
        elements=[Element("1", "3070a", 1), Element("2", "3070b", 2)],
        relations=[Relation("M", "3070a", "3070b")],
    )
    resolver = Resolver(MemoryCatalog(tables))
    assert resolver.resolve(row("3070a", raw_color=2, color_space="rebrickable")).wrong == ()
    assert codes(resolver.resolve(row("3070a", raw_color=3, color_space="rebrickable"))) == ["color.not_known_for_part"]


def test_resolve__suggestions_end_at_the_cap():
    """A list full of unknown ids does not cost minutes: suggestions end, which is said once for the file."""
    resolver = Resolver(CATALOG, searches=2)
    found = [resolver.resolve(row(f"3{number}01")) for number in range(4, 8)]
    assert [bool(match.wrong[0].suggestions) for match in found] == [True, True, False, False]
    assert [finding.code for finding in resolver.findings] == ["suggestions.capped"]
    assert resolver.resolve(row("3401")) == found[0]


def test_resolve__memory_is_bounded():
    """Answers are kept up to a number; then memory starts anew, and answers stay the same."""
    resolver = Resolver(CATALOG, kept=10)
    first = [resolver.resolve(row(f"q{number}", name="x")) for number in range(50)]
    assert len(resolver._kept) <= 10
    assert [resolver.resolve(row(f"q{number}", name="x")) for number in range(50)] == first


def test_resolve__kept_answers_are_the_same_object(resolver):
    """The second row of a kind that needs more than its number costs one look-up."""
    fields = row("3001px1", raw_color=4, color_space="rebrickable", name="Brick")
    assert resolver.resolve(fields) is resolver.resolve(dict(fields) | {"qty": 7})


TEXT = st.one_of(
    st.text(max_size=60), st.from_regex(r"[0-9OlI]{1,6}(pb|px|pr|p|c|pat|[a-z])?[0-9]{0,4}(c01)?\.?", fullmatch=True)
)
SPACES = st.sampled_from([*map(str, Space), "", "nonsense"])
ROWS = st.fixed_dictionaries(
    {
        "item_type": st.sampled_from(["P", "P", "P", "S", ""]),
        "raw_id": st.none() | TEXT,
        "id_space": SPACES,
        "raw_color": st.none() | st.integers(-3, 90) | st.integers(),
        "color_space": SPACES,
    },
    optional={"name": TEXT, "color_name": st.none() | TEXT, "element_id": TEXT},
)


ORDINARY = st.fixed_dictionaries(
    {
        "item_type": st.just("P"),
        "raw_id": st.sampled_from(sorted(CATALOG.part_nums())),
        "id_space": st.sampled_from(["bricklink", "rebrickable", "unknown"]),
        "raw_color": st.none() | st.sampled_from(sorted(CATALOG.colors())),
        "color_space": st.sampled_from(["bricklink", "rebrickable", "unknown"]),
    },
    optional={"name": TEXT, "color_name": st.sampled_from(["Red", "Blue"]), "element_id": st.just("300121")},
)


@settings(max_examples=200, deadline=None)
@given(rows=st.lists(ORDINARY | ROWS, min_size=1, max_size=12))
def test_resolve__the_short_way_gives_the_answer_by_all_rules(rows):
    """Rows that come after others of their color take fewer calls; a resolver that never does says the same."""
    short, long = Resolver(CATALOG), Resolver(CATALOG)
    for fields in [*rows, *rows]:
        assert short.resolve(fields) == long._by_all_rules(fields)


def test_resolve__the_short_way_is_taken(resolver):
    """Most rows of a list need no more than their number, once a row of their color was read."""
    resolver.resolve(row("3001", raw_color=4, color_space="rebrickable"))
    assert resolver._plain(row("3001", raw_color=4, color_space="rebrickable")) is not None
    assert resolver._plain(row("nobody knows this", raw_color=4, color_space="rebrickable")) is None


@settings(max_examples=200, deadline=None)
@given(fields=st.lists(ROWS, min_size=1, max_size=5))
def test_resolve__never_raises_and_never_wavers(fields):
    """Whatever text a row holds, it is answered, the same way each time, whatever came before it."""
    resolver = Resolver(CATALOG, corrections=[Correction("part", "bricklink", "x1", "3001")], searches=10**6)
    resolver.survey(fields)
    first = [resolver.resolve(one) for one in fields]
    assert [resolver.resolve(one) for one in reversed(fields)] == first[::-1]
    fresh = Resolver(CATALOG, corrections=[Correction("part", "bricklink", "x1", "3001")], spaces=resolver.spaces)
    assert [fresh.resolve(one) for one in fields] == first
    for match in first:
        assert match.part_num is None or CATALOG.part(match.part_num).part_num == match.part_num
        assert match.color_id is None or match.color_id in CATALOG.colors()
        assert 0 <= match.confidence <= 1
        assert all(finding.code in CODES and len(finding.suggestions) <= 3 for finding in match.wrong)
        if match.part_num:
            again = fresh.resolve(row(match.part_num))
            assert (again.part_num, again.by) == (match.part_num, By.EXACT), "an answer stands for itself"


@settings(max_examples=200, deadline=None)
@given(text=TEXT)
def test_suffixes__take_any_text(text):
    """The rules for letters and digits take whatever `clean` lets through."""
    number = suffixes.clean(text)
    if number is not None:
        others = [other for other, _ in suffixes.respelled(number)] + list(suffixes.rezeroed(number))
        assert number not in others
        assert suffixes.print_of(number) is None or all(suffixes.print_of(number).bases)
        assert suffixes.assembly_of(number) is None or suffixes.assembly_of(number).base


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        (" 3001 ", "3001"),
        ("parts/s\\3001S01.DAT", "3001s01"),
        ("\uff13\uff10\uff10\uff11", "3001"),
        ("30\u200b01\ufeff", "3001"),
        ("3001\0", None),
        ("Würth", None),
        ("9" * 41, None),
        ("9" * 10**6, None),
        ("", None),
    ],
)
def test_suffixes__clean(raw, number):
    """Blanks, folders and wide digits are taken away; what no part number looks like is none."""
    assert suffixes.clean(raw) == number


@pytest.mark.parametrize(
    ("number", "bases"),
    [
        ("973pb0001c01", ("973c01", "973")),
        ("3068bpb0123", ("3068b",)),
        ("970c00pb01", ("970c00",)),
        ("3626cpr1234", ("3626c",)),
        ("973p01", ("973",)),
        ("3001pat0001", ("3001",)),
        ("3001pb12a", ("3001",)),
        ("3001", None),
        ("pb01", None),
    ],
)
def test_suffixes__prints(number, bases):
    """What a print is printed on, the assembly of it first."""
    found = suffixes.print_of(number)
    assert (found.bases if found else None) == bases


def test_likeness__ranks_same_digits_first():
    """Other letters behind the same digits come before other digits; short and endless texts resemble nothing."""
    likeness = Likeness(CATALOG)
    assert [like.part_num for like in likeness.alike("3070x", name=None)][:2] == ["3070a", "3070b"]
    assert likeness.alike("30", name=None) == ()
    assert likeness.alike("3" * 30, name=None) == ()


def test_codes__all_that_the_resolver_says_are_known():
    """Each code that a finding can carry stands in the table of codes, with its words."""
    said = {
        code
        for path in ROOM.glob("*.py")
        for code in re.findall(r'Finding\(\s*"([a-z_.]+)"', path.read_text(encoding="utf-8"))
    }
    said |= {"part.space_mismatch"}  # written as f"{column}.space_mismatch"
    assert len(said) >= 14
    assert said <= set(CODES)


def test_labelled__classes_are_many():
    """The labelled set is what it says, the same each time."""
    first, second = labelled_set(size=3), labelled_set(size=3)
    assert first.cases == second.cases
    assert len({case.kind for case in first.cases}) >= 22
