"""The index port: what is put into a search index, what can be asked of it, and what every engine promises."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from jobs.context import Place
from jobs.errors import HeavyliftError
from search.query import Query

FACETS = ("kind", "pipeline", "status", "tag", "color")


class EngineError(HeavyliftError):
    """The engine can't answer or write now; code `search.unavailable`. The ledger still can be asked."""


class IndexLocked(EngineError):
    """Somebody else writes this index: there is one writer; code `search.locked`."""


class OtherFormat(EngineError):
    """The index was made by another release, or what it says of itself is unreadable: it has to be rebuilt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """What all places of a job share: what they are narrowed down, counted and sorted by."""

    job_id: str
    owner: str
    version: int  # the job's, when this was read; an older one never takes the place of a newer one
    name: str  # of its file
    kind: str  # `bricklink-xml`
    pipeline: str
    status: str
    sha256: str  # of its file
    created_at: datetime
    finished_at: datetime | None = None
    tags: tuple[str, ...] = ()
    numbers: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))  # by name of `query.NUMBERS`


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """Make a job findable instead of what was there for it: itself, by name, tags and id, and its places."""

    job: JobFacts
    places: tuple[Place, ...] | None  # None: those that are there stay, with the new facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Forget a job."""

    job_id: str


Change = Put | Drop


class Sort(StrEnum):
    """In which order hits come."""

    RELEVANCE = "relevance"
    NEWEST = "newest"
    OLDEST = "oldest"
    NAME = "name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What hits are narrowed down to. Values are compared folded (`analysis.folded`): any of a tuple, of `tags` all."""

    kinds: tuple[str, ...] = ()
    pipelines: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    colors: tuple[str, ...] = ()  # names as places have them
    parts: tuple[str, ...] = ()  # part ids, whole
    created_from: datetime | None = None  # inclusive
    created_to: datetime | None = None  # exclusive
    ranges: Mapping[str, tuple[float | None, float | None]] = field(default_factory=lambda: MappingProxyType({}))
    job_ids: tuple[str, ...] | None = None  # only these


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question."""

    owner: str  # no engine ever answers with what is another's
    query: Query
    filters: Filters = Filters()
    facets: tuple[str, ...] = ()  # of `FACETS`
    sort: Sort = Sort.RELEVANCE
    limit: int = 20
    after: str | None = None  # the `following` of the page before
    edits: int | None = None  # typos forgiven per word; None: 0, and by the word's length where that gives few hits


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One place that matched."""

    job_id: str
    artifact: str | None
    place: str  # `page 3`, `row 17`, `file`
    title: str
    snippet: str  # text around the words found
    marks: tuple[tuple[int, int], ...]  # where words found stand in `snippet`: [from, to) in characters
    score: float  # higher is better; comparable within one answer only


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An answer."""

    hits: tuple[Hit, ...]
    total: int  # places that match, in all pages
    following: str | None = None  # for `Asked.after`; opaque, valid for the same question
    facets: Mapping[str, Mapping[str, int]] = field(
        default_factory=lambda: MappingProxyType({})
    )  # jobs by value; of many values those of most jobs
    corrected: tuple[str, ...] = ()  # words of the query that may have typos in this answer, as typed


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """How what was typed could go on."""

    text: str
    field: str  # `name`, `part`, `part_name`, `tag`
    jobs: int  # how many hold it, at least


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """How large an index is."""

    engine: str  # `tantivy`
    documents: int  # places, and one more for each job
    jobs: int
    size: int | None  # bytes; None where there is no way to tell
    committed_at: datetime | None = None  # when it was last changed; None where there is no way to tell


class Engine(Protocol):
    """One search index. Thread-safe; every call raises `EngineError` where the engine fails."""

    def write(self, changes: Sequence[Change]) -> None:
        """Commit all changes, in their order; on return they are durable and can be found by whoever asks next.

        Either all of them count or none. Writing the same again changes nothing; a `Put` whose version is older than
        what is there is passed over. Raises `IndexLocked`.
        """

    def find(self, asked: Asked) -> Found:
        """The best places for a question, of its owner's alone. What it means is told in `search.questions`.

        Pages by newest, oldest and name neither repeat nor skip what was there all along, whatever is written between
        them; by relevance that holds while nothing is written. Raises `questions.MalformedCursor`.
        """

    def suggest(self, owner: str, text: str, *, limit: int = 10) -> list[Suggestion]:
        """Names, part ids, part names and tags of the owner's that begin with, or have a word that begins with, `text`."""

    def similar(self, owner: str, job_id: str, *, limit: int = 10) -> list[Hit]:
        """Other jobs of the owner whose texts have most of this job's telling words: their own entries, best first.

        None where the owner has no such job.
        """

    def versions(self, *, after: str = "", limit: int = 1000) -> list[tuple[str, int, int]]:
        """Jobs in the index by id, from behind `after`: id, version, number of its places."""

    def stats(self) -> Stats:
        """How large it is."""

    def abandon(self) -> None:
        """The process ends: a write under way may give up with `EngineError`, and `close` waits for no clearing up."""

    def close(self) -> None:
        """Let go of files and locks."""
