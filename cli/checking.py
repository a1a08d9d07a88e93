"""`heavylift check`: a parts list read, resolved and added up here, with the words and the verdict of the platform."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from catalog.port import Catalog
from cli.exits import CommandError, Exit
from cli.screen import clean, emit, emit_json, say, styled
from jobs.errors import Fault, InputError
from lists.assembly import Assembled, assemble
from lists.issues_file import JSONL
from lists.options import Given, PartsListOptions
from parsers.encoding import HEAD
from parsers.lists import LISTS, ON_REQUEST, is_list
from parsers.sniff import sniff

_WELL = {"clean", "warnings"}  # verdicts; the others are `errors`, `rejected` and `unreadable`
_SHOWN = 20  # issues that people see; --json and --save have more


def run(
    file: Path,
    *,
    options: str,
    kind: str | None,
    catalog: Path | None,
    save: Path | None,
    as_json: bool,
    data_dir: Path | None,
) -> Exit:
    """Check one file, as a list of that kind where one is named; the exit code says whether every row was accepted."""
    chosen = _options(options)
    if kind is not None and kind not in LISTS | ON_REQUEST:
        raise CommandError(f"--kind: there is no {kind!r}; the kinds are {', '.join(LISTS | ON_REQUEST)}")
    with _folder(save) as folder, _catalog(catalog, data_dir) as opened:
        kind, made, fault = _read(file, folder=folder, chosen=chosen, catalog=opened, kind=kind)
        issues = _issues(folder / JSONL) if made else []
        verdict = made.summary["verdict"] if made else "unreadable"
        if as_json:
            emit_json(_answer(kind, made=made, fault=fault, issues=issues, verdict=verdict))
        else:
            _show(file, kind=kind, made=made, fault=fault, issues=issues, verdict=verdict)
    return Exit.WELL if verdict in _WELL else Exit.FAILED


def _options(text: str) -> PartsListOptions:
    try:
        return PartsListOptions.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise CommandError(f"--options: {place or 'JSON'}: {first['msg']}") from None


def _read(
    file: Path, *, folder: Path, chosen: PartsListOptions, catalog: Catalog, kind: str | None
) -> tuple[str | None, Assembled | None, Fault | None]:
    """The file's kind, and what came of it or why nothing did."""
    with file.open("rb") as opened:
        head = opened.read(HEAD)
    seen = sniff(head, size=file.stat().st_size, name=file.name)
    name = kind or (seen.name if seen else None)
    try:
        if name is None or not head or not is_list(name, asked=bool(kind or chosen.columns)):
            raise _unsupported(seen.title if seen else None, empty=not head)
        wishes, choices = chosen.wishes(Given({})), chosen.choices()
        made = assemble(file, kind=name, folder=folder, catalog=catalog, wishes=wishes, choices=choices)
    except InputError as error:
        return name, None, error.fault
    return name, made, None


def _unsupported(title: str | None, *, empty: bool) -> InputError:
    if empty:
        return InputError("input.empty", "The file is empty.")
    message = f"This is a {title}, not a parts list." if title else "The file is no parts list of a known format."
    hint = "For a table with a header in nobody's words, name its columns: --options '{\"columns\": {...}}'"
    return InputError("input.unsupported", message, hint=hint)


@contextmanager
def _catalog(path: Path | None, data_dir: Path | None) -> Iterator[Catalog]:
    """The catalog that was named, else the data folder's newest, else the sample."""
    from catalog.sqlite import CatalogUnusable, SqliteCatalog

    with tempfile.TemporaryDirectory(prefix="heavylift-catalog-") as folder:
        try:
            opened = SqliteCatalog(_compiled(path, data_dir, into=Path(folder)))
        except InputError as error:
            raise CommandError(f"--catalog: {error}", hint=error.fault.hint) from error
        except CatalogUnusable as error:
            raise CommandError(str(error)) from error
        with opened:
            yield opened


def _compiled(path: Path | None, data_dir: Path | None, *, into: Path) -> Path:
    """Where that catalog lies, compiled."""
    from catalog.compile import compile_catalog
    from catalog.sample import sample_catalog

    if path is None:
        return _newest(data_dir or Path(".heavylift")) or sample_catalog(into)
    if path.is_dir() or path.suffix == ".zip":
        compile_catalog(path, into / "catalog.sqlite", version=path.name)
        return into / "catalog.sqlite"
    if not path.exists():
        raise CommandError(f"there is no catalog at {path}")
    return path


def _newest(data_dir: Path) -> Path | None:
    """What the workers of a platform in that data folder used last."""
    found = sorted((data_dir / "cache" / "catalog").glob("*.sqlite"), key=lambda path: path.stat().st_mtime)
    return found[-1] if found else None


@contextmanager
def _folder(save: Path | None) -> Iterator[Path]:
    """Where files are made: the new folder that was named, else one that goes away."""
    if save is None:
        with tempfile.TemporaryDirectory(prefix="heavylift-check-") as made:
            yield Path(made)
        return
    try:
        save.mkdir(parents=True)
    except FileExistsError:
        raise CommandError(f"{save} is there already; name a new folder") from None
    try:
        yield save
    finally:
        if not any(save.iterdir()):
            shutil.rmtree(save)


def _issues(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _answer(
    kind: str | None, *, made: Assembled | None, fault: Fault | None, issues: list[dict[str, Any]], verdict: str
) -> dict[str, Any]:
    """The one line of --json."""
    return {
        "format": kind,
        "verdict": verdict,
        "summary": made.summary if made else None,
        "issues": issues,
        "warnings": [notice._asdict() for notice in made.notices] if made else [],
        "error": fault.to_json() if fault else None,
    }


def _show(
    file: Path,
    *,
    kind: str | None,
    made: Assembled | None,
    fault: Fault | None,
    issues: list[dict[str, Any]],
    verdict: str,
) -> None:
    """The same for a person."""
    import sys

    emit(styled(f"{file.name}  {verdict}", "green" if verdict in _WELL else "red", sys.stdout))
    if fault:
        _emit_line(f"  {fault.code}  {fault.message}")
        if fault.hint:
            say(f"  {fault.hint}")
        return
    assert made is not None
    told = made.summary
    emit(f"  format    {kind}")
    emit(f"  rows      {told['rows_total']}, {told['rows_rejected']} rejected")
    emit(f"  pieces    {told['pieces']}, and {told['spares']} spare, of {told['distinct_parts']} parts")
    unknown = told["unresolved"]["lots"]
    _emit_line(f"  resolved  all{f' but {unknown} lots' if unknown else ''}; catalog {told['catalog']['version']}")
    for found in issues[:_SHOWN]:
        place = f"row {found['row']}" if found["row"] else f"line {found['line']}" if found["line"] else "file"
        likely = f" ({', '.join(found['suggestions'])}?)" if found["suggestions"] else ""
        value = f" {found['value']}" if found["value"] is not None else ""
        _emit_line(f"  {found['severity']:<8}{place:<10} {found['code']:<24}{value}{likely}")
    listed = sum(told["issues"].values())
    if listed > _SHOWN:
        say(f"  and {listed - _SHOWN} more; --json shows a thousand, --save keeps them")
    for notice in made.notices:
        say(f"  {notice.message}", "yellow")


def _emit_line(text: str) -> None:
    """One line, whatever a list's cells hold."""
    emit(clean(text).replace("\n", " "))
