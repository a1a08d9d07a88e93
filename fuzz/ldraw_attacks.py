"""What crafted LDraw models try: circles, doubling, depth, numbers that are none, names that lead away."""

import random

from fuzz.any_bytes import Attack
from fuzz.texts import on_text

_AT = "0 0 0 1 0 0 0 1 0 0 0 1"
_NUMBERS = ("nan", "inf", "1e999", "-", "0x10", "1e", "\u0663", "9" * 5000, "1,5", "", "1_0", "infinity")
_COLORS = (
    "16",
    "24",
    "-1",
    "0x2FF0000",
    "0x" + "F" * 40,
    "9" * 30,
    "x",
    "256",
    "33554432",
    "1.5",
    "\u0664",
    "-99",
    "0x",
    "+4",
)
_NAMES = (
    "../../etc/passwd", "C:\\x.dat", "s\\3001s01.dat", "48\\1-4cyli.dat", "", " ", "a" * 500, "a" * 70_000, "\0", "3001", "3001.DAT",
    "main.ldr", "half.ldr", "\u202ex.dat", "u 9000.dat", "3001.dat.dat", ".dat", "p/box.dat", "m" * 99 + ".ldr", "\ud800.dat", "3001 .dat",
)  # fmt: skip
_METAS = (
    "0 FILE main.ldr", "0 FILE", "0 FILE " + "x" * 3000, "0 NOFILE", "0 !LDRAW_ORG Unofficial_Part", "0 BUFEXCHG A STORE",
    "0 BUFEXCHG A RETRIEVE", "0 BUFEXCHG Z RETRIEVE", "0 !LPUB PLI BEGIN IGN", "0 !LPUB PLI END", "0 SYNTH SYNTHESIZED BEGIN",
    "0 SYNTH SYNTHESIZED END", "0 GHOST 1 4 0 0 0 1 0 0 0 1 0 0 0 1 3001.dat", "0 !DATA x", "0 BL_Item_No 3001", "0 IsSubModel False",
    "0 ROTSTEP 1 2 3 ABS", "0 !TEXMAP START PLANAR", "11 4 3001 1 0 0 0 0", "0", "00 x", "6 x", "-1 4", "1", "1 4", "2 24 0 0 0 1 1 1", "\t1 4 x",
    "0 BFC CERTIFY CCW", "0 !COLOUR x CODE 5 VALUE #FFFFFF", "0 \0", "0 FILE \udcff.ldr",
)  # fmt: skip


def _placing(name: str, color: str = "16") -> str:
    return f"1 {color} {_AT} {name}\n"


def _circle(rng: random.Random, text: str) -> str:
    length = rng.choice((1, 2, 3, 500, 20_000))
    ring = "".join(f"0 FILE c{n}.ldr\n{_placing(f'c{(n + 1) % length}.ldr')}" for n in range(length))
    return text + "0 NOFILE\n" + ring if rng.random() < 0.3 else ring + text


def _main_in_itself(_rng: random.Random, text: str) -> str:
    return text.replace("0 A list\n", "0 A list\n" + _placing("main.ldr") + _placing("half.ldr"))


def _doubling(rng: random.Random, text: str) -> str:
    levels, times = rng.choice(((30, 2), (60, 10), (2_000, 2), (12, 300)))
    chain = "".join(f"0 FILE d{n}.ldr\n{_placing(f'd{n + 1}.ldr') * times}" for n in range(levels))
    return f"{chain}0 FILE d{levels}.ldr\n{_placing('3001.dat', '4')}{text}"


def _deep(rng: random.Random, text: str) -> str:
    levels = rng.choice((1_000, 30_000))
    chain = "".join(f"0 FILE n{n}.ldr\n{_placing(f'n{n + 1}.ldr')}" for n in range(levels))
    return f"{chain}0 FILE n{levels}.ldr\n{_placing('3001.dat')}{text}"


def _many_colors(rng: random.Random, text: str) -> str:
    """Models that place each other in many colors, so that colors times models is large."""
    levels, colors = rng.choice(((3, 300), (40, 40), (300, 60)))
    made = "".join(
        f"0 FILE k{n}.ldr\n{_placing(f'k{n + 1}.ldr')}"
        + "".join(_placing(f"k{n + 1}.ldr", str(c)) for c in range(colors))
        for n in range(levels)
    )
    return f"{made}0 FILE k{levels}.ldr\n" + "".join(_placing(f"{3000 + n}.dat") for n in range(colors)) + text


def _all_in_all(rng: random.Random, text: str) -> str:
    count = rng.choice((5, 120, 500))
    made = "".join(
        f"0 FILE a{n}.ldr\n" + "".join(_placing(f"a{m}.ldr") for m in range(n + 1, count)) for n in range(count)
    )
    return made + _placing("3001.dat") + text


def _many_models(rng: random.Random, text: str) -> str:
    count = rng.choice((1_000, 60_000))
    return text + "".join(f"0 FILE m{n}.ldr\n" for n in range(count))


def _many_parts(rng: random.Random, text: str) -> str:
    return text + "".join(_placing(f"{n}.dat", str(n % 300)) for n in range(rng.choice((2_000, 20_000))))


def _fields(rng: random.Random, text: str) -> str:
    lines = text.split("\n")
    for _ in range(rng.choice((1, 3, 20))):
        at = rng.randrange(len(lines))
        words = lines[at].split(" ")
        where = rng.randrange(len(words))
        choices = _NAMES if where == len(words) - 1 else _COLORS if where == 1 else _NUMBERS
        words[where : where + 1] = rng.choice((([rng.choice(choices)]), ([rng.choice(choices)]), [], words[where:] * 2))
        lines[at] = " ".join(words)
    return "\n".join(lines)


def _metas(rng: random.Random, text: str) -> str:
    lines = text.split("\n")
    for _ in range(rng.choice((1, 3, 30, 2_000))):
        lines.insert(rng.randint(0, len(lines)), rng.choice(_METAS))
    return "\n".join(lines)


def _buffers(rng: random.Random, text: str) -> str:
    part = "0 BUFEXCHG A STORE\n" + _placing("3001.dat") * 5 + "0 BUFEXCHG A RETRIEVE\n"
    return text + part * rng.choice((1, 20_000)) + "0 BUFEXCHG A RETRIEVE\n" * rng.choice((1, 50_000))


LDRAW: tuple[Attack, ...] = tuple(
    map(on_text, (
        _circle, _circle, _main_in_itself, _doubling, _deep, _many_colors, _all_in_all, _many_models, _many_parts, _fields, _fields,
        _fields, _metas, _metas, _buffers,
    ))
)  # fmt: skip
