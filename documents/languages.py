"""Which languages a document is written in: by script, and by the small words, endings and letters that languages differ in."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from heapq import nlargest
from typing import NamedTuple

from documents import stop_words

MAX_LANGUAGES = 5  # that a document is said to be written in
_PIECE = 600  # characters, about, that are judged as one: a page may hold several languages
_LINE = re.compile(r"[^\n]+")
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
_LONGEST = 30  # characters of a word that can be one
_ENOUGH = 1.5  # votes that a piece needs to be counted at all
_MARGIN = 1.15  # how far the first must be before the second
_LEAST_SHARE = 0.03  # of a document's letters
_WORD_VOTE, _ENDING_VOTE, _LETTER_VOTE = 1.0, 0.4, 0.6
_LEAST_PER_WORD = 0.04  # votes; prose has ten times as many, names and part lists fewer
_KANA_SHARE = 0.05  # of a Japanese text's signs; the others may be Chinese

_HAN, _KANA, _HANGUL = "\u4e00-\u9fff\u3400-\u4dbf", "\u3040-\u30ff", "\uac00-\ud7af\u1100-\u11ff"
_SIGNS = re.compile(f"[{_HAN}{_KANA}{_HANGUL}]")
_KANA_SIGN, _HANGUL_SIGN = re.compile(f"[{_KANA}]"), re.compile(f"[{_HANGUL}]")
_SIGNS_PER_LETTER = 3  # a sign of these scripts says about as much as that many letters


class Language(NamedTuple):
    """One language of a document."""

    language: str  # ISO 639-1: `de`
    share: float  # of the text whose language could be told, 0 to 1
    confidence: float  # 0 to 1: how much speaks for it, and how little for the next

    def to_json(self) -> dict[str, str | float]:
        """As `enrichment.json` has it."""
        return self._asdict()


class Votes(NamedTuple):
    """What a piece of text speaks for."""

    language: str | None  # None where too little speaks for any, or as much for another
    letters: int
    best: float  # votes for the language
    second: float  # votes for the next


def judge(text: str) -> Votes:
    """The language of one piece of text."""
    signs = len(_SIGNS.findall(text))
    words = [word for word in _WORD.findall(text) if len(word) <= _LONGEST]
    letters = sum(map(len, words)) - signs
    if signs * _SIGNS_PER_LETTER > max(letters, 0):
        return _by_script(text, signs)
    votes = _count(word.lower().replace("\u2019", "'") for word in words)
    (best, language), (second, _) = [*nlargest(2, ((n, name) for name, n in votes.items())), (0.0, ""), (0.0, "")][:2]
    told = best >= max(_ENOUGH, _LEAST_PER_WORD * len(words)) and best >= _MARGIN * second
    return Votes(language if told else None, letters, best, second)


class Languages:
    """Adds up what the pieces of a document speak for."""

    def __init__(self) -> None:
        self._letters: Counter[str] = Counter()
        self._best: defaultdict[str, float] = defaultdict(float)
        self._second: defaultdict[str, float] = defaultdict(float)

    def add(self, text: str) -> str | None:
        """Counts the text; the language of most of it, None where it can not be told."""
        here: Counter[str] = Counter()
        for piece in _pieces(text):
            votes = judge(piece)
            if votes.language is not None:
                here[votes.language] += votes.letters
                self._best[votes.language] += votes.best
                self._second[votes.language] += votes.second
        self._letters.update(here)
        return here.most_common(1)[0][0] if here else None

    def found(self) -> list[Language]:
        """The document's languages, the one with most of the text first."""
        known = sum(self._letters.values())
        return [
            Language(language, round(letters / known, 3), _confidence(self._best[language], self._second[language]))
            for language, letters in self._letters.most_common(MAX_LANGUAGES)
            if letters >= _LEAST_SHARE * known
        ]


def _confidence(best: float, second: float) -> float:
    """Near 1 where many votes are for one language and few of them for the next as well."""
    return round((best - second) / (best + 1), 3)


def _pieces(text: str) -> Iterable[str]:
    """The text in pieces of whole lines, long lines cut."""
    start = end = 0
    for line in _LINE.finditer(text):
        end = line.end()
        while end - start >= _PIECE:
            cut = end if end - start < 2 * _PIECE else start + _PIECE
            yield text[start:cut]
            start = cut
    if end > start:
        yield text[start:end]


def _by_script(text: str, signs: int) -> Votes:
    hangul, kana = len(_HANGUL_SIGN.findall(text)), len(_KANA_SIGN.findall(text))
    if hangul * 2 > signs:
        language = "ko"
    else:
        language = "ja" if kana > _KANA_SHARE * signs else "zh"
    return Votes(language if signs > 1 else None, signs * _SIGNS_PER_LETTER, float(signs), 0.0)


def _count(words: Iterable[str]) -> dict[str, float]:
    """Votes per language; a sign that several share counts less for each."""
    small, endings, letters = _signs()
    votes: dict[str, float] = defaultdict(float)

    def cast(languages: Collection[str], vote: float) -> None:
        for language in languages:
            votes[language] += vote / len(languages)

    for word in words:
        if word in small:
            cast(small[word], _WORD_VOTE)
        elif len(word) > stop_words.ENDING + 1:
            cast(endings.get(word[-4:]) or endings.get(word[-3:]) or endings.get(word[-2:], ()), _ENDING_VOTE)
        if not word.isascii():
            for letter in set(word) & letters.keys():
                cast(letters[letter], _LETTER_VOTE)
    return votes


@cache
def _signs() -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """Languages of each small word, each ending and each letter."""
    return (
        _turned(stop_words.WORDS),
        _turned({language: tuple(found.split()) for language, found in stop_words.ENDINGS.items()}),
        _turned({language: tuple(found) for language, found in stop_words.LETTERS.items()}),
    )


def _turned(signs: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    for language, those in signs.items():
        for sign in those:
            found[sign].append(language)
    return {sign: tuple(spoken) for sign, spoken in found.items()}
