"""Snippets: the best piece of a text, with marks that fit to the character."""

import random

import pytest

from search.analysis import edits
from search.query import parse
from search.snippets import LENGTH, distance, snippet


def shown(text, q, **more):
    """The snippet, and what its marks mark."""
    cut, marks = snippet(text, parse(q).must, **more)
    return cut, [cut[start:end] for start, end in marks]


def test_snippet__marks_the_words_as_they_stand_there():
    """Words are marked in the spelling of the text, in its order."""
    cut, marked = shown("A Brick 2 x 4 in Dark Türkis, dark.", "turkis DARK brick")
    assert cut == "A Brick 2 x 4 in Dark Türkis, dark."
    assert marked == ["Brick", "Dark", "Türkis", "dark"]


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ('"dark red"', ["dark", "red"]),
        ("plat*", ["plate", "platform"]),
        ('"dark re"*', ["dark", "red"]),
        ("2x4", ["2", "x", "4"]),
        ("pieces:3", []),
        ("absent", []),
    ],
)
def test_snippet__marks_what_a_clause_means(q, expected):
    """A phrase is marked where it stands whole, a prefix with the rest of its word, a range nowhere."""
    assert shown("red dark red plate 2x4 platform 4 x", q)[1] == expected


def test_snippet__marks_words_with_typos_where_they_were_forgiven():
    """A word with a typo is marked when typos are forgiven, and only then."""
    assert shown("a turquoise brick", "turqoise birck", forgiven=2)[1] == ["turquoise", "brick"]
    assert shown("a turquoise brick", "turqoise birck")[1] == []


def test_snippet__is_taken_from_where_most_words_stand():
    """The window with all words wins over an earlier one with a single word."""
    text = "falcon " + "lorem " * 200 + "the millennium falcon flies " + "ipsum " * 200
    cut, marked = shown(text, "falcon millennium")
    assert marked == ["millennium", "falcon"]
    assert cut.startswith("…")
    assert cut.endswith("…")
    assert len(cut) <= LENGTH + 2
    assert "lorem the millennium falcon flies ipsum" in cut


def test_snippet__begins_at_the_beginning_where_nothing_is_found():
    """Without a word in it the text's first words are shown, in one line."""
    cut, marks = snippet("One\n\n two\tthree " + "x" * 500, parse("absent").must)
    assert cut.startswith("One two three x")
    assert cut.endswith("…")
    assert marks == ()
    assert snippet("", parse("absent").must) == ("", ())


def test_snippet__marks_fit_any_text():
    """Whatever signs, spaces and scripts a text has, each mark bounds a word that was asked for."""
    rng = random.Random(5)
    pieces = [
        "brick",
        "BRICK",
        "Bri\u0301ck",
        "ﬁne",
        "FINE",
        " ",
        "\n\n",
        "\t",
        "…",
        "-",
        "日本",
        "x" * 90,
        "\u00ad",
        "\u3000",
    ]
    marked = 0
    for _ in range(800):
        text = "".join(rng.choice(pieces) for _ in range(rng.randrange(60)))
        cut, marks = snippet(text, parse("brick fine 日").must)
        assert len(cut) <= LENGTH + 2
        assert sorted(marks) == list(marks)
        for start, end in marks:
            marked += 1
            assert cut[start:end].replace("\u00ad", "").casefold() in {"brick", "bri\u0301ck", "fine", "日"}
    assert marked > 800


def test_distance__counts_a_swap_as_one():
    """Neighbours swapped are one typo, as are a letter wrong, missing or too many."""
    assert distance("brick", "birck", 2) == 1
    assert distance("brick", "brck", 2) == 1
    assert distance("brick", "brickk", 2) == 1
    assert distance("brick", "plate", 2) > 2


def test_snippet__is_the_same_however_it_is_found(monkeypatch):
    """Texts whose characters keep their places when folded are looked through in a faster way, which finds the same."""
    rng = random.Random(7)
    words = (
        "a",
        "ab",
        "abc",
        "abcd",
        "abcde",
        "xabc",
        "Türkis",
        "türkisches",
        "x",
        "2",
        "4",
        "2x4",
        "3001pr1",
        "10.5",
        "b-b",
        "\n",
        "  ",
        "y" * 90,
        "ß",
    )
    asked = (
        *('"a ab"', '"a a"', "ab*", '"a ab"*', '"a ab abc"', "abc abd", "abdc", "turkizs", "trkiss", "turkissehs"),
        *("2 x 4", "turkis", "türkisches", "10.5", "b", "y" * 90, "ss"),
    )
    for _ in range(2_000):
        text = " ".join(rng.choices(words[: rng.randrange(4, len(words) + 1)], k=rng.randrange(1, 60)))
        clauses, forgiven = parse(" ".join(rng.sample(asked, 2))).must, rng.randrange(3)
        found = snippet(text, clauses, forgiven=forgiven)
        with monkeypatch.context() as patched:
            patched.setattr("search.snippets.aligned", lambda _text: None)
            assert snippet(text, clauses, forgiven=forgiven) == found, (text, clauses)


def test_snippet__marks_each_word_that_is_one_however_common_it_is_within_others():
    """A word is marked where it stands alone, a prefix where it begins one: never within a word that only holds it."""
    text = "aab aa aaa baa-aa\taa2"
    assert shown(text, "aa")[1] == ["aa", "aa"]
    assert shown(text, "aa*")[1] == ["aab", "aa", "aaa", "aa", "aa2"]
    assert shown(text, '"aa aa"*')[1] == ["aa", "aaa", "aa", "aa2"]
    assert shown("a a a", '"a a"')[1] == ["a", "a", "a"]


def test_snippet__marks_mistyped_words_as_distance_tells_them():
    """Which words are near enough is told as `distance` tells it, word by word, and each of them is marked."""
    rng = random.Random(11)
    marked = 0
    for _ in range(1_000):
        wanted = "".join(rng.choices("ab", k=rng.randrange(4, 10)))
        words = ["".join(rng.choices("ab", k=rng.randrange(1, 10))) for _ in range(15)]
        typos = min(2, edits(wanted))
        near = [word for word in words if distance(word, wanted, typos) <= typos]
        assert shown(" ".join(words), wanted, forgiven=2)[1] == near
        marked += len(near)
    assert marked > 500


def test_snippet__looks_at_so_many_places_of_a_clause(monkeypatch):
    """The first places count, in the order of the text, whichever of the words meant stands there."""
    monkeypatch.setattr("search.snippets._ENOUGH", 3)
    text = "bricks brick plate bricky brick brick"
    assert shown(text, "brick")[1] == ["brick", "brick", "brick"]
    assert shown(text + " brick", "brick")[1] == ["brick", "brick", "brick"]
    assert shown(text, "bri*")[1] == ["bricks", "brick", "bricky"]
    assert shown(text, "brick", forgiven=1)[1] == ["bricks", "brick", "bricky"]
