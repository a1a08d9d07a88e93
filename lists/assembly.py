"""A whole list: read by its parser, resolved row by row, totalled, and written in every form; memory stays flat.

The step of the pipeline and `heavylift check` both run this, so both say the same.
"""

import gc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice, repeat
from pathlib import Path
from typing import Any, NamedTuple

from catalog.match import Correction, Finding
from catalog.port import Catalog
from catalog.resolver import Resolver
from jobs.issues import Fact, Issue, Record, Rows
from lists.issues_file import IssuesFile
from lists.lots import MAX_LOTS, LotBook, Role
from lists.meanings import Meaning, Meanings
from lists.names import COLOR_SPACES, PartNames, column_of
from lists.outputs import SUMMARY, Output, outputs, write_lots
from lists.records_file import RecordsFile
from lists.totals import Totals, shortened
from parsers.codes import issue
from parsers.encoding import Watch
from parsers.lists import bulk_reader
from parsers.wishes import PLAIN, Wishes

AHEAD = 2000  # rows that are looked up together
_ANSWERS = 5000  # that the resolver remembers: what they mean is remembered here
_EXCLUDED, _REPEATED = "row.excluded", "row.duplicate"
SURVEYED = 600  # of the first ones: they tell whose numbers a file holds
Item = Rows | Record | Issue | Fact


class Notice(NamedTuple):
    """Something that the list's owner should know, in a job's words."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the caller wants of the totals."""

    subtract_filled: bool = False  # count what is still needed: less QTYFILLED
    include_spares: bool = False  # spares are bought, too
    currency: str | None = None  # of prices in a list that names none


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """What came of a list."""

    summary: dict[str, Any]  # for the job: short
    outputs: tuple[Output, ...]  # files below the folder, in the order in which they are told
    notices: tuple[Notice, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)  # what the file says of itself


def assemble(
    source: Path,
    *,
    kind: str,
    folder: Path,
    catalog: Catalog,
    corrections: Iterable[Correction] = (),
    wishes: Wishes = PLAIN,
    choices: Choices | None = None,
    watch: Watch | None = None,
) -> Assembled:
    """Read `source` and write everything below `folder`. Raises what the parser of its kind raises."""
    with _collector_at_rest():  # until what was needed for it is gone: all of it would be looked through at once
        return _assembled(
            bulk_reader(kind)(source, watch=watch, wishes=wishes),
            kind=kind,
            folder=folder,
            catalog=catalog,
            corrections=corrections,
            choices=choices or Choices(),
        )


