"""Tables of PDFs: in four styles and many layouts, invoices, pages without tables, and pages that have too much."""

import random
from collections import Counter

import pytest
from support.bom_pdfs import STYLES, bom_pdf, document, placed
from support.pdfs import blank_pdf, locked_pdf

from jobs.errors import InputError, UnreadableFile
from jobs.issues import Issue
from parsers.pdf_tables import Style, tables

SEEDS = range(3)
PROSE = (
    "The quick brown fox jumps over the lazy dog while part of the quantity of colour remains to be described in "
    "numbers such as 12 or 3001 which nobody would take for rows of a table since they stand in running text."
)
BOX = "q 1 w 100 500 200 100 re S 200 500 m 200 600 l S 100 550 m 300 550 l S Q"
CELLS = ["110 570 Part", "210 570 Qty", "110 520 3001", "210 520 4"]


@pytest.fixture
def read(tmp_path):
    """Reads the tables of a PDF's bytes."""

    def _read(content, **wanted):
        path = tmp_path / "a.pdf"
        path.write_bytes(content)
        return list(tables(path, **wanted))

    return _read


@pytest.mark.parametrize("seed", SEEDS)
def test_tables__ruled_rows_are_exact(read, seed):
    """Every cell of every ruled row is read as it stands, over all pages, as one table."""
    bom = bom_pdf("ruled", seed)
    (table,) = read(bom.content)
    assert [row for row in table.rows if "".join(row) not in bom.titles] == [bom.header, *bom.rows]
    assert (table.style, table.header, table.number) == (Style.RULED, True, 1)
    assert table.pages == (1, bom.pages)
    assert len(table.boxes) == bom.pages > 1


@pytest.mark.parametrize("style", STYLES[1:])
@pytest.mark.parametrize("seed", SEEDS)
def test_tables__unruled_parts_and_quantities(read, style, seed):
    """At least 99 % of the rows have their part number and quantity, and none is made up."""
    bom = bom_pdf(style, seed)
    (table,) = read(bom.content)
    assert (table.style, table.header, table.rows[0]) == (Style.UNRULED, True, bom.header)
    found = Counter((row[bom.part], row[bom.qty]) for row in table.rows[1:] if "".join(row) not in bom.titles)
    wanted = Counter(bom.pairs())
    assert (found & wanted).total() >= 0.99 * wanted.total()
    assert (found - wanted).total() <= 0.01 * wanted.total()


def test_tables__boxes_hold_the_table(read):
    """A table's box is that of its cells, in points from the page's top left corner."""
    (table,) = read(document([BOX + placed(CELLS)]))
    assert table.boxes == ((100.0, 242.0, 300.0, 342.0),)
    assert table.rows == [["Part", "Qty"], ["3001", "4"]]


def test_tables__only_the_pages_that_were_asked_for(read):
    """`first` and `last` bound the pages; `watch` is told of each."""
    bom, told = bom_pdf("plain", 1), []
    (table,) = read(bom.content, first=1, last=1, watch=lambda page, count: told.append((page, count)))
    assert table.pages == (1, 1)
    assert 1 < len(table.rows) < len(bom.rows)
    assert told == [(1, 1)]


def test_tables__an_invoice_ends_at_its_total(read):
    """The positions of an invoice are read without its addresses, its sums and the small print below."""
    texts = ["60 780 Acme Ltd., 12 High Street, London", "60 765 Invoice No. 4711", "380 765 Date: 2024-03-11"]
    for x, text in zip((60, 110, 220, 380, 450), ("Pos", "Item No", "Description", "Qty", "Price"), strict=True):
        texts.append(f"{x} 700 {text}")
    rows = [["1", "3001", "Brick 2 x 4", "10", "1.20"], ["2", "3003", "Brick 2 x 2", "4", "0.90"]]
    for at, row in enumerate(rows):
        texts += [f"{x} {680 - 15 * at} {text}" for x, text in zip((60, 110, 220, 380, 450), row, strict=True)]
    texts += ["220 640 Total", "450 640 15.60", "60 600 Please pay within 14 days to account 12345678 at Example Bank."]
    (table,) = read(document([placed(texts)]))
    assert table.rows == [["Pos", "Item No", "Description", "Qty", "Price"], *rows]


def test_tables__lines_that_share_gaps_without_a_known_header(read):
    """Numbers in columns are a table where no header is known, as they stand."""
    rows = [["City", "2021", "2022", "2023"], *([f"Town{at}", f"{at}1", f"{at}2", f"{at}3"] for at in range(1, 7))]
    texts = [
        f"{60 + 100 * at} {700 - 14 * line} {cell}" for line, row in enumerate(rows) for at, cell in enumerate(row)
    ]
    (table,) = read(document([placed(texts)]))
    assert (table.rows, table.header, table.style) == (rows, False, Style.UNRULED)


