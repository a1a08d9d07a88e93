"""Beat needs no disk: it starts, ticks and ends on a full one, and shows that it ticks once there is room."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.children import ROOT
from support.disks import filled
from support.waiting import wait_until

from broker.app import BrokerOptions, make_app
from deploy.health import ticks
from workers.clock import Clock


@pytest.fixture
def sign(tiny_disk: Path) -> Path:
    """What a beat whose data folder is the tiny disk shows."""
    return tiny_disk / "run" / "beat" / "ticked"


def test_clock__ticks_on_a_full_disk(sign: Path, tiny_disk: Path):
    """A tick that can't be shown is a tick all the same; the first one with room again is shown."""
    clock = Clock(make_app(BrokerOptions(url="memory://")), schedule_filename=str(sign), max_interval=30)
    with filled(tiny_disk):
        assert clock.tick() == 30
        assert "not ticked yet" in ticks(sign)
    assert clock.tick() == 30
    assert ticks(sign) is None
    with filled(tiny_disk):
        os.utime(sign, (0, 0))
        assert "not ticked for" in ticks(sign)
        clock.tick()
        assert ticks(sign) is None  # a file that is there takes a new time without room


def test_beat__lives_on_a_full_disk(redis_broker: str, tiny_disk: Path, sign: Path):
    """Beat starts on a disk without room for a byte or a name, its log included, and ends well when told to."""
    log = (tiny_disk / "beat.log").open("wb")
    # Without coverage, which has a handler of its own from the start: what is waited for is Celery's.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    env |= {"HEAVYLIFT_DATA_DIR": str(tiny_disk), "HEAVYLIFT_BROKER_URL": redis_broker}
    with filled(tiny_disk), log:
        argv = [sys.executable, "-P", "-m", "cli", "beat"]
        env |= {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        beat = subprocess.Popen(argv, env=env, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_until(lambda: _handles(beat.pid, signal.SIGTERM), within=60, what="beat to have begun")
            with pytest.raises(subprocess.TimeoutExpired):
                beat.wait(1)
        finally:
            beat.terminate()
            code = beat.wait(30)
    assert (code, sign.exists()) == (0, False)


def _handles(pid: int, number: int) -> bool:
    """Whether a process has a handler of its own for a signal; Celery's beat installs one just before its first tick."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)