def _assembled(
    items: Iterator[Item],
    *,
    kind: str,
    folder: Path,
    catalog: Catalog,
    corrections: Iterable[Correction],
    choices: Choices,
) -> Assembled:
    import orjson

    with RecordsFile(folder) as records, IssuesFile(folder) as issues:
        resolver = Resolver(catalog, corrections=corrections, kept=_ANSWERS)
        work = _Work(kind, resolver, catalog, choices, records=records, issues=issues)
        del resolver  # `close` lets go of it: what it remembers is large
        work.run(_surveyed(items, work))
        work.close()
    del items  # and what its parser remembers
    names, lots = write_lots(
        folder,
        book=work.book,
        catalog=catalog,
        part_names=work.part_names,
        spares=choices.include_spares,
        currency=choices.currency,
    )
    summary = {"format": kind, "verdict": _verdict(work.totals, issues), **work.totals.facts(), **issues.facts()}
    summary |= lots | {"spaces": work.spaces, "catalog": _catalog_facts(catalog), "file": work.facts}
    (folder / SUMMARY).write_bytes(orjson.dumps(summary, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    made = (records.path, issues.jsonl, issues.csv, *(folder / name for name in (SUMMARY, *names)))
    return Assembled(
        summary=shortened(summary), outputs=outputs(made), notices=tuple(_notices(work, catalog)), facts=work.facts
    )


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Rows hold no cycles, and looking for some among millions of values takes a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Work:
    """The state of one pass."""

    def __init__(
        self,
        kind: str,
        resolver: Resolver,
        catalog: Catalog,
        choices: Choices,
        *,
        records: RecordsFile,
        issues: IssuesFile,
    ) -> None:
        self.kind = kind
        self.records = records
        self.issues = issues
        self.resolver = resolver
        self.choices = choices
        self.totals = Totals()
        self.book = LotBook()
        self.part_names = PartNames(catalog)
        self.meanings = Meanings(resolver, catalog, book=self.book, part_names=self.part_names, write=records.form)
        self.facts: dict[str, Any] = {}
        self.spaces: Any = None
        self._said: set[tuple[Any, ...]] = set()  # findings that are told once
        self._codes: list[str] = []  # of the row whose issues came last
        self._coded_row: int | None = None

    def run(self, items: Iterable[Item]) -> None:
        """Every row once: resolved, counted, merged, written."""
        for item in items:
            if type(item) is Rows:
                self._many(item)
            elif type(item) is Record:
                qty = item.fields.pop("qty")
                self._one(item.row, item.line, qty, self.meanings.of(item.fields))
            else:
                self._note(item)

    def _one(
        self, row: int, line: int | None, qty: int, meaning: Meaning, own: Mapping[str, Any] | None = None
    ) -> None:
        for finding in meaning.wrong:
            self._tell(finding, row=row, line=line)
        pieces = max(0, qty - meaning.filled) if self.choices.subtract_filled else qty
        self.totals.add(row, pieces, meaning.role)
        if meaning.lot is not None:
            meaning.lot.add(row, pieces)
        else:
            self.book.left_out += 1
        self.records.add(row, line, qty, meaning, own=own, codes=self._codes if self._coded_row == row else None)

    def _many(self, rows: Rows) -> None:
        """Rows of which each is well by itself; where there is more to say of one, all are taken one by one."""
        meanings = self.meanings.shared(rows)
        if not all(meaning.plain for meaning in set(meanings)):
            own = rows.own or repeat(None)
            numbers = enumerate(zip(rows.lines, rows.qty, meanings, own, strict=False), rows.row)
            for row, (line, qty, meaning, said) in numbers:
                self._one(row, line, qty, meaning, said)
            return
        for row, (meaning, qty) in enumerate(zip(meanings, rows.qty, strict=True), rows.row):
            lot = meaning.lot
            lot.qty += qty  # type: ignore[union-attr]  # looked at above
            lot.rows += 1  # type: ignore[union-attr]  # the same
            if not lot.row:  # type: ignore[union-attr]  # the same
                lot.row = row  # type: ignore[union-attr]  # the same
        self.totals.add_many(rows.row + len(meanings) - 1, rows.qty, meanings)
        self.records.add_many(rows, meanings)

    def _note(self, item: Any) -> None:
        """Keep a fact or an issue; a row's issues come before its record."""
        if type(item) is Fact:
            self.facts[item.name] = item.value
            return
        if item.code == "color.not_integer" and item.value and self.kind in COLOR_SPACES:
            likely = self.resolver.colors_named(item.value, space=COLOR_SPACES[self.kind])
            item = replace(item, suggestions=item.suggestions or likely)
        self.issues.add(item)
        if item.row is None:
            return
        self.totals.rows = max(self.totals.rows, item.row)
        if item.code == _EXCLUDED:
            self.totals.excluded += 1
        if item.row != self._coded_row:
            self._codes, self._coded_row = [], item.row
        self._codes.append(item.code)

    def _tell(self, finding: Finding, *, row: int | None, line: int | None) -> None:
        """What the resolver says of a row, as an issue; what is the same for every such row is told for the first."""
        if finding.once:
            said = (finding.code, finding.column, finding.value)
            if said in self._said:
                return
            if len(self._said) < MAX_LOTS:
                self._said.add(said)
        told = self.facts.get("columns", {})
        self._note(
            issue(
                finding.code,
                finding.value,
                row=row,
                line=line,
                column=column_of(finding.column, kind=self.kind, told=told),
                expected=finding.expected,
                suggestions=finding.suggestions,
            )
        )

    def close(self) -> None:
        """What shows only at the end: of the file as a whole, totals that it claims, lots in several rows."""
        for finding in self.resolver.findings:
            self._tell(finding, row=None, line=None)
        for found in self._claims():
            self.issues.add(found)
        repeated = self.book.repeated()
        for key, lot in islice(repeated, self.issues.room):
            told = f"{key.part_num or lot.raw_id} in {lot.rows} rows"
            self.issues.add(issue(_REPEATED, told, row=lot.row, line=None))
        self.issues.count(_REPEATED, sum(1 for _ in repeated))
        del self.resolver, self.meanings

    def _claims(self) -> Iterator[Issue]:
        claimed = self.facts.get("declared_pieces")
        pieces, spares = self.totals.pieces[Role.PIECE], self.totals.pieces[Role.SPARE]
        if claimed is not None and claimed not in {pieces, pieces + spares}:
            yield issue("total.mismatch", str(pieces), row=None, line=None, expected=str(claimed))


def _surveyed(items: Iterator[Item], work: _Work) -> Iterator[Item]:
    """`items` as they come, after the first rows were asked whose numbers they hold; parts are looked up in bulk."""
    ahead, stated = _ahead(items)
    work.spaces = work.resolver.survey(islice(stated, SURVEYED)).to_json()
    while ahead:
        work.resolver.prefetch(stated)
        yield from ahead
        ahead, stated = _ahead(items)


def _ahead(items: Iterator[Item]) -> tuple[list[Item], list[dict[str, Any]]]:
    """The next items that have some AHEAD rows, and what these rows state; rows in bulk only what is new of it."""
    found: list[Item] = []
    stated: list[dict[str, Any]] = []
    count = 0
    for item in items:
        found.append(item)
        if type(item) is Record:
            count += 1
            stated.append(item.fields)
        elif type(item) is Rows:
            count += len(item.qty)
            stated += [each.fields for each in item.stated if each.fields is not None]
        if count >= AHEAD or len(found) >= AHEAD:
            break
    return found, stated


def _verdict(totals: Totals, issues: IssuesFile) -> str:
    """In a word: `clean`, `warnings`, `errors` (rows were rejected), `rejected` (all of them)."""
    if totals.rows > totals.excluded and not totals.accepted:
        return "rejected"
    if issues.severities["error"]:
        return "errors"
    return "warnings" if issues.severities["warning"] else "clean"


def _catalog_facts(catalog: Catalog) -> dict[str, Any]:
    return {"version": catalog.version, "parts": catalog.counts.get("parts", 0)}


def _notices(work: _Work, catalog: Catalog) -> Iterator[Notice]:
    rows = work.totals.rows - work.totals.excluded
    if rows and not work.totals.accepted:
        yield Notice("rows.all_rejected", f"None of the {rows} rows could be accepted; issues.jsonl says why.")
    if work.book.left_out:
        text = f"The list has more than {len(work.book)} different lots; {work.book.left_out} rows are in the totals alone."
        yield Notice("lots.too_many", text)
    if catalog.version.startswith("sample"):
        text = f"Parts were looked up in the sample catalog of {catalog.counts['parts']} parts; import a full one."
        yield Notice("catalog.sample", text)
