"""Whether anybody has committed to a ledger: cheap to ask, and never "no" where somebody has."""

import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from support.sample_jobs import submit

from ledger import Ledger
from ledger.database import Database
from ledger.glance import Changes


@pytest.fixture
def ledger(tmp_path):
    made = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    made.migrate()
    yield made
    made.close()


def test_changes__are_told_once_whoever_has_committed(ledger, tmp_path):
    """This process or another: the next look tells, the one behind it does not; what is rolled back is none."""
    with closing(Changes(ledger.database)) as changes:
        assert changes.any()  # nothing is known yet
        assert not changes.any()
        submit(ledger)
        assert changes.any()
        assert not changes.any()
        code = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()"
        change = "UPDATE jobs SET version = version + 1"
        subprocess.run([sys.executable, "-c", code, str(tmp_path / "ledger.sqlite3"), change], check=True, timeout=60)
        assert changes.any()
        with closing(sqlite3.connect(tmp_path / "ledger.sqlite3")) as other:
            other.execute(change)
            assert not changes.any()
            other.rollback()
        assert not changes.any()
        ledger.unindexed()
        assert not changes.any()


def test_changes__that_nobody_can_tell_count_as_some(tmp_path):
    """A server on a network, and a file that is not there yet: the caller has to look for himself."""
    elsewhere = Changes(Database("postgresql://nowhere.invalid/x"))
    assert [elsewhere.any(), elsewhere.any()] == [True, True]
    gone = Changes(Database(f"sqlite:///{tmp_path}/gone.sqlite3"))
    assert [gone.any(), gone.any()] == [True, True]
    assert not (tmp_path / "gone.sqlite3").exists()
