"""Writes one mesh, given in meters, in each 3D format: what one reader says of it, all must say."""

import base64
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence

from support import models

Points = Sequence[tuple[float, float, float]]
Faces = Sequence[tuple[int, int, int]]

# A wedge with no symmetry, so that a turned axis shows: its corners, and its faces seen from outside against the clock.
POINTS: Points = [(0.5, 0, 0), (0.75, 0, 0), (0.75, 0.5, 0), (0.5, 0.5, 0), (0.5, 0, 1), (0.75, 0, 1)]
FACES: Faces = [(0, 3, 2), (0, 2, 1), (0, 1, 5), (0, 5, 4), (1, 2, 5), (0, 4, 3), (3, 4, 5), (3, 5, 2)]
VOLUME = 0.25 * 0.5 * 1 / 2
AREA = 0.25 * 0.5 + 0.25 * 1 + 2 * (0.5 * 1 / 2) + 0.25 * (0.5**2 + 1) ** 0.5
BOUNDS = [[0.5, 0, 0], [0.75, 0.5, 1]]


def gltf_doc(points: Points, faces: Faces, *, uri: str | None = None) -> tuple[dict, bytes]:
    """The JSON of a glTF with this mesh, and its buffer."""
    binary = b"".join(struct.pack("<3f", *point) for point in points)
    cut = len(binary)
    binary += b"".join(struct.pack("<3I", *face) for face in faces)
    low, high = ([pick(point[axis] for point in points) for axis in range(3)] for pick in (min, max))
    doc = models.bent(
        "accessors",
        to=[
            {"bufferView": 0, "componentType": 5126, "count": len(points), "type": "VEC3", "min": low, "max": high},
            {"bufferView": 1, "componentType": 5125, "count": 3 * len(faces), "type": "SCALAR"},
        ],
    )
    doc["bufferViews"] = [
        {"buffer": 0, "byteOffset": 0, "byteLength": cut},
        {"buffer": 0, "byteOffset": cut, "byteLength": len(binary) - cut},
    ]
    doc["buffers"] = [{"byteLength": len(binary)} | ({"uri": uri} if uri else {})]
    return doc, binary


def glb(points: Points = POINTS, faces: Faces = FACES) -> bytes:
    """Binary glTF."""
    doc, binary = gltf_doc(points, faces)
    return models.glb(doc, binary=binary)


def gltf(points: Points = POINTS, faces: Faces = FACES) -> bytes:
    """JSON glTF with its buffer inside."""
    doc, binary = gltf_doc(points, faces)
    doc["buffers"][0]["uri"] = "data:application/octet-stream;base64," + base64.b64encode(binary).decode()
    return json.dumps(doc).encode()


