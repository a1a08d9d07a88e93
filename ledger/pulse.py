"""The pulse: by it a worker that went silent is told from a ledger that was away, when nobody could renew a lease.

Dispatchers show it each second. After a silence, of the ledger or of all that ask it, no claim is taken from any worker
until those that live have had the time to renew theirs; what is claimed by a dead one is taken a little later.
"""

from functools import cache

from sqlalchemy import Column, Connection, Exists, Integer, Table, exists, insert, or_, select, update

from ledger.database import Database, db_as_of, db_now
from ledger.schema import metadata
from ledger.types import Utc

_ROW = 1
_STALE = 0.75  # share of the silence allowed that is left when the row is written again: one in a few looks writes

# One row; none before the first pulse, and then leases alone decide.
pulse = Table(
    "pulse",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("alive_until", Utc, nullable=False),  # a pulse is due by then; past it, nobody had word of the ledger
    Column("trusted_from", Utc, nullable=False),  # leases that ran out count from then on
)

leases_count = ~exists().where(or_(pulse.c.alive_until < db_as_of(), pulse.c.trusted_from > db_as_of()))
_LEASES_COUNT = select(leases_count)


@cache
def is_fresh(silence: float) -> Exists:
    """Whether the pulse need not be shown now; made once, since each worker asks it each second."""
    return exists().where(pulse.c.alive_until > db_as_of(_STALE * silence))


class Pulses:
    """The verb pulse; part of `Ledger`."""

    database: Database

    def pulse(self, *, silence: float, grace: float) -> bool:
        """Show that the ledger answers; to be called more often than every `silence` seconds.

        Where nobody had called for longer, leases that are over do not count for `grace` seconds; returns whether
        that is so since this very call.
        """

        def work(tx: Connection) -> bool:
            now = tx.execute(select(db_now())).scalar_one()
            row = tx.execute(select(pulse).with_for_update()).mappings().first()
            times = {"alive_until": db_now(silence)}
            if row is None:
                tx.execute(insert(pulse).values(id=_ROW, trusted_from=now, **times))
                return False
            was_silent = bool(row["alive_until"] < now)
            if was_silent:
                times["trusted_from"] = db_now(grace)
            tx.execute(update(pulse).values(times))
            return was_silent

        with self.database.reading() as tx:
            if tx.execute(select(is_fresh(silence))).scalar_one():
                return False
        return self.database.writing(work)


def leases_count_now(tx: Connection) -> bool:
    """Whether a lease that is over tells of its worker: not while the ledger has only just come back."""
    return bool(tx.execute(_LEASES_COUNT).scalar_one())
