"""Where sentences end, and which lines look like rows of a table rather than prose."""

import re
from collections.abc import Iterator

_WIDE = "\u3002\uff01\uff1f"  # full stop, exclamation and question mark of Chinese and Japanese
_WIDE_CLOSERS = "\u300d\u300f\uff09"
ENDERS = ".!?…:" + _WIDE  # what a line of prose may end in
CLOSERS = "\"'»”\u2019)]" + _WIDE_CLOSERS  # what may stand behind the mark that ends a sentence
CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # scripts that put no spaces between words
_END = re.compile(rf"[.!?…][{re.escape(CLOSERS)}]{{0,3}}(?=\s|\Z)|[{_WIDE}][{_WIDE_CLOSERS}]{{0,2}}")
_GAP = re.compile(r"\t|\||\S {2,}\S")
_LOOK = 24  # characters that are looked at behind and before a mark
_SHORTEST_ROW = 3  # cells
_ABBREVIATIONS = (
    " nr vol fig figs tab abb art ca approx dr mr mrs ms prof st inc ltd vs etc eg ie cf al pp ed rev ver bzw ggf usw"
    " evtl inkl zzgl str tel max min ref ex env núm pág sr sra dott sig ing ecc blz bijv enz resp ul im tzw np tj kap"
    " obr tzv např apod bl dvs osv jan feb mar apr jun jul aug sep sept oct okt nov dec dez "
)


def ends(text: str, *, start: int = 0, stop: int | None = None) -> Iterator[int]:
    """Offsets right behind each sentence that ends within `text[start:stop]`; no abbreviation or ordinal counts."""
    stop = len(text) if stop is None else stop
    for match in _END.finditer(text, start, min(stop + 1, len(text))):
        end = match.end()
        if end <= stop and (text[match.start()] != "." or _is_full_stop(text, match.start(), end)):
            yield end


def ends_sentence(line: str) -> bool:
    """Whether a line of text closes a sentence."""
    bare = line[-_LOOK:].rstrip().rstrip(CLOSERS)
    return bool(bare) and bare[-1] in ENDERS


def looks_tabular(line: str) -> bool:
    """Whether a line looks like a row of a table: gaps between its words, or figures in a third of them."""
    if _GAP.search(line):
        return True
    words = line.split()
    figures = sum(any(char.isdigit() for char in word) for word in words)
    return len(words) >= _SHORTEST_ROW and figures >= 2 and figures * 3 >= len(words)


def _is_full_stop(text: str, dot: int, end: int) -> bool:
    following = text[end : end + _LOOK].lstrip()
    if following and following[0].islower():
        return False
    if end > dot + 1 or not following:
        return True  # a quotation or the page ends with it
    before = text[max(0, dot - _LOOK) : dot]
    word = before.split()[-1] if before and not before[-1].isspace() else ""
    word = word.lstrip("([\"'«“„").replace(".", "").lower()
    if len(word) == 1 or (word.isdecimal() and len(word) <= 2):
        return False  # an initial, an ordinal, the number of a paragraph
    return f" {word} " not in _ABBREVIATIONS and not (word == "no" and following[0].isdigit())