def gltf_zip(points: Points = POINTS, faces: Faces = FACES) -> bytes:
    """JSON glTF with its buffer and a picture beside it, in a folder of a ZIP."""
    doc, binary = gltf_doc(points, faces, uri="my%20mesh.bin")
    doc["images"] = [{"uri": "tex/a.png"}]
    doc["textures"] = [{"source": 0}]
    doc["materials"] = [{"name": "paint", "pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}]
    doc["meshes"][0]["primitives"][0]["material"] = 0
    return archive({"a/scene.gltf": json.dumps(doc), "a/my mesh.bin": binary, "a/tex/a.png": png(4, 2), "a/x.txt": "x"})


def draco_block(points: Points = POINTS, faces: Faces = FACES) -> bytes:
    """The mesh as a Draco block, its positions rounded to 16 bits of its size."""
    import DracoPy
    import numpy as np

    return bytes(DracoPy.encode(np.array(points), np.array(faces), preserve_order=True, quantization_bits=16))


def draco(points: Points = POINTS, faces: Faces = FACES, *, block: bytes | None = None) -> bytes:
    """Binary glTF whose one mesh is a Draco block (None: of the mesh)."""
    doc, _ = gltf_doc(points, faces)
    packed = draco_block(points, faces) if block is None else block
    for accessor in doc["accessors"]:
        del accessor["bufferView"]
    doc["bufferViews"] = [{"buffer": 0, "byteLength": len(packed)}]
    doc["buffers"] = [{"byteLength": len(packed)}]
    name = "KHR_draco_mesh_compression"
    doc["extensionsUsed"] = doc["extensionsRequired"] = [name]
    doc["meshes"][0]["primitives"][0]["extensions"] = {name: {"bufferView": 0, "attributes": {"POSITION": 0}}}
    return models.glb(doc, binary=packed + bytes(-len(packed) % 4))


def obj(points: Points = POINTS, faces: Faces = FACES, *, head: str = "") -> bytes:
    """Wavefront OBJ."""
    rows = [f"v {x!r} {y!r} {z!r}" for x, y, z in points] + [f"f {a + 1} {b + 1} {c + 1}" for a, b, c in faces]
    return (head + "\n".join(rows) + "\n").encode()


def obj_zip(points: Points = POINTS, faces: Faces = FACES) -> bytes:
    """OBJ, MTL and a picture in a ZIP; each corner with a UV of its own."""
    rows = [f"v {x!r} {y!r} {z!r}" for x, y, z in points] + [f"vt {x!r} {y!r}" for x, y, _ in points]
    rows += ["usemtl paint", *("f " + " ".join(f"{corner + 1}/{corner + 1}" for corner in face) for face in faces)]
    text = "mtllib a.mtl\n" + "\n".join(rows) + "\n"
    return archive({"a.obj": text, "a.mtl": "newmtl paint\nKd 1 0 0\nmap_Kd Tex.PNG\n", "tex.png": png(4, 2)})


def stl(points: Points = POINTS, faces: Faces = FACES) -> bytes:
    """Binary STL."""
    rows = (struct.pack("<12fH", 0, 0, 0, *(part for corner in face for part in points[corner]), 0) for face in faces)
    return b"\0" * 80 + struct.pack("<I", len(faces)) + b"".join(rows)


def stl_text(points: Points = POINTS, faces: Faces = FACES) -> bytes:
    """ASCII STL."""
    rows = []
    for face in faces:
        corners = "".join("vertex {!r} {!r} {!r}\n".format(*points[corner]) for corner in face)
        rows.append(f"facet normal 0 0 0\nouter loop\n{corners}endloop\nendfacet\n")
    return f"solid x\n{''.join(rows)}endsolid x\n".encode()


def _ply_head(form: str, points: Points, faces: Faces) -> str:
    axes = "".join(f"property double {axis}\n" for axis in "xyz")
    head = f"ply\nformat {form} 1.0\nelement vertex {len(points)}\n{axes}element face {len(faces)}\n"
    return head + "property list uchar int vertex_indices\nend_header\n"


def ply_text(points: Points = POINTS, faces: Faces = FACES) -> bytes:
    """ASCII PLY."""
    return (_ply_head("ascii", points, faces) + _listed(points, faces)).encode()


def ply(points: Points = POINTS, faces: Faces = FACES) -> bytes:
    """Binary PLY."""
    body = b"".join(struct.pack("<3d", *point) for point in points)
    body += b"".join(struct.pack("<B3i", 3, *face) for face in faces)
    return _ply_head("binary_little_endian", points, faces).encode() + body


def off(points: Points = POINTS, faces: Faces = FACES) -> bytes:
    """OFF."""
    return f"OFF\n{len(points)} {len(faces)} 0\n{_listed(points, faces)}".encode()


def _listed(points: Points, faces: Faces) -> str:
    rows = ["{!r} {!r} {!r}".format(*point) for point in points] + ["3 {} {} {}".format(*face) for face in faces]
    return "\n".join(rows) + "\n"


CORE = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
PRODUCTION = "http://schemas.microsoft.com/3dmanufacturing/production/2015/06"


def object_3mf(number: int, points: Points = POINTS, faces: Faces = FACES, *, scale: float = 1.0) -> str:
    """A mesh as an object of a 3MF."""
    corners = "".join(f'<vertex x="{x * scale!r}" y="{y * scale!r}" z="{z * scale!r}"/>' for x, y, z in points)
    triangles = "".join(f'<triangle v1="{a}" v2="{b}" v3="{c}"/>' for a, b, c in faces)
    mesh = f"<mesh><vertices>{corners}</vertices><triangles>{triangles}</triangles></mesh>"
    return f'<object id="{number}" type="model" pid="90" pindex="1">{mesh}</object>'


def model_3mf(resources: str, build: str, *, unit: str | None = "millimeter", head: str = "") -> str:
    """A model part of these resources and build items."""
    stated = f' unit="{unit}"' if unit else ""
    base = '<basematerials id="90"><base name="x" displaycolor="#00FF00"/><base name="paint" displaycolor="#FF0000FF"/>'
    # A part that declares the production extension has to give UUIDs.
    production = f' xmlns:p="{PRODUCTION}"' if "p:" in resources + build else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{head}<model{stated} xmlns="{CORE}"{production}>'
        f"<resources>{base}</basematerials>{resources}</resources><build>{build}</build></model>"
    )


_OPC = "http://schemas.openxmlformats.org/package/2006"
_3MF_TYPES = (
    f'<Types xmlns="{_OPC}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/>'
    '<Default Extension="png" ContentType="image/png"/></Types>'
)
_3MF_RELS = (
    f'<Relationships xmlns="{_OPC}/relationships"><Relationship Id="r0" Target="/3D/3dmodel.model" '
    'Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>'
)


def package_3mf(model: str, more: Mapping[str, str | bytes] | None = None) -> bytes:
    """A 3MF package of that model part."""
    parts = {"[Content_Types].xml": _3MF_TYPES, "_rels/.rels": _3MF_RELS, "3D/3dmodel.model": model}
    return archive(parts | dict(more or {}))


def threemf(points: Points = POINTS, faces: Faces = FACES) -> bytes:
    """3MF in millimeters: an object within a component within a build item."""
    shift = '<object id="2"><components><component objectid="1" transform="1 0 0 0 1 0 0 0 1 -7 0 0"/></components></object>'
    item = '<item objectid="2" transform="1 0 0 0 1 0 0 0 1 7 0 0"/>'
    return package_3mf(model_3mf(object_3mf(1, points, faces, scale=1000) + shift, item))


def dae(points: Points = POINTS, faces: Faces = FACES, *, head: str = "", scene: str | None = None) -> bytes:
    """COLLADA in centimeters with Z up, its one node scaled by two over a mesh of half size."""
    numbers = " ".join(repr(part * 50) for point in points for part in point)
    corners = " ".join(str(corner) for face in faces for corner in face)
    nodes = scene or '<node id="n"><scale>2 2 2</scale><instance_geometry url="#g"/></node>'
    return f"""<?xml version="1.0"?>{head}<COLLADA xmlns="http://www.collada.org/2005/11/COLLADASchema" version="1.4.1">
<asset><created>2026-01-01T00:00:00Z</created><modified>2026-01-01T00:00:00Z</modified>
<unit name="centimeter" meter="0.01"/><up_axis>Z_UP</up_axis></asset>
<library_geometries><geometry id="g"><mesh><source id="s"><float_array id="a" count="{3 * len(points)}">{numbers}</float_array>
<technique_common><accessor source="#a" count="{len(points)}" stride="3"><param name="X" type="float"/>
<param name="Y" type="float"/><param name="Z" type="float"/></accessor></technique_common></source>
<vertices id="v"><input semantic="POSITION" source="#s"/></vertices>
<triangles count="{len(faces)}"><input semantic="VERTEX" source="#v" offset="0"/><p>{corners}</p></triangles>
</mesh></geometry></library_geometries>
<library_visual_scenes><visual_scene id="scene">{nodes}</visual_scene></library_visual_scenes>
<scene><instance_visual_scene url="#scene"/></scene></COLLADA>""".encode()


class _Step:
    """Entities of a STEP file, numbered as they come."""

    def __init__(self) -> None:
        self.rows: list[str] = []

    def add(self, text: str) -> str:
        """The entity's number."""
        self.rows.append(f"#{len(self.rows) + 1}={text};")
        return f"#{len(self.rows)}"

    def three(self, kind: str, numbers: Sequence[float]) -> str:
        """A point or a direction."""
        return self.add("{}('',({!r},{!r},{!r}))".format(kind, *map(float, numbers)))


def step(points: Points = POINTS, faces: Faces = FACES, *, more: str = "") -> bytes:
    """STEP (AP214) in millimeters: one faceted solid, a plane for each triangle."""
    to = _Step()
    application = to.add("APPLICATION_CONTEXT('automotive design')")
    context = to.add(f"PRODUCT_CONTEXT('',{application},'mechanical')")
    product = to.add(f"PRODUCT('p','p','',({context}))")
    formation = to.add(f"PRODUCT_DEFINITION_FORMATION('','',{product})")
    design = to.add(f"PRODUCT_DEFINITION_CONTEXT('part definition',{application},'design')")
    definition = to.add(f"PRODUCT_DEFINITION('design','',{formation},{design})")
    shape = to.add(f"PRODUCT_DEFINITION_SHAPE('','',{definition})")
    length = to.add("(LENGTH_UNIT()NAMED_UNIT(*)SI_UNIT(.MILLI.,.METRE.))")
    angle = to.add("(NAMED_UNIT(*)PLANE_ANGLE_UNIT()SI_UNIT($,.RADIAN.))")
    solid = to.add("(NAMED_UNIT(*)SI_UNIT($,.STERADIAN.)SOLID_ANGLE_UNIT())")
    units = f"GLOBAL_UNIT_ASSIGNED_CONTEXT(({length},{angle},{solid}))"
    space = to.add(f"(GEOMETRIC_REPRESENTATION_CONTEXT(3){units}REPRESENTATION_CONTEXT('',''))")
    scaled = [tuple(part * 1000 for part in point) for point in points]
    corners = [to.three("CARTESIAN_POINT", point) for point in scaled]
    sides = []
    for face in faces:
        loop = to.add(f"POLY_LOOP('',({','.join(corners[corner] for corner in face)}))")
        bound = to.add(f"FACE_OUTER_BOUND('',{loop},.T.)")
        sides.append(to.add(f"FACE_SURFACE('',({bound}),{_plane(to, [scaled[corner] for corner in face])},.T.)"))
    shell = to.add(f"CLOSED_SHELL('',({','.join(sides)}))")
    brep = to.add(f"FACETED_BREP('',{shell})")
    held = to.add(f"FACETED_BREP_SHAPE_REPRESENTATION('',({brep}),{space})")
    to.add(f"SHAPE_DEFINITION_REPRESENTATION({shape},{held})")
    head = "ISO-10303-21;\nHEADER;\nFILE_DESCRIPTION((''),'2;1');\nFILE_NAME('x','2026-01-01T00:00:00',(''),(''),'','','');"
    head += "\nFILE_SCHEMA(('AUTOMOTIVE_DESIGN'));\nENDSEC;\nDATA;\n"
    return (head + "\n".join(to.rows) + more + "\nENDSEC;\nEND-ISO-10303-21;\n").encode()


def _plane(to: _Step, corners: Points) -> str:
    first, second, third = corners
    along = [b - a for a, b in zip(first, second, strict=True)]
    other = [b - a for a, b in zip(first, third, strict=True)]
    normal = [along[i - 2] * other[i - 1] - along[i - 1] * other[i - 2] for i in range(3)]
    place = to.three("CARTESIAN_POINT", first), to.three("DIRECTION", normal), to.three("DIRECTION", along)
    return to.add(f"PLANE('',{to.add('AXIS2_PLACEMENT_3D({},{},{},{})'.format(repr(''), *place))})")


def fbx(points: Points = POINTS, faces: Faces = FACES) -> bytes:
    """Binary FBX in centimeters with Z up."""
    from support import fbx_files

    return fbx_files.wedge(fbx_files.turned(points), faces, scale=100, up="Z").binary()


def fbx_text(points: Points = POINTS, faces: Faces = FACES) -> bytes:
    """FBX as text, in meters with Y up."""
    from support import fbx_files

    return fbx_files.wedge(points, faces).text()


def archive(files: Mapping[str, str | bytes]) -> bytes:
    """A ZIP of these files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as found:
        for name, content in files.items():
            found.writestr(name, content)
    return out.getvalue()


def png(width: int, height: int) -> bytes:
    """A black picture, or the head of one that is too large to be written out."""
    rows = bytes((width + 1) * height) if width * height < 1_000_000 else b""
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    out = b"\x89PNG\r\n\x1a\n"
    for name, content in chunks:
        out += struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    return out


EVERY: dict[str, tuple[str, Callable[[], bytes]]] = {
    "glb": ("glb", glb),
    "gltf": ("gltf", gltf),
    "gltf zip": ("model-zip", gltf_zip),
    "draco": ("glb", draco),
    "obj": ("obj", obj),
    "obj zip": ("model-zip", obj_zip),
    "stl": ("stl", stl),
    "stl text": ("stl", stl_text),
    "ply": ("ply", ply),
    "ply text": ("ply", ply_text),
    "off": ("off", off),
    "3mf": ("3mf", threemf),
    "dae": ("dae", dae),
    "step": ("step", step),
    "fbx": ("fbx", fbx),
    "fbx text": ("fbx", fbx_text),
}
