"""A world around the ledger without processes: publishers, the broker and workers are lists, each call is an Act."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from hypothesis import note
from sqlalchemy import Connection, delete, select, text, update
from support.ledger_promises import Known, broken_promises, retold
from support.ledger_rows import Message, Rows

from jobs.lifecycle import WrongState
from jobs.policy import RetryPolicy
from ledger import Claim, Dispatch, Ledger
from ledger.database import db_now
from ledger.errors import JobNotFound, LetterNotFound
from ledger.pulse import pulse
from ledger.schema import dead_letters, events, jobs, memory_hints, outbox, queue_controls, step_runs

BACKOFF = RetryPolicy(base=10.0, factor=3.0, cap=40.0, jitter=lambda: 0.5)  # 10, 30, 40 s
REFUSALS = (WrongState, JobNotFound, LetterNotFound)
TIMES = {
    jobs: (jobs.c.deadline,),
    step_runs: (step_runs.c.not_before, step_runs.c.lease_until, step_runs.c.queued_at),
    outbox: (outbox.c.due_at, outbox.c.taken_until),
    pulse: (pulse.c.trusted_from,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One call of the ledger, as one process makes it."""

    name: str
    do: Callable[[Ledger], Any]  # runs in a thread; a refusal is an answer, too
    then: Callable[[Any], None] = lambda _answer: None  # what the world learns from the answer
    allowed: bool | None = None  # whether it has to change something, else it must change nothing; None: not asked
    after: Callable[[Any, Rows], Iterator[str]] = lambda _answer, _rows: iter(())  # what else is wrong, where alone
    moves: int = 1  # transitions that a row may make meanwhile


class Place:
    """One database with two ledgers on it, as two processes have them."""

    def __init__(self, url: str, *, db_schema: str | None = None) -> None:
        self.ledgers = [Ledger(url, db_schema=db_schema, policy=BACKOFF, stock=50) for _ in range(2)]
        database = self.ledgers[0].database
        if not database.is_sqlite:  # a power cut is not among the faults here, and waiting for the disk takes long
            lazy = text(f'ALTER DATABASE "{database.url.database}" SET synchronous_commit = off')
            database.writing(lambda tx: tx.execute(lazy))
            database.close()
        self.ledgers[0].migrate()
        self.threads = ThreadPoolExecutor(2)

    def wipe(self) -> None:
        """Forget what an example left, but for blob keys that were reserved ahead."""
        tables = (jobs, dead_letters, events, queue_controls, memory_hints, pulse)
        self.ledgers[0].database.writing(lambda tx: [tx.execute(delete(table)) for table in tables])

    def close(self) -> None:
        """End the threads and give the connections back."""
        self.threads.shutdown()
        for ledger in self.ledgers:
            ledger.close()


@dataclass(slots=True, kw_only=True)
class World(Known):
    """The ledger's rows as last seen, and what stands outside of it."""

    place: Place
    rows: Rows
    hands: list[Dispatch] = field(default_factory=list)  # of publishers: committed, not sent
    untold: list[Dispatch] = field(default_factory=list)  # sent, but the ledger was not told yet
    claims: list[Claim] = field(default_factory=list)  # that living workers work on
    ever: list[Claim] = field(default_factory=list)  # all that were given
    refused: list[Message] = field(default_factory=list)  # by claims of the acts that run
    is_acting: bool = False  # also after a failure
    given: Counter[int] = field(default_factory=Counter)  # outbox rows given to senders by the acts that run

    @classmethod
    def fresh(cls, place: Place) -> "World":
        """An empty one."""
        place.wipe()
        return cls(place=place, rows=Rows.read(place.ledgers[0]))

    def alone(self, act: Act, *, side: int = 0) -> None:
        """Let one process act; check that it changed what it may, and every promise."""
        before, self.is_acting = self.rows, True
        note(f"{act.name} by {'AB'[side]}")
        answer = _answer(act, self.place.ledgers[side])
        act.then(answer)
        wrong = self.look(moves=act.moves)
        if act.allowed is not None and act.allowed == (before.state == self.rows.state):
            wrong.append(f"allowed: {act.allowed}, but it answered {answer!r}")
        demand([*wrong, *act.after(answer, self.rows)], after=act.name)
        self.is_acting = False

    def at_once(self, first: Act, second: Act) -> None:
        """Let two processes act at the same moment; check every promise."""
        note(f"at once: {first.name} by A; {second.name} by B")
        gate, self.is_acting = threading.Barrier(2), True

        def one(act: Act, ledger: Ledger) -> Any:
            gate.wait()
            return _answer(act, ledger)

        acts = (first, second)
        answers = [self.place.threads.submit(one, *both) for both in zip(acts, self.place.ledgers, strict=True)]
        for act, answer in zip(acts, answers, strict=True):
            act.then(answer.result())
        demand(self.look(moves=first.moves + second.moves), after=f"{first.name}; {second.name}")
        self.is_acting = False

    def look(self, *, moves: int) -> list[str]:
        """See the rows as they are now; returns which promises are broken."""
        before, self.rows = self.rows, Rows.read(self.place.ledgers[0])
        for message in self.refused:
            row = self.rows.steps.get(message.run)
            if row is not None and row["queue"] in before.paused | self.rows.paused:
                self.lost.add(message)  # what is delivered while its queue is paused is gone
        doubled = [row for row, times in self.given.items() if times > 1]
        self.refused.clear()
        self.given.clear()
        wrong = broken_promises(before, self.rows, known=self, moves=moves)
        return wrong + [f"outbox row {row} was given to two senders" for row in doubled]

    def pass_time(self, seconds: float) -> None:
        """Let time pass: all times that the ledger compares with now move into the past."""

        def work(tx: Connection) -> None:
            for table, times in TIMES.items():
                keys = list(table.primary_key)
                for row in tx.execute(select(*keys, *times)).mappings().all():
                    values = {c.name: row[c.name] - timedelta(seconds=seconds) for c in times if row[c.name]}
                    if values:
                        tx.execute(update(table).where(*[key == row[key.name] for key in keys]).values(values))

        note(f"{seconds} s pass")
        self.place.ledgers[0].database.writing(work)
        self.rows = Rows.read(self.place.ledgers[0])

    def be_silent(self, seconds: float) -> None:
        """Let time pass in which nobody reaches the ledger."""
        gone = {"alive_until": db_now(-1.0)}
        self.place.ledgers[0].database.writing(lambda tx: tx.execute(update(pulse).values(gone)))
        note("nobody reached the ledger:")
        self.pass_time(seconds)

    def retold(self) -> None:
        """Check that the event log tells the same story."""
        demand(list(retold(self.place.ledgers[0], self.rows)), after="the event log was replayed")


def demand(wrong: Sequence[str], *, after: str) -> None:
    """Fail with all that is wrong."""
    assert not wrong, f"after {after}:\n  " + "\n  ".join(wrong)


def _answer(act: Act, ledger: Ledger) -> Any:
    try:
        return act.do(ledger)
    except REFUSALS as refusal:
        return refusal
