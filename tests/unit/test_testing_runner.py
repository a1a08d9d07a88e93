"""`./heavylift test`: what it understands, and that its last lines tell the truth."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.exits import Exit
from cli.testing import Tally, bytecode_kept, run, wanted

NO_BYTECODE, ASIDE = "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"


@pytest.mark.parametrize(
    ("typed", "understood"),
    [
        ([], ([], [])),
        (["unit"], (["unit"], [])),
        (["integration", "acceptance"], (["integration", "acceptance"], [])),
        (["--", "-k", "outbox", "tests/unit"], ([], ["-k", "outbox", "tests/unit"])),
        (["-k", "outbox"], ([], ["-k", "outbox"])),
        (["unit", "--", "-x"], (["unit"], ["-x"])),
        (["tests/unit/test_x.py::test_y"], ([], ["tests/unit/test_x.py::test_y"])),
    ],
)
def test_runner__tells_suites_from_pytest_arguments(typed, understood):
    """Words are suites; from `--`, the first option or the first path on, everything is pytest's."""
    assert wanted(typed) == understood


def test_runner__refuses_unknown_suites(capsys):
    """A suite that is not there ends with the usage code, before anything is started, and with those that are."""
    assert run(["units"]) == Exit.USAGE
    assert "unit, architecture" in capsys.readouterr().err


def test_tally__adds_up_and_ends_with_the_counts(capsys):
    """Tests and checks are counted together; reasons and failures stand above the last line."""
    tally = Tally()
    tally.add({"passed": 3, "failed": 0, "skipped": 2, "reasons": {"no RabbitMQ: not installed": 2}})
    tally.check("mypy --strict", well=True)
    assert tally.close() == Exit.WELL
    said = capsys.readouterr().out.splitlines()
    assert said == ["not run: 2 x no RabbitMQ: not installed", "4 passed, 0 failed, 2 skipped"]


def test_tally__one_failed_check_fails_the_run(capsys):
    """A run whose tests all passed still ends with 1 where a check failed or pytest itself broke."""
    tally = Tally()
    tally.add({"passed": 3, "failed": 0, "skipped": 0, "reasons": {}})
    tally.check("unit", well=False, why="pytest ended with 3")
    assert tally.close() == Exit.FAILED
    assert capsys.readouterr().out.splitlines() == [
        "failed: unit: pytest ended with 3",
        "3 passed, 1 failed, 0 skipped",
    ]


def test_runner__keeps_bytecode_for_its_processes(monkeypatch, tmp_path: Path):
    """Where Python keeps no bytecode beside the sources, a run keeps it aside, and takes it away in the end."""
    monkeypatch.setenv(NO_BYTECODE, "1")
    monkeypatch.delenv(ASIDE, raising=False)
    (tmp_path / "imported.py").touch()
    with bytecode_kept():
        folder = Path(os.environ[ASIDE])
        subprocess.run([sys.executable, "-c", "import imported"], cwd=tmp_path, check=True)
        assert list(folder.rglob("imported.*.pyc"))
    assert [path.name for path in tmp_path.iterdir()] == ["imported.py"]
    assert not folder.exists()
    assert (os.environ[NO_BYTECODE], os.environ.get(ASIDE)) == ("1", None)


def test_runner__leaves_bytecode_to_who_keeps_it_anyway(monkeypatch):
    """Python's own way to keep it is not touched, nor a folder that was chosen for it."""
    monkeypatch.delenv(NO_BYTECODE, raising=False)
    monkeypatch.delenv(ASIDE, raising=False)
    with bytecode_kept():
        assert ASIDE not in os.environ
    monkeypatch.setenv(NO_BYTECODE, "1")
    monkeypatch.setenv(ASIDE, "/chosen")
    with bytecode_kept():
        assert os.environ[ASIDE] == "/chosen"
