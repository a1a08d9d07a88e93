"""What engines keep of a job: one entry for itself and one for each of its places, with the words they are found by."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from jobs.context import Place
from search.analysis import MAX_TEXT, clean, folded, tokens
from search.port import JobFacts

OWN = ("title", "label", "part", "color", "text")  # fields that a word without a field is looked for in
SHARED = ("name", "tag", "kind", "pipeline", "status", "id", "sha256")  # of the job; all its entries have them
WEIGHTS = {"title": 3.0, "label": 3.0, "part": 3.0, "color": 1.0, "text": 1.0}  # names above bodies; others: 1
JOB_PLACE = "file"  # `place` of the job's own entry
MAX_COLORS = 300  # of a job, counted in facets

Tokens = tuple[str, ...]
Values = tuple[Tokens, ...]  # a phrase stands within one of them, never across


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One findable thing, taken apart. All text in it is `clean`, so that every engine can keep it."""

    ordinal: int  # 0: the job itself; its places from 1, in their order. With the job's id it names the entry
    artifact: str | None
    place: str
    title: str
    text: str  # what snippets are cut from
    words: Mapping[str, Values]  # by `OWN` field
    colors: tuple[str, ...] = ()  # as written; what color facets count. Filters ask for them in places alone
    parts: tuple[str, ...] = ()  # part ids as written
    part_name: str | None = None


def entries(job: JobFacts, places: Iterable[Place]) -> Iterator[Entry]:
    """The job's places, and last the job itself, which has all their colors."""
    colors: dict[str, None] = {}
    for ordinal, place in enumerate(places, 1):
        entry = _place_entry(ordinal, place)
        if len(colors) < MAX_COLORS:
            colors.update(dict.fromkeys(entry.colors))
        yield entry
    yield job_entry(job, tuple(colors))


def job_entry(job: JobFacts, colors: tuple[str, ...]) -> Entry:
    """The job itself: found by file name, tags, kind, id and sha256; `colors`: all that its places have."""
    name, tags, kind = clean(job.name), tuple(map(clean, job.tags)), clean(job.kind)
    words = {
        "title": _values(name),
        "label": _values(*tags),
        "text": _values(kind, clean(job.job_id), clean(job.sha256)),
    }
    text = " · ".join((kind, *tags))
    return Entry(ordinal=0, artifact=None, place=JOB_PLACE, title=name, text=text, words=words, colors=colors)


def shared_words(job: JobFacts) -> dict[str, Values]:
    """By `SHARED` field: what `name:`, `tag:`, ... ask for."""
    return {
        "name": _values(clean(job.name)),
        "tag": _values(*map(clean, job.tags)),
        "kind": _values(clean(job.kind)),
        "pipeline": _values(clean(job.pipeline)),
        "status": _values(clean(job.status)),
        "id": _values(clean(job.job_id)),
        "sha256": _values(clean(job.sha256)),
    }


def sort_name(job: JobFacts) -> str:
    """What `Sort.NAME` compares, character by character."""
    return folded(job.name)[:100]


def _place_entry(ordinal: int, place: Place) -> Entry:
    title, text = clean(place.title), clean(place.text, MAX_TEXT)
    parts = tuple(map(clean, place.parts))
    color = clean(place.color) if place.color else None
    name = clean(place.name) if place.name else None
    words = {
        "title": _values(title),
        "label": _values(name) if name and name != title else (),
        "part": _values(*parts),
        "color": _values(color) if color else (),
        "text": _values(text),
    }
    return Entry(
        ordinal=ordinal,
        artifact=clean(place.artifact) if place.artifact is not None else None,
        place=clean(place.place),
        title=title,
        text=text,
        words=words,
        colors=(color,) if color else (),
        parts=parts,
        part_name=name,
    )


def _values(*texts: str) -> Values:
    return tuple(tuple(found) for text in texts if (found := tokens(text)))
