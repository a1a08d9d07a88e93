"""Labelled queries for search: jobs planted for them, what each should find, and how good an answer was."""

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from jobs.context import Place

COLORS = (
    ("Dark Turquoise", "Turquoise"),
    ("Sand Green", "Green"),
    ("Medium Nougat", "Nougat"),
    ("Bright Light Orange", "Orange"),
    ("Light Bluish Gray", "Gray"),
    ("Reddish Brown", "Brown"),
)
FILLER = "the list that came with this box was counted twice before it went back to the shelf in the hall"
_RARE, _VOWELS = "kvzqjwx", "aeiou"
_DEPTH = 10  # hits that are judged

Where = tuple[str, str]  # job id and place


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A query and what it should find: grade 3 is what was meant, 1 also holds the words."""

    of: str  # one of `CLASSES`, or of `search_hard_labels.CLASSES`
    q: str
    grades: Mapping[Where, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A job that is there for a query."""

    name: str
    kind: str
    places: tuple[Place, ...]


Plot = tuple[str, list[Planted], list[tuple[int, str, int]]]  # query, jobs, (index of job, place, grade)
Maker = Callable[[random.Random, Iterator[str]], Plot]  # from words that stand in no other job


def plots(rng: random.Random, per_class: int, more: Mapping[str, Maker]) -> Iterator[tuple[str, Plot]]:
    """So many queries of each class, and of those in `more`, with their jobs."""
    words = _words(rng)
    for _ in range(per_class):
        for name, make in {**_PLOTS, **more}.items():
            yield name, make(rng, words)


def ndcg(labelled: Labelled, hits: Sequence[Where]) -> float:
    """Normalised discounted cumulative gain of the first ten hits: 1.0 where the best come first."""
    gain = _gain([labelled.grades.get(where, 0) for where in hits[:_DEPTH]])
    best = _gain(sorted(labelled.grades.values(), reverse=True)[:_DEPTH])
    return gain / best if best else 1.0


def recall(labelled: Labelled, hits: Sequence[Where]) -> float:
    """How much of what was meant is among the first ten hits, of ten at most."""
    meant = {where for where, grade in labelled.grades.items() if grade == 3}
    return len(meant.intersection(hits[:_DEPTH])) / min(len(meant), _DEPTH)


def row(number: int, part: str, color: str, name: str, remarks: str = "") -> Place:
    """A row of a parts list as the pipeline tells it."""
    title = f"{part} {color} x{number % 40 + 1}"
    text = " ".join(filter(None, (part, color, name, remarks)))
    return Place("records.jsonl", f"row {number}", title, text, (part,), color, name)


def page(number: int, title: str, text: str) -> Place:
    """A chunk of a document's page."""
    return Place("chunks.jsonl", f"page {number}", title, text)


def typo(rng: random.Random, word: str) -> str:
    """The word with one typo in it, not at its first letter: swapped, missing, doubled or wrong."""
    while True:
        at = rng.randrange(1, len(word) - 1)
        made = rng.choice(
            (
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
                word[:at] + word[at + 1 :],
                word[:at] + word[at] + word[at:],
                word[:at] + rng.choice("0123456789" if word[at].isdigit() else "bdfglmnprst") + word[at + 1 :],
            )
        )
        if made != word:
            return made


def _gain(grades: Sequence[int]) -> float:
    return sum((2.0**grade - 1) / math.log2(rank + 1) for rank, grade in enumerate(grades, 1))


def _words(rng: random.Random) -> Iterator[str]:
    """Words that no other text has, each at least four typos from every other."""
    from rapidfuzz.distance import OSA

    taken: list[str] = []
    while True:
        word = "".join(rng.choice(_RARE) + rng.choice(_VOWELS) for _ in range(5)) + rng.choice("nrst")
        if all(OSA.distance(word, other, score_cutoff=3) > 3 for other in taken):
            taken.append(word)
            yield word


def print_id(word: str) -> str:
    """A part id as prints have them; the word keeps it apart from all others."""
    letters = {letter: str(n) for n, letter in enumerate(dict.fromkeys(_RARE + _VOWELS))}
    digits = "".join(letters[letter][-1] for letter in word[:9])
    return f"{digits[:5]}pr{digits[5:]}"


