"""From what a job is to the documents of the tantivy index, and from a document back to what it was made from."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.context import Place
from search.analysis import clean, tokens
from search.entries import Entry, entries, shared_words, sort_name
from search.port import JobFacts
from search.query import NUMBERS
from search.tantivy_schema import (
    A_JOB,
    A_PLACE,
    BEGINNINGS,
    BEGUN,
    BY_NAME,
    COMPLETIONS,
    CREATED,
    EXACT,
    GIST,
    HEAD,
    ITSELF,
    JOB,
    JOB_HIGH,
    JOB_LOW,
    ORDINAL,
    OWNER,
    PAIRED,
    PAIRS,
    PLACES,
    SPREAD,
    STORED,
    TYPED,
    VALUE,
    VERSION,
    column,
    exact,
    facet,
    job_halves,
    microseconds,
    owned_value,
    paired,
    samples,
    sort_key,
    spread,
)

if TYPE_CHECKING:
    from tantivy import Document

MAX_COMPLETIONS = 5_000  # different values of a job that are suggested
MAX_GIST = 20_000  # different words of a job that look-alikes are found by
_HEADS = ("title", "label", "part")
PARTED = "\x1f"  # between a suggestion's words, its field and its text; "\n" between two of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a document was made from."""

    job_id: str
    ordinal: int  # 0: the job itself
    place: Place


def documents(facts: JobFacts, places: Sequence[Place], words: set[str]) -> Iterator["Document"]:
    """One for each place, and last the job itself; all their words come into `words`."""
    shared = _Shared(facts)
    gist: dict[str, None] = {}
    suggested: dict[tuple[str, str], str] = {}
    for entry in entries(facts, places):
        made = shared.document(entry)
        for values in entry.words.values():
            words.update(*values)
        if entry.ordinal:
            _suggest(suggested, entry)
            if len(gist) < MAX_GIST:
                gist.update(dict.fromkeys(_vocabulary(entry)))
        else:
            gist.update(dict.fromkeys(_vocabulary(entry)))
            names = {("name", entry.title): entry.title} | {
                ("tag", exact("", tag)): tag for tag in map(clean, facts.tags)
            }
            _add_job(made, facts, suggested=names | suggested, places=len(places))
            made.add_text(GIST, " ".join(gist))
        yield made


def kept(stored: bytes) -> Kept:
    """The inverse of what `documents` stored."""
    import orjson

    job_id, ordinal, artifact, place, title, text, parts, color, name = orjson.loads(stored)
    return Kept(job_id=job_id, ordinal=ordinal, place=Place(artifact, place, title, text, tuple(parts), color, name))


class _Shared:
    """What all documents of one job have in common, worked out once."""

    def __init__(self, facts: JobFacts) -> None:
        self._facts = facts
        self._words = [(name, " ".join(value)) for name, values in shared_words(facts).items() for value in values]
        whole = [("kind", facts.kind), ("pipeline", facts.pipeline), ("status", facts.status)]
        whole += [("tag", tag) for tag in facts.tags]
        self._facets = [(facet(name), clean(value)) for name, value in whole]
        in_samples = samples(facts.job_id)
        self._rank = len(in_samples)
        self._exact = [*(exact(name, value) for name, value in whole), *in_samples]
        self._key = sort_key(sort_name(facts), facts.job_id)
        self._halves = tuple(zip((JOB_HIGH, JOB_LOW), job_halves(facts.job_id), strict=True))
        self._created = microseconds(facts.created_at)
        self._numbers = [(column(name), float(n)) for name, n in facts.numbers.items() if name in NUMBERS]

    def document(self, entry: Entry) -> "Document":
        """An entry with all that is asked of it."""
        from tantivy import Document

        made = Document()
        for name, values in entry.words.items():
            for words in map(" ".join, values):
                if name != "label":
                    made.add_text(name, words)
                if name in _HEADS:
                    made.add_text(HEAD, words)
        for field, found in _derived(entry).items():
            made.add_text(field, " ".join(found))
        for color in entry.colors:
            made.add_text(facet("color"), color)
        whole = [("part", part) for part in entry.parts] + [("color", color) for color in entry.colors]
        for whole_value in [A_PLACE if entry.ordinal else A_JOB, *(exact(*one) for one in whole)]:
            made.add_text(EXACT, whole_value)
        made.add_bytes(STORED, _stored(self._facts.job_id, entry))
        self._add(made, entry.ordinal)
        return made

    def _add(self, made: "Document", ordinal: int) -> None:
        """What is the same in each of them, and where this one stands."""
        made.add_text(OWNER, self._facts.owner)
        made.add_text(JOB, self._facts.job_id)
        for field, value in (*self._words, *self._facets, (BY_NAME, self._key)):
            made.add_text(field, value)
        for value in self._exact:
            made.add_text(EXACT, value)
        for field, number in self._halves:
            made.add_unsigned(field, number)
        for field, number in ((CREATED, self._created), (ORDINAL, ordinal)):
            made.add_integer(field, number)
        for field, amount in (*self._numbers, (SPREAD, spread(self._facts.job_id, ordinal, rank=self._rank))):
            made.add_float(field, amount)


def _derived(entry: Entry) -> dict[str, set[str]]:
    """What is kept of its words to find them by, by field: how they begin, and which stand side by side."""
    found: dict[str, set[str]] = {field: set() for field in (*BEGINNINGS.values(), *PAIRED.values())}
    for name, values in entry.words.items():
        held = HEAD if name in _HEADS else name
        for value in values:
            if held in BEGINNINGS:
                for letters in BEGUN:  # of shorter words the whole: nobody asks for less
                    found[BEGINNINGS[held]].update([word[:letters] for word in value])
            if held in PAIRED:
                found[PAIRED[held]].update(_pairs(value))
    return found


def _pairs(words: Sequence[str]) -> list[str]:
    return [paired(words[at : at + size]) for size in PAIRS for at in range(len(words) - size + 1)]


def _add_job(made: "Document", facts: JobFacts, *, suggested: dict[tuple[str, str], str], places: int) -> None:
    """What the job's own document has more: its version, and what suggestions are made of."""
    made.add_text(ITSELF, facts.job_id)
    made.add_unsigned(VERSION, facts.version)
    made.add_unsigned(PLACES, places)
    lines = []
    for (name, _folded), text in suggested.items():
        words = " ".join(tokens(text))
        if words:
            made.add_text(TYPED, words)
            made.add_text(VALUE, owned_value(facts.owner, name, text))
            lines.append(PARTED.join((f" {words}", name, " ".join(text.split()))))
    made.add_bytes(COMPLETIONS, "\n".join(lines).encode())


def _suggest(suggested: dict[tuple[str, str], str], entry: Entry) -> None:
    if len(suggested) < MAX_COMPLETIONS:
        for part in entry.parts:
            suggested.setdefault(("part", exact("", part)), part)
        if entry.part_name:
            suggested.setdefault(("part_name", exact("", entry.part_name)), entry.part_name)


def _vocabulary(entry: Entry) -> Iterator[str]:
    """Its words, without single letters and digits; a job's own text is its kind, id and sha256."""
    for name, values in entry.words.items():
        if entry.ordinal or name != "text":
            yield from (token for value in values for token in value if len(token) > 1)


def _stored(job_id: str, entry: Entry) -> bytes:
    place = (entry.artifact, entry.place, entry.title, entry.text, entry.parts)
    color = entry.colors[0] if entry.ordinal and entry.colors else None
    whole: tuple[Any, ...] = (job_id, entry.ordinal, *place, color, entry.part_name)
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()
