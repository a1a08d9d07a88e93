"""A synthetic catalog of real size, the same each time: `write_catalog(folder)` writes tables like the published ones."""

import csv
import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

PARTS, ELEMENTS, RELATIONS, COLORS, LINKS = 60_000, 110_000, 35_000, 275, 7_000
_SHAPES = ("Brick", "Plate", "Tile", "Slope", "Wedge", "Technic Beam", "Panel", "Minifig Head", "Hinge", "Wheel")
_TYPES, _SHARES = "PRBMAT", (28_276, 2_898, 1_546, 1_160, 1_158, 539)  # how often each stands in the real table
_CATEGORIES = 66


def write_catalog(folder: Path, *, seed: int = 1, divisor: int = 1) -> None:
    """Write the tables of a catalog into `folder`, which exists; `divisor` makes it that much smaller."""
    rng = random.Random(f"heavylift-catalog:{seed}")
    colors = [*range(-1, COLORS - 2), 9999]
    parts = list(_part_nums(rng, PARTS // divisor))
    _write(folder / "part_categories.csv", "id,name", ((n, f"Category {n}") for n in range(1, _CATEGORIES + 1)))
    named = ((part, _name(rng), rng.randint(1, _CATEGORIES), "Plastic") for part in parts)
    _write(folder / "parts.csv", "part_num,name,part_cat_id,part_material", named)
    shades = ((n, f"Color {n}", f"{rng.randrange(1 << 24):06X}", rng.random() < 0.15) for n in colors)
    _write(folder / "colors.csv", "id,name,rgb,is_trans", shades)
    _write(
        folder / "elements.csv",
        "element_id,part_num,color_id,design_id",
        _elements(rng, parts, colors, ELEMENTS // divisor),
    )
    relations: set[tuple[str, str, str]] = set()
    while len(relations) < RELATIONS // divisor:
        child, parent = rng.sample(parts, 2)
        relations.add((rng.choices(_TYPES, weights=_SHARES)[0], child, parent))
    _write(folder / "part_relationships.csv", "rel_type,child_part_num,parent_part_num", sorted(relations))
    chosen = rng.sample(parts, LINKS // divisor)
    links = (("bricklink", f"{part}x{n % 7}", part) for n, part in enumerate(chosen))
    _write(folder / "part_ids.csv", "space,external_id,part_num", links)
    numbers = ((space, n % 230, n) for space in ("bricklink", "ldraw", "lego") for n in colors[1:-1])
    _write(folder / "color_ids.csv", "space,external_id,color_id", numbers)


def _part_nums(rng: random.Random, count: int) -> Iterator[str]:
    """A quarter plain numbers, the rest with the suffixes of moulds, prints and assemblies."""
    taken: set[str] = set()
    while len(taken) < count:
        number = str(rng.randrange(100, 100_000))
        suffix = rng.choices(("", rng.choice("abcd"), f"pr{rng.randrange(9999):04}", f"c{rng.randrange(99):02}"))[0]
        if number + suffix not in taken:
            taken.add(number + suffix)
            yield number + suffix


def _elements(
    rng: random.Random, parts: Sequence[str], colors: Sequence[int], count: int
) -> Iterator[tuple[object, ...]]:
    """Most parts in one color or two, a few in dozens."""
    number = 4_000_000
    for _ in range(count):
        number += rng.randint(1, 30)
        part = parts[min(int(rng.paretovariate(0.6) * rng.random() * 20), len(parts) - 1)]
        if rng.random() < 0.75:
            part = rng.choice(parts)
        yield number, part, rng.choice(colors[1:-1]), part.rstrip("abcd") if rng.random() < 0.5 else ""


def _name(rng: random.Random) -> str:
    size = f"{rng.randint(1, 16)} x {rng.randint(1, 16)}"
    return f"{rng.choice(_SHAPES)} {size} with {rng.choice(('Groove', 'Clip', 'Print', 'Hole', 'Bar'))} {rng.randrange(999)}"


def _write(path: Path, header: str, rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(header + "\n")
        csv.writer(file, lineterminator="\n").writerows(rows)
