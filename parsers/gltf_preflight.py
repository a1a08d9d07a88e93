"""Checks a glTF before any loader sees it: lengths, counts, cycles and references, in pure Python."""

import struct
from collections.abc import Iterator
from pathlib import Path

from jobs.errors import InputError, UnreadableFile
from parsers.gltf_buffers import Buffer, View, check_pictures, open_buffers, open_views, own_buffer
from parsers.gltf_draco import HEAD, draco_faces
from parsers.gltf_json import Json, listed, number, parsed
from parsers.model_facts import Beside
from parsers.model_faults import MAX_TRIANGLES, malformed, too_many, truncated
from parsers.model_folder import Folder

MAX_JSON = 64 * 1024 * 1024  # bytes of a GLB's JSON
MAX_GLTF = 256 * 1024 * 1024  # bytes of a .gltf, its embedded buffers included
MAX_ELEMENTS = 100_000_000  # in one accessor
MAX_ZEROS = 10_000_000  # elements of accessors that no bytes stand behind
MAX_UNPACKED = 256 * 1024 * 1024  # bytes of a compressed glTF once it is not
MAX_DRACO = 48_000_000  # elements of accessors that are decoded from Draco blocks
MAX_DEPTH = 500  # nodes below nodes
DRACO = "KHR_draco_mesh_compression"
_GLB_HEADER, _CHUNK_HEADER = 12, 8
_JSON_CHUNK, _BIN_CHUNK = 0x4E4F534A, 0x004E4942
_COMPONENTS = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}  # bytes each
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
_PLAIN = "Export it again without mesh compression."
_NOBODY = Folder()


def check_glb(path: Path) -> Beside:
    """Raise `InputError` unless the GLB's chunks and all that its JSON promises fit its bytes.

    What comes back, here and below, is what is known of its pictures.
    """
    text, own = glb_parts(path)
    return check_json(parsed(text), own)


def glb_parts(path: Path) -> tuple[bytes, Buffer | None]:
    """The JSON of a GLB as text, and its own buffer; raises `UnreadableFile` where its chunks do not fit its bytes."""
    size = path.stat().st_size
    with path.open("rb") as file:
        header = file.read(_GLB_HEADER)
        if len(header) < _GLB_HEADER or header[:4] != b"glTF":
            raise malformed("The GLB header is incomplete.")
        _, version, length = struct.unpack("<4sII", header)
        if version != 2:
            raise UnreadableFile("model.version", f"The GLB is of version {version}; version 2 is read here.")
        if length > size:
            raise truncated(length, size)
        text, binary = b"", None
        at = _GLB_HEADER
        while at + _CHUNK_HEADER <= length:
            chunk_length, chunk_type = struct.unpack("<II", file.read(_CHUNK_HEADER))
            at += _CHUNK_HEADER
            if at + chunk_length > length:
                raise malformed("A chunk of the GLB is longer than the file.")
            if not text:
                if chunk_type != _JSON_CHUNK or chunk_length > MAX_JSON:
                    raise malformed("The GLB does not begin with a JSON chunk of sane size.")
                text = file.read(chunk_length)
            elif binary is None and chunk_type == _BIN_CHUNK:
                binary = own_buffer(path, at=at, length=chunk_length)
            at += chunk_length
            file.seek(at)
    return text, binary


def check_gltf(path: Path) -> Beside:
    """The same for a JSON glTF that came alone, and so has to embed its buffers."""
    if path.stat().st_size > MAX_GLTF:
        raise InputError("limit.size", "The glTF is too large as JSON.", hint="Send it as GLB.")
    return check_gltf_text(path.read_bytes())


def check_gltf_text(text: bytes, folder: Folder = _NOBODY) -> Beside:
    """The same for a JSON glTF whose files lie in `folder`."""
    return check_json(parsed(text), None, folder=folder)


def check_json(doc: Json, own: Buffer | None = None, *, folder: Folder = _NOBODY, packed: bool = False) -> Beside:
    """Check the document; `own` is the GLB's own buffer. `packed`: what is compressed in it will be unpacked."""
    views = open_views(doc, open_buffers(doc, own, folder, packed=packed), packed=packed)
    if packed and sum(view.length for view in views) > MAX_UNPACKED:
        raise InputError("limit.unpacked", f"The model unpacks to more than {MAX_UNPACKED >> 20} MiB.", hint=_PLAIN)
    accessors = listed(doc, "accessors")
    decoded = _check_meshes(doc, accessors, views)
    made_up = [_check_accessor(accessor, views) for accessor in accessors]
    from_draco = sum(made_up[index] for index in decoded)
    if from_draco > MAX_DRACO or sum(made_up) - from_draco > MAX_ZEROS:
        raise InputError("limit.triangles", "The model promises more data than it holds.")
    pictures = check_pictures(doc, views, folder)
    _check_nodes(doc)
    return pictures


