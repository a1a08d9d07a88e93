"""The JSON of catalogs, corrections and column mappings: what comes in, checked, and what goes out, with models for OpenAPI."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from api.schemas import FaultBody, fault_json
from api.submission import storable
from catalog.allowed import MAX_SOURCE
from jobs.errors import InputError
from jobs.model import Job
from ledger import CatalogVersion, ColumnMapping, Correction
from parsers.table_header import check_mapping
from parsers.wishes import Wishes

SpaceName = Literal["rebrickable", "bricklink", "ldraw", "lego", "element", "mpn", "unknown"]  # as catalog.port.Space
COLOR_SPACES = ("rebrickable", "bricklink", "ldraw", "lego", "unknown")
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_COLOR = re.compile(r"-?[0-9]{1,6}")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MAX_COLUMNS = 100


class _In(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Out(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ImportOrder(_In):
    """An import that the server fetches itself."""

    source: str | None = Field(
        None,
        max_length=MAX_SOURCE,
        description="The folder that the tables lie in, https:// or file:///, several between blanks; it has to lie in one "
        "that the operator allows. By default the one that is fetched daily.",
        examples=["https://example.org/downloads"],
    )
    force: bool = Field(False, description="Take it even where it is much smaller than the catalog in force.")


class SaidCorrection(_In):
    """What an id or a color stands for."""

    kind: Literal["part", "color"]
    space: SpaceName = Field(description="Whose number `raw` is; `unknown`: in lists of whatever space.")
    raw: str = Field(min_length=1, max_length=200, description="As lists say it: a part id, a color's number or name.")
    target: str = Field(
        min_length=1, max_length=40, description="A part number, or a color id, of the catalog (Rebrickable's)."
    )
    note: str = Field("", max_length=500, description="Yours.")

    @field_validator("raw", "target", "note")
    @classmethod
    def _plain(cls, value: str) -> Any:
        return storable(value.strip())

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not self.raw:
            raise ValueError("raw must not be blank")
        if self.kind == "color" and self.space not in COLOR_SPACES:
            raise ValueError(f"colors are numbered in {', '.join(COLOR_SPACES)}")
        if not (_COLOR if self.kind == "color" else _PART).fullmatch(self.target):
            wanted = "a color's id" if self.kind == "color" else "a part number"
            raise ValueError(f"target must be {wanted} of the catalog")
        return self


class SaidMapping(_In):
    """How a table is to be read, whatever its file says; what is left out is found out from the file."""

    columns: dict[str, str | int] = Field(
        default_factory=dict,
        max_length=_MAX_COLUMNS,
        description="Our name of a field (raw_id, raw_color, qty, ...) -> the column's header, or its number from 1.",
    )
    sheet: str | int | None = Field(None, description="Of a workbook: its name, or its number from 1.")
    header_row: int | None = Field(None, ge=0, le=1_000_000, description="Line of the header; 0: there is none.")
    delimiter: str | None = Field(None, min_length=1, max_length=1)
    encoding: str | None = Field(None, max_length=40, description="A codec such as cp1252.")
    decimal: Literal[".", ","] | None = Field(None, description="What separates whole from part in numbers.")
    id_space: Literal["rebrickable", "bricklink", "ldraw", "lego", "element", "mpn"] | None = None
    color_space: Literal["rebrickable", "bricklink", "ldraw", "lego"] | None = None

    @field_validator("columns", "sheet", "delimiter")
    @classmethod
    def _short(cls, value: Any) -> Any:
        texts = [*value, *value.values()] if isinstance(value, dict) else [value]
        if any(isinstance(text, str) and len(text) > 200 for text in texts):
            raise ValueError("names have 200 characters at most")
        return storable(value)

    @field_validator("encoding")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                bytes(4).decode(value)
            except UnicodeDecodeError:
                return value  # an encoding of text, in which these bytes mean nothing
            except (LookupError, ValueError) as error:
                raise ValueError("must be an encoding of text that Python knows, such as cp1252") from error
        return value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        try:
            check_mapping(Wishes(columns=self.columns))
        except InputError as error:
            raise ValueError(f"{error} {error.fault.hint or ''}".strip()) from error
        return self

    def wishes(self) -> dict[str, Any]:
        """As it is kept."""
        return self.model_dump(mode="json", exclude_none=True)


class VersionBody(_Out):
    """One imported catalog."""

    version: str = Field(description="Also the id of the job that imported it.")
    state: Literal["active", "retired"]
    counts: dict[str, int] = Field(description="Rows by table.")
    source: str | None = Field(description="Where it was fetched from; null where it was uploaded.")
    activated_at: datetime


class LatestImportBody(_Out):
    """The newest import job, whatever came of it."""

    job_id: str
    status: str
    error: FaultBody | None
    created_at: datetime


class CatalogBody(_Out):
    """The catalog in force."""

    version: str = Field(description="What lists are resolved with; `sample-...` until one is imported.")
    is_sample: bool
    active: VersionBody | None
    versions: list[VersionBody] = Field(description="All that are kept, newest first.")
    latest_import: LatestImportBody | None
    daily_from: str | None = Field(description="What the clock fetches once a day; null: nothing.")


class CorrectionBody(_Out):
    """What an owner said an id or a color stands for."""

    id: str
    kind: Literal["part", "color"]
    space: str
    raw: str = Field(description="In lower case.")
    target: str
    note: str
    created_at: datetime = Field(description="When it was last said.")


class CorrectionPage(_Out):
    """Corrections, newest first."""

    items: list[CorrectionBody]
    next_cursor: str | None


class MappingBody(_Out):
    """A column mapping under its name."""

    name: str
    wishes: dict[str, Any] = Field(description="What was put: columns, sheet, header_row, ...")
    changed_at: datetime


class MappingPage(_Out):
    """All column mappings, by name."""

    items: list[MappingBody]
    next_cursor: str | None


def version_json(version: CatalogVersion) -> dict[str, Any]:
    """A version as the API shows it."""
    return {
        "version": version.job_id,
        "state": version.state,
        "counts": version.counts,
        "source": version.notes.get("source"),
        "activated_at": version.activated_at,
    }


def latest_json(job: Job) -> dict[str, Any]:
    """An import job in short."""
    return {
        "job_id": job.id,
        "status": job.status.value,
        "error": fault_json(job.fault),
        "created_at": job.created_at,
    }


def correction_json(correction: Correction) -> dict[str, Any]:
    """A correction as the API shows it."""
    return {name: getattr(correction, name) for name in CorrectionBody.model_fields}


def mapping_json(mapping: ColumnMapping) -> dict[str, Any]:
    """A mapping as the API shows it."""
    wishes: Mapping[str, Any] = mapping.wishes
    return {"name": mapping.name, "wishes": wishes, "changed_at": mapping.changed_at}
