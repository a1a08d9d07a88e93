"""What a caller may ask of a parts list, as the API publishes it, and what follows from it for parser and totals."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field

from catalog.match import Correction
from jobs.errors import InputError
from jobs.pipeline import Options
from lists.assembly import Choices
from lists.cost import PriceOptions
from parsers.wishes import Wishes


class ReadingOptions(Options):
    """How the file is to be read; whatever is left out is found out from the file."""

    columns: dict[str, str | int] = Field(
        default_factory=dict,
        description="Our name of a field (raw_id, raw_color, color_name, qty, unit_price, ...) -> a column's header or "
        "its number counted from 1. For tables whose header is in nobody's words.",
    )
    mapping: str | None = Field(default=None, description="The name of a saved column mapping to start from.")
    sheet: str | int | None = Field(default=None, description="Sheet of a workbook: its name, or its number from 1.")
    header_row: int | None = Field(default=None, ge=0, description="Line of the header; 0: there is none.")
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    encoding: str | None = Field(default=None, description="A codec such as cp1252, where the file does not tell.")
    decimal: Literal[".", ","] | None = Field(default=None, description="What separates whole from part in numbers.")
    id_space: Literal["rebrickable", "bricklink", "ldraw", "lego", "element", "mpn"] | None = Field(
        default=None, description="Whose part numbers these are, where nothing in the file says it."
    )
    color_space: Literal["rebrickable", "bricklink", "ldraw", "lego"] | None = None

    def wishes(self, given: "Given") -> Wishes:
        """For the parser: the saved mapping first, then what these options say themselves. Raises `InputError`."""
        saved: Mapping[str, Any] = {}
        if self.mapping is not None:
            if self.mapping not in given.mappings:
                known = ", ".join(sorted(given.mappings)) or "none"
                raise InputError(
                    "mapping.unknown", f"There is no column mapping named {self.mapping!r}; saved: {known}."
                )
            saved = given.mappings[self.mapping]
        said = {
            name: getattr(self, name)
            for name in ("sheet", "header_row", "delimiter", "encoding", "decimal", "id_space", "color_space")
            if getattr(self, name) is not None
        }
        columns = {**saved.get("columns", {}), **self.columns}
        return Wishes(**{**saved, **said, "columns": columns, "studio_password": given.studio_password})


class PartsListOptions(ReadingOptions, PriceOptions):
    """Options of the pipeline `parts-list`."""

    subtract_filled: bool = Field(default=False, description="Count what is still needed: less QTYFILLED.")
    include_spares: bool = Field(
        default=False,
        description="Spare pieces are bought, too: they are in the exported wanted list, and in the cost.",
    )

    def choices(self) -> Choices:
        """For the totals."""
        return Choices(subtract_filled=self.subtract_filled, include_spares=self.include_spares, currency=self.currency)


class Given:
    """What the platform knows for a job's owner: corrections, saved mappings, and the operator's own settings."""

    def __init__(self, found: Mapping[str, Any]) -> None:
        self.corrections = [Correction(**row) for row in found.get("corrections", ())]
        self.mappings: Mapping[str, Mapping[str, Any]] = found.get("mappings", {})
        self.studio_password: str | None = found.get("studio_password")

    @classmethod
    def read(cls, path: Path) -> Self:
        """From the JSON file that a worker makes for a step: its resource `reading`."""
        import orjson

        return cls(orjson.loads(path.read_bytes()))
