"""What people type into a search box, taken apart: words, "phrases", -not, prefix*, field:value and ranges."""

import difflib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from jobs.errors import HeavyliftError
from search.analysis import MAX_TOKEN, edits, tokens

FIELDS = ("name", "title", "text", "part", "color", "tag", "kind", "pipeline", "status", "id", "sha256")
NUMBERS = ("size", "pieces", "lots", "triangles", "bodies", "pages", "width", "height")  # of a job; ranges ask for them
MAX_QUERY = 1_000  # characters
MAX_CLAUSES = 32
MAX_TOKENS = 64  # of all clauses together
FORGIVING = (None, "name", "title", "text", "part", "color", "tag")  # where typos can be; None: no field
MIN_PREFIX = 2  # characters before the star; one where it is of a script that has thousands


class MalformedQuery(HeavyliftError):
    """A query that can't be taken apart."""

    code = "search.query"

    def __init__(self, position: int, message: str, cure: str) -> None:
        """`position`: of the character, from 0; `message` says what is wrong there, `cure` what to type instead."""
        super().__init__(f"{message}, at character {position + 1}. {cure}")
        self.position = position
        self.message = message
        self.cure = cure


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Tokens that must stand there one after the other; a single one is a word. Typos are forgiven in single ones only."""

    tokens: tuple[str, ...]  # as `analysis.tokens` makes them
    field: str | None = None  # one of `FIELDS`; None: anywhere
    prefix: bool = False  # the last token may go on
    typed: str = ""  # as the person wrote it, without sign, field, quotes and star


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A number of the job within bounds, both inclusive: `pieces:100..500`, `triangles:>1000`, `pages:3`."""

    field: str  # one of `NUMBERS`
    least: float | None = None
    most: float | None = None


Clause = Words | Range


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """All of `must`, and none of `never`. Empty: everything, as filters narrow it down."""

    must: tuple[Clause, ...] = ()
    never: tuple[Clause, ...] = ()


def forgivable(clause: Clause) -> bool:
    """Whether typos can be forgiven in it: single words, long enough, that are no ids or names of kinds."""
    return allowed(clause, 2) > 0


def allowed(clause: Clause, forgiven: int) -> int:
    """How many typos may be in it where `forgiven` are at most."""
    if not isinstance(clause, Words) or len(clause.tokens) != 1 or clause.prefix or clause.field not in FORGIVING:
        return 0
    return min(forgiven, edits(clause.tokens[0]))


def parse(q: str) -> Query:
    """What `q` asks for. Raises `MalformedQuery`; signs alone (`&`) are passed over between words."""
    if len(q) > MAX_QUERY:
        raise MalformedQuery(MAX_QUERY, f"A query has at most {MAX_QUERY} characters", "Leave some words out.")
    must: dict[Clause, None] = {}
    never: dict[Clause, None] = {}
    taken = 0
    for item in _items(q):
        clause = _clause(item)
        if clause is None:
            continue
        taken += len(clause.tokens) if isinstance(clause, Words) else 1
        (never if item.never else must)[clause] = None
        if len(must) + len(never) > MAX_CLAUSES or taken > MAX_TOKENS:
            most = f"A query has at most {MAX_CLAUSES} words and phrases, and {MAX_TOKENS} words with those in phrases"
            raise MalformedQuery(item.at, most, "Leave some out.")
    if not must and not never and q.strip():
        raise MalformedQuery(0, "There is no letter or digit in it", "Type a word, a number or a part id.")
    return Query(must=tuple(must), never=tuple(never))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """What stands between two spaces of a query."""

    at: int
    never: bool
    field: str | None
    value: str
    value_at: int
    quoted: bool
    prefix: bool


_QUOTES = str.maketrans("\u201c\u201d\u201e\u201f\u00ab\u00bb", '""""""')  # what word processors make of "
_ITEM = re.compile(
    r"""(?P<sign>-+)?
        (?P<field>[A-Za-z_][A-Za-z0-9_]{0,30}:)?
        (?: "(?P<quoted>[^"]*)(?P<closed>")? (?P<star>\*)? | (?P<bare>[^\s"]*) )""",
    re.VERBOSE,
)


