"""Two lists side by side: every kind of change, none told twice, and all pieces accounted for."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from small_catalog import small_catalog

from lists.compare import Change, compare

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
