"""Memory hints: what a kind and size of file was seen to need, so that the next one starts there."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from jobs.model import FileFacts, Job, Memory, StepRun
from ledger.database import Database, db_as_of, db_now
from ledger.schema import memory_hints

KEPT_DAYS = 30.0  # a newer release may need less
_FRESH_SECONDS = 10.0  # that this process trusts what it read; the table is small and changes rarely


@dataclass(frozen=True, slots=True)
class _Case:
    """What a hint is about."""

    pipeline: str
    step: str
    kind: str  # of the file, in the sniffer's words
    magnitude: int  # bit length of its size in bytes: files up to twice as large count as alike


class Hints:
    """Reads and writes hints; part of `Ledger`. Thread-safe."""

    database: Database

    def __init__(self) -> None:
        self._hints: Mapping[_Case, Memory] = {}
        self._read_at = 0.0  # monotonic
        self._reading = threading.Lock()

    def with_hints(self, steps: tuple[StepRun, ...], *, pipeline: str, file: FileFacts) -> tuple[StepRun, ...]:
        """The planned step runs, with the memory class that files like this one needed before."""
        known = self._known()
        if not known:
            return steps
        wanted = [known.get(_case(pipeline, step.name, file), step.memory) for step in steps]
        return tuple(
            step.evolve(memory=memory) if memory > step.memory else step
            for step, memory in zip(steps, wanted, strict=True)
        )

    def _known(self) -> Mapping[_Case, Memory]:
        now = time.monotonic()
        with self._reading:
            if not self._read_at or now - self._read_at > _FRESH_SECONDS:
                query = select(memory_hints).where(memory_hints.c.seen_at > db_as_of(-KEPT_DAYS * 86400))
                with self.database.reading() as tx:
                    rows = tx.execute(query).mappings().all()
                self._hints = {
                    _Case(row["pipeline"], row["step"], row["kind"], row["magnitude"]): Memory(row["memory"])
                    for row in rows
                }
                self._read_at = now
            return self._hints


def remember(tx: Connection, job: Job, step: StepRun) -> None:
    """`step` succeeded one memory class up, after it had died below: note what this kind and size of file needs."""
    case = _case(job.pipeline, step.name, job.file)
    columns = {"pipeline": case.pipeline, "step": case.step, "kind": case.kind, "magnitude": case.magnitude}
    tx.execute(delete(memory_hints).where(*[memory_hints.c[name] == value for name, value in columns.items()]))
    tx.execute(insert(memory_hints).values(**columns, memory=int(step.memory), seen_at=db_now()))


def _case(pipeline: str, step: str, file: FileFacts) -> _Case:
    return _Case(pipeline, step, file.kind, file.size.bit_length())
