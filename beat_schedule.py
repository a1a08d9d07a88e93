"""The clock: one row per periodic sweep. Data only; workers/housekeeping.py says what each does."""

from typing import Any


def every(seconds: float, task: str) -> dict[str, Any]:
    """A row that fires each `seconds`; a tick that nobody took by then is void, so none pile up."""
    return {"task": task, "schedule": float(seconds), "options": {"queue": "housekeeping", "expires": float(seconds)}}


BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "unsent-outbox": every(30, "housekeeping.outbox"),
    "expired-leases": every(30, "housekeeping.leases"),
    "lost-messages": every(60, "housekeeping.lost_messages"),
    "unreferenced-blobs": every(60, "housekeeping.blobs"),
    "retention": every(600, "housekeeping.retention"),
    "forgotten-rows": every(3600, "housekeeping.forget"),
    "scratch-folders": every(3600, "housekeeping.scratch_folders"),
}
