"""The inputs of a run: the `number`th one follows from seed and number alone, whatever else is asked for."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fuzz import any_bytes, book_attacks, texts
from fuzz.any_bytes import Attack
from fuzz.forms import FORMS, Form, lots
from fuzz.ldraw_attacks import LDRAW
from fuzz.xml_attacks import XML, XML_VALUES
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
    ("subtract_filled", (True,)),
    ("include_spares", (True,)),
)  # fmt: skip
_WILD: Mapping[str, tuple[Attack, ...]] = {
    "xml": (*XML, *XML, *texts.TEXTS),
    "table": (*texts.TABLES, *texts.TABLES, *texts.TEXTS),
    "ldraw": (*LDRAW, *LDRAW, *texts.TEXTS),
    "biff": (*book_attacks.BIFF, *book_attacks.BIFF, *any_bytes.ATTACKS),
    "sheet": (*book_attacks.SHEETS, *XML),
}
# What leaves the format whole, so that it is the values that have to be coped with.
_MILD: Mapping[str, tuple[Attack, ...]] = {
    "xml": XML_VALUES,
    "table": texts.CELLS,
    "ldraw": LDRAW,
    "biff": book_attacks.BIFF,
    "sheet": book_attacks.SHEETS,
}
_AROUND: Mapping[str, tuple[Attack, ...]] = {
    "zip": ZIPS,
    "cfb": book_attacks.CONTAINERS,
    "book": (*ZIPS, *book_attacks.BOOKS * len(ZIPS)),
}


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
    inside = (_MILD if rng.random() < 0.5 else _WILD)[form.inside]
    times = rng.choice((0, 1, 1, 2) if form.packed else (0, 1, 1, 1, 2, 3))
    body = form.write(lots(rng), lambda text: _changed(rng, text, inside, done, times=times))
    if form.packed and (not done or rng.random() < 0.3):
        around = (*_AROUND[form.packed], *(any_bytes.ATTACKS if rng.random() < 0.2 else ()))
        body = _changed(rng, body, around, done, times=rng.choice((1, 1, 2)))
    elif not done or (not form.packed and rng.random() < 0.15):
        body = _changed(rng, body, any_bytes.ATTACKS, done, times=1)
    if rng.random() < 0.04:
        other = rng.choice(FORMS)
        body = _spliced(rng, body, other.write(lots(rng), lambda text: text))
        done.append(f"spliced_with_{other.name}")
    options = _options(rng) if rng.random() < 0.15 else {}
    return Input(seed=seed, number=number, form=form, body=body[:MOST], attacks=tuple(done), options=options)


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
    chosen = {name: rng.choice(values) for name, values in rng.sample(_OPTIONS, rng.choice((1, 1, 2, 4)))}
    return chosen if rng.random() < 0.95 else {**chosen, "mapping": "none such"}
