"""Chunks: every character in exactly one, exact places, sizes, cuts at structure, headings, and time that stays linear."""

import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from documents import sentences
from documents.chunks import MAX_SIZE, MIN_SIZE, chunks, to_json

PROSE = "The brake holds the wheel. It is set by hand, and checked once a year by whoever drives it. "
PIECES = [
    "a", "Word ", "brick", " ", "  ", "\n", "\n\n", "\n \n", ". ", "? ", "e.g. ", "3. ", "\t", "\u00a0", "\u2028", "\r", "\x0b",
    "1 Intro\n", "2.1 Scope\n", "HEADING\n", "3001  Red  12\n", PROSE, "x" * 180, "漢字かな。", "e\u0301" * 30, "\U0001f9f1", "\0",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=60).map("".join) | st.text(max_size=400)
OUTLINES = st.lists(
    st.fixed_dictionaries(
        {
            "title": st.sampled_from(["1 Intro", "Scope", "HEADING", "Nowhere", "", "The brake holds the wheel."]),
            "page": st.none() | st.integers(-1, 5),
            "level": st.integers(0, 3),
        }
    ),
    max_size=6,
)


def pages(*texts):
    """Pages as `text.jsonl` has them."""
    return [{"page": number, "text": text} for number, text in enumerate(texts, 1)]


def texts_of(text, *, size=100, outline=()):
    """The chunks of a document of one page."""
    return [chunk.text for chunk in chunks(pages(text), size=size, outline=outline)]


@given(st.lists(TEXTS, max_size=4), OUTLINES, st.integers(MIN_SIZE, 400))
@settings(max_examples=100, deadline=None)
def test_chunks__hold_each_character_once(texts, outline, size):
    """Whatever the pages hold: places are exact and in order, nothing but white space lies between, sizes are bounded."""
    found = list(chunks(pages(*texts), outline=outline, size=size))
    assert [chunk.number for chunk in found] == list(range(1, len(found) + 1))
    assert [chunk.page for chunk in found] == sorted(chunk.page for chunk in found)
    for number, text in enumerate(texts, 1):
        at = 0
        for chunk in (chunk for chunk in found if chunk.page == number):
            assert (chunk.text, chunk.last_page) == (text[chunk.start : chunk.end], number)
            assert chunk.text.strip() == chunk.text != ""
            assert len(chunk.text) <= size + size // 4
            assert not text[at : chunk.start].strip()
            at = chunk.end
        assert not text[at:].strip()


@given(st.lists(st.integers(1, 30), min_size=1, max_size=300), st.integers(MIN_SIZE, 300))
@settings(max_examples=60, deadline=None)
def test_chunks__of_plain_words_are_neither_small_nor_torn(lengths, size):
    """Where there are spaces, no word is cut, and only a page's last chunk may be shorter than half the size."""
    text = " ".join("w" * length for length in lengths)
    found = texts_of(text, size=size)
    assert " ".join(found) == text
    if len(text) >= size // 2:
        assert min(map(len, found)) >= size // 2 - 1


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("a" * 70 + ". B" + "b" * 10 + "\n\n" + "c d " * 40, "a" * 70 + ". B" + "b" * 10),
        ("a " * 35 + "end.\n" + "b " * 10 + "\n" + "c " * 90, ("a " * 35 + "end.")),
        ("a " * 40 + "end. B" + " b" * 90, "a " * 40 + "end."),
        ("a " * 40 + "\n" + "b " * 90, ("a " * 40).strip()),
        ("ab " * 100, ("ab " * 34).strip()),
        ("a " * 25 + "b" * 90 + " c" * 60, ("a " * 25).strip()),
        ("x" * 300, "x" * 100),
        ("漢" * 70 + "。" + "字" * 200, "漢" * 70 + "。"),
    ],
    ids=[
        "paragraph",
        "line of prose",
        "sentence",
        "line",
        "space",
        "before a long word",
        "no space",
        "no spaces in use",
    ],
)
def test_cut__is_the_best_break_at_hand(text, first):
    """A paragraph's end comes before a line's, that before a sentence's, that before a space; a word is cut last."""
    assert texts_of(text)[0] == first


def test_cut__leaves_rows_of_tables_whole():
    """Rows are parted at line ends only, also where they hold abbreviations that look like ends of sentences."""
    rows = [f"{3001 + number}  Plate 1 x 2 w. Groove. Tan  {number}" for number in range(60)]
    assert "\n".join(texts_of("\n".join(rows), size=300)).split("\n") == rows


def test_cut__never_parts_a_heading_from_its_text():
    """A heading opens the chunk of its section instead of ending the one before."""
    text = (PROSE + "\n") * 9 + "\n2 Wheels\n\n" + (PROSE + "\n") * 9
    found = list(chunks(pages("1 Brakes\n" + text), size=1000))
    assert [chunk.text.partition("\n")[0] for chunk in found] == ["1 Brakes", "2 Wheels"]
    assert [chunk.headings for chunk in found] == [("1 Brakes",), ("2 Wheels",)]


