"""Tables on this machine into one ZIP to upload: streamed, whatever their size."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

from catalog.sources import find_sources, is_readable
from cli.exits import CommandError

NEEDED = ("parts", "colors")


def tables_in(paths: Sequence[Path]) -> list[Path]:
    """The tables that `paths` name, folders opened; `CommandError` where they are no catalog."""
    found: dict[str, Path] = {}
    for path in paths:
        if not path.exists():
            raise CommandError(f"{path} is not there")
        names = [one.holder for one in find_sources(path) if is_readable(one)] if path.is_dir() else [path]
        for table in names:
            if found.setdefault(table.name, table) != table:
                raise CommandError(f"two files are named {table.name}; name one of them")
    for needed in NEEDED:
        if not any(name.lower().partition(".")[0] == needed for name in found):
            said = ", ".join(sorted(found)) or "nothing"
            raise CommandError(f"a catalog needs {needed}.csv or {needed}.csv.gz, and this is {said}")
    return list(found.values())


def pack(tables: Sequence[Path], into: Path) -> Path:
    """One ZIP with all tables, the smallest first: its first bytes then tell the server what it is."""
    with zipfile.ZipFile(into, "w", strict_timestamps=False) as packed:
        for table in sorted(tables, key=lambda path: path.stat().st_size):
            method = zipfile.ZIP_STORED if table.name.lower().endswith(".gz") else zipfile.ZIP_DEFLATED
            packed.write(table, table.name, compress_type=method)
    return into
