"""`heavylift audit` as a process: its exit codes and words, with and without a platform on the data folder."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import update
from support.sample_jobs import sample_job, submit
from support.waiting import wait_until

from cli.borrowed_broker import is_taken
from cli.data_folder import DataFolder
from cli.embedded_broker import EmbeddedRedis, choose, programs
from cli.services import ROOT
from config.settings import Settings
from jobs.model import Job
from ledger import Ledger
from ledger.schema import jobs
from wiring import open_ledger, open_objects


@pytest.fixture
def ledger(data_dir: Path) -> Iterator[Ledger]:
    """The ledger of a data folder on which nothing runs."""
    made = open_ledger(Settings(data_dir))
    made.migrate()
    yield made
    made.close()


@pytest.fixture
def job(ledger: Ledger, data_dir: Path) -> Job:
    """A queued job with its bytes."""
    key, content = ledger.reserve_blob(), b"some bytes"
    with open_objects(Settings(data_dir)).writer(key) as writer:
        writer.write(content)
        writer.commit()
    facts = replace(sample_job().file, key=key, sha256=sha256(content).hexdigest(), size=len(content))
    return submit(ledger, file=facts).job


def run(data_dir: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-P", "-m", "cli", "audit", "--data-dir", str(data_dir), *arguments]
    paths = {"PYTHONPATH": str(ROOT), "COLUMNS": "120", **env}
    return subprocess.run(
        argv, cwd=ROOT, env=os.environ | paths, capture_output=True, text=True, timeout=120, check=False
    )


def break_it(ledger: Ledger, job: Job) -> None:
    ledger.database.writing(lambda tx: tx.execute(update(jobs).where(jobs.c.id == job.id).values(status="succeeded")))


def test_audit__well_where_nothing_runs(job, data_dir):
    """With nothing running, the embedded broker is started for the while, all three are named, and it exits with 0."""
    done = run(data_dir, "--deep")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert str(data_dir / "ledger.sqlite3") in done.stderr
    assert str(data_dir / "store") in done.stderr
    assert "started for this command" in done.stderr
    for check in ("state", "replay", "hash", "messages"):
        assert f"\n{check} " in done.stderr
    assert "well: nothing is lost, nothing is doubled" in done.stderr
    assert not is_taken(data_dir)
    assert not (data_dir / "run" / "redis.sock").exists()


def test_audit__findings_are_lines_and_exit_1(ledger, job, data_dir):
    """What is wrong stands on stdout, a line each, and the exit code says so."""
    break_it(ledger, job)
    done = run(data_dir)
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    assert {line.split("  ")[0] for line in lines} >= {"state", "replay"}
    assert all(job.id in line for line in lines)
    assert "not well" in done.stderr


def test_audit__json_lines(ledger, job, data_dir):
    """With --json each finding is an object, and the last line sums up; the table stays on stderr."""
    break_it(ledger, job)
    done = run(data_dir, "--json")
    assert done.returncode == 1, done.stderr
    *found, last = map(json.loads, done.stdout.splitlines())
    assert {one["check"] for one in found} >= {"state", "replay"}
    assert (last["well"], last["findings"], last["checked"]["state"]) == (False, len(found), 1)


def test_audit__nothing_there_is_exit_3(data_dir):
    """A folder without a ledger is not reachable, and stays empty."""
    done = run(data_dir)
    assert done.returncode == 3
    assert "there is no ledger" in done.stderr
    assert list(data_dir.iterdir()) == []


def test_audit__an_absent_broker_is_exit_3_without_its_password(job, data_dir):
    """A broker that does not answer is not reachable; it is named without what opens it."""
    done = run(data_dir, HEAVYLIFT_BROKER_URL="amqp://guest:secret-word@127.0.0.1:1//")
    assert done.returncode == 3, done.stderr
    assert "amqp://127.0.0.1:1" in done.stderr
    assert "the broker does not answer" in done.stderr
    assert "secret-word" not in done.stdout + done.stderr


def test_audit__an_absent_ledger_is_exit_3_without_its_password(data_dir):
    """A database that does not answer is not reachable."""
    done = run(data_dir, HEAVYLIFT_LEDGER_URL="postgresql://user:secret-word@127.0.0.1:1/none")
    assert done.returncode == 3, done.stderr
    assert "secret-word" not in done.stdout + done.stderr


@pytest.mark.skipif(next(programs(), None) is None, reason="no redis-server on this machine")
def test_audit__uses_the_broker_of_the_platform_that_runs(job, data_dir):
    """Where a platform holds the data folder, its broker is asked, goes on, and is named as the live one."""
    with DataFolder(data_dir) as folder:
        broker = choose(folder.run, folder.redis)
        assert isinstance(broker, EmbeddedRedis)
        broker.prepare()
        (folder.run / "broker.url").write_text(broker.url)
        with subprocess.Popen(broker.command(), stdout=subprocess.DEVNULL) as process:
            try:
                wait_until(broker.answers, within=20, what="PONG")
                done = run(data_dir, "--deep")
                assert broker.answers()
            finally:
                process.kill()
    assert done.returncode == 0, done.stderr
    assert "of the platform that runs here" in done.stderr
