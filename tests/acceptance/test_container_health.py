"""deploy/health.py, which the containers' health checks run, against real processes."""

import subprocess
import sys

from support.children import ROOT
from support.waiting import wait_until


def test_health__tells_a_living_worker_from_a_dead_one(build):
    """A pool's check is well while its worker answers over the broker, and no other pool's answer will do.

    Beat's check is well once beat wrote its schedule.
    """
    platform = build("embedded")
    platform.start("indexing", "housekeeping", beat=True)

    assert health(platform, "worker", "indexing") == (0, "")
    wait_until(
        lambda: health(platform, "beat")[0] == 0 or not platform.beat.running,
        within=60,
        what="beat's schedule",
        every=0.5,
    )
    assert health(platform, "beat") == (0, "")
    platform.pools["indexing"].kill()
    code, words = health(platform, "worker", "indexing")
    assert code == 1
    assert "housekeeping-" in words
    assert health(platform, "nonsense")[0] == 2


def health(platform, *role):
    """The exit code and the words of the health check."""
    argv = [sys.executable, "deploy/health.py", *role]
    env = platform.env | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stderr
