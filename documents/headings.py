"""Headings of a page: where its outline says so, else lines that look like headings and have text below them."""

import re
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from documents.sentences import ends_sentence, looks_tabular

MAX_ENTRIES = 20_000  # of an outline that are looked at
MAX_DEPTH = 8  # headings above a piece of text
MAX_TITLE = 200  # characters of a title that are kept
MAX_MARKS = 200  # headings of one page
_LONGEST, _MOST_WORDS = 100, 12  # characters and words of a line that may be a guessed heading
_TITLE_WORDS = 8  # of a line whose only sign is its capitals
_BODY = 25  # characters that a line below a heading has at least
_RUN = 3  # headings below each other without text between them; more of them are a list or a table
_RECENT = 4  # pages whose first line is remembered: left and right pages have running titles of their own
_DIGITS = 0.25  # share of digits that a heading may have
_LONG_WORD = 4  # letters from which on a word of a title has a capital

_LINE = re.compile(r"[^\n]+")
_NUMBERED = re.compile(r"(\d{1,2}(?:\.\d{1,3}){0,5})[.)]?\s+(\S.*)")
_SECTION = re.compile(r"\d{1,2}\.\d")
_LETTERED = re.compile(r"([A-Z]|[IVXLC]{1,6})[.)]\s+(\S.*)")
_NO_HEADING = re.compile(r"\.\.\.|\. \. \.|  |[\t|{}\[\]<>_=\\@]")  # lines of contents, rows of tables, code
_NO_END = ".,;:!?…-=\u2013"  # what no heading ends in
_NAMED = re.compile(
    r"(?:chapter|section|part|appendix|annex|kapitel|abschnitt|anhang|teil|chapitre|partie|annexe|capítulo|sección|anexo"
    r"|capitolo|sezione|allegato|hoofdstuk|bijlage|rozdział|kapitola|příloha|bilaga|bilag|глава)\s+(?:\d{1,3}|[A-Z]|[IVXLC]{1,6})\b",
    re.IGNORECASE,
)
_CHAPTER = re.compile(r"第\s?[\d一二三四五六七八九十百]{1,4}\s?[章节節部]")


class Mark(NamedTuple):
    """A heading on a page."""

    start: int  # offset of its line
    end: int  # offset behind it; the same as `start` where only the page is known
    path: tuple[str, ...]  # the titles above what follows, this one last


def finder(outline: Sequence[Mapping[str, Any]]) -> Callable[[int, str], list[Mark]]:
    """What finds the marks of a page from its number and text, for pages in order.

    `outline` has entries with `title`, `page` (from 1, or None) and `level`; without usable ones headings are guessed.
    """
    known = _Outline(outline)
    return known.marks if known else _Guesses().marks


class _Outline:
    def __init__(self, outline: Sequence[Mapping[str, Any]]) -> None:
        self._pages: dict[int, list[tuple[str, ...]]] = defaultdict(list)
        stack: list[tuple[int, str]] = []
        homeless: list[tuple[str, ...]] = []  # entries without a page: they stand where their first child does
        for entry in outline[:MAX_ENTRIES]:
            title = " ".join(str(entry.get("title") or "")[:MAX_TITLE].split())
            if not title:
                continue
            _push(stack, int(entry.get("level") or 0), title)
            page = entry.get("page")
            if page is None:
                homeless.append(_path(stack))
            else:
                self._pages[page] += [*homeless[-MAX_DEPTH:], _path(stack)]
                homeless.clear()

    def __bool__(self) -> bool:
        return bool(self._pages)

    def marks(self, page: int, text: str) -> list[Mark]:
        """The page's entries where a line says their title, in order; at the page's start where none does."""
        paths = self._pages.get(page, [])[:MAX_MARKS]
        places = _places(text, {key for path in paths for key in _keys(path[-1])}) if paths else {}
        found: list[Mark] = []
        for path in paths:
            after = found[-1].end if found else 0
            start, end = _next_place(places, path[-1], after) or (after, after)
            found.append(Mark(start, end, path))
        return found


