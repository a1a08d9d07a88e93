"""Which color of the catalog a number and a name stand for, in the space that the row names or in the one it must mean.

The sites number colors differently: no number of LDraw's is BrickLink's for the same color. So a name or an element
beside the number counts for more than the claim whose number it is.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from catalog.color_names import ColorNames
from catalog.match import ColorAnswer, ColorBy, Finding
from catalog.port import Catalog, Color, Space

COLOR_SPACES = (Space.REBRICKABLE, Space.BRICKLINK, Space.LDRAW, Space.LEGO)
SITES: dict[str, str] = {
    Space.REBRICKABLE: "Rebrickable",
    Space.BRICKLINK: "BrickLink",
    Space.LDRAW: "LDraw",
    Space.LEGO: "LEGO",
}
# Where a number that makes no sense in one space most likely comes from, likeliest first. Most of Rebrickable's ids
# are LDraw's codes too, so that the first of those two gets the credit.
RIVALS: dict[str, tuple[Space, ...]] = {
    Space.BRICKLINK: (Space.LDRAW, Space.REBRICKABLE, Space.LEGO),
    Space.LDRAW: (Space.REBRICKABLE, Space.BRICKLINK, Space.LEGO),
    Space.REBRICKABLE: (Space.BRICKLINK, Space.LDRAW, Space.LEGO),
    Space.LEGO: (Space.LDRAW, Space.BRICKLINK, Space.REBRICKABLE),
}
UNKNOWN, ANY = -1, 9999  # Rebrickable's numbers for: unknown, and any color or none
_LDRAW_INHERITED = frozenset([16, 24])  # the color of what holds the part, and of its edges
_DIRECT = range(0x2000000, 0x4000000)  # LDraw's 0x2RRGGBB, 0x3RRGGBB where transparent
_MAX_NUMBER = 2**31 - 1
_SUGGESTIONS = 3


class Ballot(NamedTuple):
    """In which space a row's color is to be read."""

    claimed: str  # what the row says
    space: str  # what the file's rows speak for; the claim where they speak for nothing else
    settled: bool = False  # enough of them do, so that a number alone can be believed


