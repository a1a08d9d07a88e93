"""Hostile parts lists in the real sandbox: a few here, thousands with `heavylift fuzz`; and that the command can fail."""

import json
import re
from pathlib import Path

import pytest
import typer

from cli.exits import Exit
from cli.fuzz_command import fuzz
from fuzz import campaign
from fuzz.campaign import LIMIT, Order, run
from fuzz.forms import FORMS
from fuzz.inputs import make
from fuzz.verdict import How

STEPS = Path(__file__).parents[1] / "support"
BROKEN = {
    "crash": "step.crashed",
    "raise_unforeseen": "step.error",
    "blame_the_platform": "platform to act",
    "blame_without_name": "without a name",
    "eat_memory": "step.memory",
    "spin": r"step\.(cpu_limit|timeout)",  # whichever a busy machine comes to first
    "sleep": "step.timeout",
    "miscount": "do not add up",
    "promise_rows": "has 0 rows, the summary 1",
    "invent_a_code": "part.strange",
}


def broken(step: str, **changes) -> Order:
    """A campaign of one honest-looking input through a step that misbehaves."""
    asked = {"count": 1, "seed": 5, "kinds": ("ldraw",), "limit": 0.5, "extra_path": (STEPS,)}
    return Order(target=f"fuzz_steps:{step}", **asked | changes)


def test_lists__whatever_is_done_to_them_end_in_words():
    """150 hostile inputs of all formats end in records or a refusal with a name; no child and no template is lost."""
    # Three times the usual limit: here coverage looks on, which makes a step that long on a slow machine.
    tally = run(Order(count=150, seed=20_260_101, limit=3 * LIMIT))
    assert [found.to_json() for found in tally.failures] == []
    assert tally.well
    assert tally.inputs == 150
    assert set(tally.counts) == {form.name for form in FORMS}
    outcomes = {how: sum(counts[how] for counts in tally.counts.values()) for how in How}
    assert outcomes[How.READ] > 20, "attacks that break everything show little"
    assert outcomes[How.REFUSED] > 20, "attacks that break nothing show little"


@pytest.mark.parametrize("step", BROKEN)
def test_campaign__notices(step: str, tmp_path: Path):
    """A step that crashes, hangs, takes too much, or ends in what nobody named is a failure with its reason, and kept."""
    tally = run(broken(step, keep=tmp_path))
    assert not tally.well
    assert {failure.how for failure in tally.failures} == {How.WRONG}
    assert re.search(BROKEN[step], tally.failures[0].complaint)
    kept = [path for path in tmp_path.iterdir() if path.suffix != ".json"]
    assert [path.read_bytes() for path in kept] == [make(tally.failures[0].number, seed=5).body]
    facts = json.loads(kept[0].with_name(f"{kept[0].name}.json").read_text())
    assert facts["complaint"] == tally.failures[0].complaint
    assert facts["seed"] == 5


def test_campaign__goes_on_behind_a_failure():
    """One input that crashes its child costs that child alone: the next ones run in the same template."""
    tally = run(broken("crash", count=4))
    assert tally.inputs == 4
    assert len(tally.failures) >= 4
    assert tally.templates == 0


def test_campaign__a_lost_template_is_noticed(monkeypatch: pytest.MonkeyPatch):
    """An input after which the pool's template is another process is a failure, whatever else it came to."""
    kill = campaign._Bench._call

    def killing(self, found, *, kind, **more):
        result = kill(self, found, kind=kind, **more)
        if kind != "unknown":
            self._sandbox._template.destroy()
            self._sandbox._template = None
        return result

    monkeypatch.setattr(campaign._Bench, "_call", killing)
    tally = run(Order(count=2, seed=5, kinds=("ldraw",)))
    assert tally.templates == 2
    assert not tally.well
    assert "template was lost" in tally.failures[0].complaint


def test_command__fails_where_a_promise_is_broken(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """A wrong outcome is exit code 1, one JSON line says it all, and stderr tells how to see it again."""
    monkeypatch.setattr(campaign, "run", lambda _order, **heard: run(broken("raise_unforeseen"), **heard))
    with pytest.raises(typer.Exit) as ended:
        fuzz(count=1, seed=5, kind=["ldraw"], json=True)
    assert ended.value.exit_code == Exit.FAILED
    said = capsys.readouterr()
    (line,) = said.out.splitlines()
    found = json.loads(line)
    assert found["well"] is False
    assert found["failures"][0]["code"] == "step.error"
    number = found["failures"][0]["number"]
    assert f"heavylift fuzz --seed 5 --only {number}" in " ".join(said.err.split())


def test_command__one_input_again(capsys: pytest.CaptureFixture[str]):
    """`--seed` and `--only` make one input again and say how it ended; exit code 0 where that was as promised."""
    with pytest.raises(typer.Exit) as ended:
        fuzz(count=2000, seed=20_260_101, only=7, json=True)
    assert ended.value.exit_code == Exit.WELL
    said = capsys.readouterr()
    assert json.loads(said.out)["inputs"] == 1
    assert f"input 7, {FORMS[7].name} read as " in said.err
