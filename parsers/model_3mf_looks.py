"""What triangles of a 3MF are dressed in: base materials, colors, textures with coordinates, and layers of these.

The elements are those of the 3MF core specification 1.3, chapter 5, and of the materials extension 1.2.1, chapters 2 to 5.
"""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from parsers.model_faults import MAX_TRIANGLES, malformed

MAX_GROUPS = 10_000  # groups and textures of one part
_MAX_VALUES = 3 * MAX_TRIANGLES  # colors and coordinates of one part: one for each corner
_MAX_LAYERS = 16
_NAME = 200  # characters of a name
WHITE = (255, 255, 255, 255)

Color = tuple[int, int, int, int]  # sRGB and alpha, 0 to 255


class Kind(StrEnum):
    """Which properties a group lists."""

    BASE = "basematerials"
    COLOR = "colorgroup"
    TEXTURE = "texture2dgroup"
    LAYERS = "multiproperties"


_KINDS = {kind.value: kind for kind in Kind}
# The element that is one property of a group.
_ITEMS = {Kind.BASE: "base", Kind.COLOR: "color", Kind.TEXTURE: "tex2coord", Kind.LAYERS: "multi"}


@dataclass(slots=True)
class Group:
    """Properties of one kind, which triangles name by number."""

    kind: Kind
    texture: str = ""  # id of the texture that coordinates lie in
    layers: tuple[str, ...] = ()  # ids of the groups that lie over each other, the lowest first
    colors: list[Color] = field(default_factory=list)  # of materials and colors
    names: list[str] = field(default_factory=list)  # of materials
    uv: "array[float]" = field(default_factory=lambda: array("d"))  # of textures, two for each property
    picks: list[tuple[int, ...]] = field(default_factory=list)  # of layers: a property of each


class Worn(NamedTuple):
    """What a triangle, or a whole object, says it is made of."""

    group: str
    corners: tuple[int, int, int]


class Looks:
    """All groups of one model part, while its XML streams by."""

    def __init__(self) -> None:
        self.groups: dict[str, Group] = {}
        self.textures: dict[str, str] = {}  # paths within the package, by id
        self._open: Group | None = None
        self._values = 0

    def start(self, name: str, found: Mapping[str, str]) -> None:
        """Take in an element, whichever it is. Raises `UnreadableFile` (`model.malformed`), `KeyError` and `ValueError`."""
        if name == "texture2d":
            self._room()
            self.textures[found["id"]] = found["path"]
        elif (kind := _KINDS.get(name)) is not None:
            self._room()
            group = Group(kind, texture=found["texid"] if kind is Kind.TEXTURE else "")
            if kind is Kind.LAYERS:
                group.layers = tuple(found["pids"].split()[:_MAX_LAYERS])
            self._open = self.groups.setdefault(found["id"], group)
        elif self._open is not None and name == _ITEMS[self._open.kind]:
            self._item(self._open, found)

    def _item(self, group: Group, found: Mapping[str, str]) -> None:
        self._values += 1
        if self._values > _MAX_VALUES:
            raise malformed("The 3MF has more colors and coordinates than triangles could wear.")
        if group.kind is Kind.TEXTURE:
            group.uv.extend((float(found["u"]), float(found["v"])))
        elif group.kind is Kind.LAYERS:
            group.picks.append(tuple(map(_number, found["pindices"].split()[:_MAX_LAYERS])))
        else:
            base = group.kind is Kind.BASE
            group.colors.append(_color(found.get("displaycolor", "") if base else found.get("color", "")))
            if base:
                group.names.append(found.get("name", "")[:_NAME])

    def _room(self) -> None:
        if len(self.groups) + len(self.textures) >= MAX_GROUPS:
            raise malformed("The 3MF has more materials than any real model.")


def worn(found: Mapping[str, str], default: Worn | None) -> Worn | None:
    """What a triangle says, given what its object does; None where it says nothing of its own.

    A corner of which it says nothing is like the first. Raises `ValueError`.
    """
    first = found.get("p1")
    if first is None:
        return None
    group = found.get("pid") or (default.group if default else None)
    if group is None:
        return None
    number = _number(first)
    return Worn(group, (number, _number(found.get("p2", first)), _number(found.get("p3", first))))


def worn_by_all(found: Mapping[str, str]) -> Worn | None:
    """What an object says that its triangles are made of."""
    group = found.get("pid")
    number = _number(found.get("pindex", "0"))
    return Worn(group, (number, number, number)) if group else None


def _number(text: str) -> int:
    """An index; `ValueError` where it is none, or larger than any can be."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValueError
    return int(text)


def _color(text: str) -> Color:
    """`#RRGGBB` or `#RRGGBBAA`; white where it is neither."""
    try:
        parts = bytes.fromhex(text[1:]) if len(text) in {7, 9} and text[0] == "#" else b""
    except ValueError:
        parts = b""
    if len(parts) not in {3, 4}:
        return WHITE
    return parts[0], parts[1], parts[2], parts[3] if len(parts) == 4 else 255
