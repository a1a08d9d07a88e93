"""What the PostgreSQL index knows of single words: how common they are, which are close to each other, what begins so.

Close words: `pg_trgm` finds those that share enough of three letters with the one that was typed, and `distance` decides.
The threshold is as low as the typos that are forgiven may make it. Without the extension, and for other scripts, which it
may not know, all of the owner's words of about that length are looked at: 20,000 words take some 10 ms.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from search.analysis import clean, tokens
from search.port import Suggestion
from search.postgres_queries import Variants
from search.postgres_rows import owner_lexeme, quoted
from search.postgres_state import Asking
from search.query import Clause, Words, allowed
from search.snippets import distance

if TYPE_CHECKING:
    from sqlalchemy import Connection

CLOSE = 64  # words at most that one with typos may mean, the closest and most common
LOOKED_AT = 2_000  # of very many suggestions that begin so
_END = "\U0010ffff"  # behind all that begins so


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """An owner's counts."""

    jobs: int = 0
    entries: int = 0
    usual_heads: float = 1.0  # words in the head of an entry that has one
    usual_bodies: float = 1.0
    share: float = 0.0  # of all entries, those of this owner


def sums(asking: Asking, owner: str) -> Sums:
    """What the index has of an owner's."""
    query = """
        SELECT jobs, entries, headed, heads, bodied, bodies, (SELECT sum(entries) FROM {owners}) AS whole
        FROM {owners} WHERE owner = :owner"""
    row = asking.run(query, owner=owner).first()
    if row is None:
        return Sums()
    return Sums(
        jobs=row.jobs,
        entries=row.entries,
        usual_heads=max(1.0, row.heads / max(1, row.headed)),
        usual_bodies=max(1.0, row.bodies / max(1, row.bodied)),
        share=row.entries / max(1, int(row.whole)),
    )


def common(asking: Asking, owner: str, words: Iterable[str]) -> dict[str, int]:
    """In how many entries each of these words stands; those that no entry has are missing."""
    query = "SELECT word, entries FROM {words} WHERE owner = :owner AND word = ANY(:words)"
    return dict(asking.run(query, owner=owner, words=sorted(set(words))).tuples().all())


def common_beginning(asking: Asking, owner: str, beginning: str) -> int:
    """In how many entries words stand that begin so, those with several of them counted each time."""
    query = "SELECT coalesce(sum(entries), 0) FROM {words} WHERE owner = :owner AND word >= :least AND word < :most"
    return int(asking.run(query, owner=owner, least=beginning, most=beginning + _END).scalar_one())


def variants(asking: Asking, owner: str, clauses: Sequence[Clause], forgiven: int) -> Variants:
    """For each word that may have typos: those that it may mean."""
    found: dict[str, list[tuple[str, int]]] = {}
    for clause in clauses:
        if isinstance(clause, Words) and (typos := allowed(clause, forgiven)):
            word = clause.tokens[0]
            found[word] = max(found.get(word, []), _close(asking, owner, word, typos), key=len)
    return found


def suggested(asking: Asking, owner: str, text: str, *, limit: int) -> list[Suggestion]:
    """Names, part ids, part names and tags of the owner's with a word that begins with `text`, those of most jobs first."""
    typed = tokens(text)
    if not typed:
        return []
    phrase = " <-> ".join([*map(quoted, typed[:-1]), f"{quoted(typed[-1])}:*"])
    begun = " ".join(typed)
    query = """
        WITH begun AS MATERIALIZED (
            SELECT field, shown, jobs, begins FROM {names}
            WHERE owner = :owner AND begins >= :least AND begins < :most AND words @@ CAST(:query AS tsquery)
            LIMIT :looked_at
        ), inside AS MATERIALIZED (
            SELECT field, shown, jobs, begins FROM {names}
            WHERE owner = :owner AND words @@ CAST(:query AS tsquery) LIMIT :looked_at
        )
        SELECT shown, field, jobs FROM (SELECT * FROM begun UNION SELECT * FROM inside) found
        ORDER BY NOT starts_with(begins, :least), jobs DESC, char_length(shown), shown COLLATE "C", field LIMIT :limit"""
    values = {"owner": owner, "least": begun[:100], "most": begun[:100] + _END, "limit": limit, "looked_at": LOOKED_AT}
    values["query"] = f"({phrase}) & {quoted(owner_lexeme(owner))}"
    return [Suggestion(text=row.shown, field=row.field, jobs=row.jobs) for row in asking.run(query, **values)]


def trigrams(connection: "Connection") -> str | None:
    """The schema in which `pg_trgm` is, quoted; None: it is not there."""
    from sqlalchemy import text

    query = "SELECT quote_ident(nspname) FROM pg_extension JOIN pg_namespace n ON extnamespace = n.oid WHERE extname = 'pg_trgm'"
    return connection.execute(text(query)).scalar()


def _close(asking: Asking, owner: str, word: str, typos: int) -> list[tuple[str, int]]:
    near = {"owner": owner, "least": len(word) - typos, "most": len(word) + typos}
    query = "SELECT word, entries FROM {words} WHERE owner = :owner AND length BETWEEN :least AND :most"
    schema = asking.once(trigrams) if word.isascii() else None
    if schema:
        asking.run(
            "SELECT set_config('pg_trgm.similarity_threshold', :share, true)", share=f"{_share(word, typos):.3f}"
        )
        query += f" AND word OPERATOR({schema}.%) :word"
        near["word"] = word
    rated = []
    for other, entries in asking.run(query, **near).tuples():
        if other != word and (far := distance(other, word, typos)) <= typos:
            rated.append((far, -entries, other))
    return [(other, far) for far, _entries, other in sorted(rated)[:CLOSE]]


def _share(word: str, typos: int) -> float:
    """The least share of trigrams that a word has in common with one that is so many typos away.

    A word of n letters has n + 1; a swap of neighbours changes four, any other typo fewer. Rounded down, since trigrams
    that stand twice in a word count once.
    """
    own, other = len(word) + 1, len(word) + typos + 1
    shared = max(1, own - 4 * typos)
    return max(0.03, math.floor(80 * shared / (own + other - shared)) / 100)


def known(owner: str) -> bool:
    """Whether there can be anything of an owner called so."""
    return clean(owner) == owner