class ColorRules:
    """Answers for single colors; stateless."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._colors = catalog.colors()
        self.names = ColorNames(catalog.color_names())

    def reading(self, number: int, space: str) -> Sequence[int]:
        """Colors that have this number in `space`, best first."""
        if abs(number) > _MAX_NUMBER:
            return ()
        return self._catalog.color_ids(space, number)

    def answer(
        self, number: int | None, ballot: "Ballot", *, name: str | None = None, truth: int | None = None
    ) -> ColorAnswer:
        """The color that a row means; `truth` is the color that the row's element has."""
        meant: tuple[int, ...] = (truth,) if truth is not None else ()
        by = ColorBy.ELEMENT
        if not meant and name:
            meant, by = self.names.ids(name, space=ballot.space), ColorBy.NAME
        if number is None:
            return self._without_number(meant, by=by, name=name)
        if number == UNKNOWN and not meant:
            return ColorAnswer(self._known(UNKNOWN), ColorBy.NONE, 1.0)
        if not meant and self._not_applicable(number, ballot.space):
            return ColorAnswer(self._known(ANY), ColorBy.NOT_APPLICABLE, 1.0)
        if meant:
            return self._checked(number, ballot, meant=meant, by=by, name=name)
        return self._by_number(number, ballot, name=name)

    def not_known_for(self, part_num: str, color_id: int, *, raw: str, space: str | None) -> Finding | None:
        """A warning where the part, whatever its mould, is known in other colors only.

        `space`: whose numbers the row speaks, in which colors are suggested; None: it names its colors. Silent where
        the catalog knows some of the colors of its parts only.
        """
        if not self._catalog.complete or self._catalog.is_known_in(part_num, color_id):
            return None
        known = self._catalog.known_colors(part_num)
        if known:
            known = known.union(*(self._catalog.known_colors(other) for other in self._catalog.mould_group(part_num)))
        if not known or color_id in known or color_id in (UNKNOWN, ANY):
            return None
        near = self._nearest(self._colors.get(color_id), (self._colors[one] for one in known if one in self._colors))
        likely = tuple(self.spoken(color, space) for color in near)
        return Finding("color.not_known_for_part", "color", raw, suggestions=likely)

    def named(self, name: str, *, space: str) -> tuple[str, ...]:
        """Up to three colors of that name, as `spoken`."""
        ids = self.names.ids(name, space=space)[:_SUGGESTIONS]
        return tuple(self.spoken(self._colors[one], space) for one in ids if one in self._colors)

    def spoken(self, color: Color, space: str | None) -> str:
        """The color as a row can say it: with its number in `space`, where it has one, else by its name alone."""
        own = COLOR_SPACES[0] if space == Space.UNKNOWN else space
        number = next(iter(self._catalog.external_colors(own, color.id)), None) if own else None
        return color.name if number is None else f"{number} {color.name}"

    def _known(self, number: int) -> int | None:
        return number if number in self._colors else None

    def _not_applicable(self, number: int, space: str) -> bool:
        if space == Space.BRICKLINK:
            return number == 0
        if space == Space.LDRAW:
            return number in _LDRAW_INHERITED
        return number == ANY

    def _without_number(self, meant: tuple[int, ...], *, by: ColorBy, name: str | None) -> ColorAnswer:
        if meant:
            return ColorAnswer(meant[0], by, 0.97 if len(meant) == 1 else 0.8)
        wrong = (Finding("color.unknown", "color", name),) if name and name.strip() else ()
        return ColorAnswer(None, ColorBy.NONE, 0.0, wrong)

    def _checked(
        self, number: int, ballot: Ballot, *, meant: tuple[int, ...], by: ColorBy, name: str | None
    ) -> ColorAnswer:
        """A number beside a name or an element: they agree, or the number is another space's, or one of both is wrong."""
        read = self.reading(number, ballot.space)
        for color in read:
            if color in meant:
                once = self._once(number, ballot, color=color)
                return ColorAnswer(color, ColorBy.VOTE if once else ColorBy.NUMBER, 1.0, once)
        if number == UNKNOWN or self._not_applicable(number, ballot.space):
            return ColorAnswer(meant[0], by, 0.95 if len(meant) == 1 else 0.8)
        for other in RIVALS.get(ballot.space, COLOR_SPACES):
            for color in self.reading(number, other):
                if color in meant:
                    if ballot.claimed == Space.UNKNOWN:
                        return ColorAnswer(color, ColorBy.NUMBER, 0.95)
                    wrong = self._mismatch(number, ballot.claimed, found=other, color=color)
                    return ColorAnswer(color, by, 0.9, (wrong,))
        told = name if by is ColorBy.NAME else self._title(meant[0])
        likely = (self._title(meant[0]), *(self._title(color) for color in read[:1]))
        wrong = Finding("color.name_mismatch", "color", f"{number} {told}", suggestions=likely)
        # An element is exact. Of a name and a number, whoever wrote both looked at the name.
        return ColorAnswer(meant[0], by, 0.85 if by is ColorBy.ELEMENT or not read else 0.6, (wrong,))

    def _by_number(self, number: int, ballot: Ballot, *, name: str | None) -> ColorAnswer:
        """A number alone; a name that nobody knows does not help, but does not hurt."""
        if ballot.space == Space.UNKNOWN:
            return self._in_any_space(number)
        read = self.reading(number, ballot.space)
        if read:
            once = self._once(number, ballot, color=read[0])
            sure = 0.8 if len(read) > 1 else 0.97 if ballot.settled else 0.9
            return ColorAnswer(read[0], ColorBy.VOTE if once else ColorBy.NUMBER, sure, once)
        if ballot.space == Space.LDRAW and number in _DIRECT:
            return self._direct(number)
        others = ((other, self.reading(number, other)) for other in RIVALS.get(ballot.space, COLOR_SPACES))
        likely = tuple(f"{SITES[other]} {number}: {self._title(found[0])}" for other, found in others if found)
        value = f"{number} {name}" if name else str(number)
        wrong = Finding("color.unknown", "color", value, suggestions=likely[:_SUGGESTIONS])
        return ColorAnswer(None, ColorBy.NONE, 0.0, (wrong,))

    def _in_any_space(self, number: int) -> ColorAnswer:
        """A number of nobody knows whose: what all spaces agree on, else Rebrickable's reading, with a word on it."""
        read = [(space, found) for space in COLOR_SPACES if (found := self.reading(number, space))]
        if not read:
            return ColorAnswer(None, ColorBy.NONE, 0.0, (Finding("color.unknown", "color", str(number)),))
        likely = tuple(f"{SITES[other]}: {self._title(colors[0])}" for other, colors in read[:_SUGGESTIONS])
        wrong = Finding("color.space_guessed", "color", str(number), suggestions=likely, once=True)
        return ColorAnswer(read[0][1][0], ColorBy.NUMBER, 0.5 if len(read) > 1 else 0.8, (wrong,))

    def _direct(self, number: int) -> ColorAnswer:
        """A color that a model states as red, green and blue: exactly a known one, else those nearest to it."""
        rgb, is_trans = f"{number & 0xFFFFFF:06X}", number >= 0x3000000
        for color in self._colors.values():
            if color.rgb == rgb and color.is_trans == is_trans and color.id not in (UNKNOWN, ANY):
                return ColorAnswer(color.id, ColorBy.RGB, 0.85)
        near = self._nearest(Color(UNKNOWN, "", rgb, is_trans), self._colors.values())
        likely = tuple(self.spoken(color, Space.LDRAW) for color in near)
        wrong = Finding("color.unknown", "color", f"0x{number:X}", suggestions=likely)
        return ColorAnswer(None, ColorBy.NONE, 0.0, (wrong,))

    def _once(self, number: int, ballot: Ballot, *, color: int) -> tuple[Finding, ...]:
        """What is said once per color where the whole file's colors are another space's than it claims."""
        if ballot.claimed in (ballot.space, Space.UNKNOWN):
            return ()
        return (self._mismatch(number, ballot.claimed, found=ballot.space, color=color)._replace(once=True),)

    def _mismatch(self, number: int, claimed: str, *, found: str, color: int) -> Finding:
        right = tuple(str(own) for own in self._catalog.external_colors(claimed, color)[:_SUGGESTIONS])
        title, other = self._title(color), SITES.get(found, found)
        own = f"{SITES.get(claimed, claimed)}'s is {right[0]}" if right else f"{SITES.get(claimed, claimed)} has none"
        said = f"{number} is {other}'s number for {title}; {own}"
        return Finding("color.space_mismatch", "color", str(number), expected=said, suggestions=right)

    def _title(self, color_id: int) -> str:
        color = self._colors.get(color_id)
        return color.name if color else str(color_id)

    def _nearest(self, color: Color | None, others: Iterable[Color]) -> list[Color]:
        """Up to three of `others` that look most like `color`."""
        if color is None:
            return []

        def distance(other: Color) -> tuple[int, int]:
            parts = zip(_channels(color.rgb), _channels(other.rgb), strict=True)
            return sum((one - two) ** 2 for one, two in parts) + 60_000 * (color.is_trans != other.is_trans), other.id

        usable = [other for other in others if other.id not in (UNKNOWN, ANY)]
        return sorted(usable, key=distance)[:_SUGGESTIONS]


def _channels(rgb: str) -> tuple[int, int, int]:
    return int(rgb[0:2], 16), int(rgb[2:4], 16), int(rgb[4:6], 16)
