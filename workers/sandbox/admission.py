"""Admission: how much memory all steps on this host may claim together, shared by all pools through a folder.

Each claim is a file whose owner holds a lock on it. The kernel drops the lock when its owner dies, however it dies,
so a claim that nobody locks is a dead one. Small claims may overtake a large one for a while, then it has its turn.
"""

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

_LOOK_EVERY = 0.025  # seconds, while waiting
_MOMENT = 0.001  # seconds, while others look at the folder
_STOPPED = 2.0  # seconds after which whoever holds the lock does not run any more
_OVERTAKEN = 5.0  # seconds that a claim lets later ones pass
_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """What a claim's file name says."""

    number: int  # in the order of asking
    size: int  # bytes
    granted: bool
    asked_at: float = 0.0  # time.time()

    @property
    def name(self) -> str:
        return f"{self.number}-{self.size}-{'granted' if self.granted else 'asked'}"

    @classmethod
    def parse(cls, name: str) -> "_Claim | None":
        number, _, rest = name.partition("-")
        size, _, state = rest.partition("-")
        if not (number.isdigit() and size.isdigit() and state in {"granted", "asked"}):
            return None
        return cls(number=int(number), size=int(size), granted=state == "granted")


class Admission:
    """The budget of one host; all processes that name the same folder share it."""

    def __init__(self, folder: Path, *, budget: int = 0) -> None:
        """`budget` in bytes; 0: three quarters of the machine, or of the container where that is smaller."""
        self._folder = folder
        self.budget = budget or default_budget()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    @contextlib.contextmanager
    def claim(self, size: int, stop: threading.Event, *, on_wait: Callable[[], None] | None = None) -> Iterator[bool]:
        """Hold `size` bytes of the budget; waits for room, and yields False where `stop` was set first.

        A claim of the whole budget or more is granted once no other is held, and keeps others off. `on_wait` is called
        once where there is no room yet.
        """
        held = self._wait(size, stop, on_wait or _quietly)
        try:
            yield held is not None
        finally:
            if held is not None:
                self._give_back(*held)

    def claimed(self) -> int:
        """Bytes that are granted at the moment, to all pools together."""
        with self._alone():
            return sum(claim.size for claim in self._living() if claim.granted)

    def wanted(self) -> int:
        """Bytes that are granted or waited for at the moment."""
        with self._alone():
            return sum(claim.size for claim in self._living())

    def _wait(self, size: int, stop: threading.Event, on_wait: Callable[[], None]) -> tuple[_Claim, int] | None:
        if stop.is_set():
            return None
        with self._alone():
            claim, fd = self._ask(size)
        if claim.granted:
            return claim, fd
        try:
            on_wait()
            while not stop.is_set():
                with self._alone():
                    if self._has_room(claim, self._living()):
                        granted = replace(claim, granted=True)
                        (self._folder / claim.name).rename(self._folder / granted.name)
                        return granted, fd
                stop.wait(_LOOK_EVERY)
        except BaseException:
            self._give_back(claim, fd)
            raise
        self._give_back(claim, fd)
        return None

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else looks at the folder meanwhile; a fraction of a millisecond."""
        fd = self._locked()
        try:
            yield
        finally:
            os.close(fd)

    def _locked(self) -> int:
        """A descriptor that holds the folder's lock.

        A process that was stopped while it held it would stop all others: they put a fresh lock in its place. At worst
        it grants itself, once it goes on, what another one was granted meanwhile.
        """
        path = self._folder / "lock"
        asked_at = time.monotonic()
        while True:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() - asked_at > _STOPPED and _is_at(fd, path):
                    fresh = self._folder / f"lock-{os.getpid()}-{threading.get_ident()}"
                    fresh.touch(mode=0o600)
                    fresh.rename(path)
            else:
                if _is_at(fd, path):
                    return fd
            os.close(fd)
            time.sleep(_MOMENT)

    def _ask(self, size: int) -> tuple[_Claim, int]:
        """Claim, granted at once where there is room."""
        living = self._living()
        claim = _Claim(number=max((other.number for other in living), default=0) + 1, size=size, granted=False)
        claim = replace(claim, granted=self._has_room(claim, living))
        fd = os.open(self._folder / claim.name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return claim, fd

    def _has_room(self, claim: _Claim, living: list[_Claim]) -> bool:
        others = [other for other in living if other.number != claim.number]
        used = sum(other.size for other in others if other.granted)
        late = time.time() - _OVERTAKEN
        if any(not other.granted and other.number < claim.number and other.asked_at < late for other in others):
            return False
        return used == 0 or used + claim.size <= self.budget

    def _living(self) -> list[_Claim]:
        """All claims whose owners live; files of dead ones are removed."""
        found: list[_Claim] = []
        for path in self._folder.iterdir():
            claim = _Claim.parse(path.name)
            if claim is None:
                continue
            try:
                fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError:  # given back since it was listed
                continue
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink(missing_ok=True)
            except BlockingIOError:
                found.append(replace(claim, asked_at=os.fstat(fd).st_mtime))
            finally:
                os.close(fd)
        return found

    def _give_back(self, claim: _Claim, fd: int) -> None:
        (self._folder / claim.name).unlink(missing_ok=True)
        os.close(fd)


def _is_at(fd: int, path: Path) -> bool:
    """Whether `path` still leads to that open file."""
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def _quietly() -> None:
    pass


def default_budget() -> int:
    """Three quarters of the machine's memory, or of the container's where that is smaller. Bytes."""
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in _CGROUP_LIMITS:
        with contextlib.suppress(OSError, ValueError):  # no such cgroup; or `max`
            sizes.append(int(Path(path).read_text(encoding="ascii")))
    return min(sizes) * 3 // 4
