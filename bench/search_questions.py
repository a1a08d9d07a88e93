"""What is asked of each engine while it is timed: frequent and rare words, and every way that a question can be narrowed."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from api.search_asked import asked_in
from bench.search_corpus import Corpus
from bench.search_labels import COLORS, Labelled, typo
from search.port import Asked

OWNER = "local"
QUICK = ("term", "phrase", "prefix", "facet", "typo")  # classes that have to answer within ten milliseconds
_SHAPES = ("brick", "plate", "tile", "slope", "wedge", "hinge", "wheel", "bracket")  # of each a tenth of all rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question, in the words of the API."""

    of: str  # its class
    q: str
    filters: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def path(self) -> str:
        """As it is asked over HTTP."""
        route = "suggest" if self.of == "suggest" else "search"
        return f"/v1/{route}?{urlencode({'q': self.q, **self.filters})}"

    def asked(self) -> Asked:
        """As an engine is asked."""
        return asked_in(QueryParams({"q": self.q, **self.filters}), owner=OWNER)


def labelled_question(labelled: Labelled) -> Question:
    """A labelled query."""
    return Question(of=labelled.of, q=labelled.q)


def questions(corpus: Corpus, each: int) -> dict[str, list[Question]]:
    """So many of each class, different ones, the same each time."""
    found = {}
    for of, make in _MAKERS.items():
        chosen = _Chosen(corpus, random.Random(f"heavylift-search-questions:{of}"), each)
        found[of] = [Question(of=of, q=q, filters=filters) for q, filters in make(chosen)]
    return found


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Words of the corpus: from the most frequent to the rarest, by equal steps of frequency."""

    corpus: Corpus
    rng: random.Random
    each: int

    def words(self, least: int = 1) -> Iterator[str]:
        """`each` words of so many letters at least."""
        known = [word for word in self.corpus.vocabulary if len(word) >= least]
        for number in range(self.each):
            rank = len(known) ** (number / self.each)
            yield known[min(int(rank * self.rng.uniform(1, 1.3)), len(known) - 1)]

    def parts(self) -> Iterator[str]:
        """The same of part ids."""
        known = self.corpus.parts
        for number in range(self.each):
            yield known[min(int(len(known) ** (number / self.each) * self.rng.uniform(1, 1.3)), len(known) - 1)]

    def labelled(self, *of: str) -> Iterator[str]:
        """Planted queries of these classes, over and over."""
        known = [one.q for one in self.corpus.queries if one.of in of]
        while True:
            yield from self.rng.sample(known, len(known))


_Made = Iterator[tuple[str, dict[str, str]]]


def _terms(chosen: _Chosen) -> _Made:
    """One word, every third time two, every eighth a shape that a tenth of all rows have."""
    for number, word in enumerate(chosen.words()):
        q = f"{word} {chosen.rng.choice(chosen.corpus.vocabulary[:100])}" if number % 3 == 2 else word
        yield chosen.rng.choice(_SHAPES) if number % 8 == 7 else q, {}


def _phrases(chosen: _Chosen) -> _Made:
    planted = chosen.labelled("phrase", "common_phrase")
    for number in range(chosen.each):
        one, two = chosen.rng.choices(chosen.corpus.vocabulary[:200], k=2)
        color = chosen.rng.choice(COLORS)[0].lower()
        yield (next(planted), f'"{one} {two}"', f'"{color}"')[number % 3], {}


def _prefixes(chosen: _Chosen) -> _Made:
    for number, (word, part) in enumerate(zip(chosen.words(4), chosen.parts(), strict=True)):
        yield f"{part[:3]}*" if number % 3 == 2 else f"{word[: 2 + number % 3]}*", {}


def _facets(chosen: _Chosen) -> _Made:
    for q, _filters in _terms(chosen):
        yield q, {"facet": "kind,color,tag"}


def _typos(chosen: _Chosen) -> _Made:
    """Of words that few places have, and of words that very many have."""
    planted = chosen.labelled("word_typo", "part_typo", "near_part_typo", "two_typos", "color_and_typo")
    for number, word in enumerate(chosen.words(6)):
        yield next(planted) if number % 2 else typo(chosen.rng, word), {}


def _filtered(chosen: _Chosen) -> _Made:
    narrowed: tuple[dict[str, str], ...] = (
        {"kind": "pdf"},
        {"tag": "urgent", "sort": "newest"},
        {"color": "Dark Red"},
        {"pieces_min": "100", "pieces_max": "5000"},
        {"created_from": "2026-01-01T01:00:00Z", "created_to": "2026-01-01T12:00:00Z", "sort": "oldest"},
        {"pipeline": "model-3d", "triangles_max": "200000", "sort": "name"},
    )
    for number, word in enumerate(chosen.words()):
        filters = narrowed[number % len(narrowed)]
        shape = chosen.rng.choice(_SHAPES)
        yield shape if "color" in filters else "" if number % 4 == 3 else word, filters


def _names(chosen: _Chosen) -> _Made:
    planted = chosen.labelled("name")
    for number, word in enumerate(chosen.words()):
        yield (f"name:{word}", next(planted), f"{word} {chosen.rng.randrange(1, 1000)}")[number % 3], {}


def _parts(chosen: _Chosen) -> _Made:
    planted = chosen.labelled("part", "part_among_near")
    for number, part in enumerate(chosen.parts()):
        q, filters = ((part, {}), (f"part:{part}", {}), ("", {"part": part}), (next(planted), {}))[number % 4]
        yield q, filters


def _suggestions(chosen: _Chosen) -> _Made:
    for number, (word, part) in enumerate(zip(chosen.words(4), chosen.parts(), strict=True)):
        yield (part if number % 3 == 2 else word)[: 1 + number % 4], {}


_MAKERS: dict[str, Callable[[_Chosen], _Made]] = {
    "term": _terms,
    "phrase": _phrases,
    "prefix": _prefixes,
    "facet": _facets,
    "typo": _typos,
    "filter": _filtered,
    "name": _names,
    "part": _parts,
    "suggest": _suggestions,
}
