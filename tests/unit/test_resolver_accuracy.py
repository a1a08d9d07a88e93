"""How right the resolver is, class by class, on rows that we labelled from the published rules."""

from collections import Counter, defaultdict

import pytest
from support.labelled_parts import labelled_set

from catalog.match import By
from catalog.resolver import Resolver

LIKE = {"one digit off"}  # suggested, never answered: no number tells which part was meant
NOBODY = {"print without base", "unresolvable", *LIKE}  # classes that have no right answer
LEAST = {"mould": 0.95, "one digit off": 0.85, "one digit off, with the name": 0.9}  # all others: 1.0


@pytest.fixture(scope="module")
def answers():
    """(case, answer) for each labelled row; each class has a resolver of its own, as each list has."""
    catalog, cases = labelled_set()
    resolvers = defaultdict(lambda: Resolver(catalog))
    return [(case, resolvers[case.kind].resolve(case.fields)) for case in cases]


def is_right(case, match):
    """Whether an answer is the labelled one; of a slip without a name, whether it is suggested."""
    if case.hint:
        return case.hint in {text for finding in match.wrong for text in finding.suggestions}
    return match.part_num == case.part_num and case.color_id in (None, match.color_id)


def test_resolver__is_right_in_every_class(answers):
    """Each class of rows reaches its accuracy; the table is printed, so that `pytest -s` shows it."""
    asked, right, wrong = Counter(), Counter(), defaultdict(list)
    for case, match in answers:
        asked[case.kind] += 1
        right[case.kind] += is_right(case, match)
        if not is_right(case, match):
            wrong[case.kind].append((case, match))
    for kind, count in sorted(asked.items()):
        print(f"{kind:32} {right[kind]:4} of {count:4}  {right[kind] / count:7.1%}")
    assert len(asked) >= 22
    low = {kind: wrong[kind][:3] for kind in asked if right[kind] / asked[kind] < LEAST.get(kind, 1.0)}
    assert low == {}


def test_resolver__answers_what_can_be_resolved(answers):
    """At least 95 of 100 ids that stand for a part are answered, and no class is left out."""
    resolvable = [(case, match) for case, match in answers if case.kind not in NOBODY]
    answered = sum(match.part_num is not None for _, match in resolvable)
    assert answered / len(resolvable) >= 0.95
    print(f"answered {answered} of {len(resolvable)} resolvable ids, {answered / len(resolvable):.2%}")


def test_resolver__is_never_sure_and_wrong(answers):
    """No answer above 0.9 is wrong, of parts or of colors."""
    assert [
        (case, match)
        for case, match in answers
        if match.part_num is not None and match.confidence > 0.9 and match.part_num != case.part_num
    ] == []
    assert [
        (case, match)
        for case, match in answers
        if case.color_id is not None and match.color_confidence > 0.9 and match.color_id != case.color_id
    ] == []


def test_resolver__takes_no_part_by_likeness_alone(answers):
    """Whatever only resembles a part is suggested, not taken."""
    assert all(match.part_num is None for case, match in answers if case.kind in LIKE)
    assert {case.kind for case, match in answers if match.by is By.LIKENESS} == {"one digit off, with the name"}


def test_resolver__says_why(answers):
    """Every answer has a reason in words; a guess is told to the reader, and what is unknown always is."""
    silent = {By.EXACT, By.MAP, By.ELEMENT, By.CORRECTION}
    for case, match in answers:
        assert match.reason.endswith(".")
        assert 0 <= match.confidence <= 1
        if match.by not in silent:
            assert any(finding.column == "part" for finding in match.wrong), (case, match)
