"""A first look at the XML of a workbook (.xlsx): bombs refused, and noted what readers of its cells leave out.

Readers lay out the whole rectangle around a sheet's cells at once, so two cells at far corners would take half a
terabyte. Here the cells are counted while they are unpacked, at a fraction of the time that reading them takes; only a
sheet that is written oddly is parsed to be sure.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jobs.errors import InputError, UnreadableFile
from parsers.sheet_limits import (
    MAX_AREA,
    MAX_CELL,
    MAX_FAULTS,
    Faults,
    Look,
    check_area,
    check_cell,
    check_cells,
    check_manifest,
    check_merges,
    check_shared,
    check_sheets,
    check_text,
)
from parsers.zip_guard import Entry, GuardedZip, ZipLimits, open_zip

_SMALL = 1024 * 1024  # bytes of a sheet that is cheap to parse to be sure
_CARRY = 4 * 1024 * 1024  # bytes that one row may take
_MARKUP = 6  # bytes of XML that one character of a text may take: &quot;
# Nearly all programs write cells in one way; each pattern begins with fixed bytes, so that it is searched for fast.
_CELL = b'<c r="'
_WIDE = re.compile(rb'r="([A-Z]{2,8})[0-9]')
_ODD_CELLS = (
    re.compile(rb'<c(?! r="[A-Z]{1,3}[0-9]{1,7}")[\s/>]'),
    re.compile(rb":c[\s/>]"),
    re.compile(
        rb"""r(?<=[\s"']r)\s*=\s*["'](?<!<c r=")(?<!<row r=")"""
    ),  # a second place in a cell, which the last one wins
)
_FAR_ROW = re.compile(rb'r="[A-Z]{1,8}([0-9]{6,})')
_NEAR_ROWS, _NEAR_COLUMNS = 99_999, 26  # what has no more than five digits, or one letter
_FAULT = re.compile(
    rb'<c r="([A-Z]{1,3})([0-9]{1,7})"[^<>]{0,40}? t="e"[^<>]{0,40}>(?:<f[^<>]{0,200}/>|<f[^<>]{0,200}>[^<]{0,8192}</f>)?'
    rb"<v>([^<]{1,12})</v>"
)
_NOT_CALCULATED = (b"</f></c>", b"</f><v/></c>", b"</f><v /></c>")
# An empty result is one as well where the cell says that it is text.
_EMPTY = b"</f><v></v></c>"
_EMPTY_NUMBER = re.compile(
    rb'<c r="[A-Z]{1,3}[0-9]{1,7}"(?: s="[0-9]{1,6}")?><f[^<>]{0,200}>[^<]{0,8192}</f><v></v></c>'
)
_SHEET = b"sheetData"
_SHARED = re.compile(rb"<(?:[^\s<>:/]*+:)?+sst[\s/>]")
_TEXT_BEGIN = re.compile(rb"<(?:[^\s<>:/]*+:)?+si[\s/>]")
_TEXT_END = re.compile(rb"</(?:\w+:)?(?:si|is)>|<(?:\w+:)?si/>")
_RELATION = re.compile(rb"<(?:\w+:)?Relationship\s([^<>]*)>")
_SHEET_TAG = re.compile(rb"<(?:\w+:)?sheet\s([^<>]*)>")
_ATTRIBUTE = re.compile(rb'([\w:]+)\s*=\s*"([^"<>]*)"')
_TAG = 4096  # bytes of a tag that a sheet or the shared texts begin with
_SHARED_TAG = re.compile(rb"""<[^\s<>]++((?:\s++[^\s<>"'=]++\s*+=\s*+(?:"[^"<]*+"|'[^'<]*+'))*+)\s*+/?>""")
_QUOTED = re.compile(rb"""([^\s="'>]+)\s*=\s*["']\s*([^"']*)""")
_FEW_TEXTS = 100_000  # room that readers may reserve for texts, whatever the file holds
_LEAST_TEXT = len("<si/>")
_LIMITS = ZipLimits(unzipped=256 * 1024 * 1024)  # readers keep a tag or a comment in memory, however long it is
_MERGED = b"mergeCell"
_TEXTS = "xl/sharedstrings.xml"  # where readers look for shared texts, whatever they stand in there
_MANIFESTS = frozenset({"xl/workbook.xml", "xl/styles.xml", "[content_types].xml"})  # and all relations
_NOWHERE = re.compile(r"[A-Za-z]{4}|[0-9]{8}")  # in the place of a cell or row
_MANIFEST = 4 * 1024 * 1024  # bytes of the parts that list the sheets


