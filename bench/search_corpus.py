"""Files to search in, the same each time: lists, documents, models and pictures, with labelled queries planted among them.

`Corpus(places=1_000_000).changes()` streams what an index is given; memory stays small whatever the size.
"""

import itertools
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from bench.search_hard_labels import hard_plots
from bench.search_labels import COLORS, Labelled, Planted, page, plots, row
from jobs.context import Place
from search.port import JobFacts, Put

START = datetime(2026, 1, 1, tzinfo=UTC)
_PIPELINES = {"bricklink-xml": "parts-list", "rebrickable-csv": "parts-list", "pdf": "document", "stl": "model-3d"}
_KINDS, _SHARES = ("bricklink-xml", "rebrickable-csv", "pdf", "stl", "jpeg"), (35, 15, 15, 20, 15)  # in a hundred files
_SHAPES = (
    "Brick",
    "Plate",
    "Tile",
    "Slope",
    "Wedge",
    "Technic Beam",
    "Panel",
    "Minifig Head",
    "Hinge",
    "Wheel",
    "Bracket",
)
_PLAIN = ("Red", "Blue", "Black", "White", "Yellow", "Tan", "Lime", "Dark Red", "Dark Blue", "Trans-Clear")
_TAGS = ("urgent", "for sale", "checked", "customer", "archive", "draft")
_PARTS, _WORDS = 5_000, 20_000
_PER_PLACES, _MOST_PER_CLASS = 400, 50


class Corpus:
    """So many places, to within a file's; about a tenth as many files."""

    def __init__(self, *, places: int, seed: int = 1, owner: str = "local") -> None:
        self.places, self._owner, self._seed = places, owner, seed
        rng = random.Random(f"heavylift-search:{seed}")
        self.parts = tuple(_part_id(rng) for _ in range(_PARTS))  # the most frequent first
        self.vocabulary = tuple(_word(rng) for _ in range(_WORDS))  # the same
        self._weights = list(itertools.accumulate(1 / rank for rank in range(1, _WORDS + 1)))  # Zipf's law
        self._planted: list[tuple[int, Planted]] = []
        self.queries = tuple(self._plant(rng, max(1, min(_MOST_PER_CLASS, places // _PER_PLACES))))

    def changes(self) -> Iterator[Put]:
        """What an index is given, one file at a time."""
        planted = iter(self._planted)
        rng = random.Random(f"heavylift-search-files:{self._seed}")
        left = self.places - sum(len(one.places) for _number, one in self._planted)
        gap = max(1, left // 10 // max(1, len(self._planted)))
        for filed in itertools.count(1):
            if left > 0:
                kind = rng.choices(_KINDS, weights=_SHARES)[0]
                places = self._filler(rng, kind)[:left]
                left -= len(places)
                yield self._put(rng, 2 * filed, f"{rng.choice(self.vocabulary)} {filed}.{kind[-3:]}", kind, places)
            if filed % gap == 0 or left <= 0:
                number, one = next(planted, (0, None))
                if one is not None:
                    yield self._put(rng, number, one.name, one.kind, one.places)
                elif left <= 0:
                    return

    def _plant(self, rng: random.Random, per_class: int) -> Iterator[Labelled]:
        for name, (q, planted, grades) in plots(rng, per_class, hard_plots(self.vocabulary)):
            first = len(self._planted)
            self._planted += [(2 * (first + n) + 1, one) for n, one in enumerate(planted)]  # odd numbers: planted
            named = {(job_id(self._planted[first + n][0]), place): grade for n, place, grade in grades}
            yield Labelled(of=name, q=q, grades=MappingProxyType(named))

    def _put(self, rng: random.Random, number: int, name: str, kind: str, places: tuple[Place, ...]) -> Put:
        numbers = {"size": float(rng.randrange(1_000, 50_000_000))}
        pipeline = _PIPELINES.get(kind, "image")
        counted = {"parts-list": "lots", "document": "pages", "model-3d": "triangles", "image": "width"}[pipeline]
        numbers[counted] = float(
            len(places) if pipeline in {"parts-list", "document"} else rng.randrange(100, 1_000_000)
        )
        if pipeline == "parts-list":
            numbers["pieces"] = float(len(places) * rng.randrange(1, 40))
        job = JobFacts(
            job_id=job_id(number),
            owner=self._owner,
            version=1,
            name=name,
            kind=kind,
            pipeline=pipeline,
            status="succeeded",
            sha256=f"{rng.getrandbits(256):064x}",
            created_at=START + timedelta(seconds=number),
            finished_at=START + timedelta(seconds=number + 5),
            tags=tuple(rng.sample(_TAGS, rng.choice((0, 0, 1, 2)))),
            numbers=MappingProxyType(numbers),
        )
        return Put(job=job, places=places)

    def _filler(self, rng: random.Random, kind: str) -> tuple[Place, ...]:
        if kind == "pdf":
            return tuple(
                page(n, self._text(rng, 3), self._text(rng, rng.randrange(40, 160)))
                for n in range(1, rng.randrange(3, 28))
            )
        if kind in {"stl", "jpeg"}:
            return (
                Place("report.json", "model" if kind == "stl" else "picture", self._text(rng, 2), self._text(rng, 15)),
            )
        return tuple(self._row(rng, n) for n in range(1, min(400, int(rng.paretovariate(1.5) * 5)) + 1))

    def _row(self, rng: random.Random, number: int) -> Place:
        part = self.parts[min(_PARTS, int(rng.paretovariate(0.7))) - 1]
        color = rng.choice(_PLAIN) if rng.random() < 0.8 else rng.choice(COLORS)[0]
        name = f"{_SHAPES[hash_of(part) % len(_SHAPES)]} {hash_of(part) % 8 + 1} x {hash_of(part) % 5 + 1}"
        return row(number, part, color, name, self._text(rng, 2) if rng.random() < 0.2 else "")

    def _text(self, rng: random.Random, words: int) -> str:
        return " ".join(rng.choices(self.vocabulary, cum_weights=self._weights, k=words))


def job_id(number: int) -> str:
    """Ids that grow with their number."""
    return f"{number:08x}-0000-7000-8000-{number:012x}"


def hash_of(part: str) -> int:
    """The same in every process, which `hash` is not."""
    return sum(ord(char) * (n + 7) for n, char in enumerate(part))


def _part_id(rng: random.Random) -> str:
    """Plain numbers, and such with the suffixes of moulds and assemblies; never as long as those of planted prints."""
    number = str(rng.randrange(2_000, 99_999))
    return number + rng.choices(("", rng.choice("abcd"), f"c{rng.randrange(99):02}"), weights=(70, 20, 10))[0]


def _word(rng: random.Random) -> str:
    """Syllables without the letters that planted words are made of."""
    return "".join(rng.choice("bdfglmnprst") + rng.choice("aeiou") for _ in range(rng.randrange(2, 5))) + rng.choice(
        ("", "n", "r", "s")
    )
