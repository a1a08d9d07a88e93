"""The data folder: one supervisor at a time, and no older program on a newer folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.data_folder import FORMAT, DataFolder
from cli.exits import CommandError


def test_data_folder__is_made_private(tmp_path: Path):
    """A new folder is readable by its owner only and carries its format's version."""
    with DataFolder(tmp_path / "new" / "er") as folder:
        assert folder.path.stat().st_mode & 0o777 == 0o700
        assert folder.run.stat().st_mode & 0o777 == 0o700
        assert (folder.path / "VERSION").read_text() == f"{FORMAT}\n"


def test_data_folder__a_second_holder_is_told_who_holds_it(tmp_path: Path):
    """The second supervisor hears the first one's process id, at once."""
    with DataFolder(tmp_path), pytest.raises(CommandError, match=f"process {os.getpid()}") as caught:
        DataFolder(tmp_path).__enter__()
    assert caught.value.code == 2
    assert "--data-dir" in str(caught.value.hint)


def test_data_folder__is_free_again_afterwards(tmp_path: Path):
    """A folder can be held again once its holder has let go."""
    for _ in range(2):
        with DataFolder(tmp_path):
            pass


def test_data_folder__stays_taken_while_a_child_of_a_dead_holder_runs(tmp_path: Path):
    """The lock is inherited: a killed supervisor's child keeps the folder until it has ended too."""
    holder = (
        "import os, subprocess, sys; from pathlib import Path; from cli.data_folder import DataFolder\n"
        "folder = DataFolder(Path(sys.argv[1])).__enter__()\n"
        "child = subprocess.Popen(['sleep', '60'], pass_fds=(folder.lock_fd,), stdout=-3, stderr=-3)\n"
        "print(child.pid, flush=True); os._exit(9)\n"
    )
    root = Path(__file__).resolve().parents[2]
    said = subprocess.run(
        [sys.executable, "-c", holder, str(tmp_path)], cwd=root, capture_output=True, text=True, check=False
    )
    child = int(said.stdout)
    with pytest.raises(CommandError, match="in use"):
        DataFolder(tmp_path).__enter__()
    os.kill(child, 9)
    with DataFolder(tmp_path):
        pass


@pytest.mark.parametrize(("found", "said"), [("99\n", "has format 99"), ("beta\n", "should hold a number")])
def test_data_folder__of_another_version_is_refused(tmp_path: Path, found: str, said: str):
    """A newer format, or none that reads, is left untouched, and its lock is given back."""
    (tmp_path / "VERSION").write_text(found)
    for _ in range(2):
        with pytest.raises(CommandError, match=said):
            DataFolder(tmp_path).__enter__()
    assert (tmp_path / "VERSION").read_text() == found


def test_data_folder__that_cannot_be_made(tmp_path: Path):
    """A file in its place is a clear line."""
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match="can't be used"):
        DataFolder(tmp_path / "file").__enter__()
