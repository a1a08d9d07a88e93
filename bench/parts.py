"""Parts lists: the parsers and the whole step over what bare libraries need for the same fields, and within which memory."""

import csv
import random
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

from bench.catalog_files import write_catalog
from bench.files import MB
from bench.result import Report, Target
from bench.sandboxed import Steps
from bench.stats import Spread, median
from catalog.compile import compile_catalog
from catalog.sqlite import SqliteCatalog
from config.settings import GiB
from jobs.model import UPLOAD
from jobs.outcomes import Usage
from jobs.queues import PARSING
from lists.assembly import assemble
from parsers.lists import reader

LIST_FIELDS = ("ITEMTYPE", "ITEMID", "COLOR", "MAXPRICE", "MINQTY", "QTYFILLED", "CONDITION", "REMARKS", "NOTIFY")
XLSX_ROWS = 220_000
PARSER, STEP = Target(limit=0.7, at_least=True, of="ratio"), Target(limit=0.35, at_least=True, of="ratio")
XML_RATE, CSV_RATE = Target(limit=10, at_least=True), Target(limit=4, at_least=True)  # MB/s in the sandbox
MEMORY, SMALL_P95 = Target(limit=250), Target(limit=150)  # MB, ms
WORKBOOK = Target(limit=5, of="ratio")


def arguments(parser: ArgumentParser) -> None:
    """Options of this bench."""
    parser.add_argument("--mb", type=int, default=100, help="size of the large lists")
    parser.add_argument("--rounds", type=int, default=5, help="of the comparisons; the best of each counts")
    parser.add_argument("-n", type=int, default=60, help="small lists")
    parser.add_argument("--rows", type=int, default=XLSX_ROWS, help="rows of the workbook")


def measure(report: Report, chosen: Namespace) -> None:
    """Everything on one generated catalog, in one folder."""
    with tempfile.TemporaryDirectory(prefix="heavylift-bench-parts-") as made:
        folder = Path(made)
        report.say("  generating a catalog and lists")
        lists = _Lists(folder)
        with SqliteCatalog(lists.catalog) as catalog:
            _compare(report, lists, catalog, rounds=chosen.rounds, mb=min(chosen.mb, 10))
            _small(report, lists, catalog, n=chosen.n)
        _sandboxed(report, lists, mb=chosen.mb)
        _workbook(report, lists, rows=chosen.rows)


class _Lists:
    """Lists of any size whose parts and colors are those of a generated catalog."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        tables = folder / "tables"
        tables.mkdir()
        write_catalog(tables)
        self.catalog = folder / "catalog.sqlite"
        compile_catalog(tables, self.catalog, version="bench")
        with SqliteCatalog(self.catalog) as catalog:
            self._parts = list(_parts_with_colors(catalog))
            random.Random(3).shuffle(self._parts)
            self._ids = {part: next(iter(catalog.external("bricklink", part)), part) for part, _ in self._parts}
            self._numbers = {
                color: next(iter(catalog.external_colors("bricklink", color)), color) for color in catalog.colors()
            }

    def xml(self, size: int) -> Path:
        """A BrickLink wanted list of about `size` bytes."""
        path = self.folder / f"{size}.xml"
        with path.open("w") as out:
            out.write("<INVENTORY>\n")
            for number, (part, color) in enumerate(self._endless()):
                if out.tell() >= size:
                    break
                out.write(
                    f"<ITEM><ITEMTYPE>P</ITEMTYPE><ITEMID>{self._ids[part]}</ITEMID><COLOR>{self._numbers[color]}</COLOR>"
                    f"<MAXPRICE>-1.0000</MAXPRICE><MINQTY>{number % 40 + 1}</MINQTY><QTYFILLED>0</QTYFILLED>"
                    f"<CONDITION>X</CONDITION><REMARKS>drawer {number % 500}</REMARKS><NOTIFY>N</NOTIFY></ITEM>\n"
                )
            out.write("</INVENTORY>\n")
        return path

    def csv(self, size: int) -> Path:
        """A Rebrickable list of about `size` bytes."""
        path = self.folder / f"{size}.csv"
        with path.open("w") as out:
            out.write("Part,Color,Quantity,Is Spare\n")
            for number, (part, color) in enumerate(self._endless()):
                if number % 1000 == 0 and out.tell() >= size:
                    break
                out.write(f"{part},{color},{number % 40 + 1},{number % 20 == 0}\n")
        return path

    def workbook(self, rows: int) -> Path:
        """An Excel workbook with a header that people write."""
        import openpyxl

        path = self.folder / "list.xlsx"
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet("Parts")
        sheet.append(["Part", "Color", "Quantity", "Remarks"])
        for number, (part, color) in zip(range(rows), self._endless(), strict=False):
            sheet.append([part, color, number % 40 + 1, f"drawer {number % 500}"])
        book.save(path)
        return path

    def _endless(self) -> Iterator[tuple[str, int]]:
        """Parts in known colors, as often as real lists have them: a part's rank is what it is as rare as."""
        chosen = random.Random(7)
        weights = list(accumulate(1 / (rank + 20) for rank in range(len(self._parts))))
        while True:
            for part, colors in chosen.choices(self._parts, cum_weights=weights, k=10_000):
                yield part, chosen.choice(colors)


