"""From what a job is to the rows of the PostgreSQL index. Lexemes are made here; PostgreSQL's own parser sees no text.

Of an entry: its words, with weights A title, B label and part ids, C color, D text; `/p` and `/c` before a word say again
that it stands in a part id or a color. Of a job: `/n` name, `/g` tag, `/k` kind, `/l` pipeline, `/s` status, `/i` id, `/h`
sha256. What begins with `=` is a whole value, by a digest: `=o` owner, `=k` `=l` `=t` `=s` `=c` `=f` what filters ask
for; `=x3` is in one job of eight, by chance. Words have letters and digits alone, so no prefix of one reaches these.
"""

import functools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from jobs.context import Place
from search.analysis import clean, folded, tokens
from search.entries import Entry, entries, shared_words, sort_name
from search.port import JobFacts
from search.query import NUMBERS

SAMPLES = 12  # halvings of what is looked at for totals and facets
PART, COLOR = "/p", "/c"
SHARED_CODES = {
    "name": "/n",
    "tag": "/g",
    "kind": "/k",
    "pipeline": "/l",
    "status": "/s",
    "id": "/i",
    "sha256": "/h",
}
VALUE_CODES = {"kind": "=k", "pipeline": "=l", "tag": "=t", "status": "=s", "color": "=c", "part": "=f"}
COUNTED = 24  # characters of the longest word that has a row among the words: ids and hashes stand once anyway
_LAST = 16_383  # the greatest position that a tsvector knows
_OFTEN = 255  # positions of one lexeme
_MOST = 600_000  # bytes of lexemes in one tsvector, which has a limit of a mebibyte
_REMEMBERED = 8_192  # words, values, positions that come again in nearly each row of a list
_MOST_GIST = 20_000  # different words of a job that look-alikes are found by
_WEIGHTS = {"title": "A", "label": "B", "part": "B", "color": "C", "text": ""}  # none: D
_CODES = {"part": PART, "color": COLOR}

Name = tuple[str, str]  # field, digest of the folded value


@dataclass(slots=True)
class Row:
    """An entry."""

    entry: Entry
    heads: int
    bodies: int
    words: str  # a tsvector's literal
    counted: set[str]  # its words


@dataclass(slots=True, kw_only=True)
class Rows:
    """A job with all that is kept of it."""

    facts: JobFacts
    rows: list[Row]  # its places in their order, then itself
    gist: set[str] = field(default_factory=set)
    names: dict[Name, str] = field(default_factory=dict)  # what is suggested, as it is shown
    counted: Counter[str] = field(default_factory=Counter)  # entries by word

    @property
    def colors(self) -> list[str]:
        return list(self.rows[-1].entry.colors)


def rows_of(facts: JobFacts, places: Iterable[Place]) -> Rows:
    """All rows of a job."""
    shared = _entry_values(facts)
    found = Rows(facts=facts, rows=[_row(entry, shared) for entry in entries(facts, places)])
    for row in found.rows:
        found.counted.update(row.counted)
        if len(found.gist) < _MOST_GIST:
            found.gist.update(_gist(row.entry))
        found.names.update(names_of(row.entry.parts, row.entry.part_name))
    found.names.update(own_names(facts.name, facts.tags))
    return found


def basis(facts: JobFacts) -> str:
    """What of a job's facts is in the rows of its places: where this is the same, they stay as they are."""
    told = (facts.owner, facts.name, facts.tags, facts.kind, facts.pipeline, facts.sha256, facts.created_at.isoformat())
    return _digest(repr(told))


def names_of(parts: Sequence[str], part_name: str | None) -> dict[Name, str]:
    """What is suggested of a place."""
    found = {("part", _folded_digest(part)): part for part in parts}
    return found | ({("part_name", _folded_digest(part_name)): part_name} if part_name else {})


def own_names(name: str, tags: Sequence[str]) -> dict[Name, str]:
    """What is suggested of a job itself."""
    found = {("tag", _folded_digest(tag)): clean(tag) for tag in tags}
    return found | {("name", _folded_digest(name)): clean(name)}


def facts_vector(facts: JobFacts) -> str:
    """A job's own lexemes."""
    made = _Vector()
    for name, values in shared_words(facts).items():
        for value in values:
            made.add_value([SHARED_CODES[name] + token for token in value])
    made.add_whole(_entry_values(facts))
    made.add_whole([whole("status", facts.status)])
    return made.literal()


def name_vector(owner: str, shown: str) -> str:
    """The words of what is suggested."""
    made = _Vector()
    made.add_value(tokens(shown))
    made.add_whole([owner_lexeme(owner)])
    return made.literal()


def gist_vector(owner: str, words: Iterable[str]) -> str:
    """The different words of a job, to find look-alikes by."""
    made = _Vector()
    made.add_whole([*words, owner_lexeme(owner)])
    return made.literal()


def whole(name: str, value: str) -> str:
    """The lexeme of a whole value, as filters ask for it."""
    return VALUE_CODES[name] + _folded_digest(value)