def _items(q: str) -> Iterator[_Item]:
    plain, at = q.translate(_QUOTES), 0
    while at < len(plain):
        found = _ITEM.match(plain, at)
        if found is None or found.end() == at:
            at += 1  # a space
            continue
        quoted = found["quoted"] is not None
        if quoted and not found["closed"]:
            raise MalformedQuery(found.start("quoted") - 1, 'A " has no other', 'Close the phrase with another ".')
        group = "quoted" if quoted else "bare"
        value = q[found.start(group) : found.end(group)]
        if found["sign"] and not found["field"] and not quoted and not value:
            raise MalformedQuery(at, "A - stands alone", "Put it right before the word that must not be there.")
        yield _Item(
            at=at,
            never=bool(found["sign"]),
            field=found["field"][:-1].lower() if found["field"] else None,
            value=value if quoted else value.rstrip("*"),
            value_at=found.start(group),
            quoted=quoted,
            prefix=bool(found["star"]) if quoted else value.endswith("*"),
        )
        at = found.end()


def _clause(item: _Item) -> Clause | None:
    """None: nothing but signs."""
    if item.field is not None and item.field not in FIELDS and item.field not in NUMBERS:
        raise MalformedQuery(item.at, f"There is no field {item.field!r}", _field_cure(item.field))
    if item.field is not None and not item.value and not item.prefix:
        cure = f"Write it right behind the colon: {item.field}:{'100..500' if item.field in NUMBERS else 'value'}"
        raise MalformedQuery(item.value_at, f"{item.field}: has no value", f"{cure}.")
    if item.field in NUMBERS:
        return _range(item)
    return _words(item)


def _words(item: _Item) -> Words | None:
    if not item.quoted and "*" in item.value:
        at = item.value_at + item.value.index("*")
        raise MalformedQuery(at, "A * stands within a word", "Put it at the end: it stands for how a word goes on.")
    found = tuple(tokens(item.value))
    if item.field == "id" and found:
        found = ("".join(found)[:MAX_TOKEN],)  # the beginning of one: `0190abcd-12*`
    if item.prefix and (not found or (len(found[-1]) < MIN_PREFIX and found[-1].isascii())):
        too_short = f"A * needs {MIN_PREFIX} letters or digits before it"
        raise MalformedQuery(item.value_at, too_short, "Type more of the word, or leave the * out.")
    if not found:
        if item.field is not None or item.never:
            raise MalformedQuery(item.value_at, "There is no letter or digit in it", "Type a word, or leave it out.")
        return None
    return Words(tokens=found, field=item.field, prefix=item.prefix, typed=item.value)


def _field_cure(name: str) -> str:
    close = difflib.get_close_matches(name, (*FIELDS, *NUMBERS), n=1)
    meant = f"Did you mean {close[0]}:? " if close else ""
    return f'{meant}Fields are {", ".join((*FIELDS, *NUMBERS))}. Put it in "quotes" to look for it as words.'


_AMOUNT = r"(\d{1,18}(?:\.\d{1,9})?)\s*([kmg]?b?)"
_BETWEEN = re.compile(rf"(?:{_AMOUNT})?\.\.(?:{_AMOUNT})?", re.IGNORECASE)
_COMPARED = re.compile(rf"(>=|<=|>|<|=)?{_AMOUNT}", re.IGNORECASE)
_TIMES = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}


def _range(item: _Item) -> Range:
    field, text = item.field or "", item.value.strip()
    if not item.prefix and text != ".." and (between := _BETWEEN.fullmatch(text)):
        least, most = _amount(between[1], between[2]), _amount(between[3], between[4])
        if least is not None and most is not None and least > most:
            raise MalformedQuery(
                item.value_at, "The range ends before it begins", f"Turn it round: {field}:{_turned(text)}."
            )
        return Range(field=field, least=least, most=most)
    compared = None if item.prefix else _COMPARED.fullmatch(text)
    number = _amount(compared[2], compared[3]) if compared else None
    if compared is None or number is None:
        cure = f"Write {field}:100, {field}:100..500, {field}:>=100 or {field}:<1k."
        raise MalformedQuery(item.value_at, f"{field}: is a number or a range of numbers", cure)
    match compared[1]:
        case ">":
            return Range(field=field, least=math.nextafter(number, math.inf))
        case ">=":
            return Range(field=field, least=number)
        case "<":
            return Range(field=field, most=math.nextafter(number, -math.inf))
        case "<=":
            return Range(field=field, most=number)
    return Range(field=field, least=number, most=number)


def _amount(digits: str | None, unit: str | None) -> float | None:
    return float(digits) * _TIMES[(unit or "").lower().rstrip("b")] if digits else None


def _turned(text: str) -> str:
    least, _dots, most = text.partition("..")
    return f"{most}..{least}"
