"""A made-up catalog of some thousand parts, and rows of lists whose right answer is known because we wrote them so.

The rules are the published ones: letters tell moulds apart, prints are `pb` and `px` at BrickLink and `pr` and `pat` at
Rebrickable, each counted in its own order, `c01` is an assembly, and every site has color numbers of its own. Every
number here is drawn by a seeded generator.
"""

import random
from typing import Any, NamedTuple

from catalog.memory import MemoryCatalog
from catalog.port import Color, Element, Part, Relation, Space
from catalog.tables import ColorLink, ColorName, PartLink, Tables

SHAPES = (
    "Brick",
    "Plate",
    "Tile",
    "Slope",
    "Wedge",
    "Panel",
    "Technic Beam",
    "Bracket",
    "Arch",
    "Cone",
    "Hinge",
    "Dish",
)
FINISHES = ("with Groove", "with Stud Holder", "Round", "Inverted", "Modified", "with Clip", "Double", "Curved", "")
MOTIFS = ("Dragon", "Rocket", "Flower", "Police Badge", "Stripes", "Computer", "Skull", "Crown", "Fish", "Clock")
SHADES = ("Red", "Blue", "Green", "Yellow", "Orange", "Tan", "Azure", "Lime", "Purple", "Pink")
TONES = ("", "Dark ", "Light Bluish ", "Trans-")


class Labelled(NamedTuple):
    """A row and what it means."""

    kind: str  # the class whose accuracy is stated
    fields: dict[str, Any]
    part_num: str | None  # None: nobody could tell
    color_id: int | None = None  # where the class is about colors
    hint: str | None = None  # what has to stand among the suggestions


class LabelledSet(NamedTuple):
    """All of it."""

    catalog: MemoryCatalog
    cases: tuple[Labelled, ...]


def row(raw_id, *, space=Space.REBRICKABLE, **more):
    """The fields of a parser's record."""
    plain = {"item_type": "P", "raw_id": raw_id, "id_space": str(space), "raw_color": None, "color_space": "unknown"}
    return plain | {"qty": 1, "spare": False} | more


def labelled_set(*, seed: int = 20261126, size: int = 60) -> LabelledSet:
    """The catalog and `size` rows of each class."""
    made = _Maker(random.Random(seed), size)
    made.colors()
    made.plain_parts()
    for family in (made.moulds, made.prints, made.assemblies, made.maps, made.retired, made.elements):
        family()
    made.typos()
    made.unresolvable()
    catalog = MemoryCatalog(made.tables(), version="labelled")
    return LabelledSet(catalog, tuple(made.cases))


