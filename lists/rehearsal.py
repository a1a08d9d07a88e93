"""A list is read before anybody has sent one, so that whoever is forked afterwards finds the interpreter settled on the code.

CPython looks at how code is used before it runs it the quick way (PEP 659), and writes that into the code: a child of a
process that has read no list does so in each run anew, in pages that are copied for it.
"""

import tempfile
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path

from catalog.sample import sample_catalog
from catalog.sqlite import SqliteCatalog
from lists.assembly import assemble

_ROWS = 300  # enough for loops, and for functions that each row calls
_KNOWN = ("3001", "3004", "3023", "32062", "2412b")
_COLORS = (1, 5, 7, 11, 86)


def rehearse() -> None:
    """Read a list in each of the formats that long ones come in, rows with mistakes among others. Raises `OSError`."""
    with tempfile.TemporaryDirectory(prefix="heavylift-rehearsal-") as name:
        folder = Path(name)
        with SqliteCatalog(sample_catalog(folder)) as catalog:
            for kind, written in _LISTS.items():
                path = folder / kind
                path.write_text("".join(written()), encoding="utf-8")
                (folder / "made").mkdir(exist_ok=True)
                assemble(path, kind=kind, folder=folder / "made", catalog=catalog)


def _bricklink_xml() -> Iterator[str]:
    yield "<INVENTORY>\n"
    for number, (part, color) in enumerate(_lots()):
        quantity = number % 40 + 1 if number % 100 else "some"
        yield (
            f"<ITEM><ITEMTYPE>P</ITEMTYPE><ITEMID>{part}</ITEMID><COLOR>{color}</COLOR><MAXPRICE>-1.0000</MAXPRICE>"
            f"<MINQTY>{quantity}</MINQTY><QTYFILLED>0</QTYFILLED><CONDITION>X</CONDITION>"
            f"<REMARKS>drawer {number}</REMARKS><NOTIFY>N</NOTIFY></ITEM>\n"
        )
    yield "</INVENTORY>\n"


def _rebrickable_csv() -> Iterator[str]:
    yield "Part,Color,Quantity,Is Spare\n"
    for number, (part, color) in enumerate(_lots()):
        yield f"{part},{color},{number % 40 + 1 if number % 100 else 'some'},{number % 9 == 0}\n"


def _lots() -> Iterator[tuple[str, int]]:
    """Parts that the catalog knows, and some that it does not."""
    parts = (part if place % 7 else f"{part}x{place}" for place, part in enumerate(cycle(_KNOWN)))
    return islice(zip(parts, cycle(_COLORS), strict=False), _ROWS)


_LISTS: dict[str, Callable[[], Iterator[str]]] = {"bricklink-xml": _bricklink_xml, "rebrickable-csv": _rebrickable_csv}
