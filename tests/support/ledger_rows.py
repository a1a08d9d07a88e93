"""All rows of a ledger at one moment, as plain values."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, select

from jobs.model import Status
from ledger import Held, Ledger
from ledger.database import db_now
from ledger.pulse import leases_count, pulse
from ledger.schema import artifacts, attempts, blobs, dead_letters, events, jobs, outbox, queue_controls, step_runs

Row = Mapping[str, Any]

# Built once: they are run after each step.
_ALL: dict[str, Select[Any]] = {
    "now": select(db_now()),
    "silent": select(~leases_count),
    "trusted": select(pulse.c.trusted_from),
    "jobs": select(jobs),
    "steps": select(step_runs),
    "attempts": select(attempts).order_by(attempts.c.fence),
    "artifacts": select(artifacts, blobs.c.state.label("blob_state")).join(blobs, blobs.c.key == artifacts.c.key),
    "letters": select(dead_letters),
    "outbox": select(outbox.c.job_id, outbox.c.step, outbox.c.part, outbox.c.dispatch),
    "events": select(events).order_by(events.c.id),
    "paused": select(queue_controls.c.queue).where(queue_controls.c.paused),
}


class Run(NamedTuple):
    """Names a step run."""

    job_id: str
    step: str
    part: int


class Message(NamedTuple):
    """What a message says."""

    job_id: str
    step: str
    part: int
    dispatch: int

    @property
    def run(self) -> Run:
        """The step run that it is for."""
        return Run(*self[:3])

    @classmethod
    def of(cls, dispatch: Any) -> "Message":
        """What a Dispatch says."""
        return cls(dispatch.job_id, dispatch.step, dispatch.part, dispatch.dispatch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """All rows at one moment, read while nobody writes."""

    now: datetime  # the database's clock
    silent: bool  # the ledger was, lately: no lease counts
    trusted: datetime | None  # when leases count again
    jobs: dict[str, Row]
    steps: dict[Run, Row]
    attempts: dict[Run, list[Row]]  # by fence
    artifacts: dict[str, dict[str, Row]]  # by job and name
    letters: dict[str, Row]
    outbox: frozenset[Message]
    events: dict[str, list[Row]]  # by job, in their order
    paused: frozenset[str]

    @classmethod
    def read(cls, ledger: Ledger) -> "Rows":
        """Read them all."""
        with ledger.database.reading() as tx:

            def rows(name: str) -> list[Row]:
                return [dict(row) for row in tx.execute(_ALL[name]).mappings()]

            kept = _by(rows("artifacts"), _job_id)
            return cls(
                now=tx.execute(_ALL["now"]).scalar_one(),
                silent=tx.execute(_ALL["silent"]).scalar_one(),
                trusted=tx.execute(_ALL["trusted"]).scalar(),
                jobs={row["id"]: row for row in rows("jobs")},
                steps={Run(row["job_id"], row["name"], row["part"]): row for row in rows("steps")},
                attempts=_by(rows("attempts"), lambda row: Run(row["job_id"], row["step"], row["part"])),
                artifacts={job_id: {row["name"]: row for row in found} for job_id, found in kept.items()},
                letters={row["id"]: row for row in rows("letters")},
                outbox=frozenset(Message(*row) for row in tx.execute(_ALL["outbox"])),
                events=_by(rows("events"), _job_id),
                paused=frozenset(tx.execute(_ALL["paused"]).scalars()),
            )

    @property
    def state(self) -> tuple[object, ...]:
        """All that an act which is not allowed must leave as it is; an attempt may still tell how it ended."""
        return self.jobs, self.steps, self.artifacts, self.letters, self.outbox

    def grants(self, held: Held) -> bool:
        """Whether this claim is the one that counts."""
        row = self.steps.get(Run(held.job_id, held.step, held.part))
        return row is not None and (row["status"], row["fence"]) == (Status.RUNNING, held.fence)

    def of_job(self, job_id: str) -> dict[Run, Row]:
        """Its step runs."""
        return {run: row for run, row in self.steps.items() if run.job_id == job_id}

    def needs(self, run: Run) -> list[Row]:
        """The step runs that `run` needs."""
        return [row for other, row in self.of_job(run.job_id).items() if other.step in self.steps[run]["needs"]]

    def letters_of(self, run: Run) -> list[Row]:
        """All dead letters of a step run."""
        return [row for row in self.letters.values() if Run(row["job_id"], row["step"], row["part"]) == run]

    def told(self, run: Run, type_: str) -> list[Row]:
        """Its events of one type."""
        return [
            e for e in self.events[run.job_id] if (e["type"], e["step"], e["data"].get("part")) == (type_, *run[1:])
        ]


def _by(rows: list[Row], key: Callable[[Row], Any]) -> dict[Any, list[Row]]:
    found: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return found


def _job_id(row: Row) -> str:
    return str(row["job_id"])
