"""The ledger's promises, searched for a way to break them: random interleavings and races on SQLite and PostgreSQL.

    HEAVYLIFT_TEST_EXAMPLES=3000 ./heavylift test -- tests/integration/test_ledger_machine.py

tries so many others, with seeds of its own; without the variable the same few are tried each time. A failure tells its
seed, which HEAVYLIFT_TEST_SEED begins with, and reads from top to bottom: each line is a call of the ledger by process A
or B. Races may end otherwise the next time; Hypothesis then calls the failure flaky, and it is one all the same.
"""

import os
import secrets
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from support.ledger_machine import LedgerMachine
from support.ledger_world import Place

EXAMPLES = int(os.environ.get("HEAVYLIFT_TEST_EXAMPLES", "0"))
SEED = int(os.environ.get("HEAVYLIFT_TEST_SEED", "0"))
FEW = 40
ENOUGH_SECONDS = 25.0  # after which a busy machine leaves the rest of the few out
# Hypothesis varies an example several times before it makes a new one, but not the first ten: many short searches see
# more than a long one.
AT_A_TIME = 10
SEARCH = settings(
    max_examples=AT_A_TIME,
    stateful_step_count=50,
    database=None,
    deadline=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)


@pytest.fixture
def place(ledger_url: str) -> Iterator[Place]:
    """One database of each kind with two ledgers on it."""
    made = Place(ledger_url)
    yield made
    made.close()


@pytest.mark.timeout(0 if EXAMPLES else 900)  # a failure is made small first, which takes minutes
def test_ledger__keeps_its_promises_whatever_happens(place: Place):
    """No interleaving of calls, faults and races loses a job, does a thing twice or leaves a job without its end."""
    first = secrets.randbits(32) if EXAMPLES and not SEED else SEED
    began = time.monotonic()
    for number in range(-(-(EXAMPLES or FEW) // AT_A_TIME)):
        if not EXAMPLES and time.monotonic() - began > ENOUGH_SECONDS:
            print(f"enough after {number * AT_A_TIME} examples")
            return
        print(f"HEAVYLIFT_TEST_SEED={first + number}")
        search = seed(first + number)(lambda: LedgerMachine(place))
        run_state_machine_as_test(search, settings=SEARCH)
