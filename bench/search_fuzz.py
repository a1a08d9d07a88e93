"""Questions that nobody means: random signs, halves of syntax, and what other query languages would stumble over."""

import random
from collections.abc import Callable, Iterator
from urllib.parse import quote

from search.port import FACETS, Sort
from search.query import FIELDS, NUMBERS

_ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz 0123456789",
    "\"'*-+:()[]{}~^!&|\\/<>=.,;?@#$%_ ",
    "äöüßéłøñçŁ\u0130\u0131ǅﬁ ",
    "日本語中文한국어ひらがなカタカナ０１２",
    "\u202e\u200b\u200d\ufeff\u0300\u0301\u0000\u0007\n\t\x7f ",
    "🧱👩\u200d🚀🏴\U000e0067\U0010ffff\u2028",
)
_BITS = (
    "AND", "OR", "NOT", "NEAR(", "TO", "*:*", "title:", "owner:other", "exact:=job", "_exists_:", "IN [a b]", "a~2", "a^1e308",
    "[* TO *]", "{a TO}", "/.*/", "/(a+)+$/", ".*", "(a|b|c){1000}", "';--", "' OR 1=1", "\\", '"', '""', '"a', "-", "--a",
    '-"', "*", "a*", "aa*", "zz*", "pieces:..", "pieces:1..", "pieces:9e99", "size:>=1gb", "size:99999999999999999999", "pages:-1",
    'name:"a', "tag:*", 'color:"dark red"', "part:30*", "id:0", "brick", "plate", "3001pr0123", "%00", "$where", "{{7*7}}", "${x}",
)  # fmt: skip


def adversarial(number: int) -> Iterator[str]:
    """So many paths of searches and suggestions, the same each time."""
    rng = random.Random("heavylift-search-fuzz")
    for at in range(number):
        text = rng.choice(_MAKERS)(rng)
        yield f"/v1/suggest?q={quote(text)[:2000]}" if at % 10 == 9 else f"/v1/search?q={quote(text)}{_rest(rng)}"


def _signs(rng: random.Random) -> str:
    alphabet = rng.choice(_ALPHABETS)
    return "".join(rng.choices(alphabet, k=rng.choice((1, 2, 5, 20, 200, 1_000, 1_001))))


def _mixed(rng: random.Random) -> str:
    return "".join(rng.choice(rng.choice(_ALPHABETS)) for _ in range(rng.randrange(1, 120)))


def _syntax(rng: random.Random) -> str:
    return rng.choice((" ", "")).join(rng.choices(_BITS, k=rng.randrange(1, 12)))


def _fields(rng: random.Random) -> str:
    values = (*_BITS, "1..2", ">5", "a", "")
    return " ".join(
        f"{rng.choice(('', '-'))}{rng.choice((*FIELDS, *NUMBERS, 'x'))}:{rng.choice(values)}"
        for _ in range(rng.randrange(1, 8))
    )


def _heavy(rng: random.Random) -> str:
    """Valid, and as much work as a question may be."""
    letters = "bdfglmnprst"
    return rng.choice(
        (
            " ".join(f"{rng.choice(letters)}{rng.choice('aeiou')}*" for _ in range(30)),
            " ".join(f"{rng.choice(letters)}{rng.choice('aeiou')}*" for _ in range(3)),
            " ".join("".join(rng.choices(letters, k=9)) for _ in range(32)),
            " ".join("".join(rng.choices(letters + "aeiou", k=12)) for _ in range(4)),
            f'"{" ".join(rng.choices(("brick", "plate", "red", "dark", "2", "x", "4"), k=40))}"',
            f'"2 x {rng.randrange(1, 9)}" "x {rng.randrange(1, 9)}*"',
            "-brick -plate -red 2*" if rng.random() < 0.5 else "30* 2* 1*",
            "brick " * 100,
            "a" * 1_000,
        )
    )


def _rest(rng: random.Random) -> str:
    """Other parameters, right and wrong."""
    if rng.random() < 0.6:
        return ""
    said = (
        f"&facet={rng.choice((*FACETS, 'kind,color,tag', 'x', ','))}",
        f"&sort={rng.choice((*Sort, 'x', ''))}",
        f"&limit={rng.choice(('1', '100', '0', '-1', '1e3', '٣', '999999999999'))}",
        f"&cursor={quote(_signs(rng))}",
        f"&kind={quote(_mixed(rng))}&tag={quote(_syntax(rng))}",
        f"&pieces_min={rng.choice(('nan', 'inf', '1e400', '-1', '1', ''))}",
        f"&created_from={rng.choice(('2026-13-01', '0001-01-01T00:00:00+14:00', '9999-12-31', 'now', '1e9'))}",
        f"&part={quote(_signs(rng))[:300]}&color={quote(_mixed(rng))}",
    )
    return "".join(rng.sample(said, rng.randrange(1, 3)))


_MAKERS: tuple[Callable[[random.Random], str], ...] = (_signs, _mixed, _syntax, _fields, _heavy)
