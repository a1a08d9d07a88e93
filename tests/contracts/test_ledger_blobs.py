"""What a step stored counts with its success, on each back end: equal content once, and all of it or none."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select
from support.sample_jobs import submit

from jobs.ids import new_id
from jobs.model import Artifact, StepKey
from jobs.outcomes import Succeeded
from ledger.schema import blobs

OWNER = "local"
ONE, OTHER, THIRD = "1a" * 32, "2b" * 32, "3c" * 32


def claimed(ledger):
    """A claim on the first step of a new job."""
    job = submit(ledger).job
    return ledger.claim(job.id, StepKey("parse"), dispatch=1, worker="w", lease=60).held


def saved(*digests, keys):
    """Artifacts whose bytes are only claimed to be stored."""
    return tuple(
        Artifact(name=f"{number}.txt", sha256=sha256, size=4, media_type="text/plain", step="parse", key=key)
        for number, (sha256, key) in enumerate(zip(digests, keys, strict=True))
    )


def finish(ledger, *digests):
    """Finish a step that saved files of that content; the keys that the job's artifacts refer to, by their names' order."""
    held, keys = claimed(ledger), ledger.reserve_blobs(len(digests))
    assert ledger.finish(held, Succeeded(artifacts=saved(*digests, keys=keys)))[0]
    found = {one.name: one.key for one in ledger.get(held.job_id, owner=OWNER).artifacts}
    return keys, [found[f"{number}.txt"] for number in range(len(digests))]


def states(ledger, keys):
    with ledger.database.reading() as tx:
        found = dict(tx.execute(select(blobs.c.key, blobs.c.state).where(blobs.c.key.in_(keys))).all())
    return [found.get(key) for key in keys]


def test_finish__equal_content_in_one_step_is_stored_once(ledger):
    """Files of one step with one content share the first one's bytes; the rest is left to the collector."""
    keys, found = finish(ledger, ONE, OTHER, ONE, ONE)
    assert found == [keys[0], keys[1], keys[0], keys[0]]
    assert states(ledger, keys) == ["live", "live", "deleting", "deleting"]


def test_finish__content_that_is_live_is_referred_to(ledger):
    """What an earlier job stored stands for the same bytes of a later one, whatever else that one saved."""
    (first,), _ = finish(ledger, ONE)
    keys, found = finish(ledger, OTHER, ONE, THIRD)
    assert found == [keys[0], first, keys[2]]
    assert states(ledger, [first, *keys]) == ["live", "live", "deleting", "live"]


def test_finish__without_a_reservation_nothing_counts(ledger):
    """A key that nobody reserved, or whose reservation ran out, takes the whole success with it: the claim stays."""
    held, (kept,) = claimed(ledger), ledger.reserve_blobs(1)
    with pytest.raises(LookupError):
        ledger.finish(held, Succeeded(artifacts=saved(ONE, OTHER, keys=[kept, new_id()])))
    assert states(ledger, [kept]) == ["pending"]
    assert ledger.get(held.job_id, owner=OWNER).artifacts == ()
    assert held in ledger.held_by("w")


def test_finish__many_at_once_with_equal_content(ledger):
    """Steps that end together and saved the same, in whatever order, all succeed; each content is live once."""
    ready = threading.Barrier(6)

    def one(number):
        held, keys = claimed(ledger), ledger.reserve_blobs(3)
        ready.wait(20)
        digests = (ONE, OTHER, THIRD) if number % 2 else (THIRD, OTHER, ONE)
        return ledger.finish(held, Succeeded(artifacts=saved(*digests, keys=keys)))[0]

    with ThreadPoolExecutor(6) as threads:
        assert all(threads.map(one, range(6)))
    with ledger.database.reading() as tx:
        live = list(tx.execute(select(blobs.c.sha256).where(blobs.c.state == "live")).scalars())
    assert {live.count(digest) for digest in (ONE, OTHER, THIRD)} == {1}
