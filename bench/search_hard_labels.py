"""Labelled queries whose words other jobs have as well: near part ids, near words, bodies full of a name, common words.

Labels hold whatever the other files say: of common words it takes chance of a hundredth or less, over a million places,
that a generated file has them as the planted ones do.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from bench.search_labels import FILLER, Maker, Planted, Plot, page, print_id, row, typo

_ODD, _FREQUENT = (
    slice(1_000, 5_000),
    slice(100, 500),
)  # ranks of words: on a page in a hundred or fewer; on every few pages


def hard_plots(vocabulary: Sequence[str]) -> Mapping[str, Maker]:
    """By class; `vocabulary`: what all other files are written with, the most frequent words first."""
    return {
        "name_among_bodies": _name_among_bodies,
        "part_among_near": partial(_part_among_near, mistyped=False),
        "near_part_typo": partial(_part_among_near, mistyped=True),
        "word_among_near": _word_among_near,
        "two_typos": _two_typos,
        "color_and_typo": _color_and_typo,
        "common_words": partial(_common_words, vocabulary=vocabulary),
        "common_phrase": partial(_common_phrase, vocabulary=vocabulary),
    }


def _name_among_bodies(_rng: random.Random, words: Iterator[str]) -> Plot:
    """A file of that name, and ten pages that say the word up to ten times without being about it."""
    word = next(words)
    named = Planted(name=f"{word} manual.pdf", kind="pdf", places=(page(1, f"The {word}", FILLER),))
    pages = tuple(page(n, "Minutes", f"{FILLER} {' '.join([word] * n)}") for n in range(1, 11))
    told = Planted(name="minutes.pdf", kind="pdf", places=pages)
    meant = [(0, "file", 3), (0, "page 1", 3)]
    return word, [named, told], [*meant, *((1, one.place, 1) for one in pages)]


def _part_among_near(rng: random.Random, words: Iterator[str], *, mistyped: bool) -> Plot:
    """One print of a part among other prints of it, and among prints of other parts with the same number."""
    part = print_id(next(words))
    body, number = part.split("pr")
    near = (
        f"{body}pr{(int(number) + 1) % 10_000:04}",
        f"{body}pr{(int(number) + 5_110) % 10_000:04}",
        f"{(int(body) + 1) % 100_000:05}pr{number}",
        f"{body}pb{number}",
        body,
    )
    q = typo(rng, part) if mistyped else part
    while mistyped and min(_distance(q, other) for other in near) < 2:  # else it could be meant for that one
        q = typo(rng, part)
    wanted = Planted(name="wanted.xml", kind="bricklink-xml", places=(row(1, part, "Red", "Tile 2 x 2 with Print"),))
    rows = (*(row(n, other, "Red", "Tile 2 x 2 with Print") for n, other in enumerate(near, 1)),)
    mixed = Planted(
        name="mixed.xml", kind="bricklink-xml", places=(*rows, row(9, part, "Blue", "Tile 2 x 2 with Print"))
    )
    return q, [wanted, mixed], [(0, "row 1", 3), (1, "row 9", 3)]


def _word_among_near(rng: random.Random, words: Iterator[str]) -> Plot:
    """A word that one row has, and four rows have one that is a typo away: the right one comes first."""
    word = next(words)
    other = typo(rng, word)
    rows = tuple(row(n, "4624", "White", f"{other.title()} 4 x 4") for n in range(1, 5))
    right = row(5, "4625", "White", "Plate", f"spare for {word}")
    return word, [Planted(name="box.csv", kind="rebrickable-csv", places=(*rows, right))], [(0, "row 5", 3)]


def _two_typos(rng: random.Random, words: Iterator[str]) -> Plot:
    word = next(words)
    q = typo(rng, typo(rng, word))
    while _distance(q, word) != 2:
        q = typo(rng, typo(rng, word))
    places = (page(1, "Chapter", f"{FILLER} {word}"), page(2, f"On {word}", FILLER))
    return q, [Planted(name="book.pdf", kind="pdf", places=places)], [(0, "page 1", 3), (0, "page 2", 3)]


def _color_and_typo(rng: random.Random, words: Iterator[str]) -> Plot:
    """Two right words that thousands of rows have, and a mistyped one that tells which row is meant."""
    word = next(words)
    rows = (row(1, "6143", "Dark Red", f"{word} Round"), row(2, "6144", "Dark Blue", f"{word} Round"))
    planted = Planted(name="wanted.xml", kind="bricklink-xml", places=rows)
    return f"dark red {typo(rng, word)}", [planted], [(0, "row 1", 3)]


def _common_words(rng: random.Random, _words: Iterator[str], *, vocabulary: Sequence[str]) -> Plot:
    """Two words that many pages have; meant are the file and the page that have them in their names."""
    one, two = rng.sample(vocabulary[_ODD], 2)
    named = Planted(name=f"{one} {two}.pdf", kind="pdf", places=(page(1, "Contents", FILLER),))
    headed = page(1, f"{one} {two} in use", FILLER)
    told = page(2, "Else", f"{one} {FILLER} {two}")
    return (
        f"{two} {one}",
        [named, Planted(name="course.pdf", kind="pdf", places=(headed, told))],
        [(0, "file", 3), (1, "page 1", 3), (1, "page 2", 1)],
    )


def _common_phrase(rng: random.Random, _words: Iterator[str], *, vocabulary: Sequence[str]) -> Plot:
    """Three words that every few pages have, one after the other on two pages alone."""
    one, two, three = rng.sample(vocabulary[_FREQUENT], 3)
    pages = (
        page(1, "Chapter", f"{FILLER} {one} {two} {three}"),
        page(2, "Chapter", f"{one} {three} {two} {FILLER} {one} {two}"),
        page(3, "Chapter", f"{one} {two} {three} {FILLER}"),
    )
    planted = Planted(name="thesis.pdf", kind="pdf", places=pages)
    return f'"{one} {two} {three}"', [planted], [(0, "page 1", 3), (0, "page 3", 3)]


def _distance(one: str, other: str) -> int:
    from rapidfuzz.distance import OSA

    return int(OSA.distance(one, other))


CLASSES = tuple(hard_plots(()))
