"""One analysis for every engine: which words a text has, where they stand, and how many typos they forgive."""

import random

import pytest

from search.analysis import MAX_TOKEN, clean, edits, folded, spans, tokens

WORDS = {
    "Brick 2 x 4": ["brick", "2", "x", "4"],
    "brick 2x4": ["brick", "2", "x", "4"],
    "2\u00d74\u00d73": ["2", "x", "4", "x", "3"],
    "x4 4x 1234x2": ["x4", "4x", "1234x2"],
    "3001pr0123 973c01": ["3001pr0123", "973c01"],
    "10.5 3001-1 a_b": ["10", "5", "3001", "1", "a", "b"],
    "Łódź Straße ÆON Ñandú": ["lodz", "strasse", "aeon", "nandu"],
    "N\u0303andu\u0301 \ufb01ne \uff21\uff22": ["nandu", "fine", "ab"],
    "日本 テスト \uff76\u3099": ["日", "本", "テ", "ス", "ト", "カ"],
    "हिन्दी עברית": ["हिन्दी", "עברית"],
    "\u0663\u0660\u0660\u0661": ["3001"],
    "mil\u00adlennium a\u200bb": ["millennium", "a", "b"],
    "a\0b \ud800c \U0001f600": ["a", "b", "c"],
    "id 0190ABCD-0000-7000-8000-00000000000f, 1-2": ["id", "0190abcd00007000800000000000000f", "1", "2"],
    "": [],
    "*** ---": [],
}


@pytest.mark.parametrize("text", WORDS, ids=ascii)
def test_tokens__are_folded_runs_of_letters_and_digits(text):
    """Case, accents, widths and scripts' digits are folded; a part id stays whole."""
    assert tokens(text) == WORDS[text]


def test_tokens__are_cut_where_they_are_endless():
    """A word of any length is one token of at most MAX_TOKEN characters, the same wherever it stands."""
    assert tokens("a" * 100_000) == ["a" * MAX_TOKEN]
    assert tokens("f" * 64) == ["f" * 64]  # a sha256


def test_spans__are_the_tokens_with_exact_places():
    """The characters between a token's bounds are that token, whatever folding did to their number."""
    text = "Straße, ﬁne 2\u00d74 N\u0303andu日本"
    found = spans(text)
    assert [text[start:end] for _token, start, end in found][:3] == ["Straße", "ﬁne", "2"]
    assert all(tokens(text[start:end])[0] == token for token, start, end in found)


def test_spans__agree_with_tokens_on_any_text():
    """Both ways to take a text apart give the same tokens, and tokens are left as they are by a second pass."""
    rng = random.Random(7)
    for _ in range(3000):
        ranges = (128, 0x3000, 0x110000)
        text = "".join(chr(rng.randrange(rng.choice(ranges))) for _ in range(12))
        assert [token for token, _start, _end in spans(text)] == tokens(text)
        assert tokens(" ".join(tokens(text))) == tokens(text)


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("red", 0),
        ("plat", 1),
        ("turquoi", 1),
        ("turquois", 2),
        ("3001", 1),
        ("3001pr0123", 1),
        ("日", 0),
        ("0190abcd00007000800000000000000f", 0),
    ],
)
def test_edits__grow_with_length(token, expected):
    """Short words forgive nothing, long ones two typos, and words with digits one at most."""
    assert edits(token) == expected


def test_folded__keeps_signs_and_single_spaces():
    """Whole values are compared without case and accents, but C++ and C stay apart."""
    assert folded("  Dark\t Türkis ") == "dark turkis"
    assert folded("C++") != folded("C")


def test_clean__leaves_what_every_engine_can_keep():
    """NUL and halves of surrogate pairs are replaced one for one, the rest stays, cut at the limit."""
    assert clean("a\0b\ud800é") == "a b?é"
    assert clean("x" * 50, 10) == "x" * 10
