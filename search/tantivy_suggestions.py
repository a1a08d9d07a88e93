"""How what was typed could go on, and which jobs are alike: both asked of the jobs' own documents.

Suggestions: words of thousands of names may begin with what was typed, so not all are looked at. Those of the newest
`SAMPLE` jobs that have such a name are; the engine then counts, for the best of them, the jobs that hold them. Where
fewer jobs have one, nothing is missed.
"""

import math
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from search.analysis import tokens
from search.port import Hit, Suggestion
from search.snippets import snippet
from search.tantivy_documents import PARTED, kept
from search.tantivy_queries import either, every, goes_on, term, unscored
from search.tantivy_schema import (
    A_JOB,
    COMPLETIONS,
    CREATED,
    EXACT,
    GIST,
    ITSELF,
    OWNER,
    TYPED,
    VALUE,
    owned_value,
    schema,
)
from search.tantivy_view import count, stored

if TYPE_CHECKING:
    from tantivy import DocAddress, Query, Searcher

SAMPLE = 64  # jobs whose names are looked through
_MOST = 2_000_000  # bytes of them
TELLING = 25  # words of a job that look-alikes are sought by
_WORDS = 1_000  # words of a job whose telling ones are looked for


def suggested(searcher: "Searcher", owner: str, text: str, *, limit: int) -> list[Suggestion]:
    """Names, part ids, part names and tags with a word that begins with `text`, those of most jobs first."""
    typed = tokens(text)
    if not typed:
        return []
    begun = " ".join(typed)
    shown: dict[tuple[str, str], str] = {}
    for likely_words in _tries(typed):
        seen: Counter[tuple[str, str]] = Counter()
        query = every([*_own_documents(owner), unscored(likely_words)])
        for words, name, value in _completions(searcher, query, begun):
            key = (name, owned_value(owner, name, value))
            seen[key] += 1
            shown.setdefault(key, f"{words}{PARTED}{value}")
        if len(seen) >= limit:
            break
    begins = {key: shown[key].startswith(f" {begun}") for key in seen}
    likely = sorted(seen, key=lambda key: (not begins[key], -seen[key], len(shown[key]), key))[: limit + 10]
    found = [
        Suggestion(text=shown[key].partition(PARTED)[2], field=key[0], jobs=count(searcher, term(VALUE, key[1])))
        for key in likely
    ]
    ranks = {id(one): not begins[key] for one, key in zip(found, likely, strict=True)}
    found.sort(key=lambda one: (ranks[id(one)], -one.jobs, len(one.text), one.text, one.field))
    return [one for one in found if one.jobs][:limit]


def alike(searcher: "Searcher", owner: str, job_id: str, *, limit: int) -> list[Hit]:
    """Other jobs of the owner whose texts have most of this job's telling words."""
    own = every([term(ITSELF, job_id), term(OWNER, owner)])
    found = searcher.search(own, limit=1).hits
    if not found:
        return []
    words = str(searcher.doc(found[0][1]).get_first(GIST) or "").split(maxsplit=_WORDS)[:_WORDS]
    jobs = count(searcher, every(_own_documents(owner)))
    holders = {word: searcher.doc_freq(GIST, word) for word in words}
    worth = {word: math.log(1 + jobs / number) for word, number in holders.items() if number > 1}
    telling = sorted(worth, key=lambda word: (-worth[word], word))[:TELLING]
    if not telling:
        return []
    any_word = either([_worth(word, worth[word]) for word in telling])
    query = every([*_own_documents(owner), any_word], never=[own])
    return [_hit(searcher, address, score) for score, address in searcher.search(query, limit=limit, count=False).hits]


def _tries(typed: list[str]) -> Iterator["Query"]:
    """What to look for: a phrase whose last word has one letter goes on in so many ways that it is left out at first."""
    from tantivy import Query

    if len(typed) > 1 and len(typed[-1]) == 1:
        firsts = typed[:-1]
        yield Query.phrase_query(schema(), TYPED, list(firsts)) if len(firsts) > 1 else term(TYPED, firsts[0])
    yield goes_on(TYPED, typed)


def _completions(searcher: "Searcher", query: "Query", begun: str) -> Iterator[tuple[str, str, str]]:
    """Words, field and text of what begins so, of the newest jobs that have any."""
    newest = searcher.search(query, limit=SAMPLE, count=False, order_by_field=CREATED).hits
    read = 0
    for _key, address in newest:
        lines = stored(searcher, address, COMPLETIONS).decode()
        read += len(lines)
        at = lines.find(f" {begun}")
        while at >= 0:
            end = lines.find("\n", at)
            line = lines[lines.rfind("\n", 0, at) + 1 : end if end >= 0 else len(lines)]
            words, name, value = line.split(PARTED)
            if f" {begun}" in words:
                yield words, name, value
            at = lines.find(f" {begun}", end) if end >= 0 else -1
        if read > _MOST:
            return


def _own_documents(owner: str) -> list["Query"]:
    return [unscored(term(OWNER, owner)), unscored(term(EXACT, A_JOB))]


def _worth(word: str, worth: float) -> "Query":
    from tantivy import Query

    return Query.const_score_query(term(GIST, word), worth)


def _hit(searcher: "Searcher", address: "DocAddress", score: float) -> Hit:
    known = kept(stored(searcher, address))
    place = known.place
    cut, marks = snippet(place.text, ())
    return Hit(
        job_id=known.job_id,
        artifact=place.artifact,
        place=place.place,
        title=place.title,
        snippet=cut,
        marks=marks,
        score=score,
    )
