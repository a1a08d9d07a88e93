"""Hostile 3D models: each an honest one bent in one way, with the code that it has to be refused with."""

import json
import struct

from support import model_files as files
from support.models import bent, glb

ITEM = '<item objectid="1"/>'
NAN = struct.pack("<d", float("nan"))
# Entities that would open another file, or grow without end.
DOCTYPE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd"><!ENTITY b "&a;&a;">]>'


def threemf(resources: str = "", build: str = ITEM, *, head: str = "") -> bytes:
    """A 3MF of these objects."""
    return files.package_3mf(files.model_3mf(resources or files.object_3mf(1), build, head=head))


def components(*ids: int, number: int) -> str:
    """An object of other ones."""
    inner = "".join(f'<component objectid="{one}"/>' for one in ids)
    return f'<object id="{number}"><components>{inner}</components></object>'


def doubling(levels: int) -> str:
    """Objects of which each holds the one before twice."""
    return files.object_3mf(1) + "".join(components(level, level, number=level + 1) for level in range(1, levels))


def bomb(size: int = 40) -> bytes:
    """A 3MF of some KB whose model is `size` MiB of blanks."""
    return files.package_3mf(files.model_3mf(files.object_3mf(1), ITEM) + " " * (size << 20))


def many_bombs() -> bytes:
    """A glTF ZIP of small entries, each packed as tightly as is allowed, together far too large."""
    doc, binary = files.gltf_doc(files.POINTS, files.FACES, uri="a.bin")
    large = {f"{number}.bin": bytes(31 << 20) for number in range(9)}
    return files.archive({"a.gltf": json.dumps(doc), "a.bin": binary, **large})


def shared() -> bytes:
    """A GLB of some KB whose thousand primitives share 12,000 triangles."""
    doc, binary = files.gltf_doc(files.POINTS, files.FACES * 1500)
    doc["meshes"][0]["primitives"] *= 1000
    return glb(doc, binary=binary)


def gltf_zip(uri: str, *, picture: bytes | None = None) -> bytes:
    """A ZIP whose glTF names this buffer, or this picture."""
    doc, binary = files.gltf_doc(files.POINTS, files.FACES, uri="a.bin" if picture else uri)
    if picture:
        doc["images"] = [{"uri": uri}]
    return files.archive(
        {"x/a.gltf": json.dumps(doc), "x/a.bin": binary, "secret.bin": binary, "x/a.png": picture or b""}
    )


def pictured(picture: bytes) -> bytes:
    """A GLB with this picture in its buffer."""
    doc, binary = files.gltf_doc(files.POINTS, files.FACES)
    doc["bufferViews"].append({"buffer": 0, "byteOffset": len(binary), "byteLength": len(picture)})
    doc["images"] = [{"bufferView": 2, "mimeType": "image/png"}]
    binary += picture
    doc["buffers"][0]["byteLength"] = len(binary)
    return glb(doc, binary=binary + bytes(-len(binary) % 4))


def draco(faces: int) -> bytes:
    """A Draco block that claims so many triangles."""
    claim = b""
    while faces > 127:
        claim, faces = claim + bytes([faces & 127 | 128]), faces >> 7
    block = files.draco_block()
    return files.draco(block=block[:11] + claim + bytes([faces]) + block[12:])


def dae_nodes(nodes: str, *, geometry: bool = True) -> bytes:
    """A COLLADA file whose scene is these nodes."""
    shown = '<instance_geometry url="#g"/>' if geometry else ""
    return files.dae(scene=f'{nodes}<node id="leaf">{shown}</node>')


DOUBLING_NODES = "".join(
    f'<node id="n{level}">' + f'<instance_node url="#n{level + 1}"/>' * 2 + "</node>" for level in range(30)
)
BIG = files.png(30_000, 30_000)
GLTF, GLTF_BINARY = files.gltf_doc(files.POINTS, files.FACES)

