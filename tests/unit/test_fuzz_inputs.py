"""The inputs of `heavylift fuzz`: repeatable, of every format, hostile in many ways; and how an end is judged."""

import random
from collections import Counter

import pytest

from cli.exits import CommandError, Exit
from cli.fuzz_command import fuzz
from fuzz.campaign import Order
from fuzz.forms import FORMS, KINDS, lots
from fuzz.inputs import MOST, make
from fuzz.verdict import LIMIT, How, judged
from jobs.errors import Actor, Fault, InputError
from jobs.issues import Record
from parsers.lists import LISTS, reader
from parsers.sniff import sniff
from pipelines.parts_list import PIPELINE

WELL = {"lots": 2, "rows_total": 3, "rows_rejected": 1}


def fault(code: str, message: str = "It is so.", *, actor: Actor = Actor.SUBMITTER) -> Fault:
    """How a step may end."""
    return Fault(code=code, message=message, actor=actor)


def test_forms__are_every_kind_of_list():
    """There is a form for each kind that the pipeline reads."""
    assert set(KINDS) == set(LISTS)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_forms__are_honest_before_an_attack(form, tmp_path):
    """What the attacks start from is told by the sniffer and read without a loss, so that damage is what they did."""
    rows = lots(random.Random(form.name)) + lots(random.Random(2))
    body = form.write(rows, lambda text: text)
    found = sniff(body[: 64 * 1024], size=len(body), name=f"upload{form.suffix}")
    assert found is not None
    assert found.name == form.kind
    (tmp_path / "upload").write_bytes(body)
    assert any(type(item) is Record for item in reader(form.kind)(tmp_path / "upload"))


def test_inputs__follow_from_seed_and_number():
    """The same seed and number are the same bytes, options and attacks; another seed is another input."""
    for number in range(60):
        assert make(number, seed=1) == make(number, seed=1)
    assert sum(make(number, seed=1).body != make(number, seed=2).body for number in range(60)) > 50


def test_inputs__a_chosen_kind_does_not_change_them():
    """`--kind` leaves out the others' numbers, so `--only` finds an input again without it."""
    numbers = list(Order(count=6, seed=1, kinds=("ldraw", "xls")).numbers())
    assert [make(number, seed=1).form.kind for number in numbers] == ["ldraw", "ldraw", "xls"] * 2
    assert list(Order(count=6, seed=1, only=99).numbers()) == [99]


def test_inputs__are_hostile_in_many_ways_and_bounded():
    """A few hundred inputs take each form alike, most ways of attack, and options; none is larger than it may be."""
    inputs = [make(number, seed=3) for number in range(720)]
    assert set(Counter(one.form.name for one in inputs).values()) == {720 // len(FORMS)}
    attacks = Counter(attack for one in inputs for attack in one.attacks)
    assert len(attacks) > 90
    assert all(one.attacks for one in inputs)
    assert max(len(one.body) for one in inputs) <= MOST
    assert 50 < sum(bool(one.options) for one in inputs) < 200


def test_inputs__options_are_those_that_the_api_lets_in():
    """What a caller may not ask for would be refused before a step; nearly all that is asked here comes through."""
    asked = [one.options for number in range(400) if (one := make(number, seed=4)).options]
    assert all(PIPELINE.validated_options(dict(options)) for options in asked)


@pytest.mark.parametrize(
    ("found", "summary", "how"),
    [
        (None, WELL, How.READ),
        (None, {"lots": 0, "rows_total": 3, "rows_rejected": 3}, How.EMPTY),
        (None, {"lots": 2, "rows_total": 3, "rows_rejected": 0}, How.WRONG),
        (None, {"lots": -1, "rows_total": 0, "rows_rejected": 1}, How.WRONG),
        (None, {}, How.WRONG),
        (fault("xml.syntax"), {}, How.REFUSED),
        (fault("step.timeout", actor=Actor.PLATFORM), {}, How.WRONG),
        (fault("step.memory"), {}, How.WRONG),
        (fault("sandbox.unavailable"), {}, How.WRONG),
        (fault("list.odd", actor=Actor.PLATFORM), {}, How.WRONG),
        (fault("list.odd", actor=Actor.NOBODY), {}, How.WRONG),
        (fault("odd"), {}, How.WRONG),
        (fault(""), {}, How.WRONG),
        (fault("list.odd", " "), {}, How.WRONG),
        (fault("list.odd", "It says \x1b[2J."), {}, How.WRONG),
    ],
)
def test_verdict__only_rows_and_named_refusals_are_well(found, summary, how):
    """Rows that add up, or a fault with a name that the submitter can act on; anything else is wrong and says why."""
    ended, complaint = judged(found, summary, cpu_seconds=0.1)
    assert ended is how
    assert bool(complaint) == (how is How.WRONG)


def test_verdict__a_slow_end_is_wrong():
    """What takes more processor time than any list may is wrong, however well it ended."""
    assert judged(None, WELL, cpu_seconds=LIMIT + 0.1)[0] is How.WRONG
    assert judged(None, WELL, cpu_seconds=LIMIT + 0.1, limit=2 * LIMIT)[0] is How.READ


def test_command__a_wrong_kind_names_the_kinds():
    """A kind that no list has is one line with all there are; nothing is run."""
    with pytest.raises(CommandError, match="there is no list of kind pdf; there are: bricklink-xml, ") as refused:
        fuzz(kind=["pdf"])
    assert refused.value.code == Exit.USAGE


def test_errors__quote_nothing_that_a_terminal_obeys():
    """What a file says may stand in a fault's words, but never steers what shows them; plain words stay as they are."""
    found = InputError("list.odd", "The header is \x1b[2Jqty\n.", hint="Not \u202ethis.", line=3).fault
    assert (found.message, found.hint) == ("The header is  [2Jqty .", "Not  this.")
    assert InputError("list.odd", "Größe: 5 €").fault.message == "Größe: 5 €"
