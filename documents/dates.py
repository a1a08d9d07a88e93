"""Dates in a text, in the notations of several languages, as ISO dates; what may be read in two ways says so."""

import re
from collections.abc import Callable, Iterator
from datetime import date
from functools import cache
from typing import NamedTuple

FIRST_YEAR, LAST_YEAR = 1900, 2099  # what is outside is a part number, not a year
_EDGE, _BEHIND = (
    r"(?<![\w.,/+-])",
    r"(?![\w/+-]|[.,]\d)",
)  # no longer number, version, telephone number or path around it
_YEAR = r"(?P<y>(?:19|20)\d\d)"
_MONTH = r"(?P<m>[^\W\d_]{3,12})\.?"
_GAP = r"[^\S\n]{0,3}\n?[^\S\n]{0,3}"  # white space with at most one line break

_ISO = re.compile(rf"{_EDGE}{_YEAR}(?P<s>[-/.])(?P<m>\d\d)(?P=s)(?P<d>\d\d)(?=T\d\d|{_BEHIND})")
_DOTTED = re.compile(rf"{_EDGE}(?P<d>\d{{1,2}})\.[ \u00a0]?(?P<m>\d{{1,2}})\.[ \u00a0]?{_YEAR}{_BEHIND}")
_SLASHED = re.compile(rf"{_EDGE}(?P<d>\d{{1,2}})(?P<s>[/-])(?P<m>\d{{1,2}})(?P=s){_YEAR}{_BEHIND}")
_DAY_FIRST = re.compile(
    rf"{_EDGE}(?P<d>\d{{1,2}})(?:\.|st|nd|rd|th|er|º|°)?{_GAP}(?:(?:de|of|d')\s)?{_MONTH},?{_GAP}(?:(?:de|del)\s)?{_YEAR}{_BEHIND}"
)
_MONTH_FIRST = re.compile(rf"{_EDGE}{_MONTH}{_GAP}(?P<d>\d{{1,2}})(?:st|nd|rd|th)?,?{_GAP}{_YEAR}{_BEHIND}")
_MONTH_ONLY = re.compile(rf"{_EDGE}{_MONTH}[ \u00a0](?:(?:de|del|of)\s)?{_YEAR}{_BEHIND}")
_EASTERN = re.compile(r"(?<!\d)(?P<y>(?:19|20)\d\d)\s?[年년]\s?(?P<m>\d{1,2})\s?[月월]\s?(?P<d>\d{1,2})\s?[日일]")
_VERSION = re.compile(r"(?:\b(?:v|ver|vers|version|release|build|firmware|fw|sw)\b\.?:?\s{0,2})$", re.IGNORECASE)
_LOOK = 16  # characters in front that may say `version`

_ENGLISH = """january jan|february feb|march mar|april apr|may|june jun|july jul|august aug|september sept sep|october oct
    |november nov|december dec"""
_OTHERS = """januar jänner jan|februar feber feb|märz mär mrz|april apr|mai|juni jun|juli jul|august aug|september sept sep
    |oktober okt|november nov|dezember dez;
    janvier janv|février févr fév|mars|avril avr|mai|juin|juillet juil|août aout|septembre sept|octobre oct|novembre nov
    |décembre déc;
    enero ene|febrero|marzo mar|abril abr|mayo may|junio jun|julio jul|agosto ago|septiembre setiembre sept|octubre oct
    |noviembre nov|diciembre dic;
    gennaio gen|febbraio feb|marzo mar|aprile apr|maggio mag|giugno giu|luglio lug|agosto ago|settembre sett|ottobre ott
    |novembre nov|dicembre dic;
    januari jan|februari feb|maart mrt|april apr|mei|juni jun|juli jul|augustus aug|september sep|oktober okt|november nov
    |december dec;
    janeiro jan|fevereiro fev|março mar|abril abr|maio mai|junho jun|julho jul|agosto ago|setembro|outubro|novembro nov
    |dezembro dez;
    stycznia styczeń|lutego luty|marca marzec|kwietnia kwiecień|maja maj|czerwca czerwiec|lipca lipiec|sierpnia sierpień
    |września wrzesień|października październik|listopada listopad|grudnia grudzień;
    januari|februari|mars|april|maj|juni|juli|augusti|september|oktober|november|december;
    januar|februar|marts|april|maj|juni|juli|august|september|oktober|november|december;
    ledna leden|února únor|března březen|dubna duben|května květen|června červen|července červenec|srpna srpen|září
    |října říjen|listopadu|prosince prosinec;
    января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября|ноября|декабря;
    січня|лютого|березня|квітня|травня|червня|липня|серпня|вересня|жовтня|листопада|грудня"""