def owner_lexeme(owner: str) -> str:
    """The lexeme that all rows of an owner have."""
    return "=o" + _digest(owner)


def sample_lexeme(halvings: int) -> str:
    """The lexeme of one job in 2 to the power of this."""
    return f"=x{halvings}"


@functools.lru_cache(maxsize=_REMEMBERED)
def quoted(lexeme: str) -> str:
    """A lexeme within a literal."""
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"


def numbers_of(facts: JobFacts) -> list[float | None]:
    """The columns of numbers, in the order of `NUMBERS`."""
    return [float(facts.numbers[name]) if name in facts.numbers else None for name in NUMBERS]


def microseconds(facts: JobFacts) -> int:
    """When it was made, since 1970."""
    return round(facts.created_at.timestamp() * 1_000_000)


def job_columns(rows: Rows, *, number: int) -> dict[str, Any]:
    """A row of jobs."""
    facts = rows.facts
    return {
        "job": number,
        "gist": gist_vector(facts.owner, rows.gist),
        "places": len(rows.rows) - 1,
        "colors": rows.colors,
        "created": microseconds(facts),
        "owner": facts.owner,
        "name": clean(facts.name),
        "sort_name": sort_name(facts),
        "kind": clean(facts.kind),
        "pipeline": clean(facts.pipeline),
        "tags": [clean(tag) for tag in facts.tags],
        "basis": basis(facts),
    } | changing_columns(facts)


def changing_columns(facts: JobFacts) -> dict[str, Any]:
    """Those that change while a job's places stay."""
    numbers = {f"n_{name}": value for name, value in zip(NUMBERS, numbers_of(facts), strict=True)}
    own = {"job_id": facts.job_id, "version": facts.version, "status": clean(facts.status)}
    return own | numbers | {"facts": facts_vector(facts)}


@functools.lru_cache(maxsize=_REMEMBERED)
def _place(at: int, weight: str) -> str:
    return f"{at}{weight}"


class _Vector:
    """A tsvector's literal in the making."""

    def __init__(self) -> None:
        self._positions: dict[str, list[str]] = {}
        self._next = 1
        self._size = 0

    def add_value(self, lexemes: Sequence[str], weight: str = "", code: str = "") -> None:
        """Words one after the other; a gap behind them keeps phrases from going on into the next value."""
        for at, lexeme in enumerate(lexemes, self._next):
            place = _place(at, weight) if at <= _LAST else None
            self._add(lexeme, place)
            if code:
                self._add(code + lexeme, place)
        self._next += len(lexemes) + 1

    def add_whole(self, lexemes: Iterable[str]) -> None:
        """Lexemes that stand nowhere."""
        for lexeme in lexemes:
            self._add(lexeme, None)

    def literal(self) -> str:
        return " ".join(
            quoted(lexeme) + (":" + ",".join(places[:_OFTEN]) if places else "")
            for lexeme, places in self._positions.items()
        )

    def _add(self, lexeme: str, place: str | None) -> None:
        known = self._positions.get(lexeme)
        if known is None:
            self._size += 4 * len(lexeme)
            if self._size > _MOST:
                return
            known = self._positions[lexeme] = []
        if place is not None:
            known.append(place)


def _row(entry: Entry, shared: Sequence[str]) -> Row:
    made, heads, bodies = _Vector(), 0, 0
    counted: set[str] = set()
    for name, weight in _WEIGHTS.items():
        for value in entry.words.get(name, ()):
            made.add_value(value, weight, _CODES.get(name, ""))
            counted.update(value)
            if weight in ("A", "B"):
                heads += len(value)
            else:
                bodies += len(value)
    made.add_whole(shared)
    if entry.ordinal:
        made.add_whole([whole("color", color) for color in entry.colors])
        made.add_whole([whole("part", part) for part in entry.parts])
    return Row(entry, heads, bodies, made.literal(), {word for word in counted if len(word) <= COUNTED})


def _entry_values(facts: JobFacts) -> list[str]:
    """What each entry says of its job: whose, of which kind, with which tags, in which samples."""
    values = [whole("kind", facts.kind), whole("pipeline", facts.pipeline)]
    values += [whole("tag", tag) for tag in facts.tags]
    drawn = int.from_bytes(blake2b(facts.job_id.encode(), digest_size=8).digest())
    values += [sample_lexeme(n) for n in range(1, SAMPLES + 1) if drawn % (1 << n) == 0]
    return [owner_lexeme(facts.owner), *values]


def _gist(entry: Entry) -> Iterator[str]:
    """Its words, without single letters and digits; a job's own text is its kind, id and sha256."""
    for name, values in entry.words.items():
        if entry.ordinal or name != "text":
            yield from (token for value in values for token in value if 1 < len(token) <= COUNTED)


@functools.lru_cache(maxsize=_REMEMBERED)
def _folded_digest(value: str) -> str:
    return _digest(folded(value))


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
