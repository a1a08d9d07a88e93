"""What the resolver asks a catalog: the port with its values; sqlite.py and memory.py are its twins.

Part numbers and color ids without further words are Rebrickable's. Lookups of part numbers ignore case (the published
ids hold no two that differ in case alone); what is returned is spelled as the catalog spells it.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol


class Space(StrEnum):
    """Whose numbers these are. For parts all of them, for colors the first four."""

    REBRICKABLE = "rebrickable"
    BRICKLINK = "bricklink"
    LDRAW = "ldraw"
    LEGO = "lego"  # design ids and LEGO's material numbers
    ELEMENT = "element"  # LEGO's 6 to 7 digits for a part in a color
    MPN = "mpn"  # a manufacturer's part number: nothing that a catalog of bricks could know
    UNKNOWN = "unknown"  # the file does not say; the resolver finds out by vote


class Part(NamedTuple):
    """One part."""

    part_num: str
    name: str
    category: str  # its category's name


class Color(NamedTuple):
    """One color."""

    id: int
    name: str
    rgb: str  # six hex digits, upper case
    is_trans: bool


class Relation(NamedTuple):
    """Two parts that have to do with each other, in the words of Rebrickable's `part_relationships`."""

    type: str  # P print, R pair, B sub-part, M mould, A alternate, T pattern
    child: str
    parent: str


class Element(NamedTuple):
    """A part in a color, as LEGO numbers it."""

    element_id: str
    part_num: str
    color_id: int


class Catalog(Protocol):
    """Read-only reference data of one version. All lookups are of one key and fast; nothing raises but `OSError`."""

    @property
    def version(self) -> str:
        """Which catalog this is: `sample-1`, or the id of the import that made it."""

    @property
    def counts(self) -> Mapping[str, int]:
        """Rows by table: `parts`, `colors`, `elements`, `relations`, `part_maps`, `color_maps`."""

    @property
    def complete(self) -> bool:
        """Whether its elements are meant to be all there are: only then is a color that they do not tell of a part odd."""

    def part(self, part_num: str) -> Part | None:
        """The part of that number, whatever its case; None where there is none."""

    def mapped(self, space: str, raw_id: str) -> Sequence[str]:
        """Part numbers that an id map gives for another space's id, best first; often none, rarely several."""

    def external(self, space: str, part_num: str) -> Sequence[str]:
        """The other way: ids in `space` for a part number, best first. Empty where the maps are silent."""

    def element(self, element_id: str) -> Element | None:
        """What LEGO's element number stands for."""

    def elements_of(self, part_num: str, color_id: int) -> Sequence[str]:
        """Element numbers of a part in a color, newest (highest) first."""

    def known_colors(self, part_num: str) -> frozenset[int]:
        """Colors that the part is known in, from the elements; empty where nothing is known."""

    def is_known_in(self, part_num: str, color_id: int) -> bool:
        """Whether that is one of its `known_colors`; quicker than asking for all of them."""

    def relations(self, part_num: str) -> Sequence[Relation]:
        """Every relation that names the part on either side."""

    def mould_group(self, part_num: str) -> Sequence[str]:
        """Part numbers that are moulds of one shape, the part's own among them, the preferred one first.

        The M relations' transitive closure, made when the catalog is compiled. Empty where the part has no other mould.
        """

    def prefetch(self, raw_ids: Iterable[str], *, maps: Iterable[str] = (), external: Iterable[str] = ()) -> None:
        """Look many numbers up at once: as parts, in the `maps` of these spaces, and for their `external` ids.

        A hint that makes later answers faster and changes none.
        """

    def part_nums(self) -> Sequence[str]:
        """All part numbers, lower case, sorted: for searching by likeness. Made on first use, then kept."""

    def colors(self) -> Mapping[int, Color]:
        """All colors by id, `-1` and `9999` included where the catalog has them."""

    def color_ids(self, space: str, number: int) -> Sequence[int]:
        """Colors that have this number in `space`, best first; several where a space does not tell them apart."""

    def external_colors(self, space: str, color_id: int) -> Sequence[int]:
        """The other way: numbers in `space` for a color, best (lowest) first."""

    def color_names(self) -> Mapping[str, tuple[tuple[str, int], ...]]:
        """Lower-case color name -> ((space, color id), …): every name that any space gives a color."""