class _Guesses:
    def __init__(self) -> None:
        self._stack: list[tuple[int, str]] = []
        self._running: deque[str] = deque(maxlen=_RECENT)

    def marks(self, _page: int, text: str) -> list[Mark]:
        """Lines that look like headings: text follows them, none runs into them, no earlier page opens with them."""
        found: list[Mark] = []
        run: list[tuple[int, int, str, int]] = []
        free, running = True, None  # whether a heading may begin here
        for start, line, apart in _lines(text):
            if running is None and not any(map(str.isalpha, line)):
                continue  # the page's number
            if running is None:
                running = _folded(line.translate(_NO_DIGITS))
                if running in self._running:
                    continue
            level = _level(line)
            if level is not None and (run or free or apart):
                run.append((start, start + len(line), line, level))
                continue
            if len(found) < MAX_MARKS and len(run) <= _RUN and _is_below(line, run):
                for mark_start, mark_end, title, mark_level in run:
                    _push(self._stack, mark_level, " ".join(title.split()))
                    found.append(Mark(mark_start, mark_end, _path(self._stack)))
            run = []
            free = ends_sentence(line)
        self._running.append(running or "")
        return found


def _is_below(line: str, run: Sequence[tuple[int, int, str, int]]) -> bool:
    """Whether a line is text that a heading may have below it; below `4.1 Scope` anything is."""
    return not looks_tabular(line) and (len(line) >= _BODY or any(_SECTION.match(title) for _, _, title, _ in run))


_NO_DIGITS = str.maketrans("", "", "0123456789")


def _push(stack: list[tuple[int, str]], level: int, title: str) -> None:
    while stack and stack[-1][0] >= level:
        stack.pop()
    del stack[MAX_DEPTH - 1 :]
    stack.append((level, title))


def _path(stack: Sequence[tuple[int, str]]) -> tuple[str, ...]:
    return tuple(title for _, title in stack)


def _lines(text: str) -> Iterator[tuple[int, str, bool]]:
    """Lines that say something, each with its offset and whether a blank one stands above; long ones are cut."""
    above = -1
    for match in _LINE.finditer(text):
        start = match.start()
        raw = text[start : min(match.end(), start + MAX_TITLE * 2)]
        line = raw.strip()
        if line:
            yield start + len(raw) - len(raw.lstrip()), line, start - above > 1
            above = match.end()


def _level(line: str) -> int | None:
    """How deep a heading the line may be, 1 the highest; None where it looks like none."""
    if len(line) > _LONGEST or line[-1] in _NO_END or _NO_HEADING.search(line):
        return None
    named = _NAMED.match(line) or _CHAPTER.match(line)
    if named and (named.end() == len(line) or not line[-1].isdigit()):
        return 1  # with the page's number behind it, it is a running title
    words = line.split()
    digits = sum(char.isdigit() for char in line)
    if len(words) > _MOST_WORDS or line[-1].isdigit() or digits > _DIGITS * len(line):
        return None
    if numbered := _NUMBERED.fullmatch(line) or _LETTERED.fullmatch(line):
        row = _figures(numbered[2].split()) > 1  # `4 Brick 2 x 4 Red` counts bricks
        return None if row or numbered[2][0].islower() else numbered[1].count(".") + 1
    if line.isupper():
        return 1 if sum(char.isalpha() for char in line) >= _LONG_WORD else None
    return 2 if _is_title(words) else None


def _is_title(words: Sequence[str]) -> bool:
    """Whether all words of some length begin with a capital, and there is one."""
    long = [word for word in words if len(word) >= _LONG_WORD and word[0].isalpha()]
    capitals = bool(long) and words[0][0].isupper() and all(word[0].isupper() for word in long)
    return capitals and len(words) <= _TITLE_WORDS and not _figures(words)


def _figures(words: Sequence[str]) -> int:
    return sum(word[0].isdigit() for word in words)


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _keys(title: str) -> Iterator[str]:
    """The title as a line may show it: whole, without its number, or as much as the first of two lines holds."""
    folded = _folded(title)
    yield folded
    numbered = _NUMBERED.fullmatch(folded)
    if numbered:
        yield numbered[2]
    cut = folded.rfind(" ")
    while cut * 2 > len(folded):
        yield folded[:cut]
        cut = folded.rfind(" ", 0, cut)


def _places(text: str, wanted: set[str]) -> dict[str, list[tuple[int, int]]]:
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for start, line, _ in _lines(text):
        folded = _folded(line)
        bare = _NUMBERED.fullmatch(folded)  # an outline may leave out the numbers that the page shows
        for key in (folded, bare[2]) if bare else (folded,):
            if key in wanted and len(found[key]) < MAX_MARKS:
                found[key].append((start, start + len(line)))
    return found


def _next_place(places: Mapping[str, Sequence[tuple[int, int]]], title: str, after: int) -> tuple[int, int] | None:
    """The first line at or behind `after` that says `title`."""
    for key in _keys(title):
        lines = places.get(key, ())
        at = bisect_left(lines, (after, 0))
        if at < len(lines):
            return lines[at]
    return None
