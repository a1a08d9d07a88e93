"""Documents as Markdown: pages, headings, and text that stays text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from documents.markdown import escaped, markdown


def _page(text, number=1, **more):
    return {"page": number, "text": text} | more


def test_markdown__pages():
    """Each page opens with a comment, and pages come one at a time."""
    pieces = markdown(_page(f"Text of {number}.", number) for number in (1, 2))
    assert next(pieces) == "<!-- page 1 -->\n\nText of 1.\n\n"
    assert "".join(pieces) == "<!-- page 2 -->\n\nText of 2.\n\n"
    assert "".join(markdown([_page("")])) == "<!-- page 1 -->\n\n"


def test_markdown__headings_from_the_outline():
    """An entry of the outline is a heading where a line says it, or at the page's start where none does."""
    outline = [
        {"title": "Walls", "page": 1, "level": 1},
        {"title": "Low walls", "page": 1, "level": 2},
        {"title": "Unsaid", "page": 2, "level": 1},
    ]
    pages = [_page("Before.\nWalls\nOf bricks.\nLow  walls\nOf plates."), _page("More.", 2)]
    assert "".join(markdown(pages, outline)) == (
        "<!-- page 1 -->\n\nBefore.\n\n# Walls\n\nOf bricks.\n\n## Low walls\n\nOf plates.\n\n"
        "<!-- page 2 -->\n\n# Unsaid\n\nMore.\n\n"
    )


def test_markdown__headings_from_larger_lines():
    """Without an outline lines in a larger font are headings, in the order in which they come."""
    page = _page("Walls\nHow to build\nWalls\nHigh ones", headings=["Walls", "High ones"])
    assert "".join(markdown([page])) == "<!-- page 1 -->\n\n## Walls\n\nHow to build\nWalls\n\n## High ones\n\n"
    # From then on a page without any has no headings: nobody guesses beside what is known.
    first, second = markdown([page, _page("Introduction\nSome longer text of it that goes on.", 2, headings=[])])
    assert "# Introduction" not in second
    assert "## Walls" in first


def test_markdown__guessed_headings():
    """Where neither is known, a line that looks like a heading is one."""
    (piece,) = markdown([_page("1.2 The Second Chapter\nSome longer text of it that goes on and on.")])
    assert "# 1.2 The Second Chapter" in piece


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("# 5 bricks", "\\# 5 bricks"),
        ("- red", "\\- red"),
        ("--- ", "\\---"),
        ("-5 degrees", "-5 degrees"),
        ("1. Begin", "1\\. Begin"),
        ("1.5 mm", "1.5 mm"),
        ("3001*2 [a](b) <b>", "3001\\*2 \\[a\\](b) \\<b>"),
        ("part_no _x_", "part_no \\_x\\_"),
        ("&lt; & more", "\\&lt; & more"),
        ("a | b", "a \\| b"),
        ("===", "\\==="),
    ],
)
def test_escaped__specials(line, shown):
    """What would be markup is escaped, and nothing else."""
    assert escaped(line) == shown


@given(st.text(alphabet="ab_*#<>[]()`~|&;-+=.1\\ ", max_size=30))
@settings(max_examples=100)
def test_escaped__is_the_line_again(line):
    """Without its backslashes before specials it is the same line, and no HTML or link is left in it."""
    found = escaped(line)
    plain, at = "", 0
    while at < len(found):
        at += found[at] == "\\"
        plain += found[at]
        at += 1
    assert plain == line.strip()
    bare = found.replace("\\\\", "").replace("\\<", "").replace("\\[", "").replace("\\`", "")
    assert not set(bare) & set("<[`")
