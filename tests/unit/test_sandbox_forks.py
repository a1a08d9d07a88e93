"""What a forked child is spared: locks are free in it all the same, chance is its own, and its own forks are as ever."""

import logging
import subprocess
import sys
import threading

from workers.sandbox.forks import Hooks, gather_pages

_FORK = """
import logging, os, random, threading
from workers.sandbox.forks import Hooks

hooks = Hooks()
for _ in range(2):
    if os.fork() == 0:
        hooks.restore()
        thread = threading.Thread(target=logging.getLogger("step").error, args=("%s", random.random()))
        thread.start()
        thread.join(5)
        os._exit(thread.is_alive())
    assert os.wait()[1] == 0
assert not logging._lock._is_owned()
"""


def test_fork__leaves_no_lock_held_and_gives_each_child_its_own_chance() -> None:
    """Another thread of the child can log, which takes the locks; two children draw different numbers."""
    ended = subprocess.run([sys.executable, "-c", _FORK], capture_output=True, text=True, timeout=30, check=False)

    assert ended.returncode == 0, ended.stderr
    assert len(set(ended.stderr.split())) == 2


def test_hooks__are_as_before_once_restored() -> None:
    """A step that forks beside threads of its own gets what the standard library does about that."""
    hooks = (threading._after_fork, logging._after_at_fork_child_reinit_locks)  # type: ignore[attr-defined] # typeshed leaves them out
    before = [hook.__code__ for hook in hooks]
    spared = Hooks()
    try:
        assert all(hook.__code__ is not code for hook, code in zip(hooks, before, strict=True))
    finally:
        spared.restore()
    assert [hook.__code__ for hook in hooks] == before


def test_gather__is_harmless_where_there_is_little_to_gather() -> None:
    """Memory stays what it was, whatever the kernel can do."""
    kept = [bytes([number % 256]) * 4096 for number in range(2000)]
    gather_pages()
    assert all(block == bytes([number % 256]) * 4096 for number, block in enumerate(kept))