@pytest.mark.parametrize("columns", [1, 2])
def test_tables__prose_has_none(read, columns):
    """Running text in one column or two is no table."""
    texts, words = [], PROSE.split()
    for column in range(columns):
        for line in range(40):
            few = [words[(line * 7 + at + column) % len(words)] for at in range(12 // columns)]
            texts.append(f"{60 + 250 * column} {760 - 14 * line} {' '.join(few)}")
    assert read(document([placed(texts)] * 2)) == []


def test_tables__wide_prose_has_none(read):
    """Words that stand far apart are no table because two of them head columns elsewhere."""
    words = PROSE.split()
    texts = [
        f"{40 + 90 * at} {700 - 14 * line} {words[(line + at) % len(words)]}" for line in range(30) for at in range(6)
    ]
    assert read(document([placed(texts)])) == []


def test_tables__an_empty_page_has_none(read):
    """A page without text has no table."""
    assert read(blank_pdf("[0 0 100 100]")) == []


def test_tables__a_page_full_of_lines_is_bounded(read):
    """A page with 200,000 boxes costs little, says so, and the pages after it are read."""
    boxes = "\n".join(f"{at % 600} {at % 800} 9 9 re S" for at in range(200_000))
    good = placed(["60 700 Part", "160 700 Qty", "60 680 3001", "160 680 4"])
    issue, table = read(document([boxes + placed(["60 700 text"]), good]))
    assert isinstance(issue, Issue)
    assert (issue.code, issue.row) == ("pdf.table_limit", 1)
    assert table.rows == [["Part", "Qty"], ["3001", "4"]]


def test_tables__a_page_full_of_crossing_lines_is_bounded(read):
    """Lines that cross 40,000 times are told, not taken for a table."""
    lines = [
        f"{10 + 3.5 * at} 10 m {10 + 3.5 * at} 790 l S 10 {10 + 3.8 * at} m 590 {10 + 3.8 * at} l S"
        for at in range(160)
    ]
    (issue,) = read(document(["\n".join(lines) + placed(["60 700 text"])]))
    assert issue.code == "pdf.table_limit"


def test_tables__a_page_full_of_words_is_bounded(read):
    """A page with 100,000 words says so."""
    words = placed([f"10 {10 + 1.5 * at} {' '.join(['ab'] * 200)}" for at in range(500)])
    (issue,) = read(document([words.replace("/F1 9 Tf", "/F1 1 Tf")]))
    assert (issue.code, issue.row) == ("pdf.table_limit", 1)


def test_tables__lines_inside_a_form(read):
    """Lines that a form draws are found where the form is placed, moved and scaled."""
    form = "1 w 50 0 100 50 re S 100 0 m 100 50 l S 50 25 m 150 25 l S"
    (table,) = read(document(["q 2 0 0 2 0 500 cm /X1 Do Q" + placed(CELLS)], form=form))
    assert (table.style, table.rows) == (Style.RULED, [["Part", "Qty"], ["3001", "4"]])
    assert table.boxes == ((100.0, 242.0, 300.0, 342.0),)


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_tables__a_turned_page(read, turn):
    """A page that is shown turned is read as it is shown."""
    high = 842 if turn == 180 else 595
    matrix = {90: "0 1 -1 0 595 0", 180: "-1 0 0 -1 595 842", 270: "0 -1 1 0 0 842"}[turn]
    content = f"q {matrix} cm 1 0 0 1 0 {high - 842} cm {BOX}{placed(CELLS)} Q"
    (table,) = read(document([content], turn=turn))
    assert (table.style, table.rows) == (Style.RULED, [["Part", "Qty"], ["3001", "4"]])
    assert table.boxes == ((100.0, 242.0, 300.0, 342.0),)


def test_tables__what_can_not_be_opened(read):
    """Locked and damaged files end with the codes that every reader of PDFs has."""
    with pytest.raises(InputError) as caught:
        read(locked_pdf())
    assert caught.value.fault.code == "pdf.password"
    assert read(locked_pdf(), password="secret") == []
    with pytest.raises(UnreadableFile):
        read(b"%PDF-1.4\n")


@pytest.mark.parametrize("most", [9, 40])
def test_unruled__columns_that_are_drawn_one_after_the_other(tmp_path, most):
    """Quantities of one digit that are drawn below each other are one in each row, not one word down the page."""
    chosen = random.Random(2)
    rows = [[str(chosen.randint(2000, 99999)), "Brick 2 x 4", str(chosen.randint(1, most))] for _ in range(40)]
    texts = []
    for column, x in enumerate((60, 160, 300)):
        texts.append(f"{x} 760 {('Part No.', 'Description', 'Qty')[column]}")
        texts += [f"{x} {745 - 14 * at} {row[column]}" for at, row in enumerate(rows)]
    path = tmp_path / "columns.pdf"
    path.write_bytes(document([placed(texts)]))
    (found,) = tables(path)
    assert found.rows[1:] == rows
