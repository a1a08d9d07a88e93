"""A backup of the embedded default while it runs: a copy that is a data folder itself, ledger and bytes in agreement."""

import contextlib
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

from cli.data_folder import FORMAT
from cli.exits import CommandError
from config.settings import Settings

_ROUNDS = 5  # until no job was deleted while its bytes were being copied
_OBJECTS = Path("store") / "objects"


def back_up(settings: Settings, target: Path, *, say: Callable[[str], None]) -> int:
    """Copy ledger and store of a data folder to `target`, which must not exist yet; returns the number of objects.

    Objects never change, so they are copied first, then the ledger, then the objects that came meanwhile. An object
    that the ledger's copy names and that is gone by then belonged to a job that was deleted: the ledger is copied anew.
    Raises `CommandError` where ledger or store are elsewhere, or the target is taken.
    """
    _require_embedded(settings)
    try:
        target.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        raise CommandError(f"{target} is there already", hint="name a folder that is not") from None
    try:
        return _copied(settings, target, say=say)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)  # half a backup must not look like one
        raise


def _copied(settings: Settings, target: Path, *, say: Callable[[str], None]) -> int:
    source = settings.data_dir
    copied = _copy_new(settings.store_path / "objects", target / _OBJECTS)
    for _ in range(_ROUNDS):
        _copy_ledger(source / "ledger.sqlite3", target / "ledger.sqlite3")
        copied += _copy_new(settings.store_path / "objects", target / _OBJECTS)
        missing = _missing(target)
        if not missing:
            _mark_unindexed(target / "ledger.sqlite3")
            (target / "VERSION").write_text(f"{FORMAT}\n")
            return copied
        say(f"{missing} objects went while they were copied; looking again")
    raise CommandError("jobs are deleted faster than they can be copied", hint="try again, or stop the platform first")


def _require_embedded(settings: Settings) -> None:
    if settings.ledger.url or settings.store.kind != "local":
        raise CommandError(
            "this backs up the embedded default only: ledger or store are on servers of their own",
            hint="use pg_dump and your store's versioning or copies; docs/operations.md says in which order",
        )
    if not (settings.data_dir / "ledger.sqlite3").exists():
        raise CommandError(f"there is no ledger in {settings.data_dir}", hint="name the folder with --data-dir")


def _copy_ledger(source: Path, target: Path) -> None:
    """SQLite's own online copy: a consistent view, whoever writes meanwhile."""
    target.unlink(missing_ok=True)
    with (
        contextlib.closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=30)) as old,
        contextlib.closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)
    target.chmod(0o600)


def _mark_unindexed(ledger: Path) -> None:
    """The search index is not copied: it is made from ledger and artifacts once the copy is started."""
    with contextlib.closing(sqlite3.connect(ledger)) as copy, copy:
        copy.execute("UPDATE jobs SET unindexed_since = created_at WHERE unindexed_since IS NULL")


def _copy_new(source: Path, target: Path) -> int:
    """Copy the objects that are not there yet; what the collector takes meanwhile is left out."""
    copied = 0
    for path in source.glob("*/*"):
        into = target / path.relative_to(source)
        if into.exists():
            continue
        into.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(path, into.with_name(f"{into.name}.part"))
            into.with_name(f"{into.name}.part").replace(into)
            copied += 1
    return copied


def _missing(target: Path) -> int:
    """Objects that the copied ledger counts on and that were not copied."""
    with contextlib.closing(sqlite3.connect(target / "ledger.sqlite3")) as ledger:
        keys = [key for (key,) in ledger.execute("SELECT key FROM blobs WHERE state = 'live'")]
    return sum(not (target / _OBJECTS / key[-2:] / key).exists() for key in keys)
