"""A whole list: read by its parser, resolved row by row, totalled, and written in every form; memory stays flat.

The step of the pipeline and `heavylift check` both run this, so both say the same.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from catalog.match import By, Correction, Finding, Match
from catalog.port import Catalog
from catalog.resolver import Resolver
from jobs.issues import Fact, Issue, Record
from lists.issues_file import IssuesFile
from lists.lots import MAX_LOTS, Lot, LotBook, Role
from lists.names import PartNames, color_names_of, column_of
from lists.outputs import Output, write_outputs
from lists.records_file import RecordsFile
from lists.totals import Totals, breakdown, shortened
from parsers.codes import issue
from parsers.encoding import Watch
from parsers.lists import reader
from parsers.wishes import PLAIN, Wishes

SURVEYED = 2000  # rows that are looked at before the first is resolved: whose numbers are these?
Item = Record | Issue | Fact
_EXACT = {"by": By.EXACT, "confidence": 1.0}


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
    choices = choices or Choices()
    resolver = Resolver(catalog, corrections=corrections)
    work = _Work(kind, resolver, catalog, choices)
    with RecordsFile(folder) as records, IssuesFile(folder) as issues:
        work.run(_surveyed(reader(kind)(source, watch=watch, wishes=wishes), resolver, work), records, issues)
        work.close(issues)
    parts = breakdown(work.book, catalog)
    summary = {"format": kind, "verdict": _verdict(work.totals, issues), **work.totals.facts(), **issues.facts()}
    summary |= parts | {"spaces": work.spaces, "catalog": _catalog_facts(catalog), "file": work.facts}
    outputs, more = write_outputs(
        folder,
        book=work.book,
        catalog=catalog,
        summary=summary,
        spares=choices.include_spares,
        currency=choices.currency,
        written=(records.path, issues.jsonl, issues.csv),
    )
    return Assembled(
        summary=shortened(summary) | more,
        outputs=outputs,
        notices=tuple(_notices(work, catalog)),
        facts=work.facts,
    )


class _Work:
    """The state of one pass."""

    def __init__(self, kind: str, resolver: Resolver, catalog: Catalog, choices: Choices) -> None:
        self.kind = kind
        self.resolver = resolver
        self.catalog = catalog
        self.choices = choices
        self.totals = Totals()
        self.book = LotBook()
        self.facts: dict[str, Any] = {}
        self.spaces: Any = None
        self._said: set[tuple[Any, ...]] = set()  # findings that are told once
        self._codes: list[str] = []  # of the row whose issues came last
        self._coded_row: int | None = None

    def run(self, items: Iterator[Item], records: RecordsFile, issues: IssuesFile) -> None:
        """Every row once: resolved, counted, merged, written."""
        resolve, totals, book = self.resolver.resolve, self.totals, self.book
        part_names, color_names = PartNames(self.catalog), color_names_of(self.catalog)
        filled = self.choices.subtract_filled
        for item in items:
            if type(item) is not Record:
                self._note(item, issues)
                continue
            row, line, fields = item
            match = resolve(fields)
            for finding in match.wrong:
                self._tell(finding, row=row, line=line, issues=issues)
            qty = fields["qty"]
            if filled and "qty_filled" in fields:
                qty = max(0, qty - fields["qty_filled"])
            role = _role(fields)
            totals.add(row, qty, role)
            book.add(_lot_key(fields, match, role), qty, row=row, fields=fields)
            written = {
                "row": row,
                "line": line,
                **fields,
                "part_num": match.part_num,
                "part_name": part_names[match.part_num],
                "color_id": match.color_id,
                "color": color_names.get(match.color_id),
                "match": _match_json(match),
            }
            if self._coded_row == row:
                written["issues"] = self._codes
            records.add(written)

    def _note(self, item: Any, issues: IssuesFile) -> None:
        """Keep a fact or an issue; a row's issues come before its record."""
        if type(item) is Fact:
            self.facts[item.name] = item.value
            return
        issues.add(item)
        if item.row is None:
            return
        self.totals.rows = max(self.totals.rows, item.row)
        if item.row != self._coded_row:
            self._codes, self._coded_row = [], item.row
        self._codes.append(item.code)

    def _tell(self, finding: Finding, *, row: int | None, line: int | None, issues: IssuesFile) -> None:
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
            ),
            issues,
        )

    def close(self, issues: IssuesFile) -> None:
        """What shows only at the end: of the file as a whole, totals that it claims, lots in several rows."""
        for finding in self.resolver.findings:
            self._tell(finding, row=None, line=None, issues=issues)
        for found in chain(self._claims(), _duplicates(self.book.lots())):
            issues.add(found)

    def _claims(self) -> Iterator[Issue]:
        claimed = self.facts.get("declared_pieces")
        pieces, spares = self.totals.pieces[Role.PIECE], self.totals.pieces[Role.SPARE]
        if claimed is not None and claimed not in {pieces, pieces + spares}:
            yield issue("total.mismatch", str(pieces), row=None, line=None, expected=str(claimed))


