"""Honest lists in every format that is read, small and different each time: what the attacks start from."""

import json
import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from fuzz import books
from fuzz.zips import zipped

Change = Callable[[bytes], bytes]  # what becomes of the text (or records) that hold the list
Lots = Sequence["Lot"]


class Lot(NamedTuple):
    """One row."""

    part: str
    color: int
    qty: int
    price: str
    words: str


class Form(NamedTuple):
    """One way to write a list; `write` lets its text be changed before it is packed."""

    name: str
    kind: str  # as the sniffer says it
    suffix: str
    inside: str  # what its text is: xml, table, ldraw, sheet, biff
    write: Callable[[Lots, Change], bytes]
    packed: str = ""  # what is around it: zip, book (a ZIP), cfb, or nothing


_PARTS = (
    "3001",
    "3002",
    "3003",
    "3005",
    "3023",
    "3068bpb0001",
    "973pb01c01",
    "4073",
    "x346",
    "970e01",
    "0012345",
    "30o1",
)
_WORDS = (
    "drawer 4",
    'plate 2" wide',
    "Würfel, klein",
    "=1+2",
    "für Anna; später",
    "a | b",
    "",
    "  ",
    "\u96ea",
    "&amp;",
)
_UPRIGHT = "1 0 0 0 1 0 0 0 1"
_STUDIO = "BLItemNo,ElementId,LdrawId,PartName,BLColorId,LDrawColorId,ColorName,ColorCategory,Qty,Weight"


def lots(rng: random.Random) -> list[Lot]:
    """A few rows, at times some hundred."""
    count = rng.choice((1, 2, 3, 8, 8, 20, 400))
    return [
        Lot(rng.choice(_PARTS), rng.randrange(90), rng.randrange(1, 60), f"{rng.random():.2f}", rng.choice(_WORDS))
        for _ in range(count)
    ]


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def _wanted(rows: Lots) -> str:
    items = "".join(
        f"<ITEM><ITEMTYPE>P</ITEMTYPE><ITEMID>{lot.part}</ITEMID><COLOR>{lot.color}</COLOR><MAXPRICE>-1.0000</MAXPRICE>"
        f"<MINQTY>{lot.qty}</MINQTY><QTYFILLED>0</QTYFILLED><CONDITION>X</CONDITION>"
        f"<REMARKS>{_escaped(lot.words)}</REMARKS><NOTIFY>N</NOTIFY></ITEM>\n"
        for lot in rows
    )
    return f"<INVENTORY>\n{items}</INVENTORY>\n"


def _order(rows: Lots) -> str:
    items = "".join(
        f"  <ITEM>\n   <ITEMTYPE>P</ITEMTYPE>\n   <ITEMID>{lot.part}</ITEMID>\n   <COLOR>{lot.color}</COLOR>\n"
        f"   <QTY>1,{lot.qty:03}</QTY>\n   <PRICE>{lot.price}</PRICE>\n   <CONDITION>N</CONDITION>\n"
        f"   <DESCRIPTION><![CDATA[{lot.words}]]></DESCRIPTION>\n  </ITEM>\n"
        for lot in rows
    )
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<ORDERS>\n <ORDER><ORDERID>7</ORDERID>'
    return f"{head}<BASECURRENCYCODE>EUR</BASECURRENCYCODE>\n{items} </ORDER>\n</ORDERS>\n"


def _bsx(rows: Lots) -> str:
    items = "".join(
        f"  <Item>\n   <ItemID>{lot.part}</ItemID>\n   <ItemTypeID>P</ItemTypeID>\n   <ColorID>{lot.color}</ColorID>\n"
        f"   <Qty>{lot.qty}</Qty>\n   <Price>{lot.price}</Price>\n   <Status>{'IXE'[lot.qty % 3]}</Status>\n"
        f"   <Remarks>{_escaped(lot.words)}</Remarks>\n  </Item>\n"
        for lot in rows
    )
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE BrickStoreXML>\n<BrickStoreXML>\n <Inventory Currency="USD">\n'
    return f"{head}{items} </Inventory>\n</BrickStoreXML>\n"


def _lxfml(rows: Lots) -> str:
    bricks = "".join(
        f'  <Brick refID="{number}" designID="{lot.part}" itemNos="{lot.part}{lot.color:02}">'
        f'<Part refID="{number}" designID="{lot.part}" materials="{lot.color},0" decoration="0"><Bone refID="{number}" '
        f'transformation="{_UPRIGHT.replace(" ", ",")},0,0,0"/></Part></Brick>\n'
        for number, lot in enumerate(rows)
    )
    head = '<?xml version="1.0" encoding="UTF-8" standalone="no" ?>\n<LXFML versionMajor="5" name="Model">\n'
    return f'{head} <Meta><BrickSet version="1564"/></Meta>\n <Bricks cameraRef="0">\n{bricks} </Bricks>\n</LXFML>\n'


def _ldraw(rows: Lots) -> str:
    placed = [f"1 {lot.color} 0 -24 {number}.5 {_UPRIGHT} {lot.part}.dat" for number, lot in enumerate(rows)]
    return "\n".join(("0 A list", "0 Name: main.ldr", *placed, "0 STEP", ""))


