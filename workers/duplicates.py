"""Earlier jobs of an owner whose file is the same as a job's, or looks like it: reference data for the step that reports."""

import json
from pathlib import Path

from jobs.likeness import Fingerprint
from jobs.model import Job
from ledger import Ledger, Lookalike
from workers.resources import no_room_told

MOST = 20  # that a report names


class EarlierJobs:
    """Provides `duplicates`: what the job's fingerprints are by now, and which earlier jobs they lead to, as JSON.

    `{"fingerprints": {"model": {"exact", "near"}}, "same": [...], "alike": [...]}`. A job that was never fingerprinted, or
    only will be, has no duplicates.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def __call__(self, job: Job, folder: Path) -> Path:
        """A file of this attempt. Raises `LedgerUnavailable` and `StoreFull`, by which the step is put off."""
        taken = self._ledger.fingerprints(job.id, owner=job.owner)
        told = {
            "fingerprints": {one.family.value: {"exact": one.exact, "near": one.near} for one in taken},
            **self._found(job, taken),
        }
        path = folder / "duplicates.json"
        with no_room_told():
            path.touch(mode=0o600)
            path.write_text(json.dumps(told))
        return path

    def _found(self, job: Job, taken: tuple[Fingerprint, ...]) -> dict[str, list[dict[str, object]]]:
        """At most `MOST` in all, copies first."""
        owner, ledger = job.owner, self._ledger
        same = [one for print_ in taken for one in ledger.same(job.id, print_, owner=owner, limit=MOST, earlier=True)][
            :MOST
        ]
        near = [one for print_ in taken for one in ledger.near(job.id, print_, owner=owner, limit=MOST, earlier=True)]
        return {
            "same": [_told(one, job) for one in same],
            "alike": [_told(one, job) for one in near[: MOST - len(same)]],
        }


def _told(found: Lookalike, job: Job) -> dict[str, object]:
    told: dict[str, object] = {"job_id": found.job_id, "file_name": found.file_name}
    if found.same:
        return told | {"same_file": found.sha256 == job.file.sha256}
    return told | {"distance": round(found.distance, 6)}
