"""Checks a glTF before any loader sees it: lengths, counts, cycles and references, in pure Python."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from jobs.errors import InputError, UnreadableFile

MAX_JSON = 64 * 1024 * 1024  # bytes of a GLB's JSON
MAX_GLTF = 256 * 1024 * 1024  # bytes of a .gltf, its embedded buffers included
MAX_ELEMENTS = 100_000_000  # in one accessor
MAX_ZEROS = 10_000_000  # elements of accessors that no bytes stand behind
MAX_DEPTH = 500  # nodes below nodes
_GLB_HEADER, _CHUNK_HEADER = 12, 8
_JSON_CHUNK, _BIN_CHUNK = 0x4E4F534A, 0x004E4942
_COMPONENTS = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}  # bytes each
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
_COMPRESSED = {"KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_meshopt_compression"}

Json = dict[str, Any]


def check_glb(path: Path) -> None:
    """Raise `InputError` unless the GLB's chunks and all that its JSON promises fit its bytes."""
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
                binary = chunk_length
            at += chunk_length
            file.seek(at)
    check_json(_parsed(text), binary)


def check_gltf(path: Path) -> None:
    """The same for a JSON glTF, which must embed its buffers."""
    if path.stat().st_size > MAX_GLTF:
        raise InputError("limit.size", "The glTF is too large as JSON.", hint="Send it as GLB.")
    check_json(_parsed(path.read_bytes()), None)


def check_json(doc: Json, binary: int | None) -> None:
    """Check the document; `binary` is the length of the GLB's own buffer."""
    required = doc.get("extensionsRequired")
    if found := _COMPRESSED.intersection(item for item in required or () if isinstance(item, str)):
        hint = "Export it again without mesh compression."
        raise InputError("model.compressed", f"The model needs {', '.join(sorted(found))}, not read here.", hint=hint)
    buffers = [_buffer_length(buffer, binary, index) for index, buffer in enumerate(_list(doc, "buffers"))]
    views = [_view_length(view, buffers) for view in _list(doc, "bufferViews")]
    accessors = _list(doc, "accessors")
    zeros = sum(_check_accessor(accessor, views) for accessor in accessors)
    if zeros > MAX_ZEROS:
        raise InputError("limit.triangles", "The model promises more data than it holds.")
    for image in _list(doc, "images"):
        _check_uri(image.get("uri"))
    _check_meshes(doc, len(accessors))
    _check_nodes(doc)


def malformed(message: str) -> UnreadableFile:
    """The file contradicts itself."""
    return UnreadableFile("model.malformed", message, hint="Export the model again.")


def truncated(expected: int, size: int) -> UnreadableFile:
    """The file ends before what its header promises."""
    message = f"The file is cut off: it should have {expected} bytes and has {size}."
    return UnreadableFile("model.truncated", message, hint="Send it again.")


def _parsed(text: bytes) -> Json:
    try:
        doc = orjson.loads(text.rstrip(b"\0 "))
    except orjson.JSONDecodeError:
        raise malformed("The glTF's JSON can not be read.") from None
    if not isinstance(doc, dict):
        raise malformed("The glTF's JSON is no object.")
    return doc


def _list(doc: Json, key: str) -> list[Json]:
    found = doc.get(key, [])
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise malformed(f"{key!r} is not a list of objects.")
    return found


def _number(doc: Json, key: str, *, default: int | None = None, below: int = 2**53) -> int:
    """A whole number from 0 up to, not including, `below`."""
    found = doc.get(key, default)
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found < below:
        raise malformed(f"{key!r} is missing or out of range.")
    return found


def _buffer_length(buffer: Json, binary: int | None, index: int) -> int:
    length = _number(buffer, "byteLength")
    uri = buffer.get("uri")
    if uri is None:
        held = binary if index == 0 and binary is not None else 0
    elif isinstance(uri, str) and uri.startswith("data:"):
        _, marker, text = uri.partition(";base64,")
        held = len(text) * 3 // 4 if marker else 0
    else:
        _check_uri(uri)
        hint = "Send it as one GLB file."
        raise InputError("model.external", "The model keeps its geometry in a second file.", hint=hint)
    if length > held:
        raise truncated(length, held)
    return length


def _check_uri(uri: object) -> None:
    """Refuse what points outside the model's own folder; a picture beside it is only missing."""
    if uri is None or (isinstance(uri, str) and uri.startswith("data:")):
        return
    if not isinstance(uri, str) or ":" in uri or uri.startswith(("/", "\\")) or ".." in uri or "%" in uri:
        raise InputError("model.external", "The model refers to a file outside its own folder.")


def _view_length(view: Json, buffers: list[int]) -> int:
    buffer = _number(view, "buffer", below=len(buffers))
    length = _number(view, "byteLength")
    if _number(view, "byteOffset", default=0) + length > buffers[buffer]:
        raise malformed("A buffer view is longer than its buffer.")
    _number(view, "byteStride", default=0, below=1024)
    return length


def _check_accessor(accessor: Json, views: list[int]) -> int:
    """How many elements it makes up out of nothing: those without a buffer view are zeros."""
    count = _number(accessor, "count", below=MAX_ELEMENTS)
    component = _COMPONENTS.get(_number(accessor, "componentType"))
    kind = accessor.get("type")
    width = _WIDTHS.get(kind) if isinstance(kind, str) else None
    if component is None or width is None:
        raise malformed("An accessor is of an unknown type.")
    if "sparse" in accessor:
        _check_sparse(accessor["sparse"], views, count=count, element=component * width)
    if "bufferView" not in accessor:
        return count
    held = views[_number(accessor, "bufferView", below=len(views))]
    if count and _number(accessor, "byteOffset", default=0) + count * component * width > held:
        raise malformed("An accessor is longer than its buffer view.")
    return 0


def _check_sparse(sparse: object, views: list[int], *, count: int, element: int) -> None:
    if not isinstance(sparse, dict) or not all(isinstance(sparse.get(key), dict) for key in ("indices", "values")):
        raise malformed("A sparse accessor is incomplete.")
    changed = _number(sparse, "count", below=count + 1)
    index_size = _COMPONENTS.get(_number(sparse["indices"], "componentType"), 0)
    for part, size in ((sparse["indices"], index_size), (sparse["values"], element)):
        held = views[_number(part, "bufferView", below=len(views))]
        if _number(part, "byteOffset", default=0) + changed * size > held:
            raise malformed("A sparse accessor is longer than its buffer view.")


def _check_meshes(doc: Json, accessors: int) -> None:
    for mesh in _list(doc, "meshes"):
        for primitive in _list(mesh, "primitives"):
            attributes = primitive.get("attributes")
            if not isinstance(attributes, dict):
                raise malformed("A mesh lacks its attributes.")
            for name in attributes:
                _number(attributes, name, below=accessors)
            if "indices" in primitive:
                _number(primitive, "indices", below=accessors)


def _check_nodes(doc: Json) -> None:
    """Nodes have to form trees: a cycle sends renderers into endless recursion."""
    nodes, meshes = _list(doc, "nodes"), len(_list(doc, "meshes"))
    parents: dict[int, int] = {}
    for index, node in enumerate(nodes):
        if "mesh" in node:
            _number(node, "mesh", below=meshes)
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