def look_at(path: Path) -> Look:
    """What a first look tells.

    Raises `UnreadableFile` (`xlsx.broken`, `workbook.encrypted`) and `InputError` (`limit.cells`, `limit.sheets`,
    `workbook.binary`, `zip.*`).
    """
    try:
        with open_zip(path, limits=_LIMITS) as archive:
            _check_parts({entry.name.lower() for entry in archive.entries})
            scans = {entry.name.lower(): _Scan(archive, entry) for entry in archive.entries}
            look = Look(not_calculated=any(scan.not_calculated for scan in scans.values()))
            if any(scan.faults for scan in scans.values()):
                for index, name in enumerate(_sheet_parts(archive)):
                    if (scan := scans.get(name)) and scan.faults:
                        look.faults[index] = scan.faults
            return look
    except UnreadableFile as error:
        if error.fault.code != "zip.damaged":
            raise
        raise UnreadableFile("xlsx.broken", "The workbook is damaged or was cut off.", hint=error.fault.hint) from None


def _check_parts(names: set[str]) -> None:
    """Only what was scanned may be read: no other kind of workbook in the same archive."""
    hint = "Save it as .xlsx or CSV."
    if any(name.endswith("workbook.bin") for name in names):
        raise InputError("workbook.binary", "Binary workbooks (.xlsb) are not read.", hint=hint)
    if "xl/workbook.xml" not in names or "content.xml" in names:
        raise UnreadableFile("xlsx.broken", "The file is no Excel workbook.", hint=hint)


