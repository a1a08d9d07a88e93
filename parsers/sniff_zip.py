"""What kind of file is this ZIP? Told from the names of its first entries; the file's own name only breaks a tie."""

import struct
from collections.abc import Iterator

from parsers.sniff_models import model_zip_kind

STUDIO_MODELS = ("model.ldr", "model2.ldr", "modelv1.ldr", "modelv2.ldr")  # what a Studio file keeps its model in
LDD_MODEL = "image100.lxfml"  # what LEGO Digital Designer does
_LOCAL = b"PK\x03\x04"
_STUDIO_REST = frozenset({".info", "thumbnail.png", "errorpartlist.err", "model.ins", "model.lxfml"})
_TIES = (  # endings of the file's name, an entry that must show, kind
    ((".3mf",), "[content_types].xml", "3mf"),
    ((".xlsx", ".xlsm"), "[content_types].xml", "xlsx"),
    ((".lxf",), "image100.png", "ldd-lxf"),
)
_MOST = 512  # entries looked at
# Tables of a catalog, as Rebrickable names them. A list may be called parts.csv, so that one alone tells nothing.
_CATALOG_ONLY = frozenset(
    {"elements.csv", "part_relationships.csv", "part_categories.csv", "parts.csv.gz", "colors.csv.gz"}
)
_CATALOG_PAIR = frozenset({"parts.csv", "colors.csv"})


def zip_kind(head: bytes, name: str) -> str | None:
    """The kind of the ZIP that begins with `head` and is called `name` (lower case); None: another."""
    if b"3D/3dmodel.model" in head:
        return "3mf"
    ordered = [entry.lower() for entry in _names(head)]
    names = frozenset(ordered)
    if any(entry.startswith("xl/") for entry in names):
        return "xlsx"
    if any(entry.startswith(("left/", "right/")) for entry in names):
        return "list-pair"
    last = frozenset(entry.rpartition("/")[2] for entry in names)
    if LDD_MODEL in last:
        return "ldd-lxf"
    if not last.isdisjoint(STUDIO_MODELS) or (name.endswith((".io", ".mo")) and not last.isdisjoint(_STUDIO_REST)):
        return "studio-io"
    tied = next((kind for ends, entry, kind in _TIES if name.endswith(ends) and entry in names), None)
    return tied or ("catalog-zip" if _is_catalog(last, name) else model_zip_kind(ordered))


def _is_catalog(names: frozenset[str], name: str) -> bool:
    """Whether the tables of a catalog show; one table that others have too tells it with the name of the file."""
    if names >= _CATALOG_PAIR or any({one, one.removesuffix(".gz")} & _CATALOG_ONLY for one in names):
        return True
    return "catalog" in name and not names.isdisjoint(_CATALOG_PAIR)


def _names(head: bytes) -> Iterator[str]:
    """Names of the entries whose local headers lie in the head, `/` between folders."""
    at = 0
    for _ in range(_MOST):
        if head[at : at + 4] != _LOCAL or len(head) < at + 30:
            return
        flags, packed, named, extra = struct.unpack_from("<6xH10xI4xHH", head, at)
        at += 30
        yield head[at : at + named].decode("utf-8", "replace").replace("\\", "/")
        at += named + extra
        # Written as a stream, an entry's size stands behind it: the next header has to be looked for.
        at = at + packed if packed or not flags & 0x8 else max(at, head.find(_LOCAL, at))
