"""The inputs of a run: the `number`th one follows from seed and number alone, whatever else is asked for."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fuzz import any_bytes, book_attacks, texts
from fuzz.any_bytes import Attack
from fuzz.forms import FORMS, Form, lots
from fuzz.ldraw_attacks import LDRAW
from fuzz.xml_attacks import XML
from fuzz.zip_attacks import ZIPS

MOST = 12 * 1024 * 1024  # bytes of one input
PASSWORD = "open sesame"  # noqa: S105 - of no file: entries that only say that they are encrypted meet one  # fmt: skip
_OPTIONS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("columns", (
        {"raw_id": 1, "qty": 2}, {"raw_id": "Part No", "qty": "Qty"}, {"raw_id": 0}, {"qty": -1}, {"raw_id": 10**9}, {"nothing": 1},
        {"raw_id": ""}, {"raw_id": "\0", "qty": "\n"}, {f"x{n}": n for n in range(300)}, {"raw_id": 1, "qty": 1, "raw_color": 1}, {"qty": "x" * 5000},
    )),
    ("sheet", ("List", "list ", 0, 1, -1, 10**12, "", "x" * 5000, "\0", "\u00b2")),
    ("header_row", (0, 1, 2, 5, 199, 10**9)),
    ("delimiter", (",", ";", "\t", "|", " ", '"', "\n", "\r", "\0", "a", "5", "\\", "\u2028", "\U0001f9f1", ".", "'")),
    ("encoding", (
        "utf-8", "utf-16", "utf-32", "utf-7", "cp1252", "cp037", "idna", "punycode", "rot13", "zlib", "hex", "unicode_escape", "hz",
        "iso2022_jp", "gb18030", "shift_jis", "utf_16_be", "", " ", "\0", "x" * 3000, "undefined", "mbcs", "latin-1", "uu", "\u00fc",
    )),
    ("decimal", (".", ",")),
    ("id_space", ("rebrickable", "bricklink", "ldraw", "lego", "element", "mpn")),
    ("color_space", ("rebrickable", "bricklink", "ldraw", "lego")),
    ("mapping", ("none such", "", "\0")),
    ("subtract_filled", (True,)),
    ("include_spares", (True,)),
)  # fmt: skip
_INSIDE: Mapping[str, tuple[Attack, ...]] = {
    "xml": (*XML, *XML, *texts.TEXTS),
    "table": (*texts.TABLES, *texts.TABLES, *texts.TEXTS),
    "ldraw": (*LDRAW, *LDRAW, *texts.TEXTS),
    "biff": (*book_attacks.BIFF, *book_attacks.BIFF, *any_bytes.ATTACKS),
}
_AROUND: Mapping[str, tuple[Attack, ...]] = {"zip": ZIPS, "cfb": book_attacks.CONTAINERS * 15}


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One hostile file, and what was done to it."""

    seed: int
    number: int
    form: Form
    body: bytes
    attacks: tuple[str, ...]  # in the order in which they were made
    options: Mapping[str, Any] = field(default_factory=dict)  # what its caller says besides

    @property
    def name(self) -> str:
        """As its uploader calls it."""
        return f"{self.seed}-{self.number}{self.form.suffix}"


def form_of(number: int) -> Form:
    """What the `number`th input starts from: all forms take turns."""
    return FORMS[number % len(FORMS)]


def make(number: int, *, seed: int) -> Input:
    """The `number`th input of the run with this seed."""
    rng = random.Random(f"heavylift-fuzz:{seed}:{number}")
    form = form_of(number)
    done: list[str] = []
    body = form.write(lots(rng), lambda text: _changed(rng, text, _inside(form), done, times=_times(rng, form)))
    if form.packed and (not done or rng.random() < 0.3):
        body = _changed(rng, body, (*_around(form), *any_bytes.ATTACKS[:8]), done, times=rng.choice((1, 1, 2)))
    elif rng.random() < 0.25 or not done:
        body = _changed(rng, body, any_bytes.ATTACKS, done, times=1)
    if rng.random() < 0.06:
        other = rng.choice(FORMS)
        body = _spliced(rng, body, other.write(lots(rng), lambda text: text))
        done.append(f"spliced_with_{other.name}")
    options = _options(rng) if rng.random() < 0.15 else {}
    return Input(seed=seed, number=number, form=form, body=body[:MOST], attacks=tuple(done), options=options)


def _inside(form: Form) -> tuple[Attack, ...]:
    return _INSIDE[form.inside] + (book_attacks.SHEETS * 6 if form.kind == "xlsx" else ())


def _around(form: Form) -> tuple[Attack, ...]:
    return _AROUND[form.packed] + (book_attacks.BOOKS * 12 if form.kind == "xlsx" else ())


def _times(rng: random.Random, form: Form) -> int:
    """How many attacks the text inside takes: at times none, so that what is around it meets a reader that goes on."""
    return rng.choice((0, 1, 1, 2)) if form.packed else rng.choice((0, 1, 1, 1, 2, 3))


def _changed(rng: random.Random, body: bytes, attacks: tuple[Attack, ...], done: list[str], *, times: int) -> bytes:
    for _ in range(times):
        attack = rng.choice(attacks)
        done.append(attack.__name__.lstrip("_"))
        body = attack(rng, body)[:MOST]
    return body


def _spliced(rng: random.Random, body: bytes, other: bytes) -> bytes:
    at, start = any_bytes.place(rng, body), any_bytes.place(rng, other)
    return rng.choice((body + other, other + body, body[:at] + other + body[at:], body[:at] + other[start:]))


def _options(rng: random.Random) -> dict[str, Any]:
    return {name: rng.choice(values) for name, values in rng.sample(_OPTIONS, rng.choice((1, 1, 2, 4)))}