class _Scan:
    """One part of the archive, unpacked once and not kept."""

    def __init__(self, archive: GuardedZip, entry: Entry) -> None:
        self.faults: Faults = {}
        self.not_calculated = False
        self._wide: set[bytes] = set()
        self._last_row = self._cells = 0
        self._is_odd = is_sheet = False
        is_shared = entry.name.lower() == _TEXTS
        carry = tail = b""
        text = size = claimed = texts = merges = 0
        is_manifest = entry.name.lower() in _MANIFESTS or entry.name.lower().endswith(".rels")
        for chunk in archive.chunks(entry):
            recent = tail + chunk
            is_sheet = is_sheet or _SHEET in recent
            is_shared = is_shared or _SHARED.search(recent) is not None
            if is_shared:
                claimed = max(claimed, _claimed_texts(recent, last=size + len(chunk) >= entry.size))
                text = _longest_text(recent, text - len(tail))
                check_cell(text // _MARKUP)
                check_shared(texts := texts + len(_TEXT_BEGIN.findall(chunk)))
            tail = recent[-_TAG:]
            if is_sheet:
                carry = self._sheet(carry + chunk if carry else recent)
                check_merges(merges := merges + chunk.count(_MERGED))
            size += len(chunk)
            if is_manifest:
                check_manifest(size)
        if claimed > max(_FEW_TEXTS, size // _LEAST_TEXT):
            raise UnreadableFile("xlsx.broken", "The workbook is damaged: it claims more texts than it has room for.")
        if is_sheet:
            self._sheet(carry + b"<row")
            check_cells(self._cells)
            widest = max((_column(name) for name in self._wide), default=_NEAR_COLUMNS)
            is_small = entry.size < _SMALL and archive.read_so_far < 8 * _SMALL
            if self._is_odd or is_small or max(self._last_row, _NEAR_ROWS) * widest > MAX_AREA:
                archive.read_so_far -= size  # what is read again is in memory once
                check_area(*_exact_extent(archive, entry))

    def _sheet(self, raw: bytes) -> bytes:
        """Look at all rows that are whole; what is left of the last one."""
        end = max(raw.rfind(b"<row"), 0) or max(raw.rfind(b"<c "), 0)
        if not end:
            if len(raw) > _CARRY:
                self._is_odd, end = True, raw.rfind(b"<")
            if end <= 0:
                return raw if len(raw) <= _CARRY else raw[-64:]
        part = raw[:end]
        self._cells += part.count(_CELL)
        self._wide.update(_WIDE.findall(part))
        self._is_odd = self._is_odd or any(odd.search(part) for odd in _ODD_CELLS)
        self._last_row = max(self._last_row, *(int(row[:9]) for row in _FAR_ROW.findall(part)), 0)
        if b't="e"' in part and len(self.faults) < MAX_FAULTS:
            for name, row, fault in _FAULT.findall(part):
                self.faults[int(row) - 1, _column(name) - 1] = fault.decode("ascii", "replace")
        if b"</f>" in part and not self.not_calculated:
            self.not_calculated = any(mark in part for mark in _NOT_CALCULATED) or (
                _EMPTY in part and _EMPTY_NUMBER.search(part) is not None
            )
        return raw[end:]


def _claimed_texts(raw: bytes, *, last: bool) -> int:
    """How many shared texts the part says it has: readers reserve memory for so many before they read one."""
    most = 0
    for found in _SHARED.finditer(raw):
        if not last and found.start() > len(raw) - _TAG:
            break  # it comes again with the next bytes
        tag = _SHARED_TAG.match(raw, found.start(), found.start() + _TAG)
        if tag is None:
            raise UnreadableFile("xlsx.broken", "The workbook is damaged: the list of its texts begins oddly.")
        for name, value in _QUOTED.findall(tag[1]):
            if name.lower().endswith(b"count") and value.strip().isdigit():
                most = max(most, int(value[:20]))
    return most


def _longest_text(raw: bytes, before: int) -> int:
    """Bytes since the last shared text ended; raises where one is too long."""
    last = -before
    for found in _TEXT_END.finditer(raw):
        check_cell((found.start() - last) // (4 * _MARKUP))
        last = found.end()
    return len(raw) - last


def _column(name: bytes) -> int:
    """`A` is 1, `AA` 27."""
    number = 0
    for letter in name.upper():
        number = number * 26 + letter - 64
    return number


def _exact_extent(archive: GuardedZip, entry: Entry) -> tuple[int, int]:
    """Rows and columns that cells with something in them reach to, as any way of writing them is understood."""
    from xml.parsers import expat

    walk = _Walk()
    parser = expat.ParserCreate()
    parser.StartElementHandler = walk.start
    parser.EndElementHandler = walk.end
    parser.CharacterDataHandler = walk.text
    parser.EntityDeclHandler = walk.entity
    try:
        _feed(parser, archive.chunks(entry))
    except (expat.ExpatError, ValueError, LookupError):  # the last two: encodings
        place = f"{entry.name[-60:]!r} is no XML (line {parser.CurrentLineNumber})"
        raise UnreadableFile("xlsx.broken", f"The workbook is damaged: {place}.") from None
    check_cells(walk.cells)
    check_text(walk.characters)
    return walk.rows, walk.columns


def _feed(parser: Any, chunks: Iterator[bytes]) -> None:
    """All of a part. `ValueError` where a tag or comment has no end in sight: each chunk would begin it anew."""
    fed = 0
    for chunk in chunks:
        parser.Parse(chunk, False)
        fed += len(chunk)
        if fed - parser.CurrentByteIndex > _CARRY:
            raise ValueError("no end in sight")
    parser.Parse(b"", True)


class _Walk:
    """Counts cells as a reader would place them."""

    def __init__(self) -> None:
        self.rows = self.columns = self.cells = self.characters = 0
        self._row, self._column, self._inside, self._length, self._filled = 0, 0, False, 0, False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name, place = tag.rpartition(":")[2], attributes.get("r", "")
        if name in {"row", "c"} and _NOWHERE.search(place):
            raise UnreadableFile("xlsx.broken", "The workbook is damaged: a cell has a place that no sheet has.")
        if name == "row":
            self._row, self._column = _number(place, self._row + 1), 0
        elif name == "c":
            self._inside, self._length, self._filled = True, 0, False
            found = re.fullmatch(r"([A-Za-z]{1,3})([0-9]{1,7})", place)
            self._column = _column(found[1].encode()) if found else self._column + 1
            self._row = int(found[2]) if found else max(self._row, 1)
        else:
            self._filled = True  # readers make an empty text of an empty element

    def text(self, text: str) -> None:
        if self._inside:
            self._length += len(text)
            check_cell(self._length // 2)  # formula and result

    def end(self, tag: str) -> None:
        if self._inside and tag.rpartition(":")[2] == "c":
            self._inside = False
            self.characters += self._length
            if self._length or self._filled:
                self.cells += 1
                self.rows, self.columns = max(self.rows, self._row), max(self.columns, self._column)

    def entity(self, *_: object) -> None:
        raise InputError("xml.entity", "The workbook declares entities, as no spreadsheet program does.")


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdigit() else otherwise


def _sheet_parts(archive: GuardedZip) -> Iterator[str]:
    """Names of the parts that hold the sheets, lower case, in the workbook's order."""
    book, relations = archive.find("xl/workbook.xml"), archive.find("xl/_rels/workbook.xml.rels")
    if book is None or relations is None:
        return
    targets = {}
    for found in _RELATION.finditer(archive.read(relations, most=_MANIFEST)):
        said = dict(_ATTRIBUTE.findall(found[1]))
        targets[said.get(b"Id", b"")] = said.get(b"Target", b"").decode("utf-8", "replace")
    tags = _SHEET_TAG.findall(archive.read(book, most=_MANIFEST))
    check_sheets(len(tags))
    for tag in tags:
        ids = [value for key, value in _ATTRIBUTE.findall(tag) if key.endswith(b":id")]
        target = targets.get(ids[0] if ids else b"", "")
        yield (target.lstrip("/") if target.startswith("/") else f"xl/{target}").lower()


assert MAX_CELL * _MARKUP < _CARRY
