"""`heavylift drill` before anything runs: what it says to mistakes and to machines that lack a server."""

import shutil
import tempfile
from pathlib import Path

import pytest
from support.command_line import heavylift

from cli.drill_command import drill
from cli.exits import CommandError, Exit


def test_drill__a_wrong_fault_names_those_that_there_are():
    """A typing error is one line with all names; exit code 2, nothing is started."""
    ended = heavylift("drill", "--faults", "kill-wroker")
    assert ended.returncode == 2
    assert "there is no fault kill-wroker; there are: " in ended.stderr
    assert "kill-worker" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_drill__lists_its_faults():
    """`--faults list` says in a line each what can be broken."""
    ended = heavylift("drill", "--faults", "list")
    assert ended.returncode == 0
    assert len(ended.stdout.splitlines()) == 17
    assert "SIGSTOP of a worker past its lease" in ended.stdout


@pytest.mark.parametrize(
    ("kind", "cure"), [("real", "apt-get install rabbitmq-server"), ("embedded", "apt-get install redis-server")]
)
def test_drill__a_missing_server_is_one_line_with_its_cure(
    kind: str, cure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Where a server is not installed the drill says so, and what brings it; exit code 2, and nothing is left behind."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)  # a machine on which nothing is installed
    monkeypatch.setattr(Path, "glob", lambda *_: iter(()))
    monkeypatch.setattr("importlib.util.find_spec", lambda *_: None)
    with pytest.raises(CommandError, match=cure) as refused:
        drill(jobs=1, real=kind == "real")
    assert refused.value.code == Exit.USAGE
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []
