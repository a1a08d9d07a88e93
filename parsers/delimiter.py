"""What parts the cells of a table that came as text: told from its header line, outside quotation marks."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from jobs.errors import InputError
from parsers.table_aliases import meaning
from parsers.table_columns import Columns
from parsers.table_header import Found, find_header
from parsers.table_lines import Broken, Cells, Line, Mended, delimited, split_by
from parsers.table_shape import PASTED, Shape, pasted_cells, shape_of
from parsers.wishes import Wishes

HEAD_LINES = 200  # lines that are looked at; more blank ones may not stand before a header
CHARACTERS = (",", ";", "\t", "|")
RUNS, WORDS = "spaces", "words"  # two spaces or more, or tabs; single spaces
MAX_SPANS = 64  # columns that empty cells are looked for in
MAX_WORDS = 12  # columns of a table that single spaces part
MAX_SPACED = 4096  # characters of a line that is parted by spaces

_RUN = re.compile(r"[^\s]+(?: [^\s]+)*")
_WORD = re.compile(r"\S+")
_NAMES = {
    "tab": "\t",
    "\\t": "\t",
    "comma": ",",
    "semicolon": ";",
    "pipe": "|",
    "space": RUNS,
    " ": RUNS,
    "spaces": RUNS,
}

Rows = Callable[[Iterator[Line]], Iterator[Cells]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a text is taken apart."""

    name: str  # the character, `spaces` or `words`
    rows: Rows
    guessed: bool = False  # another way of taking it apart would have done as well
    shape: Shape | None = None  # of a list without a header
    columns: Columns | None = None  # of its header, where one was found
    score: int = 0
    cells: int = 0  # of its header


def layout_of(head: Sequence[Line], wishes: Wishes) -> Layout | None:
    """The best way to take the text apart; None where none of them shows a list.

    Raises `InputError` (`delimiter.unknown`).
    """
    if wishes.delimiter is not None:
        return _named(head, wishes)
    candidates = [found for name in CHARACTERS if (found := _by_header(head, name, wishes))]
    candidates += [found for spaced in (_spaced(head, wishes), _worded(head, wishes)) if (found := spaced)]
    if candidates:
        best = max(candidates, key=lambda found: (found.score, found.cells, -_order(found.name)))
        rivals = [found for found in candidates if found.score == best.score and found.name in CHARACTERS]
        return replace(best, guessed=len(rivals) > 1)
    if wishes.columns and not all(isinstance(column, int) for column in wishes.columns.values()):
        return None
    return _by_shape(head)


def rows_by(name: str) -> Rows:
    """The rows of a text whose cells that character parts."""
    if name in CHARACTERS or len(name) == 1:
        return lambda lines: delimited(lines, name)
    return lambda lines: split_by(lines, _runs)


def _named(head: Sequence[Line], wishes: Wishes) -> Layout:
    """The caller's delimiter."""
    asked = wishes.delimiter or ""
    name = _NAMES.get(asked.lower(), asked)
    if name == RUNS:
        return (
            _spaced(head, wishes)
            or _worded(head, wishes)
            or Layout(name=RUNS, rows=rows_by(RUNS), shape=_shape(head, RUNS))
        )
    if len(name) != 1 or name in '"\r\n\0\\' or name.isalnum():
        hint = "One character such as , ; | or tab; `spaces` for pasted text."
        raise InputError("delimiter.unknown", f"{asked[:20]!r} can not part cells.", hint=hint)
    return _by_header(head, name, wishes) or Layout(name=name, rows=rows_by(name), shape=_shape(head, name))


def _order(name: str) -> int:
    return (*CHARACTERS, RUNS, WORDS).index(name)


def _by_header(head: Sequence[Line], name: str, wishes: Wishes) -> Layout | None:
    rows = list(islice(rows_by(name)(iter(head)), HEAD_LINES))
    found = find_header(rows, wishes)
    return _headed(name, rows_by(name), found) if found and found.columns.width != 1 else None


def _headed(name: str, rows: Rows, found: Found) -> Layout:
    return Layout(name=name, rows=rows, columns=found.columns, score=found.score, cells=found.cells)


