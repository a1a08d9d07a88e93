"""What the tests write in each format is what its parser reads: part, color and quantity come back as written."""

import importlib
from collections import Counter

import pytest
from list_writers import FORMS, Colors, Item, raw_id

from jobs.issues import Fact, Issue, Record, Severity
from parsers.lists import LISTS
from parsers.sniff import sniff

RED, BLUE, BLACK = Colors(4, 5, 4, 21), Colors(1, 7, 1, 23), Colors(0, 11, 0, 26)
SAID = {"price": ("unit_price", "max_price"), "remarks": ("remarks", "description"), "condition": ("condition",)}
ITEMS = [
    Item(
        "3001",
        RED,
        4,
        element="300121",
        name="Brick 2 x 4",
        color_name="Red",
        price="0.25",
        remarks="A & B; <c>",
        condition="U",
    ),
    Item("3001", BLUE, 300, element="300123", name="Brick 2 x 4", color_name="Blue"),
    Item("6141", BLACK, 21, bricklink="4073", ldraw="4073", element="614126", name="Plate Round", color_name="Black"),
    Item("003381", BLACK, 1, color_name="Black", name="Sticker Sheet"),
    Item("3023", RED, 7, spare=True, element="302321", color_name="Red", name="Plate 1 x 2"),
    Item(
        "3001",
        RED,
        2,
        element="300121",
        name="Brick 2 x 4",
        color_name="Red",
        price="0.25",
        remarks="A & B; <c>",
        condition="U",
    ),
]


@pytest.mark.parametrize("name", FORMS)
def test_form__is_read_back(tmp_path, name):
    """Each format is told from its bytes, and gives the parts, colors, quantities and extras that it can carry."""
    form = FORMS[name]
    items = [item for item in ITEMS if form.takes(item)]
    content = form.write(items)
    kind = sniff(content[: 64 * 1024], size=len(content), name=f"upload{form.suffix}")
    assert kind is not None
    assert kind.name == form.kind
    path = tmp_path / f"list{form.suffix}"
    path.write_bytes(content)
    found = list(importlib.import_module(f"parsers.{LISTS[form.kind]}").parse(path))
    assert [item.code for item in found if isinstance(item, Issue) and item.severity is not Severity.INFO] == []
    written, read = Counter(), Counter()
    for item in items:
        color = getattr(item.colors, form.space, None)
        written[raw_id(item, form.space), color, item.spare and "spare" in form.carries] += item.qty
    rows = [item.fields for item in found if isinstance(item, Record)]
    for row in rows:
        read[row["raw_id"], row["raw_color"], row["spare"]] += row["qty"]
    assert read == written
    declared = [item.value for item in found if isinstance(item, Fact) and item.name == "declared_pieces"]
    assert declared in ([], [sum(item.qty for item in items)])
    for field, ours in SAID.items():
        if field in form.carries:
            expected = {getattr(item, field) for item in items} - {None}
            assert {row[one] for row in rows for one in ours if row.get(one)} == expected
    if "currency" in form.carries:
        assert {row["currency"] for row in rows if row.get("unit_price")} == {"EUR"}
