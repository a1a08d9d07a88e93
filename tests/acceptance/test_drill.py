"""The fault drill, reduced: sixty jobs, short leases, each fault on one of the two back ends, in two minutes each."""

import json
import subprocess
import sys

import pytest
from support.children import ROOT
from support.servers import MissingBinary, PostgresServer, RabbitServer

LIMIT = 600.0  # seconds; less than two minutes where nobody else computes
EMBEDDED = (
    "kill-child,kill-worker,kill-main-only,kill-api,kill-publisher-between-commit-and-send,"
    "stop-broker,kill-broker,stop-database,store-errors,full-disk,deaf-worker"
)
REAL = "kill-worker,kill-broker,stop-database,wipe-broker,pause-worker,stop-pool,two-beats,rolling-restart"
ZEROS = ("lost", "doubled", "stuck", "without_reason", "misjudged", "given_up", "other_5xx", "crashes")


def drill(*arguments: str) -> tuple[int, dict, str]:
    """Run one as an operator does; its exit code, its JSON, and what it said."""
    argv = [sys.executable, "-P", "-m", "cli", "drill", "--json", *arguments]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=LIMIT)
    found = json.loads(done.stdout) if done.stdout.strip() else {}
    return done.returncode, found, done.stderr


def require_real() -> None:
    try:
        for server in (RabbitServer(), PostgresServer()):
            server.close()
    except MissingBinary as missing:
        pytest.skip(f"no drill on real servers: {missing}")


@pytest.mark.timeout(LIMIT)
@pytest.mark.parametrize(("backend", "faults", "seed"), [("embedded", EMBEDDED, 21), ("real", REAL, 25)])
def test_drill__nothing_is_lost(backend: str, faults: str, seed: int):
    """Under every fault each accepted job ends once and with its reason, no request breaks, and the audit is well."""
    if backend == "real":
        require_real()
    servers = ["--real"] if backend == "real" else []
    # In these orders the wiped broker comes early: its lost messages are found within a minute, beside the other faults.
    code, found, said = drill("--jobs", "60", "--seed", str(seed), "--faults", faults, *servers)
    assert found, said
    assert {name: found[name] for name in ZEROS} == dict.fromkeys(ZEROS, 0), said
    assert found["audit"]["well"], said
    assert (code, found["well"]) == (0, True), said
    assert found["accepted"] == 60
    assert found["succeeded"] > 40
    assert found["failed_with_reason"] > 0
    injected = {name for name, seconds in found["recovery_seconds"].items() if None not in seconds}
    assert injected | set(found["skipped"]) == set(faults.split(",")), said
