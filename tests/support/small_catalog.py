"""A handful of parts and colors, made up so that each rule of ids, moulds and colors has a case."""

from catalog.memory import MemoryCatalog
from catalog.port import Color, Element, Part, Relation
from catalog.tables import ColorLink, ColorName, PartLink, Tables

BRICK, PLATE, TILE = "Bricks", "Plates", "Tiles"
_COLORS = (  # id, name, rgb, BrickLink, LDraw, LEGO
    (0, "Black", "05131D", 11, 0, 26),
    (1, "Blue", "0055BF", 7, 1, 23),
    (4, "Red", "C91A09", 5, 4, 21),
    (14, "Yellow", "F2CD37", 3, 14, 24),
    (15, "White", "FFFFFF", 1, 15, 1),
    (71, "Light Bluish Gray", "A0A5A9", 86, 71, 194),
    (72, "Dark Bluish Gray", "6C6E68", 85, 72, 199),
)


def small_catalog():
    """The catalog in memory."""
    return MemoryCatalog(small_tables(), version="small")


def small_tables():
    """Its rows; `4073` is BrickLink's word for 6141, `3070a` and `3070b` are moulds of one tile."""
    parts = [
        Part("3001", "Brick 2 x 4", BRICK),
        Part("3002", "Brick 2 x 3", BRICK),
        Part("3023", "Plate 1 x 2", PLATE),
        Part("6141", "Plate Round 1 x 1", PLATE),
        Part("3070a", "Tile 1 x 1 without Groove", TILE),
        Part("3070b", "Tile 1 x 1 with Groove", TILE),
        Part("003381", "Sticker Sheet", "Stickers"),
    ]
    colors = [Color(number, name, rgb, False) for number, name, rgb, *_ in _COLORS]
    links = [
        ColorLink(space, number, row[0])
        for row in _COLORS
        for space, number in zip(("bricklink", "ldraw", "lego"), row[3:], strict=True)
    ]
    return Tables(
        parts=parts,
        colors=[
            Color(-1, "[Unknown]", "0033B2", False),
            *colors,
            Color(9999, "[No Color/Any Color]", "05131D", False),
        ],
        elements=[
            Element("300121", "3001", 4),
            Element("300126", "3001", 0),
            Element("302321", "3023", 4),
            Element("614126", "6141", 0),
        ],
        relations=[Relation("M", "3070a", "3070b")],
        part_links=[PartLink("bricklink", "4073", "6141"), PartLink("ldraw", "4073", "6141")],
        color_links=links,
        color_names=[ColorName("rebrickable", row[1], row[0]) for row in _COLORS],
    )
