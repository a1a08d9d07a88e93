"""Outputs on their way into the store: several at a time, each once, and a full store gets its room back."""

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from jobs.errors import StepError
from storage.memory import MemoryStore
from storage.port import StoreFull, StoreUnavailable
from workers.outputs import AT_ONCE, Keeper
from workers.sandbox import Output


def keys(count: int) -> list[str]:
    return [str(UUID(int=number)) for number in range(count)]


def output(folder: Path, name: str, content: bytes = b"x") -> Output:
    path = folder / name
    path.write_bytes(content)
    return Output(name=name, path=path, size=len(content), media_type="text/plain")


class Watched(MemoryStore):
    """Calls `before` ahead of each put."""

    before: Callable[[str], None] = staticmethod(lambda _key: None)

    def put_file(self, key: str, path: Path, *, move: bool = False) -> None:
        self.before(key)
        super().put_file(key, path, move=move)


def test_keep__stores_each_under_its_key_in_order(tmp_path):
    """Artifacts come in the order in which the step saved them, with the hash of what the store has; the files are gone."""
    store = MemoryStore()
    made = [output(tmp_path, f"{number}.txt", b"%d" % number * 1000) for number in range(9)]
    kept = Keeper(store=store, reserve=keys, share=1).keep(made, step="parse")
    assert [(one.name, one.key, one.step) for one in kept] == [(f"{n}.txt", keys(9)[n], "parse") for n in range(9)]
    for number, one in enumerate(kept):
        with store.open(one.key) as file:
            content = file.read()
        assert (content, hashlib.sha256(content).hexdigest()) == (b"%d" % number * 1000, one.sha256)
    assert list(tmp_path.iterdir()) == []
    assert Keeper(store=store, reserve=keys, share=1).keep([], step="parse") == ()


def test_keep__several_at_a_time(tmp_path):
    """Each waits until others are under way as well, which nobody would see the end of one after the other."""
    store, together = Watched(), threading.Barrier(AT_ONCE, timeout=20)
    store.before = lambda _key: together.wait() and None
    made = [output(tmp_path, f"{number}.txt") for number in range(2 * AT_ONCE)]
    assert len(Keeper(store=store, reserve=keys, share=1).keep(made, step="parse")) == 2 * AT_ONCE


def test_keep__one_file_under_two_names(tmp_path):
    """The file goes with the last name; the others have copies."""
    first = output(tmp_path, "a.txt", b"both")
    second = Output(name="b.txt", path=first.path, size=4, media_type="text/plain")
    store = MemoryStore()
    kept = Keeper(store=store, reserve=keys, share=1).keep([first, second, output(tmp_path, "c.txt")], step="s")
    assert [one.name for one in kept] == ["a.txt", "b.txt", "c.txt"]
    for one in kept[:2]:
        with store.open(one.key) as file:
            assert file.read() == b"both"
    assert not first.path.exists()


@pytest.mark.parametrize(("share", "error"), [(10**6, StoreFull), (1, StepError)])
def test_keep__gives_a_full_store_its_room_back(tmp_path, share, error):
    """What was stored goes; a store that has a step's share of room all the same is not waited for."""
    store = MemoryStore(capacity=50)
    made = [output(tmp_path, f"{number}.txt", b"x" * 20) for number in range(4)]
    with pytest.raises(error):
        Keeper(store=store, reserve=keys, share=share).keep(made, step="s")
    assert store.free_bytes() == 50


def test_keep__an_absent_store_ends_it(tmp_path):
    """The first failure is told once those under way have ended; what had not begun is not begun."""
    store = Watched()
    begun: list[str] = []

    def fail(key: str) -> None:
        begun.append(key)
        raise StoreUnavailable("away")

    store.before = fail
    made = [output(tmp_path, f"{number}.txt") for number in range(50)]
    with pytest.raises(StoreUnavailable):
        Keeper(store=store, reserve=keys, share=1).keep(made, step="s")
    assert len(begun) < 50
