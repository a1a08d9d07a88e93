"""Where the bytes of a glTF stand: its own buffer, text in its JSON, or a file beside it; read a little at a time."""

import binascii
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from parsers.gltf_blocks import block_of, stands_in
from parsers.gltf_json import Json, check_uri, embedded, listed, number
from parsers.model_facts import Beside
from parsers.model_faults import malformed, missing_files, truncated
from parsers.model_folder import Folder
from parsers.picture_size import HEAD, check_picture

_KTX2 = b"\xabKTX 20\xbb"  # registry.khronos.org/KTX/specs/2.0, section 3.1


class Buffer(NamedTuple):
    """Bytes that accessors and pictures stand in."""

    length: int
    read: Callable[[int, int], bytes]  # so many bytes from an offset on


class View(NamedTuple):
    """A stretch of a buffer."""

    buffer: Buffer
    offset: int
    length: int

    def head(self, most: int) -> bytes:
        """Its first bytes."""
        return self.buffer.read(self.offset, min(most, self.length))


def own_buffer(path: Path, *, at: int, length: int) -> Buffer:
    """The binary chunk of the GLB at `path`."""

    def read(offset: int, size: int) -> bytes:
        with path.open("rb") as file:
            file.seek(at + offset)
            return file.read(size)

    return Buffer(length, read)


def open_buffers(doc: Json, own: Buffer | None, folder: Folder, *, packed: bool = False) -> list[Buffer]:
    """All buffers of the document; `own` is the GLB's.

    `packed`: its blocks will be unpacked, so that a buffer may only stand for what they unpack to, without any bytes.
    Raises `InputError` (`model.external`, `model.missing_files`) and `UnreadableFile` (`model.truncated`).
    """
    buffers, missing = [], []
    for index, item in enumerate(listed(doc, "buffers")):
        length = number(item, "byteLength")
        uri = item.get("uri")
        if uri is None:
            given = own if index == 0 and own is not None else Buffer(0, _nothing)
            found = Buffer(length, _nothing) if packed and stands_in(item) else given
        elif isinstance(uri, str) and (text := embedded(uri)) is not None:
            found = _text_buffer(text)
        elif check_uri(uri) in folder:
            found = _file_buffer(folder[uri])
        else:
            missing.append(uri)
            continue
        if length > found.length:
            raise truncated(length, found.length)
        buffers.append(Buffer(length, found.read))
    if missing:
        raise missing_files(missing + _missing_pictures(doc, folder))
    return buffers


def open_views(doc: Json, buffers: list[Buffer], *, packed: bool = False) -> list[View]:
    """All buffer views, each within its buffer; raises `UnreadableFile` (`model.malformed`).

    `packed`: those that are blocks are as long as what they unpack to, and nothing can be read from them.
    """
    views = []
    for item in listed(doc, "bufferViews"):
        if packed and (block := block_of(item)) is not None:
            views.append(_block_view(item, block, buffers))
            continue
        buffer = buffers[number(item, "buffer", below=len(buffers))]
        length, offset = number(item, "byteLength"), number(item, "byteOffset", default=0)
        if offset + length > buffer.length:
            raise malformed("A buffer view is longer than its buffer.")
        number(item, "byteStride", default=0, below=1024)
        views.append(View(buffer, offset, length))
    return views


def check_pictures(doc: Json, views: list[View], folder: Folder) -> Beside:
    """Which pictures are not here, or not decoded; raises `InputError` (`limit.pixels`, `model.external`)."""
    undecoded = 0
    for item in listed(doc, "images"):
        head = _picture_head(item, views, folder)
        check_picture(head)
        undecoded += head.startswith(_KTX2)
    return Beside(tuple(_missing_pictures(doc, folder)), undecoded)


def _picture_head(item: Json, views: list[View], folder: Folder) -> bytes:
    """How the picture begins; nothing where it is not here."""
    uri = item.get("uri")
    if uri is None:
        return views[number(item, "bufferView", below=len(views))].head(HEAD) if "bufferView" in item else b""
    if isinstance(uri, str) and (text := embedded(uri)) is not None:
        return _text_buffer(text).read(0, HEAD)
    return folder[uri][:HEAD] if check_uri(uri) in folder else b""


def _block_view(item: Json, block: Json, buffers: list[Buffer]) -> View:
    source = buffers[number(block, "buffer", below=len(buffers))]
    length, offset = number(block, "byteLength"), number(block, "byteOffset", default=0)
    if offset + length > source.length:
        raise malformed("A compressed block is longer than its buffer.")
    size = number(block, "count") * number(block, "byteStride", below=257)
    if size != number(item, "byteLength"):
        raise malformed("A compressed block does not unpack to what its buffer view holds.")
    return View(Buffer(size, _nothing), 0, size)


def _nothing(_at: int, _size: int) -> bytes:
    return b""


def _missing_pictures(doc: Json, folder: Folder) -> list[str]:
    uris = [item["uri"] for item in listed(doc, "images") if item.get("uri") is not None]
    named = [uri for uri in uris if not isinstance(uri, str) or embedded(uri) is None]
    return [uri for uri in dict.fromkeys(map(check_uri, named)) if uri not in folder]


def _file_buffer(content: bytes) -> Buffer:
    return Buffer(len(content), lambda at, size: content[at : at + size])


def _text_buffer(text: str) -> Buffer:
    """Base64: four characters hold three bytes, so that any stretch can be read alone."""

    def read(offset: int, size: int) -> bytes:
        piece = text[offset // 3 * 4 : (offset + size + 2) // 3 * 4]
        try:
            found = binascii.a2b_base64(piece + "=" * (-len(piece) % 4))
        except (ValueError, UnicodeError):
            raise malformed("A buffer's text is no base64.") from None
        return found[offset % 3 : offset % 3 + size]

    return Buffer(len(text) * 3 // 4, read)
