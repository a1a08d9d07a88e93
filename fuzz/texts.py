"""Damage to lists as text: encodings, delimiters, quotation marks, cells, columns, numbers, formulas."""

import random
import re
from collections.abc import Callable

from fuzz.any_bytes import Attack

_ENCODINGS = (
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "utf-7",
    "cp1252",
    "cp037",
    "shift_jis",
    "gb18030",
    "utf-8-sig",
)
_ENDS = ("\r", "\r\n", "\n\r", "\x0b", "\x0c", "\x85", "\u2028", "\r\r\n", "\n\n\n", "")
_DELIMITERS = (",", ";", "\t", "|", " ", "  ", "^", "\x1f", ":", "\u00a0", "\0", '"', "=", "\u3001")
NUMBERS = (
    "-1", "0", "-0", "00", "1e309", "1E5", "NaN", "Infinity", "-inf", "1.234,50", "1,234.50", "1.234", "1,2,3", "1_000", "+5",
    "--1", "5-", "0x10", "1,752", "\u22123", "\u0663\u0664", "\u00b2", "\u00bd", "\uff11\uff12", "9.55E+12", "1/2", "12-5",
    "99999999999999999999", "1" * 5000, "0." + "9" * 4400, "2147483648", "9223372036854775808", "1000001", "\u20ac5", "5 pcs",
    "1 000", "1'000", "#REF!", "TRUE", "1e-400", "5%", "(5)", "6..7", ".", "-", "\u216b", "1e9999999999",
)  # fmt: skip
FORMULAS = (
    "=1+1",
    "=cmd|' /C calc'!A0",
    "@SUM(A1)",
    "+1+1",
    "-2+3",
    "\t=1",
    '=HYPERLINK("x")',
    "=" * 300,
    "'=1",
    "\r=1",
)
WORDS = (
    "", " ", "\u202e3001", "30\u200b01", "e\u0301" * 300, "\ufeff", "\U0001f9f1" * 40, "\ud83d", "\0", "A" * 400, "A" * 33_000,
    "A" * 70_000, "A" * 2_000_000, "../../etc/passwd", "%s%n%x", "{0}{x}", "\\", "'; DROP TABLE parts; --", "<b>x</b>", "&amp;",
    "Total", "qty", "Part No", "\x1b]0;x\x07", "a\nb", "\x85", "\u2029", "\udcff", "x" * 99 + "y", "\u0130", "\ufb03", "\u1e9e",
)  # fmt: skip
_TOKEN = re.compile(r"[\w.-]+")
_CELL = re.compile(r"[^,;\t\n|<>]+")


def text_of(body: bytes) -> str:
    """The body as text, whatever it is."""
    for encoding in ("utf-16",) if body[:2] in {b"\xff\xfe", b"\xfe\xff"} else ("utf-8",):
        try:
            return body.decode(encoding)
        except UnicodeDecodeError:
            continue
    return body.decode("latin-1")


def bytes_of(text: str) -> bytes:
    """The text in UTF-8; half characters as they come."""
    return text.encode("utf-8", "surrogatepass")


def on_text(change: Callable[[random.Random, str], str]) -> Attack:
    """An attack on bytes that is one on their text."""

    def attack(rng: random.Random, body: bytes) -> bytes:
        return bytes_of(change(rng, text_of(body)))

    attack.__name__ = change.__name__
    return attack


