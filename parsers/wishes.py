"""What the caller says about a list that the file itself does not: columns, sheet, delimiter, encoding, numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How a caller wants a list to be read; whatever is left out is found out from the file."""

    columns: Mapping[str, str | int] = field(default_factory=lambda: MappingProxyType({}))
    """Our name of a field (`raw_id`, `raw_color`, `qty`, ...) -> the column's header, or its number counted from 1."""
    sheet: str | int | None = None  # of a workbook: its name, or its number counted from 1; None: every one with a list
    header_row: int | None = None  # line of the header, counted from 1; 0: there is none
    delimiter: str | None = None  # one character
    encoding: str | None = None  # a Python codec
    decimal: Literal[".", ","] | None = None  # what prices are written with
    id_space: str | None = None  # whose part numbers these are, where nothing in the file says it
    color_space: str | None = None  # the same for colors
    studio_password: str | None = None  # for encrypted Studio files; the operator's setting

    def blank_row(self, *, id_space: str, color_space: str, item_type: str | None = "P") -> dict[str, Any]:
        """What each record holds before its row is read; the spaces are the format's own, where the caller says none."""
        return {
            "item_type": item_type,
            "raw_id": None,
            "id_space": self.id_space or id_space,
            "raw_color": None,
            "color_space": self.color_space or color_space,
            "qty": None,
            "spare": False,
        }


PLAIN = Wishes()
