"""The piece of a text that shows why it was found, and exactly where the words stand in it."""

import bisect
import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter

from search.analysis import aligned, spans
from search.query import Clause, Words, allowed

LENGTH = 160  # characters of text shown, before whole words are made and dots are added
_LEAD = 40  # of them before the first word found
_CUT = 20  # characters at most that go to make the ends whole words
_WORD = re.compile(r"\S+")
_SPACE, _LAST_SPACE = re.compile(r"\s"), re.compile(r"\s(?=\S*\Z)")
_OFTEN = 64  # characters; longer words are not remembered
_ENOUGH = 500  # places of a clause in one text that are looked at
_INSIDE = 64  # of them that a window is judged by; more say nothing new, and would make this slow
_Placed = tuple[str, int, int]
_Marks = tuple[tuple[int, int], ...]


def snippet(text: str, words: Sequence[Clause], *, forgiven: int = 0) -> tuple[str, _Marks]:
    """About 160 characters around where most of the words stand, and the marks: [from, to) in what is returned.

    `forgiven`: typos at most in a single word, as `port.Asked.edits`. Where no word stands in the text it begins with
    its beginning and has no marks.
    """
    clauses = [clause for clause in words if isinstance(clause, Words)]
    plain = aligned(text)
    found = _found(_placed(text), clauses, forgiven) if plain is None else _found_plain(plain, clauses, forgiven)
    start, end = _window(text, found)
    within = {(first, last) for first, last, _clause in found if first >= start and last <= end}
    return _shown(text, start, end, sorted(within))


def matches(token: str, wanted: str, typos: int) -> bool:
    """Whether a word of a text is the one that was wanted, with so many typos at most; a swap of neighbours is one."""
    return token == wanted or (typos > 0 and distance(token, wanted, typos) <= typos)


def distance(one: str, other: str, limit: int) -> int:
    """Letters wrong, missing, too many or swapped between two words; above `limit` only that it is more."""
    from rapidfuzz.distance import OSA

    return OSA.distance(one, other, score_cutoff=limit)


@functools.lru_cache(maxsize=8192)
def _spans(word: str) -> tuple[_Placed, ...]:
    return tuple(spans(word))


def _placed(text: str) -> list[_Placed]:
    """All tokens with their bounds; word by word, since words come again."""
    placed = []
    for word in _WORD.finditer(text):
        at = word.start()
        found = _spans(word[0]) if at + _OFTEN > word.end() else spans(word[0])
        placed += [(token, at + first, at + last) for token, first, last in found]
    return placed


def _found(placed: list[_Placed], words: Sequence[Words], forgiven: int) -> list[tuple[int, int, int]]:
    """Bounds of each token that belongs to a match, with the number of its clause, in the order of the text."""
    stand: dict[str, list[int]] = {}
    for at, (token, _first, _last) in enumerate(placed):
        stand.setdefault(token, []).append(at)
    found: set[tuple[int, int, int]] = set()
    for number, clause in enumerate(words):
        for at in itertools.islice(_starts(stand, clause, allowed(clause, forgiven)), _ENOUGH):
            if len(clause.tokens) == 1 or _goes_on(placed, at, clause):
                found.update((first, last, number) for _token, first, last in placed[at : at + len(clause.tokens)])
    return sorted(found)


def _found_plain(plain: str, words: Sequence[Words], forgiven: int) -> list[tuple[int, int, int]]:
    """The same in a folded text whose characters stand where they stood: looks for the words alone, which is far faster."""
    found: set[tuple[int, int, int]] = set()
    for number, clause in enumerate(words):
        if typos := allowed(clause, forgiven):
            found.update([(first, last, number) for first, last in _mistyped(plain, clause.tokens[0], typos)])
        elif clause.tokens[0] in plain:
            places = itertools.islice(_pattern(clause.tokens, prefix=clause.prefix).finditer(plain), _ENOUGH)
            groups = range(1, len(clause.tokens) + 1)
            found.update([(*match.span(group), number) for match in places for group in groups])
    return sorted(found)


@functools.lru_cache(maxsize=256)
def _pattern(tokens: tuple[str, ...], *, prefix: bool) -> re.Pattern[str]:
    """Where a clause stands: its first token, and the others behind it, a group for each.

    It looks behind only after its first letters: `re` skips to where those stand, and would try every place otherwise.
    """
    groups = [re.escape(token) for token in tokens]
    begin = groups[0]
    groups[0] += rf"(?<!\S{begin})"
    groups[-1] += r"\S*" if prefix else ""
    first, *others = (f"({group})" for group in groups)
    behind = "".join(rf"\s+{group}" for group in others)
    return re.compile(rf"{first}(?={behind}(?!\S))")  # phrases may overlap