class _Maker:
    def __init__(self, rng: random.Random, size: int) -> None:
        self.rng, self.size = rng, size
        self.cases: list[Labelled] = []
        self.parts: dict[str, Part] = {}
        self.palette: list[Color] = []
        self.known_elements: list[Element] = []
        self.relations: list[Relation] = []
        self.part_links: list[PartLink] = []
        self.color_links: list[ColorLink] = []
        self.color_names: list[ColorName] = []
        self.used: set[str] = set()

    def tables(self) -> Tables:
        return Tables(
            parts=list(self.parts.values()),
            colors=self.palette,
            elements=self.known_elements,
            relations=self.relations,
            part_links=self.part_links,
            color_links=self.color_links,
            color_names=self.color_names,
        )

    def number(self, low=2000, high=99999) -> str:
        """Digits that stand for nothing yet."""
        while (drawn := str(self.rng.randint(low, high))) in self.used or drawn.endswith("00"):
            pass
        self.used.add(drawn)
        return drawn

    def name(self) -> str:
        size = f"{self.rng.randint(1, 16)} x {self.rng.randint(1, 16)}"
        return f"{self.rng.choice(SHAPES)} {size} {self.rng.choice(FINISHES)}".strip()

    def part(self, part_num: str, name: str | None = None) -> str:
        self.parts[part_num.lower()] = Part(part_num, name or self.name(), "Made up")
        self.used.add(part_num.lower())
        return part_num

    def says(self, kind, raw_id, part_num, *, space=Space.REBRICKABLE, hint=None, **more) -> None:
        self.cases.append(Labelled(kind, row(raw_id, space=space, **more), part_num, hint=hint))

    def each(self):
        return range(self.size)

    def colors(self) -> None:
        """Forty colors: LDraw's codes are mostly Rebrickable's ids, BrickLink's never are."""
        names = [tone + shade for tone in TONES for shade in SHADES]
        bricklink = list(range(101, 141))
        self.rng.shuffle(bricklink)
        for index, name in enumerate(names):
            rgb = f"{self.rng.randrange(1 << 24):06X}"
            self.palette.append(Color(index, name, rgb, name.startswith("Trans")))
            ldraw = index if index % 5 else index + 300
            for space, number in ((Space.BRICKLINK, bricklink[index]), (Space.LDRAW, ldraw), (Space.LEGO, index + 700)):
                self.color_links.append(ColorLink(space, number, index))
            self.color_names.append(ColorName(Space.LDRAW, name.replace(" ", "_").replace("-", "_"), index))
            self.color_names.append(ColorName(Space.BRICKLINK, name, index))
        self.palette += [Color(-1, "[Unknown]", "808080", False), Color(9999, "[No Color]", "808080", False)]

    def plain_parts(self) -> None:
        for index in range(1500):
            part_num = self.part(self.number())
            if index < self.size:
                self.says("exact", part_num, part_num)
                self.says("exact elsewhere", part_num, part_num, space=Space.BRICKLINK)
                self.says(
                    "file name", f"s\\{part_num}.dat" if index % 2 else f"{part_num}.DAT", part_num, space=Space.LDRAW
                )
        for index in self.each():
            part_num = self.part("00" + self.number(2000, 9999))
            self.says("leading zero", part_num.lstrip("0") if index % 2 else "0" + part_num, part_num)
            mixed = self.part(f"{self.number()}old" if index % 3 else f"x{self.number()}")
            self.says("case", mixed.upper(), mixed)

    def moulds(self) -> None:
        for index in self.each():
            base = self.number()
            only = self.part(base + "b")
            self.says("suffix added", base, only, space=Space.BRICKLINK)
            dropped = self.part(self.number())
            self.says("suffix dropped", dropped + "abcdef"[index % 6], dropped, space=Space.BRICKLINK)
            shape = self.number()
            older, newer = self.part(shape + "a"), self.part(shape + "b")
            self.relations.append(Relation("M", older, newer))
            usual = newer if index % 2 else older
            for color in range(3 if usual is newer else 5):
                self.element(usual, color)
            self.element(newer, 30)
            self.says("mould", shape, usual, space=Space.BRICKLINK)
            self.says("mould", shape + "c", usual, space=Space.BRICKLINK)

    def prints(self) -> None:
        for index in self.each():
            base = self.part(self.number())
            for count in range(1, 4):
                child = self.part(f"{base}{'pr' if count < 3 else 'pat'}{count:04}", f"Print {MOTIFS[count]} {index}")
                self.relations.append(Relation("P" if count < 3 else "T", child, base))
            self.says(
                "print", f"{base}pb{index + 11:03}" if index % 3 else f"{base}px{index}", base, space=Space.BRICKLINK
            )
            self.says("print", f"{base}p{index + 11:02}", base, space=Space.LDRAW)
            lettered = self.number()
            self.part(lettered + "b")
            self.says("print of a mould", f"{lettered}pb{index:02}", lettered + "b", space=Space.BRICKLINK)
            self.says("print without base", f"{self.number()}pb{index:04}", None, space=Space.BRICKLINK)

    def assemblies(self) -> None:
        for index in self.each():
            torso = self.part(self.number())
            dressed = self.part(torso + "c01") if index % 2 else None
            self.says("torso", f"{torso}pb{index:04}c01", dressed or torso, space=Space.BRICKLINK)
            main = self.part(self.number())
            self.says("assembly", f"{main}c{index % 9 + 1:02}", main, space=Space.BRICKLINK)

    def maps(self) -> None:
        for index in self.each():
            for kind, space in (("mapped", Space.BRICKLINK), ("mapped", Space.LDRAW), ("mapped", Space.LEGO)):
                part_num, foreign = self.part(self.number()), self.number()
                self.part_links.append(PartLink(space, foreign, part_num))
                self.says(kind, foreign, part_num, space=space)
                if space is Space.BRICKLINK:
                    self.says("mapped elsewhere", foreign, part_num)
                    self.says("print", f"{foreign}pb{index:02}", part_num, space=space)
            # One number for two shapes: BrickLink's is another part than the catalog's of that number.
            taken, meant = self.part(self.number()), self.part(self.number())
            self.part_links.append(PartLink(Space.BRICKLINK, taken, meant))
            self.says("collision", taken, meant, space=Space.BRICKLINK)
            # One number for two moulds: the equal one is meant.
            older, newer = self.part(self.number()), self.part(self.number())
            self.relations.append(Relation("M", older, newer))
            self.part_links.append(PartLink(Space.BRICKLINK, older, newer))
            self.says("collision of moulds", older, older, space=Space.BRICKLINK)

    def retired(self) -> None:
        """Numbers that the catalog knows by relations alone."""
        for index in self.each():
            gone, now = self.number(), self.part(self.number())
            self.relations.append(Relation("M", gone, now) if index % 2 else Relation("M", now, gone))
            self.says("retired mould", gone, now)
            gone, now = self.number(), self.part(self.number())
            self.relations.append(Relation("A", gone, now) if index % 2 else Relation("A", now, gone))
            self.says("alternate", gone, now)
            gone, base = f"{self.number()}z{index}", self.part(self.number())
            self.relations.append(Relation("P", gone, base))
            self.says("print by relation", gone, base)

    def element(self, part_num: str, color: int) -> Element:
        made = Element(str(4_000_000 + len(self.known_elements)), part_num, color)
        self.known_elements.append(made)
        return made

    def elements(self) -> None:
        for index in self.each():
            part_num = self.part(self.number())
            element = self.element(part_num, index % 40)
            number = element.element_id
            fields = row(number, space=Space.ELEMENT, element_id=number)
            self.cases.append(Labelled("element", fields, part_num, index % 40))
            self.says("element as part", number, part_num)
            self.colored(part_num, index % 40)

    def colored(self, part_num: str, color: int) -> None:
        """A row whose color is numbered otherwise than it claims, told by its name or by its element."""
        ldraw = next(link.number for link in self.color_links if link[0] == Space.LDRAW and link.color_id == color)
        wrong = {"raw_color": ldraw, "color_space": "bricklink"}
        named = row(part_num, **wrong, color_name=self.palette[color].name.replace("-", " ").lower())
        self.cases.append(Labelled("wrong color space", named, part_num, color))
        known = row(part_num, **wrong, element_id=self.known_elements[-1].element_id)
        self.cases.append(Labelled("wrong color space", known, part_num, color))
        right = row(part_num, raw_color=color, color_space="rebrickable")
        self.cases.append(Labelled("color", right, part_num, color))

    def typos(self) -> None:
        """Slips of the keyboard; one that happens to be another part's number is no slip that anybody could see."""
        whole = [part for part in self.parts.values() if part.part_num.isdigit() and len(part.part_num) > 3]
        self.rng.shuffle(whole)
        swapped = [part for part in whole if set(part.part_num) & set("01")][: self.size]
        for part in swapped:
            slip = part.part_num.replace("0", "O").replace("1", "l")
            self.says("O for 0, l for 1", slip, part.part_num)
        for part in whole:
            at = self.rng.randrange(len(part.part_num))
            wrong = part.part_num[:at] + self.rng.choice("0123456789") + part.part_num[at + 1 :]
            if wrong not in self.used and wrong[0] != "0" and not any(wrong + letter in self.used for letter in "abcd"):
                kind = sum(case.kind == "one digit off" for case in self.cases)
                if kind >= self.size:
                    break
                self.says("one digit off", wrong, None, hint=part.part_num)
                self.says("one digit off, with the name", wrong, part.part_num, name=part.name)

    def unresolvable(self) -> None:
        for index in self.each():
            junk = "".join(self.rng.choice("ghjkmnqrtuvwyz") for _ in range(6)) + str(index)
            self.says("unresolvable", junk, None, space=self.rng.choice([Space.BRICKLINK, Space.UNKNOWN, Space.LDRAW]))
        for maker in ("RC0603FR-0710KL", "LM358", "BC547B", "1N4148", "GRM188R71C104KA01D", "Würth 7447", "", "?"):
            self.says("unresolvable", maker, None, space=Space.UNKNOWN)
