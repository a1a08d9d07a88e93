"""Broken and hostile 3D models in the plain formats, each with the code that it has to be refused with."""

import json
import struct

from support import models
from support.models import bent, glb

GLB = glb()
NAN, BIG = struct.pack("<f", float("nan")), 2_000_000_000
CYCLE = [{"mesh": 0, "children": [1]}, {"children": [2]}, {"children": [1]}]
NOTHING = {  # by kind, what a file without a byte is
    **dict.fromkeys((*models.EVERY, "dae"), "model.empty"),
    **dict.fromkeys(("3mf", "model-zip"), "format.empty"),
    "step": "model.malformed",
}
HALVES = {  # by kind, what the first half of a file is
    "glb": "model.truncated",
    "gltf": "model.malformed",
    "stl": "model.truncated",
    "obj": "model.empty",
    "ply": "model.malformed",
    "off": "model.unreadable",
}


def half(content: bytes) -> bytes:
    """Where an upload was cut off."""
    return content[: len(content) // 2]


BROKEN: dict[str, tuple[str, bytes, str]] = {
    "empty": ("glb", b"", "model.empty"),
    "header": ("glb", GLB[:11], "model.malformed"),
    "cut": ("glb", GLB[:-30], "model.truncated"),
    "version": ("glb", GLB[:4] + b"\x01" + GLB[5:], "model.version"),
    "chunk": ("glb", GLB[:12] + struct.pack("<I", 1 << 31) + GLB[16:], "model.malformed"),
    "no json": ("glb", glb(b"{{{"), "model.malformed"),
    "list": ("glb", glb(b"[1]"), "model.malformed"),
    "deep json": ("glb", glb(b"[" * 100_000), "model.malformed"),
    "header too long": ("glb", GLB[:8] + struct.pack("<I", len(GLB) + 400) + GLB[12:], "model.truncated"),
    "count": ("glb", glb(bent("accessors", 0, "count", to=BIG)), "model.malformed"),
    "count beyond": ("glb", glb(bent("accessors", 0, "count", to=5)), "model.malformed"),
    "count negative": ("glb", glb(bent("accessors", 0, "count", to=-1)), "model.malformed"),
    "count true": ("glb", glb(bent("accessors", 0, "count", to=True)), "model.malformed"),
    "zeros": (
        "glb",
        glb(bent("accessors", 0, to={"componentType": 5126, "count": 90_000_000, "type": "VEC3"})),
        "limit.triangles",
    ),
    "zeros, two billion": (
        "glb",
        glb(bent("accessors", 0, to={"componentType": 5126, "count": BIG, "type": "VEC3"})),
        "model.malformed",
    ),
    "type": ("glb", glb(bent("accessors", 0, "type", to=["VEC3"])), "model.malformed"),
    "view": ("glb", glb(bent("bufferViews", 0, "byteLength", to=1000)), "model.malformed"),
    "buffer": ("glb", glb(bent("buffers", 0, "byteLength", to=1000)), "model.truncated"),
    "no view": ("glb", glb(bent("accessors", 0, "bufferView", to=7)), "model.malformed"),
    "no mesh": ("glb", glb(bent("nodes", 0, "mesh", to=3)), "model.malformed"),
    "cycle": ("glb", glb(bent("nodes", to=CYCLE)), "model.malformed"),
    "own child": ("glb", glb(bent("nodes", to=[{"mesh": 0, "children": [0]}])), "model.malformed"),
    "two parents": ("glb", glb(bent("nodes", to=[{"children": [1, 1]}, {"mesh": 0}])), "model.malformed"),
    "deep": (
        "glb",
        glb(bent("nodes", to=[{"children": [n + 1]} for n in range(2000)] + [{"mesh": 0}])),
        "model.malformed",
    ),
    "index": ("glb", glb(binary=GLB[-72:-2] + b"\xff\x00"), "model.unreadable"),
    "nan": ("glb", glb(binary=NAN + GLB[-68:]), "model.not_finite"),
    "no triangles": ("glb", glb(bent("meshes", 0, "primitives", 0, "mode", to=0)), "model.empty"),
    "meshopt": ("glb", glb(bent("extensionsRequired", to=["EXT_meshopt_compression"])), "model.needs_node"),
    "quantized": ("glb", glb(bent("accessors", 0, "normalized", to=True)), "model.needs_node"),
    "second file": ("gltf", b'{"asset":{},"buffers":[{"byteLength":9,"uri":"a.bin"}]}', "model.missing_files"),
    "outside": ("gltf", b'{"asset":{},"buffers":[{"byteLength":9,"uri":"../../etc/passwd"}]}', "model.external"),
    **{
        f"uri {uri}": ("gltf", json.dumps(bent("buffers", 0, "uri", to=uri)).encode(), "model.external")
        for uri in (
            "/etc/passwd",
            "/dev/zero",
            "file:///etc/passwd",
            "http://127.0.0.1/a.bin",
            "%2e%2e/%2e%2e/etc/passwd",
        )
    },
    "picture outside": ("glb", glb(bent("images", to=[{"uri": "file:///etc/passwd"}])), "model.external"),
    "stl cut": ("stl", models.stl()[:-10], "model.truncated"),
    "stl lie": ("stl", b"\0" * 80 + struct.pack("<I", 4_000_000_000), "model.truncated"),
    "stl none": ("stl", b"\0" * 84, "model.empty"),
    "stl nan": ("stl", models.stl()[:96] + NAN + models.stl()[100:], "model.not_finite"),
    "stl text nan": ("stl", models.stl_text().replace(b"1.0", b"nan", 1), "model.not_finite"),
    "obj nan": ("obj", models.obj(extra="v 1 NaN 2\n"), "model.not_finite"),
    "obj inf": ("obj", models.obj(extra="v -inf 0 0\n"), "model.not_finite"),
    "obj index": ("obj", b"v 0 0 0\nv 1 0 0\nf 1 2 9\n", "model.unreadable"),
    "obj points": ("obj", b"v 0 0 0\nv 1 0 0\n", "model.empty"),
    "obj other files": ("obj", b"mtllib /etc/passwd\nv 0 0 0\n", "model.empty"),
    "ply lie": ("ply", models.ply(points=4_000_000_000), "model.truncated"),
    "ply head": ("ply", models.ply()[:60], "model.malformed"),
    "ply count": ("ply", models.ply().replace(b"vertex 4", b"vertex x"), "model.malformed"),
    "off lie": ("off", models.off().replace(b"4 4 0", b"4 9999999 0"), "model.truncated"),
    "off index": ("off", models.off().replace(b"3 1 2 3", b"3 1 2 9"), "model.unreadable"),
    "off none": ("off", b"OFF\n", "model.malformed"),
    **{f"no byte of {kind}": (kind, b"", code) for kind, code in NOTHING.items()},
    **{f"half of {kind}": (kind, half(models.EVERY[kind]()), code) for kind, code in HALVES.items()},
}
