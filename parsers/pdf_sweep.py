"""Looks through the objects of a PDF for what readers should know of: fonts, files inside, and actions; none is run."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from parsers.pdf_letters import letters
from parsers.pdf_structure import structure

MAX_OBJECTS = 300_000  # looked at in one file: a manual of 1,000 pages has 20,000 to 100,000
MAX_FONTS = 200
MAX_FILES = 200
MAX_NAME = 200  # characters of a font's or a file's name
_MAX_NESTED = 10_000  # dictionaries within one object
_ACTIONS = {
    "/JavaScript": "javascript",
    "/Launch": "launch",
    "/SubmitForm": "submit",
    "/ImportData": "import",
    "/URI": "uri",
    "/GoToR": "other_file",
    "/GoToE": "embedded_file",
}
# Names stand in what qpdf writes as they are meant: `/Java#53cript` is `/JavaScript`.
_TELLTALE = re.compile(rb"/(?:JavaScript|Launch|SubmitForm|ImportData|URI|GoToR|GoToE|EF|BaseFont|Type3)\b")
_SUBSET = re.compile(r"^[A-Z]{6}\+")  # PDF 32000-1, section 9.6.4
_METHODS = {1: "RC4 40-bit", 2: "RC4 {bits}-bit", 4: "RC4 128-bit", 5: "AES-256"}  # by the handler's version, V


class Sweep(NamedTuple):
    """What the objects of a file hold, as JSON."""

    fonts: list[dict[str, Any]]  # name, kind, embedded
    files: list[dict[str, Any]]  # name, bytes
    actions: dict[str, int]  # how many of each kind
    encryption: dict[str, Any] | None
    version: str
    warnings: list[tuple[str, str]]


def sweep(path: Path, *, password: str | None = None) -> Sweep:
    """One look at each object, without unpacking any stream that holds none. Raises as `structure` does."""
    with structure(path, password=password) as document:
        found = _Finds()
        table = document.get_xref_table()
        for key in islice(table, MAX_OBJECTS):
            found.look(document.get_object(key))
        if len(table) > MAX_OBJECTS:
            found.warn(f"Only {MAX_OBJECTS} of its {len(table)} objects were looked at.")
        fonts = [
            {"name": name, "kind": kind, "embedded": embedded}
            for name, kind, embedded in sorted(found.fonts)[:MAX_FONTS]
        ]
        version = letters(str(document.pdf_version))[:8]
        return Sweep(fonts, found.files, found.actions, _encryption(document), version, found.warnings)


class _Finds:
    def __init__(self) -> None:
        self.fonts: set[tuple[str, str, bool]] = set()
        self.files: list[dict[str, Any]] = []
        self.actions = dict.fromkeys(_ACTIONS.values(), 0)
        self.warnings: list[tuple[str, str]] = []

    def warn(self, message: str) -> None:
        """Says that something was left out, once of a kind."""
        if ("pdf.partly_inspected", message) not in self.warnings:
            self.warnings.append(("pdf.partly_inspected", message))

    def look(self, item: Any) -> None:
        """Notes what one object of the file holds."""
        import pikepdf

        if isinstance(item, pikepdf.Stream):
            item = item.stream_dict
        elif not isinstance(item, pikepdf.Dictionary | pikepdf.Array):
            return
        # Most objects are told by their text alone, which qpdf writes much faster than they can be walked.
        if not _TELLTALE.search(item.unparse(resolved=True)):
            return
        for entries in islice(_dictionaries(item), _MAX_NESTED):
            self._note(entries)

    def _note(self, entries: Any) -> None:
        action = _ACTIONS.get(_text(entries.get("/S")))
        if action and _text(entries.get("/Type")) in {"", "/Action"}:
            self.actions[action] += 1
        if _text(entries.get("/Type")) == "/Font":
            self._note_font(entries)
        held = entries.get("/EF")
        if _is_dictionary(held):
            self._note_file(entries, held)

    def _note_font(self, entries: Any) -> None:
        kind = _text(entries.get("/Subtype")).removeprefix("/")
        if kind == "Type0" or len(self.fonts) >= 10 * MAX_FONTS:
            return  # its descendant tells the same, and whether it is embedded
        name = _SUBSET.sub("", _text(entries.get("/BaseFont") or entries.get("/Name")).removeprefix("/"))
        descriptor = entries.get("/FontDescriptor")
        embedded = kind == "Type3" or (
            _is_dictionary(descriptor) and any(f"/FontFile{which}" in descriptor for which in ("", "2", "3"))
        )
        self.fonts.add((_shown(name), _shown(kind), embedded))

    def _note_file(self, entries: Any, held: Any) -> None:
        if len(self.files) == MAX_FILES:
            self.warn(f"It holds more than {MAX_FILES} files.")
            return
        name = _shown(_text(entries.get("/UF") or entries.get("/F")))
        self.files.append({"name": name, "bytes": _size(held.get("/UF") or held.get("/F"))})


def _dictionaries(item: Any) -> Iterator[Any]:
    """`item` and what lies directly in it; objects that it only refers to get their own look."""
    import pikepdf

    waiting = [item]
    while waiting:
        one = waiting.pop()
        values: Iterable[Any]
        if isinstance(one, pikepdf.Dictionary):
            yield one
            values = one.as_dict().values()
        else:
            values = one.as_list()
        containers = pikepdf.Dictionary | pikepdf.Array
        waiting += [value for value in values if isinstance(value, containers) and not value.is_indirect]


def _is_dictionary(value: Any) -> bool:
    import pikepdf

    return isinstance(value, pikepdf.Dictionary)


def _size(stream: Any) -> int | None:
    """What an embedded file says that it has, in bytes; else what it takes in the PDF."""
    import pikepdf

    if not isinstance(stream, pikepdf.Stream):
        return None
    entries = stream.stream_dict
    params: Any = entries.get("/Params")
    for size in (params.get("/Size") if _is_dictionary(params) else None, entries.get("/Length")):
        if isinstance(size, int) and 0 <= size < 1 << 53:
            return int(size)
    return None


def _text(value: Any) -> str:
    """A name or a string, else nothing."""
    import pikepdf

    return str(value) if isinstance(value, str | pikepdf.Name | pikepdf.String) else ""


def _shown(name: str) -> str:
    # Bytes that are no UTF-8 come as lone surrogates, which no JSON holds.
    return " ".join(letters(name.encode("utf-8", "replace").decode()).split())[:MAX_NAME]


def _encryption(document: Any) -> dict[str, Any] | None:
    if not document.is_encrypted:
        return None
    found = document.encryption
    method = _METHODS.get(found.V, "unknown").format(bits=found.bits)
    if found.V == 4 and "aes" in str(found.stream_method).lower():
        method = "AES-128"
    allowed = {name: bool(value) for name, value in document.allow._asdict().items()}
    return {"method": method, "revision": int(found.R), "allowed": allowed}
