"""Reads any table that came as text: CSV, TSV, semicolons, pipes, or pasted with tabs and spaces."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

from jobs.errors import UnreadableFile
from jobs.issues import Fact, Issue, Record
from parsers.codes import issue
from parsers.delimiter import HEAD_LINES, Layout, layout_of, rows_by
from parsers.encoding import Watch
from parsers.table_header import checked
from parsers.table_lines import Line, lines_of, text_facts
from parsers.table_rows import Place, Tally, rows_of
from parsers.wishes import PLAIN, Wishes

_SEPARATOR = re.compile(r"sep=([,;|\t])", re.IGNORECASE)  # a first line for Excel's eyes


def parse(path: Path, *, watch: Watch | None = None, wishes: Wishes = PLAIN) -> Iterator[Record | Issue | Fact]:
    """The list's rows in order, each good one as a `Record`, each thing wrong as an `Issue`.

    Raises `UnreadableFile` (`format.empty`, `table.no_header`, `encoding.invalid`) and `InputError` where a wish can not
    be met (`columns.unknown`, `columns.field`, `delimiter.unknown`, `encoding.unknown`).
    """
    wishes = checked(wishes)
    facts = text_facts(path, wishes.encoding)
    if facts.guessed_line:
        yield issue("encoding.guessed", row=None, line=facts.guessed_line)
    lines = _unmarked(lines_of(path, facts, strict=wishes.encoding is not None, watch=watch))
    head = list(islice(lines, max(HEAD_LINES, min(wishes.header_row or 0, 10 * HEAD_LINES))))
    if head and (said := _SEPARATOR.fullmatch(head[0].text or "")):
        head = head[1:]
        wishes = replace(wishes, delimiter=wishes.delimiter or said[1])
    layout = layout_of(head, wishes)
    if layout is None:
        # Nothing shows a list; the rows are read all the same, so that the caller learns what is missing.
        layout = Layout(name=(name := _likely(head)), rows=rows_by(name))
    if layout.guessed:
        yield issue("delimiter.guessed", _shown(layout.name), row=None, line=None)
    tally = Tally()
    rows = layout.rows(chain(head, lines))
    yield Fact("delimiter", layout.name)
    yield from rows_of(rows, wishes=wishes, place=Place(shape=layout.shape), tally=tally)
    if not tally.rows:
        raise UnreadableFile("format.empty", "The list has a header and no rows.", hint="Export it again.")
    if (total := tally.total()) is not None:
        yield Fact("declared_pieces", total)


def _unmarked(lines: Iterator[Line]) -> Iterator[Line]:
    """The lines without a byte-order mark, which some codecs leave in."""
    for number, text in islice(lines, 1):
        yield Line(number, text.lstrip("\ufeff") if text else text)
    yield from lines


def _likely(head: list[Line]) -> str:
    """The character that is found most often in the first line with any."""
    for _, text in head:
        if text and text.strip():
            return max(",;\t|", key=text.count)
    return ","


def _shown(name: str) -> str:
    return {"\t": "tab"}.get(name, name)