def _spaced(head: Sequence[Line], wishes: Wishes) -> Layout | None:
    """Runs of spaces: an empty cell leaves no trace but its place, so cells are put under their headers."""
    found = find_header(list(split_by(iter(head), _runs)), wishes)
    if not found or found.columns.width < 2:
        return None
    line = next((text for number, text in head if number == found.columns.line), None)
    if line is None:
        return _headed(RUNS, rows_by(RUNS), found)
    spans = [match.span() for match in _RUN.finditer(line.expandtabs())]
    return _headed(RUNS, lambda lines: split_by(lines, lambda text: _under(text, spans)), found)


def _worded(head: Sequence[Line], wishes: Wishes) -> Layout | None:
    """Single spaces under a header of single words: what is too much belongs to the column of names."""
    found = find_header(list(split_by(iter(head), _words)), wishes)
    if not found or not 2 <= found.columns.width <= MAX_WORDS or not all(map(meaning, found.columns.header)):
        return None  # any sentence may hold two words that head columns
    if any("\t" in (text or "") for number, text in head if number == found.columns.line):
        return None  # what stands between tabs are headers of several words
    width, columns = found.columns.width, found.columns
    texts = [at for at, name in columns.rest if name in {"color_name", "name", "description", "remarks"}]
    wide = columns.color if columns.color is not None else texts[0] if texts else None

    def split(text: str) -> list[str]:
        cells = _words(text)
        more = len(cells) - width
        if more <= 0 or wide is None:
            return cells
        return [*cells[:wide], " ".join(cells[wide : wide + more + 1]), *cells[wide + more + 1 :]]

    return _headed(WORDS, lambda lines: split_by(lines, split), found)


def _by_shape(head: Sequence[Line]) -> Layout | None:
    """A list without a header: the way that shows one most surely."""
    found = [(name, rows_by(name), shape) for name in (*CHARACTERS, RUNS) if (shape := _shape(head, name))]
    if all(name in {"\t", RUNS} for name, _, _ in found) and not any(shape.sure for _, _, shape in found):
        found += [pasted for pattern in PASTED if (pasted := _pasted(head, pattern))]
    if not found:
        return None
    sure = [row for row in found if row[2].sure] or found
    name, rows, shape = sure[0]
    others = {row[0] for row in sure if row[0] in CHARACTERS}
    return Layout(name=name, rows=rows, guessed=len(others) > 1, shape=shape, columns=shape.columns)


def _pasted(head: Sequence[Line], pattern: re.Pattern[str]) -> tuple[str, Rows, Shape] | None:
    split = pasted_cells(pattern)
    cells = [row for _, row in split_by(iter(head), split)]
    shape = shape_of([row for row in cells if row], pasted=True)
    return (WORDS, lambda lines: split_by(lines, split), shape) if shape else None


def _shape(head: Sequence[Line], name: str) -> Shape | None:
    rows = [cells for _, cells in islice(rows_by(name)(iter(head)), HEAD_LINES)]
    if any(isinstance(cells, Broken) for cells in rows):
        return None
    return shape_of([cells for cells in rows if not isinstance(cells, Mended)])


def _runs(text: str) -> list[str]:
    return _RUN.findall(text) if len(text) <= MAX_SPACED else [text]


def _words(text: str) -> list[str]:
    return _WORD.findall(text) if len(text) <= MAX_SPACED else [text]


def _under(text: str, spans: Sequence[tuple[int, int]]) -> list[str]:
    """Cells parted by runs of spaces; where some are empty, each goes to the header that it stands under."""
    if len(text) > MAX_SPACED or len(spans) > MAX_SPANS:
        return _runs(text)
    found = [(match.start(), match.end(), match[0]) for match in _RUN.finditer(text.expandtabs())]
    if len(found) >= len(spans) or not found:
        return [cell for _, _, cell in found]
    cells = [""] * len(spans)
    for start, end, cell in found:
        at = min(range(len(spans)), key=lambda at: max(spans[at][0] - end, start - spans[at][1]))
        cells[at] = f"{cells[at]} {cell}".strip()
    return cells
