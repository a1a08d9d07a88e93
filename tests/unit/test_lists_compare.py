"""Two lists side by side: every kind of change, none told twice, and all pieces accounted for."""

import io
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_catalog import small_catalog

from jobs.errors import InputError
from lists.compare import COLUMNS, Change, compare, read_lots

CATALOG = small_catalog()


def lot(part, color, qty, **more):
    said = {"item_type": "P", "part_num": part, "raw_id": part, "color_id": color, "raw_color": color}
    return said | {"qty": qty, "spares": 0, "name": None} | more


def changes(left, right, **more):
    return [
        (
            found.change.value,
            found.left and found.left[1::2],
            found.right and found.right[1::2],
            found.left_qty,
            found.right_qty,
        )
        for found in compare(left, right, catalog=CATALOG, **more)
    ]


def test_compare__equal_lists_have_no_difference():
    """The same lots in another order, split into rows of other prices, are the same list."""
    left = [lot("3001", 4, 3), lot("3002", 1, 2)]
    right = [lot("3002", 1, 1), lot("3001", 4, 3), lot("3002", 1, 1)]
    assert changes(left, right) == []


def test_compare__added_removed_and_quantity():
    """What one list alone has, and what both have in another number."""
    left = [lot("3001", 4, 3), lot("3002", 1, 2)]
    right = [lot("3001", 4, 5), lot("3023", 0, 1)]
    assert changes(left, right) == [
        ("quantity", ("3001", 4), ("3001", 4), 3, 5),
        ("removed", ("3002", 1), None, 2, 0),
        ("added", None, ("3023", 0), 0, 1),
    ]


def test_compare__another_mould_before_another_color():
    """A part that came in another mould or color is told as that; the rest of its number stays added or removed."""
    left = [lot("3070a", 4, 5), lot("3001", 4, 2)]
    right = [lot("3070b", 4, 3), lot("3001", 14, 2)]
    assert changes(left, right) == [
        ("mould", ("3070a", 4), ("3070b", 4), 3, 3),
        ("color", ("3001", 4), ("3001", 14), 2, 2),
        ("removed", ("3070a", 4), None, 2, 0),
    ]


def test_compare__spares_on_request():
    """Spare pieces count where that is asked for."""
    left, right = [lot("3001", 4, 3, spares=1)], [lot("3001", 4, 4)]
    assert changes(left, right) == [("quantity", ("3001", 4), ("3001", 4), 3, 4)]
    assert changes(left, right, spares=True) == []


def test_compare__unresolved_lots_by_their_own_ids():
    """What no catalog knows is compared by what the files say, and never with a part that is known."""
    unknown = {"part_num": None, "color_id": None}
    left = [lot("zz1", 5, 2, **unknown), lot("zz2", 5, 1, **unknown)]
    right = [lot("zz1", 5, 2, **unknown), lot("zz2", 5, 1)]
    assert changes(left, right) == [("removed", ("zz2", 5), None, 1, 0), ("added", None, ("zz2", 5), 0, 1)]


LISTS = st.lists(
    st.builds(
        lot,
        st.sampled_from(["3001", "3002", "3070a", "3070b", "6141"]),
        st.sampled_from([0, 1, 4]),
        st.integers(0, 6),
    ),
    max_size=12,
)


@given(LISTS, LISTS)
def test_compare__accounts_for_every_piece(left, right):
    """Taking what the left side of all changes says away, and giving what the right says, makes the right list."""
    counted = Counter()
    for one in left:
        counted[(one["part_num"], one["color_id"])] += one["qty"]
    for found in compare(left, right, catalog=CATALOG):
        if found.left:
            counted[(found.left.part, found.left.color)] -= found.left_qty
        if found.right:
            counted[(found.right.part, found.right.color)] += found.right_qty
        assert found.left_qty != found.right_qty or found.change in {Change.MOULD, Change.COLOR}
    wanted = Counter()
    for one in right:
        wanted[(one["part_num"], one["color_id"])] += one["qty"]
    assert +counted == +wanted
    assert min(counted.values(), default=0) >= 0


@pytest.mark.parametrize(
    "line",
    [
        b"no json",
        b"[1]",
        b"{}",
        json.dumps(lot("3001", 4, "3")).encode(),
        json.dumps(lot("3001", 4, True)).encode(),
        json.dumps(lot(3001, 4, 3)).encode(),
        json.dumps(lot("3001", "red", 3)).encode(),
        json.dumps(lot("3001", 4, 3, name=["x"])).encode(),
        json.dumps(lot("3001", 4, 3, name="x" * 70_000)).encode(),
        b"[" * 60_000,
        b"\xff\xfe",
    ],
)
def test_read_lots__what_is_none_is_named(line):
    """Lots come from anybody: a line that is none ends the comparison with its number, whatever it is instead."""
    good = json.dumps(lot("3001", 4, 3)).encode()
    found = []
    with pytest.raises(InputError) as caught:
        found.extend(read_lots(io.BytesIO(good + b"\n" + line + b"\n")))
    assert (caught.value.fault.code, caught.value.fault.place) == ("pair.lots", {"line": 2})


def test_difference__has_the_columns_that_the_table_names():
    """What is written of a difference is what the header of `diff.csv` says, in its order."""
    (found,) = compare([lot("3001", 4, 1)], [], catalog=CATALOG)
    assert tuple(found.to_json()) == COLUMNS