def _mpd(rows: Lots) -> str:
    half = len(rows) // 2
    inner = "".join(f"1 16 0 0 0 {_UPRIGHT} half.ldr\n" for _ in range(1 + rows[0].qty % 3))
    return f"0 FILE main.ldr\n{_ldraw(rows[:half])}{inner}0 NOFILE\n0 FILE half.ldr\n{_ldraw(rows[half:])}0 NOFILE\n"


def _table(rows: Lots, delimiter: str) -> str:
    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in '"\n' + delimiter) else text

    head = ("Part No", "Colour ID", "Qty", "Unit price", "Remarks")
    lines = [head, *((lot.part, str(lot.color), str(lot.qty), lot.price, lot.words) for lot in rows)]
    return "".join(delimiter.join(map(cell, line)) + "\n" for line in lines)


def _pasted(rows: Lots) -> str:
    # Without x346: such a number looks like a quantity where nothing parts the columns.
    return "".join(
        f"{lot.qty}x {lot.part.lstrip('x')} {('Red', 'Dark Bluish Gray', 'White')[lot.color % 3]}\n" for lot in rows
    )


def _bom(rows: Lots) -> str:
    lines = [f'"C{n * 3 + 1}, C{n * 3 + 2}";BSS{lot.part};{lot.qty};ACME;{lot.price}\n' for n, lot in enumerate(rows)]
    return (
        "Reference(s);MPN;Qty;Manufacturer;Unit price\n" + "".join(lines) + f"Total;;{sum(lot.qty for lot in rows)};;\n"
    )


def _studio_csv(rows: Lots) -> str:
    lines = [f"{lot.part},,{lot.part},A part,{lot.color},{lot.color},Red,Solid,{lot.qty},0.5" for lot in rows]
    total = f",,,,,,,,{sum(lot.qty for lot in rows)},0.5"
    return "\n".join((_STUDIO, *lines, "," * 9, ",,,,,,,,Total qty,Total Weight", total, ""))


def _text(written: Callable[[Lots], str], encoding: str = "utf-8") -> Callable[[Lots, Change], bytes]:
    return lambda rows, change: change(written(rows).encode(encoding))


def _studio(rows: Lots, change: Change) -> bytes:
    info = {"version": "2.24.1_1", "total_parts": sum(lot.qty for lot in rows)}
    model = change(_mpd(rows).encode())
    said = b"\xef\xbb\xbf" + json.dumps(info).encode() + b"\r\n"
    return zipped([("model.ldr", model), ("model2.ldr", model), (".info", said), ("errorPartList.err", b"")])


def _lxf(rows: Lots, change: Change) -> bytes:
    return zipped([("IMAGE100.PNG", b"\x89PNG\r\n\x1a\n"), ("IMAGE100.LXFML", change(_lxfml(rows).encode()))])


def _cells(rows: Lots) -> list[list[str | float]]:
    def cells(lot: Lot) -> list[str | float]:
        return [lot.part, float(lot.color), float(lot.qty), float(lot.price), lot.words]

    return [["Part No", "Color", "Qty", "Unit price", "Remarks"], *map(cells, rows)]


def _csv(head: str, row: Callable[[Lot], str]) -> Callable[[Lots, Change], bytes]:
    return _text(lambda rows: "\n".join((head, *map(row, rows), "")))


FORMS: tuple[Form, ...] = (
    Form("wanted list", "bricklink-xml", ".xml", "xml", _text(_wanted)),
    Form("order", "bricklink-xml", ".xml", "xml", _text(_order)),
    Form("bsx", "brickstore-bsx", ".bsx", "xml", _text(_bsx)),
    Form(
        "rebrickable",
        "rebrickable-csv",
        ".csv",
        "table",
        _csv("Part,Color,Quantity,Is Spare", lambda lot: f"{lot.part},{lot.color},{lot.qty},{lot.qty % 9 == 0}"),
    ),
    Form(
        "elements",
        "element-csv",
        ".csv",
        "table",
        _csv("elementId,quantity", lambda lot: f"3001{lot.color:02},{lot.qty}"),
    ),
    Form("studio csv", "studio-csv", ".csv", "table", _text(_studio_csv)),
    Form("ldraw", "ldraw", ".ldr", "ldraw", _text(_ldraw)),
    Form("mpd", "ldraw", ".mpd", "ldraw", _text(_mpd)),
    Form("studio", "studio-io", ".io", "ldraw", _studio, "zip"),
    Form("lxfml", "ldd-lxfml", ".lxfml", "xml", _text(_lxfml)),
    Form("lxf", "ldd-lxf", ".lxf", "xml", _lxf, "zip"),
    Form("csv", "table", ".csv", "table", _text(lambda rows: _table(rows, ","))),
    Form("semicolons", "table", ".csv", "table", _text(lambda rows: _table(rows, ";"), "utf-8-sig")),
    Form("tsv", "table", ".txt", "table", _text(lambda rows: _table(rows, "\t"), "utf-16")),
    Form("bom", "table", ".csv", "table", _text(_bom)),
    Form("pasted", "table", ".txt", "table", _text(_pasted)),
    Form("xlsx", "xlsx", ".xlsx", "sheet", lambda rows, change: books.xlsx(_cells(rows), change), "book"),
    Form("xls", "xls", ".xls", "biff", lambda rows, change: books.xls(_cells(rows), change), "cfb"),
)
KINDS = tuple(dict.fromkeys(form.kind for form in FORMS))
