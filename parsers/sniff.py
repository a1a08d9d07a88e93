"""What kind of file is this? Told from its bytes; the name only breaks a tie between readings of the same bytes."""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

from parsers.encoding import HEAD, decoded_head, marked_encoding
from parsers.list_headers import ELEMENTS, REBRICKABLE, STUDIO, find_header
from parsers.sniff_cad import is_ldraw, is_lxfml
from parsers.sniff_images import is_svg, picture_kind
from parsers.sniff_models import is_dae, model_kind
from parsers.sniff_ole import MAGIC as OLE_MAGIC
from parsers.sniff_ole import ole_kind
from parsers.sniff_table import is_table
from parsers.sniff_zip import zip_kind
from parsers.xml_head import local_name, xml_head


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of file that the platform can tell apart; whether a pipeline accepts it is another matter."""

    name: str  # `bricklink-xml`
    media_type: str
    title: str  # for people


PLAIN_TEXT = "text"  # whatever can be read, and nothing else claims: what it means, its sender has to say
UNKNOWN = Kind(name="unknown", media_type="application/octet-stream", title="file of no known kind")


def _kinds(*rows: tuple[str, str, str]) -> dict[str, Kind]:
    return {name: Kind(name=name, media_type=media_type, title=title) for name, media_type, title in rows}


KINDS = _kinds(
    ("bricklink-xml", "application/xml", "BrickLink XML (wanted list, inventory or order)"),
    ("brickstore-bsx", "application/xml", "BrickStore file (BSX)"),
    ("rebrickable-csv", "text/csv", "Rebrickable CSV parts list"),
    ("element-csv", "text/csv", "LEGO Pick a Brick list (element numbers)"),
    ("studio-csv", "text/csv", "Studio parts list"),
    ("ldraw", "application/x-ldraw", "LDraw model"),
    ("studio-io", "application/zip", "Studio model (.io)"),
    ("ldd-lxf", "application/zip", "LEGO Digital Designer model (.lxf)"),
    ("ldd-lxfml", "application/xml", "LEGO Digital Designer model (.lxfml)"),
    ("table", "text/csv", "table as text (CSV, TSV or pasted)"),
    (PLAIN_TEXT, "text/plain", "plain text of no known shape"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "Excel workbook"),
    ("xls", "application/vnd.ms-excel", "Excel 97-2003 workbook"),
    ("list-pair", "application/zip", "pair of parts lists to compare (ZIP with left/ and right/)"),
    ("catalog-zip", "application/zip", "catalog of parts and colors (ZIP of CSV tables)"),
    ("catalog-order", "application/json", "order to fetch a catalog (the platform's own)"),
    ("pdf", "application/pdf", "PDF document"),
    ("glb", "model/gltf-binary", "binary glTF 3D model"),
    ("gltf", "model/gltf+json", "glTF 3D model"),
    ("stl", "model/stl", "STL 3D model"),
    ("obj", "model/obj", "Wavefront OBJ 3D model"),
    ("ply", "model/ply", "PLY 3D model"),
    ("off", "model/off", "OFF 3D model"),
    ("3mf", "model/3mf", "3MF 3D model"),
    ("dae", "model/vnd.collada+xml", "COLLADA 3D model"),
    ("step", "model/step", "STEP CAD model"),
    ("model-zip", "application/zip", "3D model with its files (ZIP with one glTF or OBJ)"),
    ("usd", "application/octet-stream", "USD 3D model"),
    ("usdz", "model/vnd.usdz+zip", "USDZ 3D model"),
    ("fbx", "application/octet-stream", "FBX 3D model"),
    ("jpeg", "image/jpeg", "JPEG picture"),
    ("png", "image/png", "PNG picture"),
    ("webp", "image/webp", "WebP picture"),
    ("gif", "image/gif", "GIF picture"),
    ("tiff", "image/tiff", "TIFF picture"),
    ("bmp", "image/bmp", "Windows bitmap"),
    ("avif", "image/avif", "AVIF picture"),
    ("heic", "image/heic", "HEIC picture (no decoder with a free licence is at hand; export it as JPEG or AVIF)"),
    ("svg", "image/svg+xml", "SVG drawing (it is a program for its viewer, not pixels; export it as PNG)"),
)
LIST_ROOTS = frozenset({"INVENTORY", "ORDERS", "ORDER"})  # root elements of BrickLink lists
BSX_ROOTS = frozenset({"BRICKSTOREXML", "BRICKSTOCKXML"})  # of BrickStore's files

_PLY = re.compile(rb"ply\r?\n(?:(?:comment|obj_info)[^\n]*\n)*format ", re.ASCII)
_OFF = re.compile(r"(?:ST)?C?N?4?OFF(?=[\s#])(?:\s++|#[^\n]*+)*+\d", re.ASCII)
_STL_TEXT = re.compile(r"solid\b[^\n]*\n\s*(?:facet\s+normal\b|endsolid\b)", re.IGNORECASE)
_GLTF_KEYS = re.compile(r'"(asset|scenes?|meshes|nodes|accessors|bufferViews|buffers|materials)"\s*:\s*[\[{\d]')
_NUMBER = r"[-+]?(?:\d++(?:\.\d*+)?|\.\d++|nan|inf)(?:e[-+]?\d++)?"
_OBJ_VERTEX = re.compile(rf"v(?:[ \t]+{_NUMBER}){{3,8}}\s*$", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x19\x1b-\x1f\x7f]")  # \x1a ended files of DOS
_MARKUP = ("<", "{", "[", "%PDF", "%!")
_COMMENTS = re.compile(r"(?:\s++|#[^\n]*+)*+")
_OBJ_WORDS = frozenset(
    {"v", "vt", "vn", "vp", "f", "l", "p", "o", "g", "s", "mtllib", "usemtl", "cstype", "deg", "curv", "surf", "end"}
)


def sniff(head: bytes, *, size: int, name: str) -> Kind | None:
    """The kind of the file that begins with `head` (64 KiB are enough) and is `size` bytes long; None: unknown."""
    head = head[:HEAD]
    found = _by_magic(head, size=size, name=name.lower()) or _by_text(head) or _loose(head)
    found = found or (PLAIN_TEXT if _is_plain_text(head) else None)
    return KINDS[found] if found else None


def _by_magic(head: bytes, *, size: int, name: str) -> str | None:
    """Kinds whose first bytes decide."""
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if found := picture_kind(head) or model_kind(head):
        return found
    if _PLY.match(head):
        return "ply"
    if head.startswith(b"PK\x03\x04"):
        return zip_kind(head, name)
    if head.startswith(OLE_MAGIC):
        return ole_kind(head, name)
    return "stl" if _stl_adds_up(head, size=size, name=name) else None


_MAGIC = (
    (b"%PDF-", "pdf"),
    (b"glTF", "glb"),
)


def _stl_adds_up(head: bytes, *, size: int, name: str) -> bool:
    """Binary STL has no magic, but its size is its count of triangles: 84 + 50 n, `solid` or not."""
    if size < 84 or len(head) < 84:
        return False
    (count,) = struct.unpack_from("<I", head, 80)
    return bool(size == 84 + 50 * count and (count or name.endswith(".stl")))


def _by_text(head: bytes) -> str | None:
    """Kinds that are text of some shape."""
    if b"\0" in head and not (marked_encoding(head) or "").startswith("utf-16"):
        return None
    text = decoded_head(head).lstrip("\ufeff")
    return next((kind for kind, fits in _TEXTS if fits(text)), None)


def _is_plain_text(head: bytes) -> bool:
    """Whether a person could read it: text in some encoding, no markup, JSON or PostScript."""
    text = decoded_head(head).lstrip("\ufeff")
    start = text[:200].lstrip()
    return bool(start) and not start.startswith(_MARKUP) and not _CONTROL.search(text)


def _has_root(text: str, roots: frozenset[str]) -> bool:
    found = xml_head(text) if "<" in text[:1024] else None
    return bool(found and not found.page and found.root and local_name(found.root) in roots)


def _is_gltf(text: str) -> bool:
    if not text.lstrip().startswith("{"):
        return False
    keys = {found[1] for found in _GLTF_KEYS.finditer(text)}
    return "asset" in keys or len(keys) >= 3


def _is_obj(text: str) -> bool:
    """Nine of ten lines begin with a word of the format, and one is a vertex."""
    lines = [line for raw in text.splitlines()[:2000] if (line := raw.strip()) and not line.startswith("#")]
    if len(lines) > 1 and not text.endswith("\n"):
        lines.pop()  # the head may end inside it
    known = sum(line.split(None, 1)[0] in _OBJ_WORDS for line in lines)
    return known * 10 >= len(lines) * 9 and any(_OBJ_VERTEX.match(line) for line in lines)


def _is_off(text: str) -> bool:
    comments = _COMMENTS.match(text)
    return _OFF.match(text, comments.end() if comments else 0) is not None


_TEXTS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("bricklink-xml", lambda text: _has_root(text, LIST_ROOTS)),
    ("brickstore-bsx", lambda text: _has_root(text, BSX_ROOTS)),
    ("ldd-lxfml", is_lxfml),
    ("svg", is_svg),
    ("dae", is_dae),
    ("ldraw", is_ldraw),
    ("studio-csv", lambda text: find_header(text, STUDIO) is not None),
    ("rebrickable-csv", lambda text: find_header(text, REBRICKABLE) is not None),
    ("element-csv", lambda text: find_header(text, ELEMENTS) is not None),
    ("stl", lambda text: _STL_TEXT.match(text.lstrip()) is not None),
    ("off", _is_off),
    ("gltf", _is_gltf),
    ("obj", _is_obj),
    ("table", is_table),  # last: it asks least of a text
)


def _loose(head: bytes) -> str | None:
    """Damaged or odd files that still show what they were, so that their parser can say what is wrong."""
    if b"%PDF-" in head[:1024]:
        return "pdf"
    return "stl" if len(head) >= 84 + 50 and _first_facets_fit(head) else None


def _first_facets_fit(head: bytes) -> bool:
    """Whether unit normals and finite corners stand where a binary STL has them: one that was cut off."""
    (count,) = struct.unpack_from("<I", head, 80)
    facets = min(count, 10, (len(head) - 84) // 50)
    largest = 0.0
    for index in range(facets):
        floats = struct.unpack_from("<12f", head, 84 + 50 * index)
        largest = max(largest, *map(abs, floats))
        length = sum(part * part for part in floats[:3])
        if not (length < 1e-6 or 0.98 < length < 1.02) or not all(abs(part) < 1e9 for part in floats):
            return False
    return largest > 1e-20  # text in UTF-16 reads as numbers next to zero
