"""What the resolver answers: which part and color a row means, how sure that is and why, and what is wrong with it."""

from enum import StrEnum
from typing import NamedTuple


class By(StrEnum):
    """How a part was found, in the order in which it is looked for."""

    CORRECTION = "correction"  # the owner said so
    EXACT = "exact"  # the catalog has the number
    MAP = "map"  # an id map of the row's space, else of another one
    ELEMENT = "element"  # LEGO's number for the part in its color
    SPELLING = "spelling"  # leading zeros, O for 0, l for 1
    SUFFIX = "suffix"  # a letter added or dropped
    PRINT = "print"  # the catalog has the part without its print
    ASSEMBLY = "assembly"  # the catalog has its main part
    MOULD = "mould"  # another mould of the same part
    ALTERNATE = "alternate"  # a part that takes its place
    LIKENESS = "likeness"  # one slip away, and of the row's name
    NOT_A_PART = "not_a_part"  # a set, a minifig, gear: nothing to look up
    FOREIGN = "foreign"  # a manufacturer's number: nothing that a catalog of bricks could know
    NONE = "none"  # not found


class ColorBy(StrEnum):
    """How a color was found."""

    CORRECTION = "correction"  # the owner said so
    ELEMENT = "element"  # LEGO's number for the part in its color
    NUMBER = "number"  # the number, read in the space that the row names
    VOTE = "vote"  # the number, read in the space that most rows of the file speak for
    NAME = "name"  # the color's name; its number was missing or said otherwise
    RGB = "rgb"  # LDraw's direct color, which is exactly a known color's
    NOT_APPLICABLE = "not_applicable"  # the row says: any color, or none
    NONE = "none"  # not stated, or not found


class Finding(NamedTuple):
    """One thing wrong; `parsers.codes` knows the code and the words for it."""

    code: str
    column: str | None  # part, color, element; None for the file as a whole
    value: str | None = None  # what the row says
    expected: str | None = None  # what it should say, where that is known exactly
    suggestions: tuple[str, ...] = ()  # up to three
    once: bool = False  # the same for every row with this value: enough to be said for the first one


class Match(NamedTuple):
    """The answer for one row. What is below 1 is a guess; nothing above 0.9 is one that may be wrong unseen."""

    part_num: str | None  # spelled as the catalog spells it
    color_id: int | None  # Rebrickable's
    by: By
    confidence: float  # of the part, 0 to 1
    color_by: ColorBy
    color_confidence: float
    reason: str  # one sentence: how the part was found
    wrong: tuple[Finding, ...]


class Correction(NamedTuple):
    """What an owner said a number stands for."""

    kind: str  # part, color
    space: str  # whose number; unknown: anybody's
    raw: str  # as lists say it, case aside; of a color its number or its name
    target: str  # a part number, or a color id, of the catalog


class PartAnswer(NamedTuple):
    """Which part a number stands for."""

    part_num: str | None
    by: By
    confidence: float
    reason: str
    wrong: tuple[Finding, ...] = ()


class ColorAnswer(NamedTuple):
    """Which color a number and a name stand for."""

    color_id: int | None
    by: ColorBy
    confidence: float
    wrong: tuple[Finding, ...] = ()
