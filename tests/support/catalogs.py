"""Catalogs for tests: a few rows with every peculiarity, as tables, as files, and as both twins."""

import zipfile
from datetime import UTC, datetime

from catalog.compile import write_index
from catalog.index import Index
from catalog.memory import MemoryCatalog
from catalog.port import Color, Element, Part, Relation
from catalog.sqlite import SqliteCatalog
from catalog.tables import ColorLink, ColorName, PartLink, Tables

MADE = datetime(2026, 1, 2, tzinfo=UTC)
TABLES = Tables(
    parts=[
        Part("3001", "Brick 2 x 4", "Bricks"),
        Part("3001pr1", "Brick 2 x 4 with print", "Bricks"),
        Part("3070a", "Tile 1 x 1 without groove", "Tiles"),
        Part("3070b", "Tile 1 x 1 with groove", "Tiles"),
        Part("3070c", "Tile 1 x 1 with a deep groove", "Tiles"),
        Part("6141", "Plate round 1 x 1", ""),
        Part("970C00", "Hips and legs", "Minifig"),
        Part("x9", "Panel old", "Panels"),
        Part("x10", "Panel new", "Panels"),
    ],
    colors=[
        Color(-1, "[Unknown]", "0033B2", False),
        Color(0, "Black", "05131D", False),
        Color(4, "Red", "C91A09", False),
        Color(47, "Trans-Clear", "FCFCFC", True),
        Color(9999, "[No Color/Any Color]", "05131D", False),
    ],
    elements=[
        Element("300121", "3001", 4),
        Element("300126", "3001", 0),
        Element("4211385", "3001", 0),
        Element("99", "3001", 0),
        Element("307026", "3070b", 0),
    ],
    relations=[
        Relation("M", "3070a", "3070b"),
        Relation("M", "3070c", "3070b"),
        Relation("M", "x9", "x10"),
        Relation("P", "3001pr1", "3001"),
        Relation("A", "3001", "970C00"),
    ],
    part_links=[
        PartLink("bricklink", "4073", "6141", 2),
        PartLink("bricklink", "3070", "3070a", 1),
        PartLink("bricklink", "3070", "3070b", 1),
        PartLink("bricklink", "3070b", "3070b", 1),
        PartLink("bricklink", "3070B-old", "3070b", 0),
        PartLink("ldraw", "970c00", "970C00", 1),
    ],
    color_links=[
        ColorLink("bricklink", 11, 0),
        ColorLink("ldraw", 256, 0),
        ColorLink("ldraw", 0, 0),
        ColorLink("lego", 40, 47),
        ColorLink("lego", 40, 0),
        ColorLink("lego", 40, -1),
    ],
    color_names=[ColorName("lego", "Bright Red", 4), ColorName("ldraw", "Black", 0), ColorName("ldraw", "Red", 4)],
)
PARTS = "part_num,name,part_cat_id,part_material\n3001,Brick 2 x 4,11,Plastic\n3070b,Tile 1 x 1,19,Plastic\n"
COLORS = "id,name,rgb,is_trans\n0,Black,05131D,False\n4,Red,C91A09,False\n15,White,FFFFFF,False\n"


def in_memory(tables=TABLES, version="test-1"):
    """The twin in memory."""
    return MemoryCatalog(tables, version=version)


def compiled(path, tables=TABLES, version="test-1"):
    """The compiled twin, open; close it."""
    write_index(Index.of(tables), path, version=version, made_at=MADE)
    return SqliteCatalog(path)


def write_sources(folder, **files):
    """A folder of sources: `parts` and `colors` unless they are given (None leaves one out); `a__csv` is `a.csv`."""
    folder.mkdir(exist_ok=True)
    for name, body in ({"parts__csv": PARTS, "colors__csv": COLORS} | files).items():
        if body is not None:
            content = body.encode() if isinstance(body, str) else body
            (folder / name.replace("__", ".")).write_bytes(content)
    return folder


def zipped(path, members, method=zipfile.ZIP_DEFLATED):
    """A ZIP of name -> text or bytes."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return path
