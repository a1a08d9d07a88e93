"""Lists that Hypothesis makes of the sample catalog's parts and colors, in the words of every format that tests write."""

import functools

from hypothesis import strategies as st
from list_writers import Colors, Item
from reference import sample

from catalog.sqlite import SqliteCatalog

UNKNOWN = (
    "qx77731",
    "98761e02",
    "00998877",
    "zz-44.1",
)  # nothing in the catalog is like them; text, whatever they look like
MOST = 80_000  # pieces in a row: a model's rows are merged, and together they may not come to more than a million
_NO_COLORS = (-1, 9999)  # "unknown" and "any" are no colors that every format has a number for
_REMARKS = "abc XYZ019&<>;,'\"|.:=+-@#é漢"


@functools.cache
def catalog():
    """The sample, open; it is shared and read only."""
    return SqliteCatalog(sample())


def first(found, otherwise):
    """What stands first, else `otherwise`."""
    return next(iter(found), otherwise)


def item(part_num, color_id, qty, **more):
    """A row for a part and a color of the catalog, with the numbers of each space."""
    known = catalog()
    numbers = (first(known.external_colors(space, color_id), 0) for space in ("bricklink", "ldraw", "lego"))
    ids = {space: _id_in(space, part_num) for space in ("bricklink", "ldraw", "lego")}
    part = known.part(part_num)
    said = {"name": part.name if part else "Thing", "color_name": known.colors()[color_id].name}
    return Item(part_num, Colors(color_id, *numbers), qty, **(said | ids | more))


def _id_in(space, part_num):
    """What the space calls the part, unless the catalog has another mould of that number, which would be read then."""
    found = first(catalog().external(space, part_num), None)
    return None if found and catalog().part(found) else found


def _colors():
    return st.sampled_from([color for color in catalog().colors() if color not in _NO_COLORS])


def _prices():
    return st.none() | st.integers(1, 10**7).map(lambda cents: f"{cents // 10000}.{cents % 10000:04}")


@st.composite
def items(draw, *, unknown=True):
    """One row: mostly a part in a color that the catalog knows it in, with its element."""
    number = draw(st.sampled_from(_numbers()))
    if unknown and draw(st.integers(0, 9)) == 0:
        number = draw(st.sampled_from(UNKNOWN))
    known = sorted(catalog().known_colors(number))
    color = draw(st.sampled_from(known)) if known and draw(st.booleans()) else draw(_colors())
    qty = draw(st.integers(1, 5) | st.integers(1, 400) | st.integers(1, MOST))
    more = {"element": first(catalog().elements_of(number, color), None), "spare": draw(st.integers(0, 3)) == 0}
    more |= {"price": draw(_prices()), "condition": draw(st.sampled_from([None, "N", "U"]))}
    remarks = draw(st.none() | st.text(_REMARKS, max_size=12).map(str.strip))
    return item(number, color, qty, remarks=remarks or None, **more)


@functools.cache
def _numbers():
    return [catalog().part(key).part_num for key in catalog().part_nums()]


def lists(**more):
    """A whole list."""
    return st.lists(items(**more), min_size=1, max_size=12)
