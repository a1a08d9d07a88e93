"""One list written in every format that can carry it, so that tests can show that all of them read back alike.

`FORMS` has them all. A format has no words for some things: `takes` says which items it can hold, `carries` which of an
item's fields come back beside part, color and quantity.
"""

import csv
import io
from collections.abc import Callable, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

from cad_lists import brick, lxf, lxfml, mpd, placed, studio

MOST_PLACED = 300  # of one lot, in formats that write each piece
_STUDIO_HEAD = "BLItemNo,ElementId,LdrawId,PartName,BLColorId,LDrawColorId,ColorName,ColorCategory,Qty,Weight\n"
_DOUBLED = 16  # from here on LDraw writes a lot as models of models


class Colors(NamedTuple):
    """One color as each space numbers it."""

    rebrickable: int
    bricklink: int
    ldraw: int
    lego: int


class Item(NamedTuple):
    """One row of a list. Part numbers are the same in all spaces unless `bricklink`, `ldraw` or `lego` say otherwise."""

    part_num: str
    colors: Colors
    qty: int
    spare: bool = False
    element: str | None = None
    name: str = ""
    color_name: str = ""
    price: str | None = None  # as a decimal: `0.25`
    remarks: str | None = None
    condition: str | None = None  # N: new, U: used
    bricklink: str | None = None
    ldraw: str | None = None
    lego: str | None = None


class Form(NamedTuple):
    """One way to write a list."""

    kind: str  # as the sniffer says it
    suffix: str
    space: (
        str  # whose numbers it writes; element: LEGO's for part and color; unknown: the catalog's parts, colors by name
    )
    write: Callable[[Sequence[Item]], bytes]
    takes: Callable[[Item], bool]
    carries: frozenset[str] = frozenset()


def raw_id(item: Item, space: str) -> str:
    """The item's number in that space."""
    if space == "element":
        return item.element or ""
    return getattr(item, space, None) or item.part_num


def wanted_list(items: Sequence[Item]) -> bytes:
    """BrickLink's wanted list."""
    rows = "".join(
        f"<ITEM><ITEMTYPE>P</ITEMTYPE><ITEMID>{escape(raw_id(item, 'bricklink'))}</ITEMID><COLOR>{item.colors.bricklink}"
        f"</COLOR><MINQTY>{item.qty}</MINQTY>{_tag('MAXPRICE', item.price)}{_tag('CONDITION', item.condition)}"
        f"{_tag('REMARKS', item.remarks)}</ITEM>\n"
        for item in items
    )
    return f"<INVENTORY>\n{rows}</INVENTORY>\n".encode()


