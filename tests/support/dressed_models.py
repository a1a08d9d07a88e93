"""3MF packages in materials, colors and textures: a cube of 10 mm whose six sides wear what a test wants."""

import io
from collections.abc import Mapping, Sequence

from PIL import Image
from support import model_files as files

MATERIALS = "http://schemas.microsoft.com/3dmanufacturing/material/2015/02"
SIDES = ((0, 3, 2, 1), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7))
_CORNERS = ((0, 0, 0), (10, 0, 0), (10, 10, 0), (0, 10, 0), (0, 0, 10), (10, 0, 10), (10, 10, 10), (0, 10, 10))
_RELATION = "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dtexture"

# Groups that sides can wear: 1 materials, 2 a texture's corners, 3 colors, 4 both over each other.
GROUPS = (
    '<m:texture2d id="9" path="/3D/Textures/check.png" contenttype="image/png"/>'
    '<m:texture2dgroup id="2" texid="9"><m:tex2coord u="0" v="0"/><m:tex2coord u="1" v="0"/>'
    '<m:tex2coord u="1" v="1"/><m:tex2coord u="0" v="1"/></m:texture2dgroup>'
    '<m:colorgroup id="3"><m:color color="#FF0000"/><m:color color="#00FF00"/><m:color color="#0000FF"/>'
    '<m:color color="#FFFF0080"/></m:colorgroup>'
    '<basematerials id="1"><base name="steel" displaycolor="#888888"/><base name="gold" displaycolor="#FFC000"/>'
    "</basematerials>"
    '<m:multiproperties id="4" pids="1 2"><m:multi pindices="0 3"/><m:multi pindices="0 2"/>'
    '<m:multi pindices="0 1"/><m:multi pindices="0 0"/></m:multiproperties>'
)
PLAIN: tuple[str, ...] = ("",)  # what a side says of itself: nothing
TEXTURE, COLORS, LAYERS = (f"{group} 0 1 2 3" for group in (2, 3, 4))  # group, and a property for each corner
STEEL, GOLD = "1 0", "1 1"


def picture(side: int = 8) -> bytes:
    """Red above, blue below."""
    found = Image.new("RGB", (side, side), (0, 0, 255))
    found.paste((255, 0, 0), (0, 0, side, side // 2))
    file = io.BytesIO()
    found.save(file, "PNG")
    return file.getvalue()


def dressed(
    sides: Sequence[str],
    *,
    whole: str = "",
    groups: str = GROUPS,
    pictures: Mapping[str, bytes] | None = None,
) -> bytes:
    """The cube in `sides`, each a group and its properties (the last goes on to the end), and `whole` of the object."""
    worn = [*sides, *[sides[-1]] * (len(SIDES) - len(sides))]
    triangles = "".join(_side(corners, look) for corners, look in zip(SIDES, worn, strict=True))
    vertices = "".join(f'<vertex x="{x}" y="{y}" z="{z}"/>' for x, y, z in _CORNERS)
    mesh = f"<mesh><vertices>{vertices}</vertices><triangles>{triangles}</triangles></mesh>"
    model = (
        f'<model unit="millimeter" xmlns="{files.CORE}" xmlns:m="{MATERIALS}"><resources>{groups}'
        f'<object id="20" type="model"{whole}>{mesh}</object></resources><build><item objectid="20"/></build></model>'
    )
    found = {"3D/Textures/check.png": picture()} if pictures is None else pictures
    related = "".join(
        f'<Relationship Id="r{at}" Target="/{name}" Type="{_RELATION}"/>' for at, name in enumerate(found)
    )
    head = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    return files.package_3mf(model, {"3D/_rels/3dmodel.model.rels": f"{head}{related}</Relationships>", **found})


def _side(corners: Sequence[int], look: str) -> str:
    group, *worn = look.split() or [""]
    found = ""
    for first, second, third in ((0, 1, 2), (0, 2, 3)):
        says = ""
        if len(worn) == 1:
            says = f' pid="{group}" p1="{worn[0]}"'
        elif worn:
            says = f' pid="{group}" p1="{worn[first]}" p2="{worn[second]}" p3="{worn[third]}"'
        a, b, c = (corners[at] for at in (first, second, third))
        found += f'<triangle v1="{a}" v2="{b}" v3="{c}"{says}/>'
    return found