def _check_accessor(accessor: Json, views: list[View]) -> int:
    """How many elements it makes up out of nothing: those without a buffer view are zeros."""
    count = number(accessor, "count", below=MAX_ELEMENTS)
    component = _COMPONENTS.get(number(accessor, "componentType"))
    kind = accessor.get("type")
    width = _WIDTHS.get(kind) if isinstance(kind, str) else None
    if component is None or width is None:
        raise malformed("An accessor is of an unknown type.")
    if "sparse" in accessor:
        _check_sparse(accessor["sparse"], views, count=count, element=component * width)
    if "bufferView" not in accessor:
        return count
    held = views[number(accessor, "bufferView", below=len(views))].length
    if count and number(accessor, "byteOffset", default=0) + count * component * width > held:
        raise malformed("An accessor is longer than its buffer view.")
    return 0


def _check_sparse(sparse: object, views: list[View], *, count: int, element: int) -> None:
    if not isinstance(sparse, dict) or not all(isinstance(sparse.get(key), dict) for key in ("indices", "values")):
        raise malformed("A sparse accessor is incomplete.")
    changed = number(sparse, "count", below=count + 1)
    index_size = _COMPONENTS.get(number(sparse["indices"], "componentType"), 0)
    for part, size in ((sparse["indices"], index_size), (sparse["values"], element)):
        held = views[number(part, "bufferView", below=len(views))].length
        if number(part, "byteOffset", default=0) + changed * size > held:
            raise malformed("A sparse accessor is longer than its buffer view.")


def _check_meshes(doc: Json, accessors: list[Json], views: list[View]) -> set[int]:
    """The accessors whose elements come out of Draco blocks; a loader copies what primitives share, so all are counted."""
    decoded: set[int] = set()
    triangles = 0
    for mesh in listed(doc, "meshes"):
        for primitive in listed(mesh, "primitives"):
            attributes = primitive.get("attributes")
            if not isinstance(attributes, dict):
                raise malformed("A mesh lacks its attributes.")
            used = {number(attributes, name, below=len(accessors)) for name in attributes}
            corners = used
            if "indices" in primitive:
                corners = {number(primitive, "indices", below=len(accessors))}
                used |= corners
            faces = _draco_faces(primitive, views)
            if faces is not None:
                decoded |= used
            counted = max((number(accessors[index], "count", below=MAX_ELEMENTS) // 3 for index in corners), default=0)
            triangles += max(counted, faces or 0)
            if triangles > MAX_TRIANGLES:
                raise too_many(triangles)
    return decoded


def _draco_faces(primitive: Json, views: list[View]) -> int | None:
    """Triangles of the Draco block that the primitive is; None where it is none."""
    extensions = primitive.get("extensions")
    if not isinstance(extensions, dict) or DRACO not in extensions:
        return None
    block = extensions[DRACO]
    if not isinstance(block, dict) or not isinstance(block.get("attributes"), dict):
        raise malformed("A Draco block is incomplete.")
    return draco_faces(views[number(block, "bufferView", below=len(views))].head(HEAD))


def _check_nodes(doc: Json) -> None:
    """Nodes have to form trees: a cycle sends renderers into endless recursion."""
    nodes, meshes = listed(doc, "nodes"), len(listed(doc, "meshes"))
    parents: dict[int, int] = {}
    for index, node in enumerate(nodes):
        if "mesh" in node:
            number(node, "mesh", below=meshes)
        for child in _children(node.get("children", []), len(nodes)):
            if child in parents:
                raise malformed("A node of the model has two parents.")
            parents[child] = index
    depth: dict[int, int] = {}  # of nodes whose way to a root is known
    for start in parents:
        way: list[int] = []
        at = start
        while at in parents and at not in depth:
            way.append(at)
            at = parents[at]
            if len(way) > MAX_DEPTH:
                raise malformed("The model's nodes form a cycle, or lie too deep.")
        known = depth.get(at, 0)
        depth.update((node, known + steps) for steps, node in enumerate(reversed(way), 1))
        if depth[start] > MAX_DEPTH:
            raise malformed("The model's nodes lie too deep.")


def _children(found: object, nodes: int) -> Iterator[int]:
    if not isinstance(found, list):
        raise malformed("A node's children are no list.")
    for child in found:
        if not isinstance(child, int) or isinstance(child, bool) or not 0 <= child < nodes:
            raise malformed("A node has a child that is not there.")
        yield child
