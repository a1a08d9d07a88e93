"""The audit on SQLite and on PostgreSQL: a healthy ledger is well, and every check fires on the fault it is for."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import pytest
from support.sample_jobs import NO_WAIT, fault, sample_job, submit

from audit import Check, Report, audit
from jobs.errors import Actor
from jobs.model import Artifact, Job, StepKey
from jobs.outcomes import Failed, RetryLater, Succeeded
from ledger import Claim, Ledger
from storage.memory import MemoryStore

PARSE, INDEX, PICTURE = StepKey("parse"), StepKey("index"), StepKey("picture")


@dataclass(frozen=True, kw_only=True)
class House:
    """A ledger and a store, and what tests do with them."""

    ledger: Ledger
    store: MemoryStore

    def audit(self, *, deep: bool = False, **more: object) -> Report:
        return audit(self.ledger, store=self.store, broker=None, deep=deep, pause=0, **more)

    def found(self, **more: object) -> set[Check]:
        return {finding.check for finding in self.audit(**more).findings}

    def keep(self, content: bytes) -> tuple[str, str, int]:
        """A reserved key with bytes under it, their hash and size."""
        key = self.ledger.reserve_blob()
        with self.store.writer(key) as writer:
            writer.write(content)
            writer.commit()
        return key, sha256(content).hexdigest(), len(content)

    def submit(self, **more: object) -> Job:
        key, digest, size = self.keep(secrets.token_bytes(20))
        file = replace(sample_job().file, key=key, sha256=digest, size=size)
        return submit(self.ledger, file=file, **more).job

    def take(self, job: Job, key: StepKey = PARSE, **more: object) -> Claim:
        step = self.ledger.get(job.id, owner=job.owner).step(key)
        taken = self.ledger.claim(job.id, key, dispatch=step.dispatch, **{"worker": "w", "lease": 20, **more})
        assert taken is not None
        return taken

    def finish(self, job: Job, key: StepKey, outcome: Succeeded | Failed | RetryLater) -> None:
        assert self.ledger.finish(self.take(job, key).held, outcome)[0]

    def succeed(self, job: Job, *keys: StepKey) -> Job:
        for key in keys:
            kept, digest, size = self.keep(f"{job.id} {key.name}".encode())
            made = Artifact(
                name=f"{key.name}.txt", sha256=digest, size=size, media_type="text/plain", step=key.name, key=kept
            )
            self.finish(job, key, Succeeded(artifacts=(made,)))
        return job


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    if request.param == "sqlite":
        url, db_schema = f"sqlite:///{tmp_path / 'ledger.sqlite3'}", None
    else:
        url, db_schema = request.getfixturevalue("postgres_ledger_url"), f"t{secrets.token_hex(6)}"
    ledger = Ledger(url, db_schema=db_schema, policy=NO_WAIT)
    ledger.migrate()
    yield House(ledger=ledger, store=MemoryStore())
    ledger.close()


def every_state(house: House) -> None:
    """Jobs in every state that the verbs can bring them to."""
    house.submit()
    house.take(house.submit())
    house.succeed(house.submit(), PARSE, INDEX, PICTURE)
    house.finish(house.submit(), PARSE, Failed(fault=fault(actor=Actor.SUBMITTER)))
    refused = house.submit()
    house.finish(refused, PARSE, Failed(fault=fault(actor=Actor.SUBMITTER)))
    house.succeed(refused, PICTURE)
    plain = house.submit()
    house.finish(plain, PICTURE, Failed(fault=fault("step.timeout")))
    house.succeed(plain, PARSE, INDEX)
    tried = house.submit()
    house.finish(tried, PARSE, Failed(fault=fault()))
    house.finish(tried, PARSE, RetryLater(fault=fault("step.released")))
    house.succeed(tried, PARSE)
    gone = house.submit()
    house.take(gone)
    house.ledger.cancel(gone.id, owner="local")
    again = house.submit()
    house.succeed(again, PARSE)
    house.ledger.cancel(again.id, owner="local")
    house.ledger.retry(again.id, owner="local")
    house.succeed(again, INDEX)


def test_audit__a_healthy_ledger_is_well(house):
    """Jobs in every state that the verbs bring them to are well, and each check says how much it looked at."""
    every_state(house)
    report = house.audit(deep=True)
    assert report.findings == ()
    assert report.well
    assert report.checked["state"] == 9
