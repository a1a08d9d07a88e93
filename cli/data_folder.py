"""The folder in which the embedded default keeps everything: its layout, its lock and its format's version."""

import fcntl
import os
import time
from pathlib import Path
from typing import Self

from cli.exits import CommandError

FORMAT = 1  # of the folder; raised when an older program could no longer work with it
DEATH_THROES = 3.0  # seconds that the children of a killed supervisor may need to vanish


class DataFolder:
    """One data folder, held by at most one supervisor: `with DataFolder(path) as folder`.

    The lock is the kernel's, so that it can't go stale. Children inherit it: while one of them still runs after its
    supervisor was killed, the folder stays taken.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.run = self.path / "run"
        self.logs = self.path / "logs"
        self.redis = self.path / "redis"
        self._lock = -1

    @property
    def lock_fd(self) -> int:
        """The open lock, for children to inherit."""
        return self._lock

    def __enter__(self) -> Self:
        """Make the folder, take its lock, check its version; `CommandError` says what stands against it."""
        try:
            for folder in (self.path, self.run, self.logs):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.run.chmod(0o700)  # sockets live here; an older umask must not leave it open
            self._lock = os.open(self.run / "up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            message = f"the data folder {self.path} can't be used: {error.strerror}"
            raise CommandError(message, hint="name another one with --data-dir") from error
        try:
            self._take()
            self._check_format()
        except BaseException:
            os.close(self._lock)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        os.ftruncate(self._lock, 0)
        os.close(self._lock)

    def _take(self) -> None:
        until = time.monotonic() + DEATH_THROES
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                holder = _pid_in(os.pread(self._lock, 32, 0))
                if (holder and _lives(holder)) or time.monotonic() > until:
                    raise self._taken(holder) from None
                time.sleep(0.05)
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)

    def _taken(self, holder: int | None) -> CommandError:
        who = f"process {holder}" if holder else "another process"
        message = f"the data folder {self.path} is in use by another `heavylift up` ({who})"
        stop = f"end it with `kill {holder}`" if holder else "end it"
        return CommandError(message, hint=f"{stop}, or name another folder with --data-dir")

    def _check_format(self) -> None:
        """Write the version of a new folder; refuse one that a newer program has made."""
        file = self.path / "VERSION"
        if not file.exists():
            fresh = file.with_name("VERSION.new")
            fresh.write_text(f"{FORMAT}\n")
            fresh.replace(file)
            return
        found = file.read_text().strip()
        if not found.isdecimal():
            raise CommandError(f"{file} should hold a number but says {found[:40]!r}", hint="is this a data folder?")
        if int(found) > FORMAT:
            message = f"the data folder {self.path} has format {found}; this program knows formats up to {FORMAT}"
            raise CommandError(message, hint="use the newer Heavylift that wrote it, or another --data-dir")


def _pid_in(found: bytes) -> int | None:
    text = found.decode(errors="replace").strip()
    return int(text) if text.isdecimal() else None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
