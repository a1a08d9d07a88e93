"""The ports of a catalog import, bound to its job: a fetcher within what is allowed, and the catalog in force."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catalog.allowed import Allowed
from catalog.fetching import TableFetcher
from catalog.ports import FetchedFile
from jobs.errors import Cancelled
from jobs.lifecycle import WrongState
from jobs.model import Job
from ledger import Ledger
from ledger.errors import JobNotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCatalogs:
    """See `catalog.ports.Catalogs`."""

    ledger: Ledger
    job_id: str

    def counts(self) -> Mapping[str, int] | None:
        active = self.ledger.active_catalog()
        return active.counts if active else None

    def activate(self, counts: Mapping[str, int], notes: Mapping[str, Any]) -> bool:
        try:
            return self.ledger.activate_catalog(self.job_id, counts=counts, notes=notes)
        except (WrongState, JobNotFound) as error:
            raise Cancelled(str(error)) from error


def table_fetcher(ledger: Ledger, job: Job, *, allowed: Allowed) -> TableFetcher:
    """A fetcher for that job, which knows the files that the catalog in force came from."""
    active = ledger.active_catalog()
    files = active.notes.get("files", {}) if active else {}
    known = [FetchedFile.from_json(found) for found in files.values()]
    return TableFetcher(version=job.id, allowed=allowed, known={file.url: file for file in known})
