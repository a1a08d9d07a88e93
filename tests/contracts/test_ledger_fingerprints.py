"""Fingerprints in the ledger, on each back end: copies and look-alikes are found, of one owner, whatever else is there."""

import random

import pytest
from sqlalchemy import insert
from support.sample_jobs import submit

from jobs.ids import new_id
from jobs.likeness import ALIKE, SHARES, Family, Fingerprint, bands, shapes_apart
from jobs.model import Status, StepKey
from jobs.outcomes import Succeeded
from ledger.database import db_now
from ledger.errors import JobNotFound
from ledger.reference import fingerprints
from ledger.schema import jobs

OWNER = "local"
HASH = "00ff00ff00ff00ff"


def picture(near=HASH, *, exact="ab" * 32):
    return Fingerprint(family=Family.IMAGE, exact=exact, near=near)


def shape(chance, *, about=None):
    """Some shape, or one with few differences from another."""
    told = (
        bytearray(bytes.fromhex(about)[1:])
        if about
        else bytearray([*sorted(chance.choices(range(256), k=SHARES)), 200, 90])
    )
    for _ in range(chance.randrange(8, 140) if about else 0):
        place = chance.randrange(len(told))
        told[place] = min(max(told[place] + chance.choice((-1, 1)), 0), 255)
    return Fingerprint(family=Family.MODEL, exact=chance.randbytes(32).hex(), near=bytes([1, *told]).hex())


def taken(ledger, print_, *, owner=OWNER):
    """A job whose first step has taken that fingerprint."""
    job = submit(ledger, owner=owner).job
    held = ledger.claim(job.id, StepKey("parse"), dispatch=1, worker="w", lease=60).held
    assert ledger.finish(held, Succeeded(fingerprints=(print_,)))[0]
    return job


def found_by(ledger, job, print_, **options):
    """Ids of copies, then of look-alikes."""
    asked = {"owner": OWNER, "limit": 20} | options
    return tuple([one.job_id for one in look(job.id, print_, **asked)] for look in (ledger.same, ledger.near))


def test_fingerprints__are_found_by_copies_and_look_alikes(ledger):
    """Equal content is a copy, few bits apart a look-alike, far apart neither; a job is not its own look-alike."""
    first = taken(ledger, picture())
    copy = taken(ledger, picture())
    near = taken(ledger, picture("00ff00ff00ff000f", exact="cd" * 32))
    taken(ledger, picture("ff00ff00ff00ff00", exact="ef" * 32))
    assert found_by(ledger, copy, picture()) == ([first.id], [near.id])
    assert found_by(ledger, near, picture("00ff00ff00ff000f", exact="cd" * 32)) == ([], [copy.id, first.id])
    assert found_by(ledger, first, picture(), earlier=True) == ([], [])
    (told,) = ledger.near(copy.id, picture(), owner=OWNER, limit=5)
    assert (told.distance, told.same, told.file_name, told.sha256) == (4.0, False, near.file.name, near.file.sha256)
    assert ledger.fingerprints(copy.id, owner=OWNER) == (picture(),)


def test_fingerprints__of_others_are_never_found(ledger):
    """Another owner's file of the same content is no copy, and its fingerprints are not told."""
    mine, other = taken(ledger, picture()), taken(ledger, picture(), owner="other")
    assert found_by(ledger, mine, picture()) == ([], [])
    with pytest.raises(JobNotFound):
        ledger.fingerprints(other.id, owner=OWNER)


def test_fingerprints__go_with_their_job(ledger):
    """A deleted job is nobody's look-alike."""
    first, second = taken(ledger, picture()), taken(ledger, picture())
    ledger.cancel(first.id, owner=OWNER)
    assert ledger.get(first.id, owner=OWNER).status is Status.CANCELLED
    ledger.delete(first.id, owner=OWNER)
    assert found_by(ledger, second, picture()) == ([], [])


def test_fingerprints__of_an_attempt_that_lost_its_claim_are_none(ledger):
    """A worker that comes back too late leaves nothing; a second success replaces what the first one took."""
    job = submit(ledger).job
    held = ledger.claim(job.id, StepKey("parse"), dispatch=1, worker="w", lease=60).held
    assert not ledger.finish(
        held.__class__(held.job_id, held.step, held.part, held.fence + 1), Succeeded(fingerprints=(picture(),))
    )[0]
    assert ledger.fingerprints(job.id, owner=OWNER) == ()
    assert ledger.finish(held, Succeeded(fingerprints=(picture(), picture(exact="cd" * 32))))[0]
    assert ledger.fingerprints(job.id, owner=OWNER) == (picture(exact="cd" * 32),)


def test_near__finds_what_a_look_at_every_row_finds(ledger):
    """Of two thousand shapes, some near and some far, the probes leave out no look-alike, and the nearest come first."""
    chance = random.Random(7)
    base = shape(chance)
    many = [shape(chance, about=base.near) if number % 20 == 0 else shape(chance) for number in range(2000)]
    mine = taken(ledger, base)
    ids = copied(ledger, mine, many)
    expected = {job: shapes_apart(base.near, one.near) for job, one in zip(ids, many, strict=True)}
    expected = {job: apart for job, apart in expected.items() if apart < ALIKE}
    assert 20 < len(expected) < 100
    found = ledger.near(mine.id, base, owner=OWNER, limit=200)
    assert {one.job_id: one.distance for one in found} == expected
    assert [one.distance for one in found] == sorted(expected.values())
    assert [one.job_id for one in ledger.near(mine.id, base, owner=OWNER, limit=5)] == [one.job_id for one in found[:5]]


def copied(ledger, job, many):
    """As many jobs like this one, each with its fingerprint, without the way there."""
    ids = [new_id() for _ in many]

    def work(tx):
        row = dict(tx.execute(jobs.select().where(jobs.c.id == job.id)).mappings().one())
        tx.execute(insert(jobs), [row | {"id": one} for one in ids])
        rows = [
            {
                "job_id": job,
                "owner": OWNER,
                "family": "model",
                "exact": one.exact,
                "near": one.near,
                "band_0": bands(one)[0],
            }
            for job, one in zip(ids, many, strict=True)
        ]
        tx.execute(insert(fingerprints).values(made_at=db_now()), rows)

    ledger.database.writing(work)
    return ids