CASES: dict[str, tuple[str, bytes, str]] = {
    "3mf bomb": ("3mf", bomb(), "zip.ratio"),
    "3mf cut": ("3mf", files.threemf()[:-40], "zip.damaged"),
    "3mf entities": ("3mf", threemf(head=DOCTYPE), "xml.entity"),
    "3mf cycle": ("3mf", threemf(components(2, number=1) + components(1, number=2)), "model.malformed"),
    "3mf own component": ("3mf", threemf(components(1, number=1)), "model.malformed"),
    "3mf doubling": ("3mf", threemf(doubling(40), '<item objectid="40"/>'), "model.malformed"),
    "3mf deep": (
        "3mf",
        threemf("".join(components(level + 1, number=level) for level in range(1, 200))),
        "model.malformed",
    ),
    "3mf no object": ("3mf", threemf(build='<item objectid="7"/>'), "model.malformed"),
    "3mf no part": (
        "3mf",
        threemf(
            '<object id="1"><components><component objectid="1" p:path="/../../etc/passwd"/></components></object>'
        ),
        "model.malformed",
    ),
    "3mf nothing built": ("3mf", threemf(build=""), "model.empty"),
    "3mf nan": ("3mf", threemf(files.object_3mf(1).replace('x="0.5"', 'x="NaN"', 1)), "model.not_finite"),
    "3mf huge number": ("3mf", threemf(files.object_3mf(1).replace('x="0.5"', 'x="1e999"', 1)), "model.not_finite"),
    "3mf index": ("3mf", threemf(files.object_3mf(1).replace('v1="0"', 'v1="99"', 1)), "model.malformed"),
    "3mf index below": ("3mf", threemf(files.object_3mf(1).replace('v1="0"', 'v1="-1"', 1)), "model.malformed"),
    "3mf huge index": ("3mf", threemf(files.object_3mf(1).replace('v1="0"', f'v1="{9**50}"', 1)), "model.malformed"),
    "3mf transform": ("3mf", threemf(build='<item objectid="1" transform="1 2 inf"/>'), "model.malformed"),
    "3mf unit": ("3mf", files.package_3mf(files.model_3mf(files.object_3mf(1), ITEM, unit="mile")), "model.malformed"),
    "3mf broken": ("3mf", files.package_3mf("<model><resources>"), "model.malformed"),
    "3mf endless tag": ("3mf", files.package_3mf("<model a='" + "x" * (6 << 20)), "model.malformed"),
    "3mf no model": ("3mf", files.archive({"a.txt": "x"}), "model.malformed"),
    "3mf relations": ("3mf", files.package_3mf("<model/>", {"_rels/.rels": "<a><b>"}), "model.malformed"),
    "dae entities": ("dae", files.dae(head=DOCTYPE), "xml.entity"),
    "dae cut": ("dae", files.dae()[:-300], "model.malformed"),
    "dae archive": ("dae", files.dae() + files.archive({"a.dae": "x"}), "model.malformed"),
    "dae cycle": ("dae", dae_nodes('<node id="a"><instance_node url="#a"/></node>'), "model.malformed"),
    "dae doubling": ("dae", dae_nodes(DOUBLING_NODES + '<node id="n30"/>', geometry=False), "model.malformed"),
    "dae deep": ("dae", dae_nodes("<node>" * 500 + "</node>" * 500), "model.malformed"),
    "dae outside": ("dae", dae_nodes('<node><instance_geometry url="../b.dae#g"/></node>'), "model.external"),
    "dae nan": ("dae", files.dae().replace(b">25.0", b">NaN", 1), "model.not_finite"),
    "dae unit": ("dae", files.dae().replace(b'meter="0.01"', b'meter="0"'), "model.malformed"),
    "dae no scene": ("dae", files.dae().replace(b"instance_geometry", b"instance_camera"), "model.empty"),
    "dae index": ("dae", files.dae().replace(b"<p>0 ", b"<p>99 "), "model.unreadable"),
    "dae other": ("dae", b"<a/>", "model.malformed"),
    "step cut": ("step", files.step()[:-200], "model.malformed"),
    "step outside": ("step", files.step(more="\n#999=DOCUMENT_FILE('/etc/passwd','','',$,'','');"), "model.external"),
    "step junk": ("step", b"ISO-10303-21;\n" + b"#1=(((;" * 50 + b"END-ISO-10303-21;\n", "model.unreadable"),
    "step other": ("step", b"no step", "model.malformed"),
    "zip bomb": ("model-zip", many_bombs(), "zip.too_large"),
    "zip no model": ("model-zip", files.archive({"a.bin": "x"}), "model.main_file"),
    "zip two models": ("model-zip", files.archive({"a.obj": "x", "b.gltf": "x"}), "model.main_file"),
    "zip name": ("model-zip", files.archive({"../a.obj": files.obj()}), "zip.name"),
    "zip uri up": ("model-zip", gltf_zip("../secret.bin"), "model.external"),
    "zip uri coded": ("model-zip", gltf_zip("%2e%2e/secret.bin"), "model.external"),
    "zip uri root": ("model-zip", gltf_zip("/etc/passwd"), "model.external"),
    "zip uri file": ("model-zip", gltf_zip("file:///etc/passwd"), "model.external"),
    "zip uri http": ("model-zip", gltf_zip("http://127.0.0.1/a.bin"), "model.external"),
    "zip uri device": ("model-zip", gltf_zip("\\dev\\zero"), "model.external"),
    "zip missing": ("model-zip", gltf_zip("b.bin"), "model.missing_files"),
    "zip picture outside": ("model-zip", gltf_zip("../../etc/passwd", picture=b"x"), "model.external"),
    "zip picture": ("model-zip", gltf_zip("a.png", picture=BIG), "limit.pixels"),
    "zip mtl picture": (
        "model-zip",
        files.archive({"a.obj": files.obj(head="mtllib a.mtl\n"), "a.mtl": "newmtl a\nmap_Kd a.png\n", "a.png": BIG}),
        "limit.pixels",
    ),
    "zip nan": ("model-zip", files.archive({"a.obj": files.obj() + b"v nan 0 0\n"}), "model.not_finite"),
    "picture": ("glb", pictured(BIG), "limit.pixels"),
    "shared": ("glb", shared(), "limit.triangles"),
    "draco count": ("glb", draco(4_000_000_000), "limit.triangles"),
    "draco lie": ("glb", draco(3_900_000), "model.unreadable"),
    "draco cut": ("glb", files.draco(block=files.draco_block()[:40]), "model.unreadable"),
    "draco other": ("glb", files.draco(block=b"x" * 80), "model.malformed"),
    "draco points": ("glb", files.draco(block=b"DRACO\2\2\0" + bytes(60)), "model.malformed"),
    "cycle": (
        "glb",
        glb(bent("nodes", to=[{"mesh": 0, "children": [0]}], doc=GLTF), binary=GLTF_BINARY),
        "model.malformed",
    ),
    "ply nan": ("ply", files.ply()[:-128] + NAN + files.ply()[-120:], "model.not_finite"),
    "ply text inf": ("ply", files.ply_text().replace(b"\n0.5 ", b"\n1e999 ", 1), "model.not_finite"),
    "off nan": ("off", files.off().replace(b"\n0.5 ", b"\nnan ", 1), "model.not_finite"),
    "obj huge number": ("obj", files.obj().replace(b"v 0.5 ", b"v 1e999 ", 1), "model.not_finite"),
}

# What names files outside and may be read all the same: those files count as missing.
ESCAPES: dict[str, tuple[str, bytes]] = {
    "mtllib": ("obj", files.obj(head="mtllib ../../etc/passwd\n")),
    "mtllib root": ("obj", files.obj(head="mtllib /etc/passwd\n")),
    "map_Kd": (
        "model-zip",
        files.archive(
            {
                "x/a.obj": files.obj(head="mtllib a.mtl\nusemtl a\n"),
                "x/a.mtl": "newmtl a\nmap_Kd ../secret.png\nmap_Kd /etc/passwd\nmap_Kd C:\\secret.png\n",
                "secret.png": files.png(4, 4),
            }
        ),
    ),
    "dae picture": (
        "dae",
        files.dae().replace(
            b"<library_geometries>",
            b'<library_images><image id="i"><init_from>file:///etc/passwd</init_from></image></library_images>'
            b"<library_geometries>",
        ),
    ),
}
