"""The calls about the catalog, the owner's corrections and column mappings; part of `Client`."""

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from client.transfer import Upload
from client.transport import Transport
from client.values import Fault, Job

IMPORTS, CORRECTIONS = "/v1/catalog/imports", "/v1/catalog/corrections"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogVersion:
    """One imported catalog."""

    version: str  # also the id of the job that imported it
    state: str  # active, retired
    counts: Mapping[str, int]  # rows by table
    source: str | None  # None: it was uploaded
    activated_at: str

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Self:
        """From the JSON object that the API answers."""
        return cls(
            version=found["version"],
            state=found["state"],
            counts=found.get("counts") or {},
            source=found.get("source"),
            activated_at=found.get("activated_at") or "",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """The catalog in force."""

    version: str  # `sample-...` until one is imported
    is_sample: bool
    versions: tuple[CatalogVersion, ...]  # all that are kept, newest first
    latest_import: str | None  # its job's id
    latest_status: str | None
    latest_error: Fault | None
    daily_from: str | None  # what the clock fetches
    raw: Mapping[str, Any]

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Self:
        """From the JSON object that the API answers."""
        latest = found.get("latest_import") or {}
        return cls(
            version=found["version"],
            is_sample=bool(found.get("is_sample")),
            versions=tuple(map(CatalogVersion.read, found.get("versions") or ())),
            latest_import=latest.get("job_id"),
            latest_status=latest.get("status"),
            latest_error=Fault.read(latest.get("error")),
            daily_from=found.get("daily_from"),
            raw=found,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What an id or a color stands for."""

    id: str
    kind: str  # part, color
    space: str  # whose number `raw` is
    raw: str  # lower case
    target: str  # of the catalog
    note: str
    json: Mapping[str, Any]  # as the API answered it

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Self:
        """From the JSON object that the API answers."""
        names = ("id", "kind", "space", "raw", "target")
        return cls(**{name: found[name] for name in names}, note=found.get("note") or "", json=found)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMapping:
    """How a table is to be read, under a name."""

    name: str
    wishes: Mapping[str, Any]
    raw: Mapping[str, Any]

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Self:
        """From the JSON object that the API answers."""
        return cls(name=found["name"], wishes=found.get("wishes") or {}, raw=found)


class CatalogCalls:
    """One method per call; raises what `Client` says."""

    _transport: Transport

    def import_catalog(
        self,
        path: Path,
        *,
        force: bool = False,
        idempotency_key: str | None = None,
        on_bytes: Callable[[int], None] | None = None,
    ) -> Job:
        """Upload a ZIP of parts.csv[.gz], colors.csv[.gz] and more; its job puts it in force, or fails and says why."""
        headers = {"Content-Type": "application/zip", "Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        params = {"filename": path.name, "options": json.dumps({"force": force})}
        body = lambda: Upload(path, on_bytes)  # noqa: E731 - opened anew for each try
        return Job.read(self._transport.call("POST", IMPORTS, params=params, headers=headers, body=body).json())

    def fetch_catalog(
        self, source: str | None = None, *, force: bool = False, idempotency_key: str | None = None
    ) -> Job:
        """Have the server fetch `source`, or its daily one; `Rejected` where its operator does not allow that."""
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        body = {"source": source, "force": force}
        return Job.read(self._transport.call("POST", IMPORTS, headers=headers, json=body).json())

    def catalog(self) -> Catalog:
        """The catalog in force, those that are kept, and how the latest import went."""
        return Catalog.read(self._transport.call("GET", "/v1/catalog").json())

    def corrections(
        self, *, kind: str | None = None, space: str | None = None, raw: str | None = None, limit: int = 50
    ) -> Iterator[Correction]:
        """Corrections, newest first; pages are fetched as they are needed, up to `limit` of them."""
        params = {"kind": kind, "space": space, "raw": raw}
        return map(Correction.read, islice(self._transport.pages(CORRECTIONS, params=params, limit=limit), limit))

    def correct(self, *, kind: str, space: str, raw: str, target: str, note: str = "") -> Correction:
        """Say what `raw` stands for, instead of what was said before."""
        said = {"kind": kind, "space": space, "raw": raw, "target": target, "note": note}
        return Correction.read(self._transport.call("POST", CORRECTIONS, json=said).json())

    def take_back(self, correction_id: str) -> None:
        """Forget a correction; `NotFound` where there is none."""
        self._transport.call("DELETE", f"{CORRECTIONS}/{quote(correction_id, safe='')}", repeat=False)

    def mappings(self) -> tuple[ColumnMapping, ...]:
        """All column mappings, by name."""
        return tuple(map(ColumnMapping.read, self._transport.call("GET", "/v1/column-mappings").json()["items"]))

    def mapping(self, name: str) -> ColumnMapping:
        """The one of that name; `NotFound` where there is none."""
        return ColumnMapping.read(self._transport.call("GET", _mapping(name)).json())

    def put_mapping(self, name: str, wishes: Mapping[str, Any]) -> ColumnMapping:
        """Keep how a table is to be read: `columns`, `sheet`, `header_row`, `delimiter`, `encoding`, ..."""
        return ColumnMapping.read(self._transport.call("PUT", _mapping(name), json=dict(wishes)).json())

    def delete_mapping(self, name: str) -> None:
        """Forget it; `NotFound` where there is none."""
        self._transport.call("DELETE", _mapping(name), repeat=False)


def _mapping(name: str) -> str:
    return f"/v1/column-mappings/{quote(name, safe='')}"
