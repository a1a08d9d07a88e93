"""Dead letters: step runs and messages that the platform gave up on, kept with their evidence for replay."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from jobs.errors import Fault
from jobs.ids import new_id
from jobs.lifecycle import WrongState
from jobs.model import StepKey
from jobs.verbs import replay, returned
from ledger.apply import Dispatch, again_in_outbox, apply, locked
from ledger.database import Database, db_now
from ledger.errors import JobNotFound, LetterNotFound
from ledger.schema import dead_letters

OPEN, REPLAYED, DISCARDED = "open", "replayed", "discarded"
STEP, MESSAGE = "step", "message"
PLATFORM = "local"  # owner of letters that belong to no job
NO_SUCH_LETTER = "there is no such letter"
REPLAYS_PER_SECOND = 5.0  # pace of replaying many: what broke a pool once must not break it again
_MAX_BODY = 64 * 1024  # bytes kept of a message that could not be read


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One dead letter."""

    id: str
    kind: str  # `step` or `message`
    owner: str
    state: str  # open, replayed, discarded
    job_id: str | None  # none for a message
    step: str | None
    part: int | None
    attempt: int | None  # tries begun when it was given up
    fault: Fault | None
    evidence: Mapping[str, Any]  # attempts with their own errors; or the message
    created_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFilter:
    """Which letters a list shows."""

    state: str | None = OPEN
    code: str | None = None
    step: str | None = None
    job_id: str | None = None


class Letters:
    """The verbs on dead letters; part of `Ledger`."""

    database: Database

    def letters(
        self,
        owner: str,
        *,
        filter: LetterFilter,  # noqa: A002 - the field's word
        limit: int = 50,
        cursor: str | None = None,
    ) -> tuple[list[Letter], str | None]:
        """Newest first; returns the letters and the next cursor."""
        query = select(dead_letters).where(dead_letters.c.owner == owner)
        for column, value in (("state", filter.state), ("step", filter.step), ("job_id", filter.job_id)):
            if value is not None:
                query = query.where(dead_letters.c[column] == value)
        if filter.code is not None:
            query = query.where(dead_letters.c.fault["code"].as_string() == filter.code)
        if cursor is not None:
            query = query.where(dead_letters.c.id < cursor)
        with self.database.reading() as tx:
            rows = tx.execute(query.order_by(dead_letters.c.id.desc()).limit(limit + 1)).mappings().all()
        page = [_letter(row) for row in rows[:limit]]
        return page, page[-1].id if len(rows) > limit else None

    def letter(self, letter_id: str, *, owner: str) -> Letter:
        """One dead letter. Raises `LetterNotFound`."""
        with self.database.reading() as tx:
            return _read(tx, letter_id, owner=owner)

    def replay_letter(self, letter_id: str, *, owner: str, delay: float = 0.0) -> tuple[Letter, tuple[Dispatch, ...]]:
        """Run its step again with a fresh budget, not before `delay` seconds.

        Raises `LetterNotFound`, and `WrongState` for one that is closed, that is a message, or whose job has moved on.
        """

        def work(tx: Connection) -> tuple[Letter, tuple[Dispatch, ...]]:
            known = _read(tx, letter_id, owner=owner)
            if known.job_id is None or known.step is None:
                raise WrongState("this letter is a message that nobody could read; it can only be discarded")
            try:
                job, now = locked(tx, known.job_id)
            except JobNotFound:
                raise WrongState("its job was deleted") from None
            letter = _close(tx, letter_id, owner=owner, state=REPLAYED)
            decided = replay(job, StepKey(known.step, known.part or 0), now=now, delay=delay)
            return letter, apply(tx, job, decided, now=now)[1]

        return self.database.writing(work, durable=True)

    def replay_letters(
        self, ids: Sequence[str], *, owner: str, per_second: float = REPLAYS_PER_SECOND
    ) -> tuple[list[Letter], dict[str, str], tuple[Dispatch, ...]]:
        """Replay many, paced; returns those replayed, why others were not (by id), and the messages due now."""
        replayed: list[Letter] = []
        refused: dict[str, str] = {}
        due: list[Dispatch] = []
        for letter_id in ids:
            try:
                letter, dispatches = self.replay_letter(letter_id, owner=owner, delay=len(replayed) / per_second)
            except LetterNotFound:
                refused[letter_id] = NO_SUCH_LETTER
            except WrongState as error:
                refused[letter_id] = str(error)
            else:
                replayed.append(letter)
                due += dispatches
        return replayed, refused, tuple(due)

    def discard_letter(self, letter_id: str, *, owner: str) -> Letter:
        """Close it without another try. Raises `LetterNotFound`, `WrongState` where it is closed."""
        return self.database.writing(lambda tx: _close(tx, letter_id, owner=owner, state=DISCARDED), durable=True)

    def message_died(self, job_id: str, key: StepKey, *, dispatch: int, reason: str) -> Dispatch | None:
        """The broker gave up on a message: send it again where its step run still waits for it.

        None where it is stale, or where it came back so often that its step run fails with `step.undeliverable`.
        """

        def work(tx: Connection) -> Dispatch | None:
            try:
                job, now = locked(tx, job_id)
                step = job.step(key)
                if step.dispatch != dispatch:
                    return None
                decided = returned(job, key, now=now, reason=reason)
            except (JobNotFound, KeyError, WrongState):
                return None
            after, _ = apply(tx, job, decided, now=now)
            return None if after.step(key).status.ended else again_in_outbox(tx, after, after.step(key), now=now)

        return self.database.writing(work, durable=True)

    def keep_message(self, *, body: bytes, headers: Mapping[str, Any], reason: str, queue: str) -> str:
        """Keep a message that nobody can read as a letter; returns the letter's id."""
        letter_id = new_id()
        evidence = {
            "queue": queue,
            "reason": reason,
            "headers": {str(name): str(value)[:1000] for name, value in headers.items()},
            "size": len(body),
            "body_base64": base64.b64encode(body[:_MAX_BODY]).decode(),
        }
        values = {"id": letter_id, "kind": MESSAGE, "owner": PLATFORM, "evidence": evidence, "state": OPEN}
        kept = insert(dead_letters).values(**values, created_at=db_now())
        self.database.writing(lambda tx: tx.execute(kept), durable=True)
        return letter_id


def close_letters_of(tx: Connection, job_id: str, *, state: str) -> None:
    """Close all open letters of a job: it is retried, or deleted."""
    tx.execute(
        update(dead_letters)
        .where(dead_letters.c.job_id == job_id, dead_letters.c.state == OPEN)
        .values(state=state, closed_at=db_now())
    )


def _close(tx: Connection, letter_id: str, *, owner: str, state: str) -> Letter:
    closed = (
        update(dead_letters)
        .where(dead_letters.c.id == letter_id, dead_letters.c.owner == owner, dead_letters.c.state == OPEN)
        .values(state=state, closed_at=db_now())
        .returning(dead_letters)
    )
    row = tx.execute(closed).mappings().first()
    if row is None:
        raise WrongState(f"the letter is {_read(tx, letter_id, owner=owner).state} already")
    return _letter(row)


def _read(tx: Connection, letter_id: str, *, owner: str) -> Letter:
    query = select(dead_letters).where(dead_letters.c.id == letter_id, dead_letters.c.owner == owner)
    row = tx.execute(query).mappings().first()
    if row is None:
        raise LetterNotFound(letter_id)
    return _letter(row)


def _letter(row: RowMapping) -> Letter:
    fields = {name: row[name] for name in Letter.__slots__}
    return Letter(**fields | {"fault": Fault.from_json(row["fault"]) if row["fault"] else None})
