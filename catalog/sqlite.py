"""The catalog as a compiled file: opened read-only, mapped into memory, shared by all processes through the page cache.

A lookup is one search by key, a few microseconds; answers are kept in bounded memos. Open it in the process that asks:
a connection must not cross a fork. Nobody changes a compiled file in place, so it is opened as immutable, without locks.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

from catalog.port import Color, Element, Part, Relation
from catalog.schema import APPLICATION_ID, FORMAT, PART_NUMS, SEPARATOR, read_head

_MEMO = 16_384  # answers kept per kind of look-up, some 8 MB
_MMAP = 1024**3  # bytes; only what the file has is mapped
_PAGES = 64  # in SQLite's own cache, which a mapped file hardly uses
_BATCH = 256  # keys in one query
_PARTS = "SELECT key, part_num, name, category, colors FROM parts WHERE key IN ({marks})"
_MAPS = "SELECT key, part_nums FROM part_maps WHERE space = ? AND key IN ({marks})"
_EXTERNAL = "SELECT key, ids FROM external_ids WHERE space = ? AND key IN ({marks})"
_Known = tuple[Part | None, str]  # the part, and the colors that it is known in: as text a tenth of a set's size
_Line = tuple[str, str, str]  # table, space, key
_NO_COLORS: frozenset[int] = frozenset()
_NOT_KNOWN: _Known = (None, "")
_SERIALIZED = 3  # sqlite3.threadsafety: threads may share a connection
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class CatalogUnusable(OSError):
    """A compiled catalog that can't be read: absent, damaged, cut off, or of a newer format."""


