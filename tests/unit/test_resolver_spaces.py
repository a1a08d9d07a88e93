"""Whose numbers a file holds: the vote, what it takes to set a claim aside, and what follows from it."""

from support.labelled_parts import labelled_set, row
from support.small_catalog import small_catalog

from catalog.match import ColorBy
from catalog.port import Space
from catalog.resolver import Resolver
from catalog.spaces import MAX_ROWS

GRAYS = {"Light Bluish Gray": 71, "Dark Bluish Gray": 72, "Red": 4, "Yellow": 14, "White": 15}  # LDraw's numbers
BRICKLINKS = {"Light Bluish Gray": 86, "Dark Bluish Gray": 85, "Red": 5, "Yellow": 3, "White": 1}


def listed(numbers, *, claimed, names=True, part="3023"):
    return [
        row(part, raw_color=number, color_space=claimed, **({"color_name": name} if names else {}))
        for name, number in numbers.items()
    ]


def test_vote__claim_stands_where_it_fits():
    """A file whose numbers are what it says is confirmed, and its numbers are believed from then on."""
    resolver = Resolver(small_catalog())
    spaces = resolver.survey(listed(BRICKLINKS, claimed="bricklink"))
    vote = spaces.colors["bricklink"]
    assert (vote.found, vote.share, vote.contradicts) == ("bricklink", 1.0, False)
    assert resolver.resolve(row("6141", raw_color=86, color_space="bricklink")).color_confidence > 0.9
    assert resolver.findings == ()


def test_vote__names_refute_a_claim():
    """LDraw's numbers in a BrickLink column are found out, told for the file, and once for each color."""
    resolver = Resolver(small_catalog())
    spaces = resolver.survey(listed(GRAYS, claimed="bricklink"))
    assert spaces.colors["bricklink"].contradicts
    assert spaces.to_json()["colors"] == [
        {"claimed": "bricklink", "found": "ldraw", "rows": 5, "share": 1.0, "contradicts": True}
    ]
    (finding,) = resolver.findings
    assert (finding.code, finding.value, finding.suggestions) == ("color.space_mismatch", "BrickLink", ("ldraw",))
    assert finding.expected == "LDraw's numbers, as 100% of the rows that can tell say"
    match = resolver.resolve(row("6141", raw_color=72, color_space="bricklink"))
    assert (match.color_id, match.color_by) == (72, ColorBy.VOTE)
    (odd,) = [finding for finding in match.wrong if finding.code == "color.space_mismatch"]
    assert odd.once
    assert odd.suggestions == ("85",)


def test_vote__elements_refute_a_claim():
    """Without names, rows that carry LEGO's element numbers speak as clearly."""
    catalog, _ = labelled_set(size=30)
    rows = []
    for number in range(4_000_000, 4_000_000 + 200):
        element = catalog.element(str(number))
        if element:
            (ldraw,) = catalog.external_colors(Space.LDRAW, element.color_id)
            rows.append(row(element.part_num, raw_color=ldraw, color_space="bricklink", element_id=str(number)))
    vote = Resolver(catalog).survey(rows).colors["bricklink"]
    assert (vote.found, vote.contradicts) == ("ldraw", True)


def test_vote__known_colors_of_parts_speak_too():
    """Numbers alone refute a claim where the parts are known in the other space's colors only."""
    catalog, _ = labelled_set(size=60)
    rows = []
    for number in range(4_000_000, 4_000_600):
        if element := catalog.element(str(number)):
            (bricklink,) = catalog.external_colors(Space.BRICKLINK, element.color_id)
            rows.append(row(element.part_num, raw_color=bricklink, color_space="rebrickable"))
    vote = Resolver(catalog).survey(rows).colors["rebrickable"]
    assert (vote.found, vote.contradicts) == ("bricklink", True)


def test_vote__few_odd_rows_refute_nothing():
    """Two colors that fit elsewhere are two mistakes, not another numbering."""
    resolver = Resolver(small_catalog())
    odd = listed({"Red": 4, "White": 15}, claimed="bricklink")
    spaces = resolver.survey([*listed(BRICKLINKS, claimed="bricklink"), *odd])
    assert not spaces.colors["bricklink"].contradicts
    assert not Resolver(small_catalog()).survey(odd).colors["bricklink"].contradicts


def test_vote__finds_out_where_nobody_says():
    """A table that does not say whose colors it has is read in the space that its names speak for, silently."""
    resolver = Resolver(small_catalog())
    spaces = resolver.survey(listed(BRICKLINKS, claimed="unknown"))
    assert (spaces.colors["unknown"].found, spaces.colors["unknown"].contradicts) == ("bricklink", False)
    match = resolver.resolve(row("3002", raw_color=85, color_space="unknown"))
    assert (match.color_id, match.wrong) == (72, ())


def test_vote__ids_tell_their_space():
    """Numbers that only BrickLink uses refute the claim that a list holds Rebrickable's."""
    catalog, cases = labelled_set(size=20)
    foreign = [case.fields for case in cases if case.kind == "mapped elsewhere"]
    prints = [case.fields | {"id_space": "rebrickable"} for case in cases if case.kind == "print without base"]
    resolver = Resolver(catalog)
    vote = resolver.survey([*foreign, *prints]).parts["rebrickable"]
    assert (vote.found, vote.contradicts) == ("bricklink", True)
    assert [finding.code for finding in resolver.findings] == ["part.space_mismatch"]
    match = resolver.resolve(foreign[0])
    assert (match.part_num, match.wrong) == (catalog.mapped("bricklink", foreign[0]["raw_id"])[0], ())
    assert match.confidence > 0.9


def test_vote__names_tell_whose_number_it_is():
    """Where two sites use one number for two parts, the row's name says which is meant."""
    catalog, cases = labelled_set(size=20)
    rows = [
        case.fields | {"name": catalog.part(case.part_num).name, "id_space": "unknown"}
        for case in cases
        if case.kind == "collision"
    ]
    assert Resolver(catalog).survey(rows).parts["unknown"].found == "bricklink"


def test_vote__same_numbers_everywhere_say_nothing():
    """Ids that all sites share give no vote, and change nothing."""
    resolver = Resolver(small_catalog())
    spaces = resolver.survey([row("3001", space="unknown"), row("3002", space="unknown")])
    assert spaces.parts["unknown"].votes == 0
    assert (spaces.parts["unknown"].share, spaces.part_space("unknown")) == (1.0, "unknown")
    assert resolver.findings == ()


def test_vote__sets_and_foreign_numbers_have_none():
    """Sets, minifigs and manufacturers' numbers do not vote."""
    rows = [
        row("75192-1", space="bricklink", item_type="S", raw_color=0, color_space="bricklink"),
        row("x", space="mpn"),
    ]
    assert Resolver(small_catalog()).survey(rows).to_json() == {"parts": [], "colors": []}


def test_vote__reads_no_more_than_it_needs():
    """A long list is surveyed at its beginning; what follows stays with the caller."""
    rows = iter([row("3001")] * (MAX_ROWS + 7))
    Resolver(small_catalog()).survey(rows)
    assert sum(1 for _ in rows) == 7


def test_vote__counts_from_the_survey_on():
    """Answers given before the vote are not kept beyond it, and a vote may be brought along."""
    resolver = Resolver(small_catalog())
    fields = row("6141", raw_color=72, color_space="bricklink")
    assert resolver.resolve(fields).color_id is None
    spaces = resolver.survey(listed(GRAYS, claimed="bricklink"))
    assert resolver.resolve(fields).color_id == 72
    assert Resolver(small_catalog(), spaces=spaces).resolve(fields) == resolver.resolve(fields)
