"""The repository's own files, for tests that read code and prose."""

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = (
    "api",
    "audit",
    "bench",
    "broker",
    "catalog",
    "cli",
    "client",
    "config",
    "documents",
    "drill",
    "fuzz",
    "jobs",
    "ledger",
    "lists",
    "models",
    "parsers",
    "pictures",
    "pipelines",
    "search",
    "storage",
    "wiring",
    "workers",
)
_UNSEEN = frozenset({".git", ".venv", ".heavylift", "__pycache__", ".mypy_cache", ".ruff_cache"})


@cache
def files() -> tuple[Path, ...]:
    """Every file that belongs to the repository (tracked, or new and not ignored), relative to its root."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        named = subprocess.run(listing, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    except (OSError, subprocess.CalledProcessError):  # unpacked from an archive: no git
        found = (path.relative_to(ROOT) for path in ROOT.rglob("*"))
        named = [str(path) for path in found if not _UNSEEN.intersection(path.parts)]
    return tuple(sorted(Path(name) for name in named if name and (ROOT / name).is_file()))


def python_files(*folders: str) -> tuple[Path, ...]:
    """The Python files below `folders`; all of them where none is named."""
    return tuple(path for path in files() if path.suffix == ".py" and (not folders or path.parts[0] in folders))


def product_files() -> tuple[Path, ...]:
    """The Python files that run in production: everything but tests."""
    return tuple(path for path in python_files() if path.parts[0] != "tests")


def text_files() -> tuple[tuple[Path, str], ...]:
    """Every file that is text, with its text."""
    found = []
    for path in files():
        try:
            found.append((path, (ROOT / path).read_text(encoding="utf-8")))
        except UnicodeDecodeError:  # a fixture in a binary format
            continue
    return tuple(found)


@cache
def text_of(path: Path) -> str:
    """The text of one file, named relative to the root."""
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def tree_of(path: Path) -> ast.Module:
    """The parsed source of one file, named relative to the root."""
    return ast.parse(text_of(path), filename=str(path))


def imports_of(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it, under its full name."""
    found: set[str] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
    return found


def top(module: str) -> str:
    """The package at the root of a module's name."""
    return module.partition(".")[0]
