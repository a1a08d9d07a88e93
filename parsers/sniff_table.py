"""Is this text a table of parts? Only where its header or the shape of its rows leaves hardly a doubt."""

from itertools import islice

from parsers.delimiter import CHARACTERS, HEAD_LINES, layout_of
from parsers.table_cells import quantity
from parsers.table_columns import Columns
from parsers.table_lines import MAX_LINE, Line
from parsers.wishes import PLAIN

_ROWS = 20  # looked at below the header
_OTHERS = ("{", "[", "<", "#!", "%!", "0 ", "import ", "from ", "package ", "def ", "function ", "SELECT ", "---\n")


def is_table(text: str) -> bool:
    """Whether the head of a file, as text, begins a parts list of any make."""
    start = text[:200].lstrip()
    if start.startswith(_OTHERS) or not start:
        return False
    raw = text.splitlines()[: HEAD_LINES + 1]
    if len(raw) > 1 and not text.endswith(("\n", "\r")):
        raw.pop()  # the head may end inside it
    head = [Line(number, line if len(line) < MAX_LINE else None) for number, line in enumerate(raw[:HEAD_LINES], 1)]
    layout = layout_of(head, PLAIN)
    if layout is None or layout.columns is None or not layout.columns.strong:
        return False
    if layout.shape is not None:
        return layout.shape.sure
    below = [cells for number, cells in layout.rows(iter(head)) if number > (layout.columns.line or 0)]
    if not any(any(map(str.strip, cells)) for cells in below):
        return layout.name in CHARACTERS
    return _fit(list(islice((cells for cells in below if any(map(str.strip, cells))), _ROWS)), layout.columns)


def _fit(rows: list[list[str]], columns: Columns) -> bool:
    """Whether the rows hold what the header says: a third of them at least, since sections and notes stand between."""
    wanted = [at for at in (columns.qty, columns.reference) if at is not None]
    good = 0
    for cells in rows:
        texts = [cells[at].strip() for at in wanted if at < len(cells)]
        good += any(any(char.isdigit() for char in text) for text in texts if len(text) < 2000) and (
            columns.reference is not None or any(text and _is_amount(text) for text in texts)
        )
    return 3 * good >= len(rows)


def _is_amount(text: str) -> bool:
    return text[0].isdigit() or text[0] in "-+xX" or quantity(text)[0] is not None