def _by_name(_rng: random.Random, words: Iterator[str]) -> Plot:
    one, two = next(words), next(words)
    named = Planted(name=f"{one}_{two}-v2.xml", kind="bricklink-xml", places=(row(1, "3001", "Red", "Brick 2 x 4"),))
    told = Planted(name="notes.pdf", kind="pdf", places=(page(1, "Notes", f"{FILLER} {one} {FILLER} {two}"),))
    return f"{one} {two}", [told, named], [(1, "file", 3), (0, "page 1", 1)]


def _by_part(_rng: random.Random, words: Iterator[str]) -> Plot:
    part = print_id(next(words))
    lists = [
        Planted(name=f"order {n}.xml", kind="bricklink-xml", places=(row(n, part, "Red", "Tile 2 x 2 with Print"),))
        for n in range(1, 4)
    ]
    told = Planted(name="manual.pdf", kind="pdf", places=(page(7, "Missing parts", f"{FILLER} {part} {FILLER}"),))
    return part, [*lists, told], [*((n, f"row {n + 1}", 3) for n in range(3)), (3, "page 7", 1)]


def _by_word(_rng: random.Random, words: Iterator[str]) -> Plot:
    word = next(words)
    listed = Planted(
        name="parts.csv",
        kind="rebrickable-csv",
        places=(row(1, "4624", "White", f"{word.title()} 4 x 4 Base"), row(2, "4625", "White", "Plate", f"for {word}")),
    )
    headed = Planted(
        name="book.pdf", kind="pdf", places=(page(2, f"The {word}", FILLER), page(3, "Else", f"{FILLER} {word}"))
    )
    return word, [listed, headed], [(0, "row 1", 3), (1, "page 2", 3), (0, "row 2", 1), (1, "page 3", 1)]


def _by_phrase(_rng: random.Random, words: Iterator[str]) -> Plot:
    one, two, three = next(words), next(words), next(words)
    pages = [page(n, "Chapter", f"{FILLER} {one} {two} {three} {FILLER}") for n in (1, 2, 3)]
    apart = [page(n, "Chapter", f"{three} {FILLER} {one} {FILLER} {two}") for n in (4, 5)]
    planted = Planted(name="thesis.pdf", kind="pdf", places=(*apart, *pages))
    return f'"{one} {two} {three}"', [planted], [(0, f"page {n}", 3) for n in (1, 2, 3)]


def _by_color(rng: random.Random, words: Iterator[str]) -> Plot:
    word, (color, near) = next(words), rng.choice(COLORS)
    rest = " ".join(piece for piece in color.lower().split() if piece not in near.lower())
    rows = (
        row(1, "6141", "Red", f"{word} Round", f"not {color}"),
        row(2, "6142", near, f"{word} Round", f"the {rest} one"),
        row(3, "6143", color, f"{word} Round"),
        row(4, "6144", near, f"{word} Round"),
        row(5, "6145", color, "Plate Round"),
    )
    planted = Planted(name="wanted.xml", kind="bricklink-xml", places=rows)
    return f"{color.lower()} {word}", [planted], [(0, "row 3", 3), (0, "row 2", 1), (0, "row 1", 1)]


def _asked_as(make: Maker, change: Callable[[random.Random, str], str]) -> Maker:
    """The same jobs, asked for in another way."""

    def plot(rng: random.Random, words: Iterator[str]) -> Plot:
        q, planted, grades = make(rng, words)
        return change(rng, q), planted, grades

    return plot


_PLOTS: dict[str, Maker] = {
    "name": _by_name,
    "part": _by_part,
    "part_typo": _asked_as(_by_part, typo),
    "word": _by_word,
    "word_typo": _asked_as(_by_word, typo),
    "prefix": _asked_as(_by_word, lambda _rng, q: f"{q[:7]}*"),
    "phrase": _by_phrase,
    "color": _by_color,
}
CLASSES = tuple(_PLOTS)