def _surveyed(items: Iterator[Item], resolver: Resolver, work: _Work) -> Iterator[Item]:
    """`items` as they come, after the first rows were asked whose numbers they hold."""
    first = list(islice(items, SURVEYED))
    spaces = resolver.survey([item.fields for item in first if type(item) is Record])
    work.spaces = spaces.to_json()
    return chain(first, items)


def _match_json(match: Match) -> dict[str, Any]:
    """How sure an answer is; why, where it is not a plain hit."""
    if match.by is By.EXACT:
        return _EXACT
    return {"by": match.by, "confidence": match.confidence, "reason": match.reason}


def _role(fields: Mapping[str, Any]) -> Role:
    if fields["spare"]:
        return Role.SPARE
    if "alternate" in fields:
        return Role.ALTERNATE
    return Role.COUNTERPART if "counterpart" in fields else Role.PIECE


def _lot_key(fields: Mapping[str, Any], match: Match, role: Role) -> tuple[Any, ...]:
    """The members of a `LotKey`."""
    part, color = match.part_num, match.color_id
    price = fields.get("unit_price") or fields.get("max_price")
    return (
        fields["item_type"],
        part,
        None if part else fields["raw_id"],
        color,
        None if color is not None else fields["raw_color"],
        fields.get("condition"),
        price,
        fields.get("currency"),
        role,
    )


def _duplicates(lots: Iterable[Lot]) -> Iterator[Issue]:
    for lot in lots:
        if lot.rows > 1:
            told = f"{lot.key.part_num or lot.file_id} in {lot.rows} rows"
            yield issue("row.duplicate", told, row=lot.row, line=None)


def _verdict(totals: Totals, issues: IssuesFile) -> str:
    """In a word: `clean`, `warnings`, `errors` (rows were rejected), `rejected` (all of them)."""
    if totals.rows and not totals.accepted:
        return "rejected"
    if issues.severities["error"]:
        return "errors"
    return "warnings" if issues.severities["warning"] else "clean"


def _catalog_facts(catalog: Catalog) -> dict[str, Any]:
    return {"version": catalog.version, "parts": catalog.counts.get("parts", 0)}


def _notices(work: _Work, catalog: Catalog) -> Iterator[Notice]:
    rows = work.totals.rows
    if rows and not work.totals.accepted:
        yield Notice("rows.all_rejected", f"None of the {rows} rows could be accepted; issues.jsonl says why.")
    if work.book.left_out:
        text = f"The list has more than {len(work.book)} different lots; {work.book.left_out} rows are in the totals alone."
        yield Notice("lots.too_many", text)
    if catalog.version.startswith("sample"):
        text = f"Parts were looked up in the sample catalog of {catalog.counts['parts']} parts; import a full one."
        yield Notice("catalog.sample", text)