def _parts_with_colors(catalog: SqliteCatalog) -> Iterator[tuple[str, list[int]]]:
    """Each part that is known in some color, with those of its colors that BrickLink's numbers tell apart."""
    told = {
        color
        for color in catalog.colors()
        for number in catalog.external_colors("bricklink", color)[:1]
        if tuple(catalog.color_ids("bricklink", number)) == (color,)
    }
    for num in catalog.part_nums():
        part, colors = catalog.part(num), sorted(catalog.known_colors(num) & told)
        if part is not None and colors:
            yield part.part_num, colors


def _compare(report: Report, lists: _Lists, catalog: SqliteCatalog, *, rounds: int, mb: int) -> None:
    """Parser and step over a bare iterparse of the same file, and other readers beside them; they take turns."""
    xml, table = lists.xml(mb * MB), lists.csv(mb * MB)
    contenders: dict[str, Callable[[], object]] = {
        "bare lxml iterparse": lambda: _bare_xml(xml),
        "parser": lambda: _drained("bricklink-xml", xml),
        "step": lambda: _assembled("bricklink-xml", xml, lists, catalog),
        "pandas.read_xml": lambda: _pandas_xml(xml),
        "csv.DictReader": lambda: _dict_reader(table),
        "csv parser": lambda: _drained("rebrickable-csv", table),
        "csv step": lambda: _assembled("rebrickable-csv", table, lists, catalog),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            if name == "pandas.read_xml" and seconds[name]:
                continue  # ten times as slow as the others: once is enough
            seconds[name].append(_timed(run))
    rate = {name: mb / min(spent) for name, spent in seconds.items()}
    bare, rows = rate["bare lxml iterparse"], rate["csv.DictReader"]
    report.add("xml-parser", rate["parser"], unit="MB/s", baseline=bare, target=PARSER, n=rounds)
    report.add("xml-step", rate["step"], unit="MB/s", baseline=bare, target=STEP, n=rounds)
    report.add("pandas-read-xml", rate["pandas.read_xml"], unit="MB/s", baseline=bare, n=1)
    report.add("csv-parser", rate["csv parser"], unit="MB/s", baseline=rows, n=rounds)
    report.add("csv-step", rate["csv step"], unit="MB/s", baseline=rows, n=rounds)


def _small(report: Report, lists: _Lists, catalog: SqliteCatalog, *, n: int) -> None:
    """Lists of 1 MB: read, resolved, added up and written in every form, in a process that is warm."""
    xml = lists.xml(MB)
    spent = [_timed(lambda: _assembled("bricklink-xml", xml, lists, catalog)) * 1000 for _ in range(n + 3)][3:]
    bare = median([_timed(lambda: _bare_xml(xml)) * 1000 for _ in range(5)])
    spread = Spread.of(spent)
    report.say(f"  1 MB, parse + resolve + totals + artifacts (ms): {spread}")
    report.add("small-p95", spread.p95, unit="ms", baseline=bare, target=SMALL_P95, n=n)


def _sandboxed(report: Report, lists: _Lists, *, mb: int) -> None:
    """The pipeline's own step on large lists, as a worker runs it."""
    for kind, path, target in (
        ("bricklink-xml", lists.xml(mb * MB), XML_RATE),
        ("rebrickable-csv", lists.csv(mb * MB), CSV_RATE),
    ):
        usage, rows = _in_sandbox(lists, path, kind)
        seconds, peak, name = usage.seconds, usage.peak_memory, kind.rpartition("-")[2]
        report.say(
            f"  {mb} MB {name} in the sandbox: {rows} rows in {seconds:.1f} s, {usage.cpu_seconds:.1f} s of them computing"
        )
        report.add(f"sandbox-{name}", mb / seconds, unit="MB/s", target=target, n=1)
        if kind == "bricklink-xml":  # what a list of any length costs: its new parts count for less
            bare = mb / _timed(partial(_bare_xml, path))
            report.add("xml-step-of-a-long-list", mb / seconds, unit="MB/s", baseline=bare, target=STEP, n=1)
        report.add(f"sandbox-{name}-computing", mb / usage.cpu_seconds, unit="MB/s", n=1)  # steadier on a busy machine
        report.add(f"sandbox-{name}-peak-rss", peak / MB, unit="MB", target=MEMORY, n=1)


def _in_sandbox(lists: _Lists, path: Path, kind: str) -> tuple[Usage, int]:
    """What it cost, and how many rows there were."""
    reading = lists.folder / "reading.json"
    reading.write_text("{}")
    resources = {"catalog": lists.catalog, "reading": reading}
    with tempfile.TemporaryDirectory(dir=lists.folder) as made, Steps(Path(made), PARSING.preload) as steps:
        found = steps.run(
            "pipelines.parts_list:parse", {UPLOAD: path}, kind=kind, options={}, resources=resources, memory=GiB // 2
        )
    return found.usage, found.summary["rows_total"]


def _workbook(report: Report, lists: _Lists, *, rows: int) -> None:
    """An Excel workbook: our parser over calamine alone, and openpyxl beside them."""
    path = lists.workbook(rows)
    bare = min(_timed(lambda: _calamine(path)) for _ in range(3))
    ours = min(_timed(lambda: _drained("xlsx", path)) for _ in range(3))
    slow = _timed(lambda: _openpyxl(path))
    report.add("xlsx-parser", ours, unit="s", baseline=bare, target=WORKBOOK, n=3)
    report.add("xlsx-openpyxl", slow, unit="s", baseline=bare, n=1)


def _timed(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def _drained(kind: str, path: Path) -> int:
    return sum(1 for _ in reader(kind)(path))


def _assembled(kind: str, path: Path, lists: _Lists, catalog: SqliteCatalog) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir=lists.folder) as folder:
        return assemble(path, kind=kind, folder=Path(folder), catalog=catalog).summary


def _bare_xml(path: Path) -> int:
    """As little as lxml can do: every field of every item kept, in constant memory."""
    from lxml import etree

    count = 0
    for _, item in etree.iterparse(str(path), events=("end",), tag="ITEM", resolve_entities=False, no_network=True):
        kept = {child.tag: child.text for child in item}
        count += "ITEMID" in kept
        item.clear()
        while item.getprevious() is not None:
            del item.getparent()[0]
    return count


def _pandas_xml(path: Path) -> int:
    import pandas as pd

    fields = {"ITEM": list(LIST_FIELDS)}
    return len(pd.read_xml(path, iterparse=fields, dtype=dict.fromkeys(LIST_FIELDS, str)))


def _dict_reader(path: Path) -> int:
    with path.open(newline="") as file:
        return sum(1 for _ in csv.DictReader(file))


def _calamine(path: Path) -> int:
    from python_calamine import CalamineWorkbook

    return len(CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python(skip_empty_area=False))


def _openpyxl(path: Path) -> int:
    import openpyxl

    book = openpyxl.load_workbook(path, read_only=True)
    return sum(1 for _ in book.worksheets[0].iter_rows(values_only=True))
