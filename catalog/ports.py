"""What the trusted steps of a catalog import are given: where tables come from, and which catalog is in force."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

Watch = Callable[[float, float, str], None]  # told (done, total, message); may raise to stop the work


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedFile:
    """One table as it came, with what its server says to recognize it by."""

    url: str
    size: int  # bytes
    sha256: str
    etag: str | None = None
    last_modified: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As it is kept with the version."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "FetchedFile":
        """The inverse of `to_json`."""
        return cls(
            url=str(found["url"]),
            size=int(found["size"]),
            sha256=str(found["sha256"]),
            etag=found.get("etag"),
            last_modified=found.get("last_modified"),
        )


class Fetcher(Protocol):
    """Brings the tables of one import job."""

    @property
    def version(self) -> str:
        """The name of the version that this job makes."""

    def fetch(self, source: str, into: Path, *, anew: bool, watch: Watch) -> Mapping[str, FetchedFile] | None:
        """Save the tables of `source` in the folder `into`; by file name. None: nothing has changed since the import
        that is in force, which is not asked where `anew`.

        Raises `InputError` (`catalog.source_refused`, `.missing`, `.too_large`, `.source_answer`) and `TransientError`
        (`catalog.source_unavailable`, `.source_slow`).
        """


class Catalogs(Protocol):
    """The catalog in force, as the job that may replace it sees it."""

    def counts(self) -> Mapping[str, int] | None:
        """Rows by table of the one in force; None where none was imported yet."""

    def activate(self, counts: Mapping[str, int], notes: Mapping[str, Any]) -> bool:
        """Put this job's catalog in force; whether it is (not where a later import was quicker)."""
