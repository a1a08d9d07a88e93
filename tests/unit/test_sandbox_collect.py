"""Collecting: only plain files of the step's own are taken, whatever stands in their place."""

import os
import socket
from pathlib import Path

import pytest

from workers.sandbox.collect import InvalidOutput, OutputsTooLarge, collect, prepare, remove, within
from workers.sandbox.report import Saved


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    prepare(tmp_path)
    return tmp_path


def _saved(path: str, name: str = "x") -> Saved:
    return Saved(name=name, path=path, media_type="text/plain")


def test_plain_files__are_moved_out_of_reach(scratch: Path) -> None:
    """A file is taken from any depth, once, under as many names as it was saved."""
    (scratch / "out/a/b").mkdir(parents=True)
    (scratch / "out/a/b/c").write_text("hello")

    outputs = collect([_saved("a/b/c", "one"), _saved("a/b/c", "two")], scratch, max_file=10, max_total=10)

    assert [(o.name, o.path.read_text(), o.size) for o in outputs] == [("one", "hello", 5), ("two", "hello", 5)]
    assert outputs[0].path.parent == scratch / "collected"
    assert not (scratch / "out/a/b/c").exists()


@pytest.mark.parametrize(
    "kind", ["link", "dangling", "folder link", "hard link", "fifo", "socket", "folder", "missing", "file as folder"]
)
def test_anything_else__is_refused(scratch: Path, tmp_path_factory: pytest.TempPathFactory, kind: str) -> None:
    """Links, pipes, sockets, folders and nothing at all are refused without being opened for long."""
    out, path = scratch / "out", "x"
    (scratch / "secret").write_text("secret")
    if kind == "link":
        (out / "x").symlink_to(scratch / "secret")
    elif kind == "dangling":
        (out / "x").symlink_to("nowhere")
    elif kind == "folder link":
        (out / "f").symlink_to(scratch)
        path = "f/secret"
    elif kind == "hard link":
        (out / "x").hardlink_to(scratch / "secret")
    elif kind == "fifo":
        os.mkfifo(out / "x")
    elif kind == "socket":
        short = tmp_path_factory.mktemp("s")
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(short / "x"))
        (short / "x").rename(out / "x")
    elif kind == "folder":
        (out / "x").mkdir()
    elif kind == "file as folder":
        (out / "f").write_text("x")
        path = "f/x"

    with pytest.raises(InvalidOutput):
        collect([_saved(path)], scratch, max_file=10, max_total=10)
    assert list((scratch / "collected").iterdir()) == []
    assert (scratch / "secret").read_text() == "secret"


def test_sizes__are_limited_for_one_and_for_all(scratch: Path) -> None:
    """One file over its limit, or all over theirs, are too much."""
    for name in "ab":
        (scratch / "out" / name).write_text("123456")

    with pytest.raises(OutputsTooLarge, match="one file"):
        collect([_saved("a")], scratch, max_file=5, max_total=100)
    with pytest.raises(OutputsTooLarge, match="together"):
        collect([_saved("a", "1"), _saved("b", "2")], scratch, max_file=6, max_total=11)


def test_within__counts_blocks_and_files(scratch: Path) -> None:
    """The watch over scratch counts what stands on disk, in `out` and `tmp`, at any depth."""
    (scratch / "out/deep").mkdir()
    (scratch / "out/deep/a").write_bytes(bytes(100_000))
    (scratch / "tmp/b").write_bytes(bytes(100_000))

    assert within(scratch, max_bytes=400_000, max_files=10)
    assert not within(scratch, max_bytes=150_000, max_files=10)
    assert not within(scratch, max_bytes=400_000, max_files=2)
    assert within(scratch / "gone", max_bytes=1, max_files=1)


def test_prepare__empties_what_was_there(scratch: Path) -> None:
    """An earlier attempt's files are gone."""
    (scratch / "out/deep").mkdir()
    (scratch / "out/deep/old").write_text("x")

    prepare(scratch)

    assert list((scratch / "out").iterdir()) == []


def test_remove__copes_with_any_depth(tmp_path: Path) -> None:
    """A tree deeper than Python's recursion goes is deleted as well; one that is not there is no error."""
    top = tmp_path / "top"
    top.mkdir()
    at = os.open(top, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=at)
        deeper = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = deeper
    os.close(at)

    remove(top)

    assert not top.exists()
    remove(top)