def _mistyped(plain: str, wanted: str, typos: int) -> Iterator[tuple[int, int]]:
    """Where a word stands in a folded text with so many typos at most."""
    spaced, at = f" {plain} ", 0  # a word's space stands in it where the word stands in the text
    for token in _near(plain.split(), wanted, typos)[:_ENOUGH]:
        at = spaced.index(f" {token} ", at)
        yield at, at + len(token)
        at += 1


def _near(tokens: Sequence[str], wanted: str, typos: int) -> list[str]:
    """Those that are the wanted one, as `matches` tells with typos, in their order; in C, which is far faster."""
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    near = process.extract_iter(wanted, tokens, scorer=OSA.distance, score_cutoff=typos)
    return [token for token, _typos, _at in near]


def _starts(stand: dict[str, list[int]], clause: Words, typos: int) -> Iterable[int]:
    """Where a clause may begin, in order."""
    wanted = clause.tokens[0]
    if len(clause.tokens) > 1 or not (clause.prefix or typos):
        return stand.get(wanted, ())
    tokens = list(stand)
    good = [token for token in tokens if token.startswith(wanted)] if clause.prefix else _near(tokens, wanted, typos)
    return sorted(itertools.chain.from_iterable(stand[token] for token in good))


def _goes_on(placed: list[_Placed], at: int, clause: Words) -> bool:
    """Whether the rest of a phrase follows its first word."""
    here = [token for token, _first, _last in placed[at : at + len(clause.tokens)]]
    if len(here) < len(clause.tokens) or here[:-1] != list(clause.tokens[:-1]):
        return False
    return here[-1].startswith(clause.tokens[-1]) if clause.prefix else here[-1] == clause.tokens[-1]


def _window(text: str, found: list[tuple[int, int, int]]) -> tuple[int, int]:
    """Where most of the clauses stand within `LENGTH`; of equals the first."""
    if len(text) <= LENGTH:
        return 0, len(text)
    best, best_at, last = (0, 0), 0, 0
    clauses = [clause for _start, _end, clause in found]
    for first, (start, _end, _clause) in enumerate(found):
        before = last = max(last, first)
        while last < len(found) and found[last][1] <= start + LENGTH - _LEAD:
            last += 1
        if last == before and last - first < _INSIDE:
            continue  # nothing came in
        inside = clauses[first:last][:_INSIDE]
        worth = (len(set(inside)), len(inside))
        if worth > best:
            best, best_at = worth, start
    if not found:
        best_at = 0
    start = max(0, min(best_at - _LEAD, len(text) - LENGTH))
    return _whole_words(text, start, min(len(text), start + LENGTH), keep=best_at)


def _whole_words(text: str, start: int, end: int, *, keep: int) -> tuple[int, int]:
    """Shrink both ends to where a word begins or ends, unless that is far."""
    if start > 0 and not text[start - 1].isspace():
        space = _SPACE.search(text, start, min(start + _CUT, keep))
        start = space.end() if space else start
    if end < len(text) and not text[end].isspace():
        space = _LAST_SPACE.search(text, max(start, keep, end - _CUT) + 1, end)
        end = space.start() if space else end
    return start, end


def _shown(text: str, start: int, end: int, found: Sequence[tuple[int, int]]) -> tuple[str, _Marks]:
    """The window with single spaces and dots where text was left out, and the marks of what was found in it moved along."""
    shown = ["…"] if text[:start].strip() else []
    length, piece = len(shown), text[start:end]
    joined = " ".join(piece.split())
    # as most are: nothing moves within it; but no space is made behind a word that is … alone
    if piece == joined or (len(piece) == len(joined) and "…" not in piece):
        by = length - start
        marks = tuple([(first + by, last + by) for first, last in found])
        return "".join((*shown, joined, "…" if text[end:].strip() else "")), marks
    words: list[tuple[int, int, int]] = []  # from, to, and how far it moved
    for word in _WORD.finditer(text, start, end):
        if shown and shown[-1] != "…":
            shown.append(" ")
            length += 1
        words.append((word.start(), word.end(), length - word.start()))
        shown.append(word[0])
        length += len(word[0])
    if text[end:].strip():
        shown.append("…")
    moved = ((_moved(words, first), _moved(words, last - 1)) for first, last in found)
    return "".join(shown), tuple((first, last + 1) for first, last in moved if first is not None and last is not None)


def _moved(words: Sequence[tuple[int, int, int]], at: int) -> int | None:
    """Where a character of one of the words shown is now."""
    number = bisect.bisect_right(words, at, key=itemgetter(0)) - 1
    if number < 0:
        return None
    _first, last, by = words[number]
    return at + by if at < last else None
