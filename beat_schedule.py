"""The clock: one row per periodic reconciler. Data only; workers/reconcile says what each does."""

from typing import Any

from jobs.reconcilers import RECONCILERS, task_of

QUARTER_HOUR = 900.0  # seconds


def tick(name: str) -> dict[str, Any]:
    """A row that fires in the reconciler's own rhythm; a tick that nobody took by then is void, so none pile up.

    `every` lets ticks agree: the first run of a slot of that length is the only one. So two beats do no harm, and a slow
    one is asked for every few minutes, since the clock forgets with each restart when it last fired.
    """
    every = RECONCILERS[name].every
    often = min(every, QUARTER_HOUR)
    options = {"queue": "housekeeping", "expires": often}
    return {"task": task_of(name), "schedule": often, "kwargs": {"every": every}, "options": options}


BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "unsent-outbox": tick("outbox"),
    "expired-leases": tick("leases"),
    "passed-deadlines": tick("deadlines"),
    "dead-messages": tick("dead-messages"),
    "lost-messages": tick("lost-messages"),
    "unreferenced-blobs": tick("blobs"),
    "retention": tick("retention"),
    "forgotten-rows": tick("forget"),
    "scratch-folders": tick("scratch-folders"),
    "ledger-against-index": tick("index"),
    "daily-catalog": tick("catalog"),
    "ledger-against-store": tick("store"),
    "weekly-full-run": tick("full"),
}