def inventory(items: Sequence[Item]) -> bytes:
    """BrickLink's inventory, whose extras are spares."""
    rows = "".join(
        f"<ITEM>\n <ITEMTYPE>P</ITEMTYPE>\n <ITEMID>{escape(raw_id(item, 'bricklink'))}</ITEMID>\n <COLOR>"
        f"{item.colors.bricklink}</COLOR>\n <QTY>{item.qty}</QTY>\n {_tag('PRICE', item.price)}"
        f"{_tag('CONDITION', item.condition)}"
        f"{_tag('EXTRA', 'Y' if item.spare else None)}{_tag('REMARKS', item.remarks)}\n</ITEM>\n"
        for item in items
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<INVENTORY>\n{rows}</INVENTORY>\n'.encode()


def bsx(items: Sequence[Item]) -> bytes:
    """BrickStore's file."""
    rows = "".join(
        f"<Item><ItemID>{escape(raw_id(item, 'bricklink'))}</ItemID><ItemTypeID>P</ItemTypeID><ColorID>{item.colors.bricklink}"
        f"</ColorID><Qty>{item.qty}</Qty><Status>{'E' if item.spare else 'I'}</Status>{_tag('Price', item.price)}"
        f"{_tag('Condition', item.condition)}{_tag('Remarks', item.remarks)}</Item>\n"
        for item in items
    )
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE BrickStoreXML>\n<BrickStoreXML>\n<Inventory Currency="EUR">\n'
    return f"{head}{rows}</Inventory>\n</BrickStoreXML>\n".encode()


def order(items: Sequence[Item]) -> bytes:
    """An order as BrickLink hands it to sellers: thousands are set apart, and the currency stands in its head."""
    rows = "".join(
        f"<ITEM><ITEMID>{escape(raw_id(item, 'bricklink'))}</ITEMID><ITEMTYPE>P</ITEMTYPE><COLOR>{item.colors.bricklink}</COLOR>"
        f"<QTY>{item.qty:,}</QTY><PRICE>{item.price or '0.0000'}</PRICE>{_tag('CONDITION', item.condition)}"
        f"{_tag('DESCRIPTION', item.remarks)}</ITEM>\n"
        for item in items
    )
    head = "<ORDER><ORDERID>1</ORDERID><BASECURRENCYCODE>EUR</BASECURRENCYCODE>\n"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<ORDERS>{head}{rows}</ORDER></ORDERS>\n'.encode()


def rebrickable(items: Sequence[Item]) -> bytes:
    """Rebrickable's parts list with spares."""
    rows = [(item.part_num, item.colors.rebrickable, item.qty, item.spare) for item in items]
    return _separated([("Part", "Color", "Quantity", "Is Spare"), *rows], ",").encode()


def rebrickable_old(items: Sequence[Item]) -> bytes:
    """Rebrickable's parts list as it was, without spares."""
    rows = [(item.part_num, item.colors.rebrickable, item.qty) for item in items]
    return _separated([("Part", "Color", "Num"), *rows], ",").encode()


def elements(items: Sequence[Item]) -> bytes:
    """LEGO's Pick a Brick list."""
    return _separated([("elementId", "quantity"), *((item.element, item.qty) for item in items)], ",").encode()


def studio_csv(items: Sequence[Item]) -> bytes:
    """Studio's parts list with its blank row and totals."""
    rows = [
        (
            raw_id(item, "bricklink"),
            item.element or "",
            raw_id(item, "ldraw"),
            item.name,
            *_studio_colors(item),
            item.qty,
            0.5,
        )
        for item in items
    ]
    total = ("",) * 8 + (sum(item.qty for item in items), 0.5)
    footer = [("",) * 10, ("",) * 8 + ("Total qty", "Total Weight"), total]
    return (_STUDIO_HEAD + _separated([*rows, *footer], ",")).encode()


def _studio_colors(item: Item) -> tuple[object, ...]:
    return (item.colors.bricklink, item.colors.ldraw, item.color_name, "Solid Colors")


def ldraw_text(items: Sequence[Item], *, space: str = "ldraw") -> str:
    """An LDraw model; larger lots are placed as models of models, each twice as many as the one before."""
    main, models = "0 A list\n", {}
    for number, item in enumerate(items):
        file, color = f"{raw_id(item, space)}.dat", getattr(item.colors, space)
        if item.qty < _DOUBLED:
            main += placed(file, color, times=item.qty)
            continue
        below = [f"lot {number} of {2**level}.ldr" for level in range(item.qty.bit_length())]
        inherited = 16 if space == "ldraw" else -1
        for level, name in enumerate(below):
            models[name] = placed(below[level - 1], inherited, times=2) if level else placed(file, inherited)
            main += placed(name, color) if item.qty >> level & 1 else ""
    return mpd({"main.ldr": main, **models})


def ldraw(items: Sequence[Item]) -> bytes:
    """An LDraw file of several models."""
    return ldraw_text(items).encode()


def studio_model(items: Sequence[Item]) -> bytes:
    """A Studio file."""
    return studio(ldraw_text(items), total=sum(item.qty for item in items))


def studio_model2(items: Sequence[Item]) -> bytes:
    """A Studio file with BrickLink's colors alone."""
    return studio(ldraw_text(items, space="bricklink"), total=sum(item.qty for item in items), entry="model2.ldr")


def bricks(items: Sequence[Item]) -> str:
    """Each piece as a brick of LEGO Digital Designer."""
    return "".join(
        brick(raw_id(item, "lego"), f"{item.colors.lego},0", items=item.element or "") * item.qty for item in items
    )


def table_rows(items: Sequence[Item]) -> list[tuple[object, ...]]:
    """A table as somebody makes it by hand, header first."""
    head = ("Part No", "Colour ID", "Colour name", "Part name", "Qty", "Unit price", "Remarks")
    return [head] + [
        (
            item.part_num,
            item.colors.rebrickable,
            item.color_name,
            item.name,
            item.qty,
            item.price or "",
            item.remarks or "",
        )
        for item in items
    ]


def table(delimiter: str, encoding: str = "utf-8") -> Callable[[Sequence[Item]], bytes]:
    """Writes such a table as text."""
    return lambda items: _separated(table_rows(items), delimiter).encode(encoding)


def full_rows(items: Sequence[Item]) -> list[tuple[object, ...]]:
    """A table with everything that a list can say, header first."""
    head = (
        "Item",
        "Part Number",
        "Color",
        "Color Name",
        "Part Name",
        "Quantity",
        "Price (EUR)",
        "Notes",
        "Condition",
    )
    return [(*head, "Is Spare")] + [
        (
            number,
            item.part_num,
            item.colors.rebrickable,
            item.color_name,
            item.name,
            item.qty,
            item.price or "",
            item.remarks or "",
            item.condition or "",
            "yes" if item.spare else "no",
        )
        for number, item in enumerate(items, 1)
    ]


def full_table(items: Sequence[Item]) -> bytes:
    """Such a table as text, below a title and with a total."""
    rows = full_rows(items)
    total = ("", "", "", "", "Total", sum(item.qty for item in items), *[""] * 4)
    return _separated([("My list", *[""] * 9), ("",) * 10, *rows, total], ";").encode()


def sites_table(items: Sequence[Item]) -> bytes:
    """A table whose header says that its numbers are BrickLink's."""
    rows = [(raw_id(item, "bricklink"), item.colors.bricklink, item.qty, item.condition or "") for item in items]
    return _separated([("BrickLink ID", "BrickLink Color", "Qty", "Condition"), *rows], ",").encode()


def aligned(items: Sequence[Item]) -> bytes:
    """A table as people paste it: columns set apart with blanks."""
    rows = [("Part", "Color", "Qty"), *((item.part_num, item.color_name, item.qty) for item in items)]
    return "".join(f"{part:<24}{color:<28}{qty:>8}\n" for part, color, qty in rows).encode()


def markdown(items: Sequence[Item]) -> bytes:
    """A table as people write it in notes."""
    rows = "".join(f"| {item.part_num} | {item.color_name} | {item.qty} |\n" for item in items)
    return f"| Part | Color | Qty |\n|------|:-----:|----:|\n{rows}".encode()


def words(items: Sequence[Item]) -> bytes:
    """A list as people type it."""
    return "".join(f"{item.part_num} {item.color_name} {item.qty}\n" for item in items).encode()


def counts_first(items: Sequence[Item]) -> bytes:
    """The same, quantities first."""
    return "".join(f"{item.qty}x {item.part_num} {item.color_name}\n" for item in items).encode()


def xlsx(items: Sequence[Item]) -> bytes:
    """Such a table as an Excel workbook, part numbers as text."""
    from openpyxl import Workbook

    book = Workbook()
    for at, row in enumerate(table_rows(items), 1):
        for column, value in enumerate(row, 1):
            cell = book.active.cell(at, column, value)
            cell.data_type = "s" if isinstance(value, str) else "n"  # `=0` is text here, not a formula
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def xls(items: Sequence[Item]) -> bytes:
    """Such a table as an old Excel workbook."""
    import xlwt

    book = xlwt.Workbook()
    sheet = book.add_sheet("Parts")
    for at, row in enumerate(table_rows(items)):
        for column, cell in enumerate(row):
            sheet.write(at, column, cell)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _separated(rows: Sequence[Sequence[object]], delimiter: str) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return out.getvalue()


def _tag(name: str, text: str | None) -> str:
    """An element, its text escaped twice as BrickLink does; nothing where there is no text."""
    return f"<{name}>{escape(escape(text))}</{name}>" if text else ""


def _any(_item: Item) -> bool:
    return True


def _no_spare(item: Item) -> bool:
    return not item.spare


def _element(item: Item) -> bool:
    return not item.spare and bool(item.element)


def _few(item: Item) -> bool:
    return not item.spare and item.qty <= MOST_PLACED


def _pasted(item: Item) -> bool:
    return not item.spare and item.qty < 100_000


_RICH = frozenset({"price", "remarks"})
_PRICED = frozenset({"price", "remarks", "condition"})
FORMS: dict[str, Form] = {
    "wanted list": Form("bricklink-xml", ".xml", "bricklink", wanted_list, _no_spare, _PRICED),
    "inventory": Form("bricklink-xml", ".xml", "bricklink", inventory, _any, _PRICED | {"spare"}),
    "order": Form("bricklink-xml", ".xml", "bricklink", order, _no_spare, _PRICED | {"currency"}),
    "bsx": Form("brickstore-bsx", ".bsx", "bricklink", bsx, _any, _PRICED | {"spare", "currency"}),
    "rebrickable": Form("rebrickable-csv", ".csv", "rebrickable", rebrickable, _any, frozenset({"spare"})),
    "old rebrickable": Form("rebrickable-csv", ".csv", "rebrickable", rebrickable_old, _no_spare),
    "elements": Form("element-csv", ".csv", "element", elements, _element),
    "studio csv": Form("studio-csv", ".csv", "bricklink", studio_csv, _no_spare, frozenset({"element", "name"})),
    "ldraw": Form("ldraw", ".mpd", "ldraw", ldraw, _no_spare),
    "studio": Form("studio-io", ".io", "ldraw", studio_model, _no_spare),
    "studio model2": Form("studio-io", ".io", "bricklink", studio_model2, _no_spare),
    "lxfml": Form("ldd-lxfml", ".lxfml", "lego", lambda items: lxfml(bricks(items)).encode(), _few),
    "lxf": Form("ldd-lxf", ".lxf", "lego", lambda items: lxf(bricks(items)), _few),
    "csv": Form("table", ".csv", "rebrickable", table(","), _no_spare, _RICH | {"name"}),
    "semicolons": Form("table", ".csv", "rebrickable", table(";", "utf-8-sig"), _no_spare, _RICH | {"name"}),
    "tsv": Form("table", ".txt", "rebrickable", table("\t", "utf-16"), _no_spare, _RICH | {"name"}),
    "full table": Form("table", ".csv", "rebrickable", full_table, _any, _PRICED | {"spare", "currency"}),
    "site's table": Form("table", ".csv", "bricklink", sites_table, _no_spare, frozenset({"condition"})),
    "aligned": Form("table", ".txt", "unknown", aligned, _no_spare),
    "markdown": Form("table", ".md", "unknown", markdown, _no_spare),
    "words": Form("table", ".txt", "unknown", words, _pasted),
    "counts first": Form("table", ".txt", "unknown", counts_first, _pasted),
    "xlsx": Form("xlsx", ".xlsx", "rebrickable", xlsx, _no_spare, _RICH | {"name"}),
    "xls": Form("xls", ".xls", "rebrickable", xls, _no_spare, _RICH | {"name"}),
}
