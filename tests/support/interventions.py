"""What a test does to a running House behind its back: sweeps at once, purged lines, a look into the outbox."""

import signal
import sqlite3
import time
from contextlib import closing

from sqlalchemy import func, select
from support.children import Child
from support.house import House
from support.waiting import wait_until

from broker.app import BrokerOptions, make_app, queue_name
from ledger import Ledger
from ledger.schema import outbox


def options_of(house: House) -> BrokerOptions:
    """Where the house's lines are."""
    return BrokerOptions(url=house.env["HEAVYLIFT_BROKER_URL"], prefix=house.prefix)


def sweep(house: House, task: str) -> None:
    """Have a housekeeping worker run a reconciler now, not at its next tick."""
    options = options_of(house)
    app = make_app(options)
    with app.connection_for_write(connect_timeout=5) as connection:
        app.send_task(task, queue=queue_name(options, "housekeeping"), connection=connection)


def purge(house: House, pool: str) -> int:
    """Throw away all messages of a line; returns how many there were."""
    options = options_of(house)
    with make_app(options).connection_for_write(connect_timeout=5) as connection, connection.channel() as channel:
        return int(channel.queue_purge(queue_name(options, pool)))


def ledger_of(house: House) -> Ledger:
    """A ledger of our own on the house's tables; close it."""
    default = f"sqlite:///{house.data_dir / 'ledger.sqlite3'}"
    return Ledger(house.env.get("HEAVYLIFT_LEDGER_URL", default))


def wait_sent(house: House, *, within: float = 20.0) -> None:
    """Wait until the outbox is empty: every message stands in the broker."""
    ledger = ledger_of(house)

    def empty() -> bool:
        with ledger.database.reading() as tx:
            return tx.execute(select(func.count()).select_from(outbox)).scalar_one() == 0

    try:
        wait_until(empty, within=within, what="the outbox to be empty")
    finally:
        ledger.close()


def freeze(house: House, child: Child, *, attempts: int = 20) -> None:
    """SIGSTOP a process between its writes.

    Whoever is stopped in the middle of one holds SQLite's only write lock until it wakes, and with it everybody else:
    that is how one file in one machine works, and not what a test of leases asks about.
    """
    for _attempt in range(attempts):
        child.send(signal.SIGSTOP)
        if house.backend == "real" or _writable(house):
            return
        child.send(signal.SIGCONT)
        time.sleep(0.05)
    raise AssertionError(f"{child.name} was met while it wrote, {attempts} times")


def _writable(house: House) -> bool:
    with closing(sqlite3.connect(house.data_dir / "ledger.sqlite3", timeout=1.0, isolation_level=None)) as file:
        try:
            file.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        file.execute("ROLLBACK")
        return True


def settle(seconds: float) -> None:
    """Let time pass in which something forbidden would show."""
    time.sleep(seconds)
