"""Short queries on a ledger that is a file: for any thread, never waited for, and left to the usual way where that fails."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from support.sample_jobs import submit

from ledger import Ledger
from ledger.database import Database
from ledger.errors import LedgerUnavailable
from ledger.glance import Glances

COUNT = "SELECT count(*) FROM jobs"


@pytest.fixture
def ledger(tmp_path):
    made = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    made.migrate()
    yield made
    made.close()


def test_glances__see_the_last_commit_from_any_thread(ledger):
    """Many at once, and one after the other; a connection is used again, and holds no look at what was before."""
    with closing(Glances(ledger.database)) as glances, ThreadPoolExecutor(8) as threads:
        for n in range(3):
            assert list(threads.map(lambda _: glances.rows(COUNT), range(50))) == [[(n,)]] * 50
            submit(ledger)
        glances.close()
        assert glances.rows(COUNT) == [(3,)]


def test_glances__wait_for_nobody(ledger, tmp_path):
    """A writer keeps none from reading; where somebody has the whole file to himself, there are no rows until he is done."""
    job = submit(ledger).job
    file = tmp_path / "ledger.sqlite3"
    with closing(Glances(ledger.database)) as glances, closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert glances.rows("SELECT id FROM jobs WHERE id = ?", [job.id]) == [(job.id,)]
        other.execute("ROLLBACK")
    plain = tmp_path / "plain.sqlite3"  # without a log of its own a writer keeps readers out
    with (
        closing(Glances(Database(f"sqlite:///{plain}"))) as glances,
        closing(sqlite3.connect(plain, isolation_level=None)) as other,
    ):
        other.execute("CREATE TABLE jobs (id)")
        other.execute("BEGIN EXCLUSIVE")
        assert glances.rows(COUNT) is None
        other.execute("ROLLBACK")
        assert glances.rows(COUNT) == [(0,)]


def test_glances__make_no_sense_of_a_query(ledger):
    """Then there are no rows to tell, and the next one is answered."""
    with closing(Glances(ledger.database)) as glances:
        assert glances.rows("SELECT nothing FROM jobs") is None
        assert glances.rows(COUNT) == [(0,)]


def test_glances__of_what_is_not_there(tmp_path):
    """A server on a network, and a file that is missing or has no tables: the usual way says what is wrong."""
    assert Glances(Database("postgresql://nowhere.invalid/x")).rows(COUNT) is None
    gone = Ledger(f"sqlite:///{tmp_path}/gone.sqlite3")
    assert gone.glances.rows(COUNT) is None
    assert not (tmp_path / "gone.sqlite3").exists()
    for ask in (lambda: gone.shown(["a"]), lambda: gone.unindexed_like("local", [])):
        with pytest.raises(LedgerUnavailable):
            ask()
    gone.close()
