"""The text of PDFs: clean, in reading order, with boxes of words; and where words stand on turned pages."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.pdfs import false_count, lines, text_pdf

from jobs.issues import Issue, Record
from parsers import pdf, pdf_letters, pdf_text
from parsers.pdf_letters import cleaned, letters
from parsers.pdf_open import opened
from parsers.pdf_words import words

LEFT = [f"left {at:02} with five words more" for at in range(12)]
RIGHT = [f"right {at:02} has six words now" for at in range(12)]


@pytest.fixture
def read(tmp_path):
    def reading(content, **options):
        path = tmp_path / "a.pdf"
        path.write_bytes(content)
        return list(pdf_text.pages(path, **options))

    return reading


@pytest.fixture
def words_on(tmp_path):
    def reading(content, **options):
        path = tmp_path / "a.pdf"
        path.write_bytes(content)
        with opened(path) as document:
            return words(document[0], **options)

    return reading


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("A \\001ne \\002oor, \\003ord o\\004ce", "A fine floor, fford office"),
        ("so\\255ft\\255ware", "software"),
        ("caf\\351", "caf\u00e9"),
    ],
    ids=["ligatures", "soft hyphens", "accents"],
)
def test_pages__clean_letters(read, written, read_as):
    """Ligatures are spelled out, soft hyphens go, and letters with accents are one character."""
    (page,) = read(text_pdf(lines(written)))
    assert page.fields["text"].replace("-", "") == read_as


@pytest.mark.parametrize(
    ("above", "below", "text"),
    [
        ("The inter-", "national standard", "The international\nstandard"),
        ("Ask Jean-", "Luc about it", "Ask Jean-\nLuc about it"),
        ("Part 3001-", "04 is red", "Part 3001-\n04 is red"),
        ("A dash -", "and more", "A dash -\nand more"),
        ("x-", "axis", "x-\naxis"),
    ],
)
def test_pages__hyphens_at_the_end_of_a_line(read, above, below, text):
    """Halves of a word are joined; names, numbers, dashes and single letters keep their hyphen."""
    (page,) = read(text_pdf(lines(above, below)))
    assert page.fields["text"] == text


@given(st.text(max_size=80))
@settings(max_examples=100)
def test_letters__any_text(text):
    """Whatever a file says, no control character but tab and line feed is left, and cleaning twice changes nothing."""
    once = letters(text)
    assert not [char for char in once if ord(char) < 32 and char not in "\n\t"]
    assert not set(once) & set("\u00ad\u200b\ufeff\ufffe\x7f\ufb01")
    assert letters(once) == once
    assert cleaned(once) == cleaned(cleaned(once)) or pdf_letters.HYPHEN in text or "-\n" in once or "\u2010\n" in once


def test_pages__fields(read):
    """A page tells its size as it is shown, its rotation, and whether it has a text layer."""
    turned, blank = read(text_pdf(lines("Hello there"), "", page="/MediaBox [0 0 400 600] /Rotate 90"))
    assert turned.fields | {"text": ""} == {
        "page": 1,
        "text": "",
        "width": 600,
        "height": 400,
        "rotation": 90,
        "has_text": True,
        "headings": [],
    }
    assert (blank.fields["text"], blank.fields["has_text"]) == ("", False)


def _two_columns(*, apart=(40, 230), by_line=True):
    rows = [
        (f"1 0 0 1 {{}} {500 - 14 * at} Tm ({{}}) Tj", one, other)
        for at, (one, other) in enumerate(zip(LEFT, RIGHT, strict=True))
    ]
    left = [form.format(apart[0], one) for form, one, _ in rows]
    right = [form.format(apart[1], other) for form, _, other in rows]
    drawn = [part for pair in zip(left, right, strict=True) for part in pair] if by_line else left + right
    title = lines("A title that goes over both of the columns", y=550, size=14)
    return text_pdf(
        f"{title} BT /F 9 Tf {' '.join(drawn)} ET {lines('and a line below them that is as wide as well, or wider', y=300)}"
    )


@pytest.mark.parametrize("by_line", [True, False])
def test_pages__two_columns(read, by_line):
    """The left column is read before the right one, however they are drawn, and wide lines stay where they are."""
    (page,) = read(_two_columns(by_line=by_line), words=True)
    title, *columns, last = page.fields["text"].split("\n")
    assert columns == LEFT + RIGHT
    assert title.startswith("A title")
    assert last.startswith("and a line below")
    assert page.fields["headings"] == [title]
    assert " ".join(word[0] for word in page.fields["words"]) == page.fields["text"].replace("\n", " ")


def test_pages__a_table_is_no_columns(read):
    """Rows of a table are read as rows."""
    rows = " ".join(
        f"1 0 0 1 40 {500 - 14 * at} Tm (300{at} Brick) Tj 1 0 0 1 230 {500 - 14 * at} Tm ({at} red) Tj"
        for at in range(9)
    )
    (page,) = read(text_pdf(f"BT /F 9 Tf {rows} ET"))
    assert page.fields["text"].split("\n") == [f"300{at} Brick {at} red" for at in range(9)]


def test_pages__headings(read):
    """Lines in a larger font are headings; one that is written large throughout has none."""
    body = lines("some text of it that is long", "and goes on for longer", y=500)
    (page,) = read(text_pdf(lines("Building a wall", size=16) + body + lines("Details", y=400, size=13)))
    assert page.fields["headings"] == ["Building a wall", "Details"]
    (large,) = read(text_pdf(lines("Building a wall", "of bricks", size=16)))
    assert large.fields["headings"] == []


def test_pages__range_and_watch(read):
    """A range gives just its pages, and who watches is told how far it is."""
    told = []
    five = text_pdf(*(lines(f"Page {number}") for number in range(1, 6)))
    found = read(five, first=2, last=4, watch=lambda *at: told.append(at))
    assert [(page.row, page.fields["text"]) for page in found] == [(2, "Page 2"), (3, "Page 3"), (4, "Page 4")]
    assert told == [(2, 4), (3, 4), (4, 4)]


def test_pages__false_count(read):
    """Pages that only the count claims are one issue, and only where they were asked for."""
    page, issue = read(false_count(900_000))
    assert (type(page), type(issue), issue.code) == (Record, Issue, "pdf.page")
    assert issue.message == "Pages 2 to 900000 can not be read."
    assert len(read(false_count(900_000), last=1)) == 1


def test_pages__too_many_characters(read, monkeypatch):
    """A page without end is cut, and a warning says so."""
    monkeypatch.setattr(pdf_text, "MAX_CHARACTERS", 50)
    page, warning = read(text_pdf(lines(*["some ten chars"] * 20)))
    assert len(page.fields["text"]) <= 50
    assert (warning.code, warning.severity) == ("pdf.page_cut", "warning")


def test_pictures__a_range_with_a_password(tmp_path):
    """Pages are drawn from where a part begins; the facade takes what its parts take."""
    path = tmp_path / "a.pdf"
    path.write_bytes(text_pdf(*(lines(f"Page {number}") for number in range(1, 6))))
    assert [number for number, _ in pdf.pictures(path, first=2, last=3, longest=50, password="any")] == [2, 3]
    assert pdf.count_pages(path, password="any") == 5


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_words__turned_pages(words_on, rotation):
    """Boxes are told from the top left corner of the page as it is shown, of its crop box alone."""
    (word,) = words_on(
        text_pdf(
            lines("Corner", x=60, y=560, size=10),
            page=f"/MediaBox [0 0 400 600] /CropBox [50 0 400 590] /Rotate {rotation}",
        )
    )
    # The word begins 10 points right of the crop box's left edge, its baseline is 30 below the upper edge.
    x, y = {
        0: (word.x0, word.y1),
        90: (word.y0, 590 - word.x0),
        180: (350 - word.x1, 590 - word.y0),
        270: (350 - word.y1, word.x1),
    }[rotation]
    assert (x, y) == (pytest.approx(10, abs=1), pytest.approx(32, abs=1))
    sides = (word.x1 - word.x0, word.y1 - word.y0)
    wide, high = sides if rotation in (0, 180) else reversed(sides)
    assert (wide, high) == (pytest.approx(31, abs=2), pytest.approx(word.size))


def test_words__a_line(words_on):
    """Words of a line stand level, in order, and do not overlap; a cut word comes as its two halves."""
    found = words_on(text_pdf(lines("Pin 2780 with a fric-", "tion ridge")))
    assert [word.text for word in found] == ["Pin", "2780", "with", "a", "fric-", "tion", "ridge"]
    first, second = found[:5], found[5:]
    assert len({word.y0 for word in first}) == len({word.y0 for word in second}) == 1
    assert second[0].y0 > first[0].y0
    assert all(one.x1 < other.x0 for one, other in pairwise(first))


def test_words__text_that_runs_up(words_on):
    """A word that is written upwards has a tall box, and its line is as high as that is wide."""
    (word,) = words_on(text_pdf("BT /F 10 Tf 0 1 -1 0 200 100 Tm (Upwards) Tj ET"))
    assert word.y1 - word.y0 > 3 * (word.x1 - word.x0)
    assert word.size == pytest.approx(word.x1 - word.x0)


def test_words__bold(words_on):
    """Whether a word is bold is told where fonts are asked for."""
    content = text_pdf(lines("Heavy")).replace(b"/BaseFont /Helvetica", b"/BaseFont /Helvetica-Bold")
    assert [word.bold for word in words_on(content, fonts=True)] == [True]
    assert [word.bold for word in words_on(content)] == [False]


def test_words__none(words_on):
    """A page without text has no words."""
    assert words_on(text_pdf("")) == []