def test_headings__come_from_the_outline():
    """Titles are found on their page with or without numbers; what no line says counts from the page's start."""
    outline = [
        {"title": "Vehicles", "page": None, "level": 0},
        {"title": "Brakes", "page": 1, "level": 1},
        {"title": "Drum  brakes", "page": 1, "level": 2},
        {"title": "Wheels and what is to be known of them", "page": 2, "level": 1},
        {"title": "Not printed", "page": 3, "level": 0},
    ]
    first = "1 Brakes\n" + PROSE * 6 + "\n1.1 Drum brakes\n" + PROSE * 6
    second = "Running title\n2 Wheels and what is to be\nknown of them\n" + PROSE
    found = list(chunks(pages(first, second, PROSE), outline=outline, size=500))
    above = [(chunk.page, chunk.headings) for chunk in found]
    assert [name for name, _ in itertools.groupby(above)] == [
        (1, ("Vehicles", "Brakes")),
        (1, ("Vehicles", "Brakes", "Drum brakes")),
        (2, ("Vehicles", "Wheels and what is to be known of them")),
        (3, ("Not printed",)),
    ]


def test_headings__are_guessed_without_an_outline():
    """Numbered, upper-case and title-case lines with text below them are headings; they nest and outlast the page."""
    first = "USER MANUAL\n" + PROSE + "\n\n1 Getting started\n1.1 What Is in the Box\n" + PROSE * 5
    second = "2\nUSER MANUAL\n" + PROSE * 5
    found = list(chunks(pages(first, second), size=500))
    assert {chunk.page: chunk.headings for chunk in found} == dict.fromkeys(
        (1, 2), ("1 Getting started", "1.1 What Is in the Box")
    )


@pytest.mark.parametrize(
    "lines",
    [
        "Brick\nRed\nPlate\nBlue\nTile\nWhite\n",
        "4 Brick 2 x 4 Red\n12 Plate 1 x 1 Blue\n",
        "1 Introduction ............ 3\n2 Brakes .......... 5\n",
        "3001  Brick\n",
        "This is what we have to say.\n",
        "Name: Smith,\n",
        "4 CARD32 ICON_NAME\n",
        "MYPKIX { }\n",
        "Chapter 4: Wheels 10\n",
    ],
    ids=["cells", "rows", "contents", "row", "sentence", "label", "field", "code", "running title"],
)
def test_headings__are_not_what_only_looks_short(lines):
    """Cells, rows, lines of a table of contents and sentences are no headings."""
    found = list(chunks(pages(lines + PROSE * 3)))
    assert [chunk.headings for chunk in found] == [()]


def test_headings__at_the_end_of_a_page_wait_for_text():
    """A short line with nothing below it is a footer, not a heading."""
    assert [chunk.headings for chunk in chunks(pages(PROSE + "\n\nFinal Remarks"))] == [()]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two! Three? ", 3),
        ("See fig. 3 and e.g. This, by Dr. A. Smith, no. 5 in vol. 2. ", 1),
        ("Am 3. März kam es. So war es. ", 2),
        ("He said \u201cno.\u201d Then he left.\n", 2),
        ("これは文です。次の文です。", 2),
    ],
)
def test_sentences__end_at_full_stops_alone(text, parts):
    """Abbreviations, initials and ordinals end no sentence; wide marks need no space behind them."""
    assert len(list(sentences.ends(text))) == parts


HOSTILE = {
    "one word": "x" * 5_000_000,
    "line breaks": "a" + "\n" * 1_000_000 + "b",
    "spaces": "a" + " " * 5_000_000 + "b",
    "full stops": ". " * 80_000,
    "blank lines": "\n \n" * 500_000,
    "headings": "ABCD EFGH\n" * 50_000,
    "quotes": '."""' * 250_000,
    "accents": "e" + "\u0301" * 500_000,
    "rows": "3001  Red  4. A\n" * 30_000,
    "numbers": "9." * 500_000 + " ",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_time__grows_with_the_text_and_no_faster(name):
    """No text makes the cutting slow: at most 5 microseconds of CPU per character, whatever it is."""
    text = HOSTILE[name]
    outline = [{"title": "a b c d e f g h", "page": 1, "level": 0}] * 100
    before = time.process_time()
    pieces = sum(1 for _ in chunks(pages(text), outline=outline))
    assert pieces <= len(text) // 400 + 2
    assert time.process_time() - before < 0.5 + len(text) * 5e-6


def test_memory__pages_are_read_one_at_a_time():
    """Chunks of a page are given out before the next page is asked for."""
    asked = []

    def stream():
        for number in range(1, 4):
            asked.append(number)
            yield {"page": number, "text": PROSE}

    found = chunks(stream())
    assert [(next(found).page, list(asked)) for _ in range(3)] == [(1, [1]), (2, [1, 2]), (3, [1, 2, 3])]


def test_json__is_one_line_of_the_artifact():
    """A chunk becomes JSON with its place and headings; a page without text has none."""
    found = list(chunks(pages("", "1 Brakes\n" + PROSE)))
    assert to_json(found[0]) == {
        "number": 1,
        "page": 2,
        "last_page": 2,
        "start": 0,
        "end": 9 + len(PROSE) - 1,
        "text": "1 Brakes\n" + PROSE.strip(),
        "headings": ["1 Brakes"],
    }


@pytest.mark.parametrize("size", [MIN_SIZE - 1, MAX_SIZE + 1])
def test_size__outside_its_bounds_is_refused(size):
    """A size that makes no sense is the caller's mistake."""
    with pytest.raises(ValueError, match="characters"):
        list(chunks(pages(PROSE), size=size))