def some(rng: random.Random, pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """The first match behind a place by chance, or the first one at all."""
    return pattern.search(text, rng.randint(0, len(text))) or pattern.search(text)


def _other_encoding(rng: random.Random, body: bytes) -> bytes:
    accents = rng.choice(("", "\u00fc", "\u96ea", "\U0001f9f1"))
    return (text_of(body) + accents).encode(rng.choice(_ENCODINGS), "replace")


def _odd_utf16(rng: random.Random, body: bytes) -> bytes:
    return text_of(body).encode(rng.choice(("utf-16", "utf-16-le")), "replace")[: -rng.choice((1, 1, 3))]


def _mojibake(_rng: random.Random, body: bytes) -> bytes:
    return bytes_of((text_of(body) + "\u00fc\u20ac").encode("utf-8", "replace").decode("cp1252", "replace"))


def _two_encodings(rng: random.Random, body: bytes) -> bytes:
    text = text_of(body)
    at = rng.randint(0, len(text))
    return bytes_of(text[:at]) + text[at:].encode(rng.choice(_ENCODINGS), "replace")


def _line_ends(rng: random.Random, text: str) -> str:
    return text.replace("\n", rng.choice(_ENDS))


def _mixed_line_ends(rng: random.Random, text: str) -> str:
    return "".join(line + rng.choice(_ENDS) for line in text.split("\n"))


def _other_delimiter(rng: random.Random, text: str) -> str:
    return text.translate(dict.fromkeys(map(ord, ",;\t"), rng.choice(_DELIMITERS)))


def _mixed_delimiters(rng: random.Random, text: str) -> str:
    return "\n".join(_other_delimiter(rng, line) for line in text.split("\n"))


def _swapped(rng: random.Random, text: str, pattern: re.Pattern[str], choices: tuple[str, ...]) -> str:
    for _ in range(rng.choice((1, 1, 2, 10))):
        if match := some(rng, pattern, text):
            text = text[: match.start()] + rng.choice(choices) + text[match.end() :]
    return text


def _odd_numbers(rng: random.Random, text: str) -> str:
    return _swapped(rng, text, re.compile(r"\d+(?:\.\d+)?"), NUMBERS)


def _odd_words(rng: random.Random, text: str) -> str:
    return _swapped(rng, text, _TOKEN, WORDS)


def _odd_cells(rng: random.Random, text: str) -> str:
    return _swapped(rng, text, _CELL, NUMBERS + WORDS)


def _formulas(rng: random.Random, text: str) -> str:
    return _swapped(rng, text, _CELL, FORMULAS)


def _quotes(rng: random.Random, text: str) -> str:
    for _ in range(rng.choice((1, 1, 2, 9, 500))):
        at = rng.randint(0, len(text))
        text = text[:at] + rng.choice(('"', '"', '""', '"""', '"\n', '\n"', '",', "'")) + text[at:]
    return text


def _quotes_everywhere(rng: random.Random, text: str) -> str:
    return text.replace(rng.choice((",", ";", "\t", "\n", "3", " ")), rng.choice(('"', '","', '"\n"', '""')))


def _lone_quotes_on_all_lines(rng: random.Random, text: str) -> str:
    line = rng.choice((',"', '"', ';"x', '\t"a"b', '"a,""'))
    return text + (line + "\n") * rng.choice((10, 3_000, 60_000))


def _many_columns(rng: random.Random, text: str) -> str:
    more = rng.choice((",", ";", "\t", ",x", ",qty", '," "')) * rng.choice((300, 5_000, 30_000))
    lines = text.split("\n")
    wide = range(len(lines)) if rng.random() < 0.3 and len(lines) < 30 else (rng.randrange(min(3, len(lines))),)
    return "\n".join(line + more if number in wide else line for number, line in enumerate(lines))


def _columns_shuffled(rng: random.Random, text: str) -> str:
    head, _, rest = text.partition("\n")
    mark = max(",;\t", key=head.count)
    names = head.split(mark)
    rng.shuffle(names)
    return mark.join(names + names[: rng.choice((0, 0, 1, 3))]) + "\n" + rest


def _lines_before(rng: random.Random, text: str) -> str:
    line = rng.choice(("", "A title", ",,,,", "Part,Qty", "3001", "\ufeff", '"', "Total;5", "#", "sep=;"))
    return (line + "\n") * rng.choice((1, 5, 250, 40_000)) + text


def _lines_behind(rng: random.Random, text: str) -> str:
    line = rng.choice(("", ",,,,", "Total,,5", "Part,Color,Quantity", " ", '"', "Total qty"))
    return text + (line + "\n") * rng.choice((1, 5, 250, 100_000))


def _many_rows(rng: random.Random, text: str) -> str:
    head, _, rest = text.partition("\n")
    times = min(rng.choice((50, 50, 2_000, 10_000)), 1_500_000 // (len(rest) + 1))
    return head + "\n" + rest * max(1, times)


def _many_different_rows(rng: random.Random, text: str) -> str:
    lines = text.split("\n")
    half = len(lines) // 2
    first = _TOKEN.search(lines[half])
    count = min(rng.choice((500, 500, 3_000, 9_000)), 1_500_000 // (len(lines[half]) + 1))
    before, after = (lines[half][: first.end()], lines[half][first.end() :]) if first else ("", lines[half])
    return "\n".join((*lines[:half], *(f"{before}{number}{after}" for number in range(count)), *lines[half:]))


def _one_line(_rng: random.Random, text: str) -> str:
    return text.replace("\n", " ")


def _spaced_out(rng: random.Random, text: str) -> str:
    return text.replace(rng.choice((",", "\n", "3", "<", "0")), rng.choice((" " * 2000, "\t" * 300, " \n" * 50)), 400)


def _case_changed(rng: random.Random, text: str) -> str:
    return rng.choice((str.upper, str.lower, str.swapcase, str.title, str.casefold))(text)


TEXTS: tuple[Attack, ...] = (
    _other_encoding, _other_encoding, _odd_utf16, _mojibake, _two_encodings, *map(on_text, (
        _line_ends, _mixed_line_ends, _odd_numbers, _odd_numbers, _odd_numbers, _odd_words, _odd_words, _formulas,
        _spaced_out, _case_changed, _one_line,
    )),
)  # fmt: skip
TABLES: tuple[Attack, ...] = tuple(
    map(on_text, (
        _other_delimiter, _mixed_delimiters, _odd_cells, _odd_cells, _odd_numbers, _quotes, _quotes, _quotes_everywhere,
        _lone_quotes_on_all_lines, _many_columns, _many_columns, _columns_shuffled, _columns_shuffled, _lines_before, _lines_behind,
        _many_rows, _many_different_rows,
    ))
)  # fmt: skip
CELLS: tuple[Attack, ...] = tuple(
    map(on_text, (
        _odd_numbers, _odd_numbers, _odd_cells, _odd_words, _formulas, _quotes, _columns_shuffled, _many_rows, _many_different_rows,
        _lines_before, _lines_behind,
    ))
)  # fmt: skip
