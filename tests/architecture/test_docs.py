"""Prose and code say the same: the diagram, the commands, the queues, the pages of decisions."""

import re
from pathlib import Path

import pytest
from support.sources import ROOT, files, text_of
from typer.main import get_command

from cli.app import app
from jobs.lifecycle import TRANSITIONS
from jobs.model import Status
from jobs.queues import QUEUES
from parsers.codes import CODES

PAGES = tuple(path for path in files() if path.suffix == ".md")
DIAGRAM = re.compile(r"```mermaid\s+stateDiagram-v2(?P<body>.*?)```", re.DOTALL)
ARROW = re.compile(r"^\s*(\w+)\s*-->\s*(\w+)", re.MULTILINE)
COMMAND = re.compile(r"\./heavylift +(?P<name>[a-z][a-z-]*)(?P<rest>[^\n`#|]*)")
QUEUE_WORDS = re.compile(r"`(\w+)` (?:queue|pool)\b|\b(?:queue|pool) `(\w+)`|heavylift worker (\w+)")
DECISION_PARTS = ("context", "decision", "consequences", "alternatives")


def test_architecture__diagram_is_the_table():
    """The state diagram in ARCHITECTURE.md shows exactly the transitions that the lifecycle allows."""
    found = DIAGRAM.search(text_of(Path("ARCHITECTURE.md")))
    assert found, "ARCHITECTURE.md has no ```mermaid stateDiagram-v2 block"
    drawn = set(ARROW.findall(found["body"]))
    assert drawn == {(before.value, after.value) for before, afters in TRANSITIONS.items() for after in afters}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_docs__commands_exist(page):
    """Every `./heavylift X --option` in a page can be typed."""
    commands = get_command(app).commands
    for found in COMMAND.finditer(text_of(page)):
        name = found["name"]
        assert name in commands, f"{page}: there is no command {name!r}"
        command = commands[name]
        word = (found["rest"].split() or [""])[0]
        command = getattr(command, "commands", {}).get(word, command)  # `queues drain`: the options are drain's
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        options = set(re.findall(r"(?<!\S)--[a-z][a-z-]*", found["rest"].split(" -- ")[0]))
        assert options <= known | {"--help"}, f"{page}: {found[0]!r}"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_docs__queues_exist(page):
    """No page speaks of a queue or pool that jobs/queues.py does not know."""
    named = {name for found in QUEUE_WORDS.findall(text_of(page)) for name in found if name}
    assert named <= set(QUEUES)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_docs__links_lead_somewhere(page):
    """Every relative link in a page names a file or folder that is there."""
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text_of(page))
    dead = [link for link in links if "://" not in link and not (ROOT / page.parent / link).exists()]
    assert dead == []


def test_docs__readme_shows_the_two_commands_and_the_tour():
    """A newcomer finds `demo` and `test`, and the five files to read first."""
    readme = text_of(Path("README.md"))
    for word in ("./heavylift demo", "./heavylift test", "api/jobs.py", "jobs/lifecycle.py", "workers/executor.py"):
        assert word in readme, word


def test_docs__glossary_has_every_status_and_queue():
    """The glossary explains every status; the queues stand in it too."""
    glossary = text_of(Path("docs/glossary.md"))
    assert {word for word in (*Status, *QUEUES) if word not in glossary} == set()


@pytest.mark.parametrize("page", [path for path in PAGES if path.parts[:2] == ("docs", "decisions")], ids=str)
def test_decisions__have_their_four_parts(page):
    """Each decision tells context, decision, consequences and alternatives."""
    text = text_of(page).lower()
    assert [part for part in DECISION_PARTS if part not in text] == []


def test_decisions__are_there():
    """The decisions that a newcomer would question first are written down."""
    assert len([path for path in PAGES if path.parts[:2] == ("docs", "decisions")]) >= 4


def test_parts_lists__every_issue_code_is_told():
    """docs/parts-lists.md has each code that a row can have, with its severity and its words, and no other."""
    told = re.findall(r"^\| `([a-z_.]+)` \| (\w+) \| (.+) \|$", text_of(Path("docs/parts-lists.md")), re.MULTILINE)
    assert told == [(code, known.severity.value, known.message) for code, known in sorted(CODES.items())]