class SqliteCatalog:
    """Answers from a compiled file; see `catalog.port.Catalog`."""

    def __init__(self, path: Path) -> None:
        """Open the file; raises `CatalogUnusable` with the cure."""
        self._path = path
        _check_head(path)
        shared = sqlite3.threadsafety == _SERIALIZED
        uri = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
        try:
            self._file = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=not shared)
            for pragma in (f"mmap_size={_MMAP}", f"cache_size={_PAGES}", "query_only=1", "temp_store=MEMORY"):
                self._file.execute(f"PRAGMA {pragma}").fetchall()
        except sqlite3.Error as wrong:
            raise self._unusable(wrong) from wrong
        meta = dict(self._rows("SELECT name, value FROM meta"))
        if not {"version", "counts"} <= meta.keys():
            raise CatalogUnusable(f"{path.name} is a damaged catalog: it does not say its version")
        self._version: str = meta["version"]
        self._counts: dict[str, int] = json.loads(meta["counts"])
        self._complete = meta.get("complete") != "no"
        self._parts: dict[str, _Known] = {}
        self._lines: dict[_Line, tuple[str, ...]] = {}  # what stands there
        self._older_parts, self._older_lines = self._parts, self._lines  # what is asked again comes back from there
        self._element = lru_cache(_MEMO)(self._read_element)
        self._part_colors = lru_cache(_MEMO)(self._read_part_colors)
        self._relations = lru_cache(_MEMO)(self._read_relations)
        self._moulds = lru_cache(_MEMO)(self._read_moulds)

    @property
    def version(self) -> str:
        return self._version

    @property
    def counts(self) -> Mapping[str, int]:
        return self._counts

    @property
    def complete(self) -> bool:
        return self._complete

    def part(self, part_num: str) -> Part | None:
        key = part_num.lower()
        found = self._parts.get(key)  # most are there: a call less
        return (self._known(key) if found is None else found)[0]

    def mapped(self, space: str, raw_id: str) -> Sequence[str]:
        key = raw_id.lower()
        found = self._lines.get((_MAPS, space, key))
        return self._line(_MAPS, space, key) if found is None else found

    def external(self, space: str, part_num: str) -> Sequence[str]:
        return self._line(_EXTERNAL, space, part_num.lower())

    def element(self, element_id: str) -> Element | None:
        return self._element(element_id)

    def elements_of(self, part_num: str, color_id: int) -> Sequence[str]:
        return self._part_colors(part_num.lower()).get(color_id, ())

    def known_colors(self, part_num: str) -> frozenset[int]:
        colors = self._known(part_num.lower())[1]
        return frozenset(map(int, colors.split(SEPARATOR))) if colors else _NO_COLORS

    def is_known_in(self, part_num: str, color_id: int) -> bool:
        key = part_num.lower()
        found = self._parts.get(key)  # most are there: a call less
        colors = (self._known(key) if found is None else found)[1]
        return f"{SEPARATOR}{color_id}{SEPARATOR}" in f"{SEPARATOR}{colors}{SEPARATOR}"

    def relations(self, part_num: str) -> Sequence[Relation]:
        return self._relations(part_num.lower())

    def mould_group(self, part_num: str) -> Sequence[str]:
        return self._moulds(part_num.lower())

    def prefetch(self, raw_ids: Iterable[str], *, maps: Iterable[str] = (), external: Iterable[str] = ()) -> None:
        keys = {raw_id.lower() for raw_id in raw_ids if raw_id.isascii()}  # of others some can't be asked for at all
        for some in _batches(sorted(keys.difference(self._parts))):
            self._learn_parts(some)
        for table, spaces in ((_MAPS, maps), (_EXTERNAL, external)):
            for space in spaces:
                for some in _batches([key for key in keys if (table, space, key) not in self._lines]):
                    self._learn_lines(table, space, some)

    def part_nums(self) -> Sequence[str]:
        return self._part_nums

    def colors(self) -> Mapping[int, Color]:
        return self._colors

    def color_ids(self, space: str, number: int) -> Sequence[int]:
        return self._color_maps.get((space, number), ())

    def external_colors(self, space: str, color_id: int) -> Sequence[int]:
        return self._external_colors.get((space, color_id), ())

    def color_names(self) -> Mapping[str, tuple[tuple[str, int], ...]]:
        return self._color_names

    def close(self) -> None:
        """Give the file back; later lookups raise."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # What the memos ask when they do not know.

    def _known(self, key: str) -> "_Known":
        """The part, and the colors that it is known in: one search for what is asked together."""
        found = self._parts.get(key)
        return self._learn_parts([key])[key] if found is None else found

    def _learn_parts(self, keys: Sequence[str]) -> "dict[str, _Known]":
        found = _again(keys, self._older_parts)
        if unknown := [key for key in keys if key not in found]:
            found |= dict.fromkeys(unknown, _NOT_KNOWN)
            for key, num, name, category, colors in self._rows(_PARTS.format(marks=_marks(unknown)), *unknown):
                found[key] = Part(num, name, self._categories[category]), colors
        if len(self._parts) >= _MEMO // 2:
            self._older_parts, self._parts = self._parts, {}
        self._parts.update(found)  # all at once: threads may share a catalog
        return found

    def _line(self, table: str, space: str, key: str) -> tuple[str, ...]:
        found = self._lines.get((table, space, key))
        return self._learn_lines(table, space, [key])[table, space, key] if found is None else found

    def _learn_lines(self, table: str, space: str, keys: Sequence[str]) -> dict[_Line, tuple[str, ...]]:
        found = _again([(table, space, key) for key in keys], self._older_lines)
        if unknown := [key for key in keys if (table, space, key) not in found]:
            found |= dict.fromkeys(((table, space, key) for key in unknown), ())
            for key, text in self._rows(table.format(marks=_marks(unknown)), space, *unknown):
                found[table, space, key] = tuple(text.split(SEPARATOR))
        if len(self._lines) >= _MEMO // 2:
            self._older_lines, self._lines = self._lines, {}
        self._lines.update(found)
        return found

    def _read_element(self, element_id: str) -> Element | None:
        rows = self._rows("SELECT element_id, part_num, color_id FROM elements WHERE element_id = ?", element_id)
        return Element(*rows[0]) if rows else None

    def _read_part_colors(self, key: str) -> dict[int, tuple[str, ...]]:
        rows = self._rows("SELECT color_id, elements FROM part_colors WHERE key = ?", key)
        return {color: tuple(elements.split(SEPARATOR)) for color, elements in rows}

    def _read_relations(self, key: str) -> tuple[Relation, ...]:
        rows = self._rows("SELECT type, child, parent FROM relations WHERE key = ?", key)
        return tuple(Relation(*row) for row in rows)

    def _read_moulds(self, key: str) -> tuple[str, ...]:
        return _split(self._rows("SELECT members FROM moulds WHERE key = ?", key))

    # What is small, or asked for as a whole: read on first use, then kept.

    @cached_property
    def _categories(self) -> dict[int, str]:
        return dict(self._rows("SELECT id, name FROM categories"))

    @cached_property
    def _part_nums(self) -> tuple[str, ...]:
        return _split(self._rows("SELECT value FROM texts WHERE name = ?", PART_NUMS))

    @cached_property
    def _colors(self) -> dict[int, Color]:
        rows = self._rows("SELECT id, name, rgb, is_trans FROM colors ORDER BY id")
        return {number: Color(number, name, rgb, bool(clear)) for number, name, rgb, clear in rows}

    @cached_property
    def _color_maps(self) -> dict[tuple[str, int], tuple[int, ...]]:
        return _grouped(self._rows("SELECT space, number, color_id FROM color_maps ORDER BY space, number, place"))

    @cached_property
    def _external_colors(self) -> dict[tuple[str, int], tuple[int, ...]]:
        return _grouped(
            self._rows("SELECT space, color_id, number FROM external_colors ORDER BY space, color_id, place")
        )

    @cached_property
    def _color_names(self) -> dict[str, tuple[tuple[str, int], ...]]:
        found: dict[str, tuple[tuple[str, int], ...]] = {}
        for name, space, color in self._rows("SELECT name, space, color_id FROM color_names ORDER BY 1, 2, 3"):
            found[name] = (*found.get(name, ()), (space, color))
        return found

    def _rows(self, query: str, *keys: str) -> list[Any]:
        """All rows of a query; none where a key is no text that could be stored (a lone surrogate)."""
        try:
            return self._file.execute(query, keys).fetchall()
        except UnicodeEncodeError:
            return []
        except sqlite3.Error as wrong:
            raise self._unusable(wrong) from wrong

    def _unusable(self, wrong: sqlite3.Error) -> CatalogUnusable:
        return CatalogUnusable(
            f"the compiled catalog {self._path.name} can't be read: {wrong}; import the catalog again"
        )


def _batches(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[at : at + _BATCH] for at in range(0, len(keys), _BATCH))


def _marks(keys: Sequence[str]) -> str:
    return ",".join("?" * len(keys))


def _again(keys: Iterable[_Key], older: Mapping[_Key, _Value]) -> dict[_Key, _Value]:
    """Those of `keys` that are known from before: lists have more parts than a memo, and most rows have few of them."""
    return {key: older[key] for key in keys if key in older}


def _check_head(path: Path) -> None:
    try:
        head = read_head(path)
    except OSError as absent:
        raise CatalogUnusable(f"the compiled catalog {path.name} can't be opened: {absent.strerror}") from absent
    if not head.is_sqlite or head.application_id != APPLICATION_ID:
        raise CatalogUnusable(f"{path.name} is no compiled catalog; compile one from its sources")
    if head.format > FORMAT:
        raise CatalogUnusable(
            f"{path.name} is a catalog of format {head.format}, this program reads up to {FORMAT}: "
            "upgrade it, or import the catalog with this version"
        )
    if head.format < FORMAT:
        raise CatalogUnusable(f"{path.name} is a catalog of the old format {head.format}: import the catalog again")
    if not head.complete:
        raise CatalogUnusable(f"{path.name} was cut off or is not written to its end: import the catalog again")


def _split(rows: list[tuple[str]]) -> tuple[str, ...]:
    return tuple(rows[0][0].split(SEPARATOR)) if rows and rows[0][0] else ()


def _grouped(rows: list[tuple[str, int, int]]) -> dict[tuple[str, int], tuple[int, ...]]:
    found: dict[tuple[str, int], tuple[int, ...]] = {}
    for space, key, value in rows:
        found[space, key] = (*found.get((space, key), ()), value)
    return found