class Date(NamedTuple):
    """A date that stands in a text."""

    start: int  # offset of its first character
    end: int  # offset behind its last one
    date: str  # ISO: `2024-03-12`, or `2024-03` where no day is named
    other: str | None = None  # the second way to read `03/04/2024`; `date` takes the day first


def dates(text: str) -> Iterator[Date]:
    """The dates of a text in order; years from `FIRST_YEAR` to `LAST_YEAR`, always with four digits."""
    found: list[Date] = []
    for pattern, read in _NOTATIONS:
        found += (read_date for match in pattern.finditer(text) if (read_date := read(match)))
    end = 0
    for one in sorted(found, key=lambda one: (one.start, -one.end)):
        if one.start >= end:
            yield one
            end = one.end


def _iso(match: re.Match[str]) -> Date | None:
    return _date(match, int(match["m"]))


def _dotted(match: re.Match[str]) -> Date | None:
    padded = len(match["d"]) == len(match["m"]) == 2
    before = match.string[max(0, match.start() - _LOOK) : match.start()]
    if not padded and _VERSION.search(before):
        return None
    return _date(match, int(match["m"]))


def _slashed(match: re.Match[str]) -> Date | None:
    """Day first, as most of the world has it; the other order where only that is a date, both where both are."""
    first, second = int(match["d"]), int(match["m"])
    day_first, month_first = _day(match["y"], second, first), _day(match["y"], first, second)
    read = day_first or month_first
    if read is None:
        return None
    return Date(*match.span(), read, month_first if day_first and month_first != day_first else None)


def _named(match: re.Match[str]) -> Date | None:
    month = _months().get(match["m"].lower())
    return _date(match, month) if month else None


def _named_first(match: re.Match[str]) -> Date | None:
    month = _english().get(match["m"].lower())
    return _date(match, month) if month else None


def _month_only(match: re.Match[str]) -> Date | None:
    word = match["m"].lower()
    month = _months().get(word)
    if not month or (word == "may" and match["m"] != "May"):
        return None
    return Date(*match.span(), f"{match['y']}-{month:02}")


_NOTATIONS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Date | None]], ...] = (
    (_ISO, _iso),
    (_DOTTED, _dotted),
    (_SLASHED, _slashed),
    (_DAY_FIRST, _named),
    (_MONTH_FIRST, _named_first),
    (_MONTH_ONLY, _month_only),
    (_EASTERN, _iso),
)


def _date(match: re.Match[str], month: int) -> Date | None:
    read = _day(match["y"], month, int(match["d"]))
    return Date(*match.span(), read) if read else None


def _day(year: str, month: int, day: int) -> str | None:
    try:
        return date(int(year), month, day).isoformat()
    except ValueError:
        return None


def _numbered(names: str) -> dict[str, int]:
    return {name: number for number, month in enumerate(names.split("|"), 1) for name in month.split()}


@cache
def _english() -> dict[str, int]:
    return _numbered(_ENGLISH)


@cache
def _months() -> dict[str, int]:
    found = dict(_english())
    for names in _OTHERS.split(";"):
        found |= _numbered(names)
    return found
