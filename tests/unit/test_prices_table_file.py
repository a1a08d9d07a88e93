"""An owner's price table as CSV: what is read, and every way in which it can be wrong."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.prices import table_file
from catalog.prices.table_file import MOST_ISSUES, PriceTable, TablePrice, read_table

HEAD = b"part_num,color_id,condition,currency,unit_price\n"


def codes(table: PriceTable) -> list[tuple[int | None, int | None, str | None, str]]:
    return [(one.row, one.line, one.column, one.code) for one in table.issues]


@pytest.mark.parametrize(
    "content",
    [
        HEAD + b"3001,5,N,EUR,0.25\n",
        b"\xef\xbb\xbf" + HEAD + b"3001,5,N,EUR,0.25",
        HEAD.replace(b",", b";") + b"3001;5;new;eur; 0.25 \r\n",
        HEAD.replace(b",", b"\t") + b"3001\t5\tn\tEUR\t0.25\n\n\n",
        b'"Unit_Price","Currency",note,"PART_NUM","Color_ID","Condition"\n.25,EUR,"a\nb",3001,5,N\n',
        HEAD + b"3001,5,N,EUR,0.25,,\n",
    ],
)
def test_read_table__the_same_row_in_many_ways(content):
    """Delimiter, order, case of names, blanks, BOM and line ends do not matter; other columns are left alone."""
    assert read_table(content) == PriceTable(
        rows=(TablePrice("3001", 5, "N", "EUR", Decimal("0.25")),), issues=(), wrong=0
    )


@pytest.mark.parametrize(
    "content", [b"part_num,currency,unit_price\nX,EUR,1\n", HEAD + b"x,,,EUR,1\n", HEAD + b"x,9999,,EUR,1\n"]
)
def test_read_table__no_color_is_any_color(content):
    """Color and condition may be empty or left out, and 9999 is any color; part numbers ignore case."""
    assert read_table(content).rows == (TablePrice("x", None, None, "EUR", Decimal(1)),)


def test_read_table__a_table_may_be_empty():
    """A header alone is an empty table, a file without one is a mistake."""
    assert read_table(HEAD) == PriceTable(rows=(), issues=(), wrong=0)
    assert codes(read_table(b"")) == [
        (None, 1, name, "column.missing") for name in ("part_num", "currency", "unit_price")
    ]


@pytest.mark.parametrize(
    ("row", "found"),
    [
        (b",,,EUR,1", ("part_num", "part.missing")),
        (b"x" * 101 + b",,,EUR,1", ("part_num", "part.invalid")),
        (b"a\x00b,,,EUR,1", ("part_num", "part.invalid")),
        (b"x,-1,,EUR,1", ("color_id", "color.not_integer")),
        (b"x,1.0,,EUR,1", ("color_id", "color.not_integer")),
        (b"x,1234567890,,EUR,1", ("color_id", "color.not_integer")),
        ("x,٣,,EUR,1".encode(), ("color_id", "color.not_integer")),
        (b"x,,X,EUR,1", ("condition", "condition.unknown")),
        (b"x,,,,1", ("currency", "currency.unknown")),
        (b"x,,,euros,1", ("currency", "currency.unknown")),
        (b"x,,,EUR,", ("unit_price", "price.missing")),
        (b"x,,,EUR", ("unit_price", "price.missing")),
        (b"x,,,EUR,0", ("unit_price", "price.zero")),
        (b"x,,,EUR,0.0000", ("unit_price", "price.zero")),
        (b"x,,,EUR,-1", ("unit_price", "price.negative")),
        (b"x,,,EUR,free", ("unit_price", "price.not_decimal")),
        (b"x,,,EUR,1e3", ("unit_price", "price.not_decimal")),
        (b"x,,,EUR,.", ("unit_price", "price.not_decimal")),
        (b"x,,,EUR,1,2", (None, "row.too_long")),
    ],
)
def test_read_table__each_mistake_has_its_code(row, found):
    """A wrong cell is told with its row, line, column and a stable code; its row is left out."""
    table = read_table(HEAD + b"ok,,,EUR,1\n" + row + b"\n")
    assert codes(table) == [(2, 3, *found)]
    assert (table.wrong, len(table.rows)) == (1, 1)
    assert table.issues[0].expected


def test_read_table__duplicates_name_the_first():
    """Two prices for one key are a mistake of the second, which names the line of the first; two keys are none."""
    table = read_table(HEAD + b"A,1,N,EUR,1\na,1,new,eur,2\na,1,U,EUR,2\na,2,N,EUR,2\na,1,N,USD,2\na,,N,EUR,2\n")
    assert codes(table) == [(2, 3, "part_num", "row.duplicate")]
    assert table.issues[0].expected == "one price; line 2 has another"
    assert len(table.rows) == 5


def test_read_table__commas_are_suggested_as_points():
    """A decimal comma is not guessed, but suggested."""
    (issue,) = read_table(HEAD.replace(b",", b";") + b"x;;;EUR;0,25\n").issues
    assert (issue.code, issue.suggestions) == ("price.not_decimal", ("0.25",))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (
            b"part_num,color_id\nx,1\n",
            [(None, 1, "currency", "column.missing"), (None, 1, "unit_price", "column.missing")],
        ),
        (b"part_num,part_num,currency,unit_price\n", [(None, 1, "part_num", "column.repeated")]),
        (HEAD + b"x,,,EUR,1\n\xff,,,EUR,1\n", [(None, 3, None, "encoding.invalid")]),
        (HEAD + b'x,,,EUR,1\n"y,,,EUR,1\n', [(None, 3, None, "csv.syntax")]),
        (HEAD + b"x" * 200_000 + b",,,EUR,1\n", [(None, 2, None, "csv.syntax")]),
        (b"<html>\n", [(None, 1, name, "column.missing") for name in ("part_num", "currency", "unit_price")]),
    ],
)
def test_read_table__a_file_that_is_no_table(content, found):
    """What is wrong with the file as a whole is told once, with the line where it shows."""
    table = read_table(content)
    assert codes(table) == found
    assert table.wrong == len(found)


def test_read_table__mistakes_beyond_a_thousand_are_counted():
    """The first thousand are told in full, the others counted."""
    table = read_table(HEAD + b",,,E,0\n" * 1000)
    assert (len(table.issues), table.wrong) == (MOST_ISSUES, 3000)


def test_read_table__has_a_limit_of_rows(monkeypatch):
    """A table that is too long is told so, once."""
    monkeypatch.setattr(table_file, "MOST_ROWS", 3)
    assert codes(read_table(HEAD + b"".join(b"p%d,,,EUR,1\n" % n for n in range(9)))) == [(4, 5, None, "limit.rows")]


@given(st.binary(max_size=300).map(lambda found: HEAD + found))
def test_read_table__whatever_comes_ends_in_rows_or_codes(content):
    """No input raises; what is read is fit to be stored."""
    table = read_table(content)
    assert table.wrong >= len(table.issues)
    assert all(row.unit_price > 0 and "\0" not in row.part_num and row.part_num.isprintable() for row in table.rows)
    assert len({row[:4] for row in table.rows}) == len(table.rows)
