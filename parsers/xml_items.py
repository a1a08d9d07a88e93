"""From the items of a flat XML list to records: a short way for those with nothing wrong, a full judgment for the rest."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from operator import getitem
from typing import Any

from jobs.issues import Fact, Issue, Record, Rows, Severity, Stated
from parsers.codes import CODES, issue
from parsers.encoding import Watch
from parsers.known_rows import Columns, columns_of
from parsers.numbers import likely_quantity
from parsers.readings import WRONG, Field, Shapes, reading
from parsers.xml_lane import Plain
from parsers.xml_mixed import MixedRows

Texts = dict[str, str | None]  # our name of a field -> what the item says
Wrong = list[tuple[str, str, str | None]]  # code, our name of the field, what the item says
Child = tuple[str, str | None, bool]  # our name of a field, what it says, whether it holds elements of its own

_OWN = frozenset({"description", "lot_id", "remarks"})  # fields that say nothing of what an item is
_SHAPES = 64  # sequences of fields whose items are read in bulk
_NEEDED = ("item_type", "raw_id", "raw_color", "qty")  # a record without one of these is looked at closely


class Items:
    """How one format's items are read; a format fills in `fields` and what its items mean as a whole."""

    fields: Mapping[str, Field] = {}  # by upper-case name
    spelled: Mapping[str, str] = {}  # how the format writes them, where that is not in upper case
    slow: frozenset[str] = frozenset()  # names of fields that always need a closer look
    left_out: frozenset[str] = frozenset()  # codes of rows that are no part of the list, though nothing is wrong

    def __init__(self, rows: MixedRows, *, base: dict[str, Any]) -> None:
        """`base` is what each record holds before its item is read; a format may replace it between batches."""
        self.rows = rows
        self.base = base
        self._begun = False  # the first item was read
        self._shapes = Shapes(self.fields, slow=self.slow)
        self._bulks: dict[tuple[Any, ...], Columns | None] = {}  # by fields and what each item holds before it is read
        self._shapes_met = 0

    @abstractmethod
    def facts(self, texts: Texts) -> Iterator[Fact]:
        """What the first item tells about the list as a whole."""

    @abstractmethod
    def missing(self, texts: Texts, found: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """Code and field of what the item should state and does not; defaults go into `found`."""

    def seen(self, element: Any) -> bool:
        """Look at an element that the parser gave; whether it is a row."""
        return element is not None

    def judged(self, wrong: Wrong, texts: Texts) -> Wrong:  # noqa: ARG002 - for formats where it hangs on other fields
        """What is wrong with an item, in the light of its other fields."""
        return wrong

    def likely(self, code: str, text: str, texts: Texts) -> tuple[str, ...]:  # noqa: ARG002 - as above
        """What a wrong field was probably meant to say."""
        return likely_quantity(text) if code in {"qty.not_integer", "qty.negative"} else ()

    def read(self, watch: Watch | None) -> Iterator[Record | Issue | Fact]:
        """Every item, in order, one by one."""
        for item in self.read_in_bulk(watch):
            if type(item) is Rows:
                yield from item.records()
            else:
                yield item  # type: ignore[misc]  # Rows are told apart by their exact type

    def read_in_bulk(self, watch: Watch | None) -> Iterator[Rows | Record | Issue | Fact]:
        """Every item, in order, those that are well and plain in bulk."""
        rows = self.rows
        yield from rows.opening()
        for batch in rows.mixed(watch):
            if isinstance(batch, Plain):
                yield from self._plain(batch)
                continue
            for element in batch:
                if not self.seen(element):
                    continue
                line = rows.line_of(element)
                yield from rows.repaired(line)
                rows.begin(line)
                yield from self._element(element, line)
        yield from rows.closing()

    def _plain(self, run: Plain) -> Iterator[Rows | Record | Issue | Fact]:
        """A run of items with the same fields."""
        rows, tags = self.rows, run.tags
        bulk = None if rows.source.repair else self._bulk(tags)
        if bulk is None:
            for line, texts in zip(run.lines, run.texts, strict=True):
                yield from rows.repaired(line)
                yield from self._texts(tags, texts, line)
            return
        columns: list[Sequence[str]] = [
            [text or "" for text in texts] if None in texts else texts for texts in zip(*run.texts, strict=True)
        ]
        if found := bulk.read(columns, rows.row + 1, run.lines):
            rows.begin_many(run.lines)
            yield found
            return
        lines, qty, stated, own = _lists()
        for line, texts in zip(run.lines, run.texts, strict=True):
            if one := bulk.one([text or "" for text in texts]):
                lines.append(line)
                qty.append(one[0])
                stated.append(one[1])
                own.append(one[2])
                continue
            if lines:
                yield Rows(rows.begin_many(lines), lines, qty, stated, bulk.known.fields, own)
                lines, qty, stated, own = _lists()
            yield from self._texts(tags, texts, line)
        if lines:
            yield Rows(rows.begin_many(lines), lines, qty, stated, bulk.known.fields, own)

    def _bulk(self, tags: tuple[str, ...]) -> Columns | None:
        """How items with these fields are read in bulk; None where each needs a closer look."""
        key = (tags, *self.base.values())
        if key not in self._bulks:
            if len(self._bulks) >= _SHAPES:
                self._bulks.clear()
            self._shapes_met += 1
            memos, names = self._shapes[tags], [self.rows.name(tag) for tag in tags]
            read = [self.fields[name].name if name in self.fields else "" for name in names]
            self._bulks[key] = None
            if memos is not None and read.count("qty") == 1:
                mark = str(self._shapes_met)
                self._bulks[key] = columns_of(memos, read, base=self.base, own=_OWN, needed=_NEEDED, mark=mark)
        return self._bulks[key]

    def _texts(self, tags: tuple[str, ...], texts: tuple[str | None, ...], line: int) -> Iterator[Record | Issue]:
        """One plain item."""
        self.rows.begin(line)
        if (memos := self._shapes[tags]) is not None:
            found = self.base | dict(map(getitem, memos, texts))
            found.pop("", None)
            if WRONG not in found and not any(found[name] is None for name in _NEEDED):
                yield Record(self.rows.row, line, found)
                return
        yield from self._closely(
            [(self.rows.name(tag), text, False) for tag, text in zip(tags, texts, strict=True)], line
        )

    def _element(self, element: Any, line: int) -> Iterator[Record | Issue | Fact]:
        """One item as the parser gives it."""
        rows = self.rows
        inside = list(element.iterdescendants())
        if not self._begun:
            self._begun = True
            yield from self.facts({rows.name(child.tag): child.text for child in element})
        memos = self._shapes[tuple([child.tag for child in inside])] if len(inside) == len(element) else None
        if memos is not None:
            found = self.base | dict(map(getitem, memos, [child.text for child in inside]))
            found.pop("", None)
            if WRONG not in found and not any(found[name] is None for name in _NEEDED):
                yield Record(rows.row, line, found)
                return
        yield from self._closely([(rows.name(child.tag), child.text, len(child) > 0) for child in element], line)

    def _closely(self, children: list[Child], line: int) -> Iterator[Record | Issue]:
        """An item that is read field by field: something is wrong with it, or hangs on another field."""
        row = self.rows.row
        if misshapen := list(self._misshapen(children, row, line=line)):
            yield from misshapen
            return
        texts = {name: text for name, text, _ in children}
        found, wrong = self.base.copy(), Wrong()
        for name, text, _ in children:
            if field := self.fields.get(name):
                value, code = reading(field, text)
                if value is not None:
                    found[field.name] = value
                if code is not None:
                    wrong.append((code, name, text))
        wrong = self.judged(wrong, texts)
        named = {name for _, name, _ in wrong}
        wrong += [(code, name, texts.get(name)) for code, name in self.missing(texts, found) if name not in named]
        for code, name, text in wrong:
            value = text.strip() or None if text else None
            likely = self.likely(code, text or "", texts)
            yield issue(code, value, row=row, line=line, column=self.spelled.get(name, name), suggestions=likely)
        if not any(CODES[code].severity is Severity.ERROR or code in self.left_out for code, _, _ in wrong):
            yield Record(row, line, found)

    def _misshapen(self, children: list[Child], row: int, *, line: int) -> Iterator[Issue]:
        """What is wrong with an item whose fields stand in it twice, or hold elements of their own."""
        seen: set[str] = set()
        for name, text, nested in children:
            if name in self.fields and nested:
                yield issue("field.nested", row=row, line=line, column=self.spelled.get(name, name))
            elif name in self.fields and name in seen:
                yield issue("field.repeated", text, row=row, line=line, column=self.spelled.get(name, name))
            seen.add(name)


def _lists() -> tuple[list[int], list[int], list[Stated], list[dict[str, Any]]]:
    return [], [], [], []
