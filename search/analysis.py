"""How text becomes the words that engines compare: the one analysis, so that all engines find the same.

A token is a run of letters and digits, folded: NFKC, case, accents and voicing marks gone, other scripts' digits as
0-9. Part ids such as `3001pr0123` and `973c01` are one token; `10.5` and `3001-1` are two, `2x4` is three, as is
`2 x 4`; a job's id is one. Chinese and Japanese are written without spaces: each of their characters is a token. No stemming.
"""

import re
import unicodedata
from collections.abc import Sequence

MAX_TOKEN = 80  # characters; a sha256 has 64. What is longer is cut, in places and queries alike
MAX_TEXT = 20_000  # characters of one place's text that are searched and shown
MAX_TITLE = 1_000  # of its title, and of any name, tag, color or part id

_SPACE = " "
_JOINING = {0x00AD, 0x200C, 0x200D, 0x2060, 0xFEFF}  # soft hyphen and the like: inside a word, and not seen
_PLAIN = {
    "ø": "o",
    "æ": "ae",
    "œ": "oe",
    "đ": "d",
    "ł": "l",
    "ħ": "h",
    "\u0131": "i",
    "þ": "th",
    "ð": "d",
    "\u00d7": "x",
}
_ACCENTS = ((0x300, 0x36F), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0x3099, 0x309A), (0xFE00, 0xFE2F))
_SPACELESS = (
    (0x2E80, 0x2FDF),
    (0x3005, 0x3007),
    (0x3041, 0x30FF),
    (0x31F0, 0x31FF),
    (0x3400, 0x9FFF),
    (0x20000, 0x3FFFF),
)
_SIZE = re.compile(r"\d{1,3}(?:x\d{1,3})+")  # `2x4x3`
_UUID = re.compile(  # from its first hyphen on: `re` runs to a sign far faster than to any of sixteen
    r"-(?<=\b[0-9a-f]{8}-)[0-9a-f]{4}(?:-[0-9a-f]{4}){2}-[0-9a-f]{12}\b", re.IGNORECASE | re.ASCII
)
_OF_SIZE = re.compile(r"\d+|x")
_WORD = re.compile(r"\S+")
_MAYBE_SIZE = re.compile(r"x(?<=\dx)\d")


class _Folds(dict[int, str]):
    """What each character becomes, worked out when it is first met; for `str.translate`."""

    def __missing__(self, code: int) -> str:
        found = self[code] = _folded(code)
        return found


def tokens(text: str) -> list[str]:
    """The words of a text, in order."""
    found = []
    for word in _joined(text).translate(_FOLDS).split():
        if "x" in word and _SIZE.fullmatch(word):
            found.extend(_OF_SIZE.findall(word))
        else:
            found.append(word[:MAX_TOKEN])
    return found


def folded(text: str) -> str:
    """A value as it is compared as a whole: folded, spaces told once, signs kept (`C++` is not `C`)."""
    made = (char if (becomes := _FOLDS[ord(char)]) == _SPACE else becomes.strip() for char in clean(text))
    return " ".join("".join(made).split())


def clean(text: str, limit: int = MAX_TITLE) -> str:
    """A text that every engine can keep: no NUL and no half of a surrogate pair, and not endless."""
    text = text[:limit]
    if "\0" in text or not text.isascii():
        text = text.replace("\0", " ").encode("utf-8", "replace").decode("utf-8")
    return text


def edits(token: str) -> int:
    """How many typos are forgiven in a word: a letter wrong, missing, too many, or two neighbours swapped.

    None in three letters or fewer, one up to seven, two from eight. With a digit in it one at most: part ids are close
    to each other, and the wrong part is worse than none; and none at all in what is as long as a job's id or a hash.
    """
    if len(token) <= 3 or (len(token) > 20 and not token.isalpha()):
        return 0
    return 1 if len(token) < 8 or not token.isalpha() else 2


def spans(text: str) -> list[tuple[str, int, int]]:
    """The same words, and where each stands: [from, to) in characters of `text`."""
    made, origins = _placed(_joined(text))
    found = []
    for word in _WORD.finditer(made):
        pieces = _OF_SIZE.finditer(word[0]) if _SIZE.fullmatch(word[0]) else [_WORD.match(word[0])]
        for piece in filter(None, pieces):
            first, last = word.start() + piece.start(), word.start() + piece.end() - 1
            found.append((piece[0][:MAX_TOKEN], origins[first], origins[last] + 1))
    return found


def aligned(text: str) -> str | None:
    """The text folded, in which tokens are what stands between spaces, each where it stands in `text`.

    None where that can't be: a character becomes none or several, or a word several tokens.
    """
    if not text.isascii() and any(len(_FOLDS[ord(char)]) != 1 for char in set(text)):
        return None
    if "-" in text and _UUID.search(text):
        return None
    made = text.translate(_FOLDS)
    if "x" in made and _MAYBE_SIZE.search(made):
        return None
    return None if _has_longer(made) else made


def _has_longer(made: str) -> bool:
    """Whether a folded text has a word that would be cut: goes from space to space as far as one may be from the next."""
    at = 0
    while at + MAX_TOKEN < len(made):
        space = made.rfind(_SPACE, at, at + MAX_TOKEN + 1)
        if space < 0:
            return True
        at = space + 1
    return False


def _placed(text: str) -> tuple[str, Sequence[int]]:
    """The folded text, and from where in `text` each of its characters came."""
    if text.isascii():  # each of these becomes one character
        return text.translate(_FOLDS), range(len(text))
    made: list[str] = []
    origins: list[int] = []
    for at, char in enumerate(text):
        becomes = _FOLDS[ord(char)]
        made.append(becomes)
        origins.extend([at] * len(becomes))
    return "".join(made), origins


def _joined(text: str) -> str:
    """The text with ids held together: as tokens of four digits they would be found for every part number."""
    return _UUID.sub(lambda found: found[0].replace("-", "\u00ad"), text) if "-" in text else text


def _folded(code: int) -> str:
    """What a character becomes: letters and digits, nothing, or a space where it parts words."""
    if code < 128:
        char = chr(code).lower()
        return char if char.isalnum() else _SPACE
    if code in _JOINING:
        return ""
    kept = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", chr(code)).casefold())
    return "".join(map(_piece, kept))


def _piece(char: str) -> str:
    """One character of a normal form, folded further."""
    if _within(ord(char), _ACCENTS):
        return ""
    if _within(ord(char), _SPACELESS):
        return f" {char} "
    if (plain := _PLAIN.get(char)) is not None:
        return plain
    if (digit := unicodedata.decimal(char, None)) is not None:
        return str(digit)
    return char if unicodedata.category(char)[0] in "LNM" else _SPACE


def _within(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(low <= code <= high for low, high in ranges)


_FOLDS = _Folds()
