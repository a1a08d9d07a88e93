"""Stand: an executor with a real sandbox, ledger and store; only the broker is left out."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import update
from support.sample_jobs import NO_WAIT

from broker.messages import StepMessage
from jobs.ids import new_id
from jobs.model import FileFacts, Job, StepKey
from jobs.pipeline import Pipeline
from ledger import Dispatch, Ledger, NewJob
from ledger.database import db_now
from ledger.schema import outbox, step_runs
from storage import open_store
from storage.port import ObjectStore
from workers.executor import Executor
from workers.heartbeat import Heartbeat
from workers.runner import Limits, Runner
from workers.sandbox import Sandbox

LIMITS = Limits(max_output=10**7, max_outputs=10)


@dataclass
class Stand:
    """An executor with what it stands on, and the messages that it sent."""

    pipelines: Mapping[str, Pipeline]
    ledger: Ledger
    store: ObjectStore
    heartbeat: Heartbeat
    executor: Executor
    scratch: Path
    woken: list[Dispatch] = field(default_factory=list)

    def submit(
        self, pipeline: str, *, text: bytes = b"some words", options: Mapping[str, object] | None = None
    ) -> tuple[Job, Dispatch]:
        """Store `text` and submit it."""
        key = self.ledger.reserve_blob()
        with self.store.writer(key) as writer:
            writer.write(text)
            writer.commit()
        facts = FileFacts(name="a.txt", size=len(text), sha256=new_id(), media_type="text/plain", kind="text", key=key)
        made = self.ledger.submit(
            NewJob(
                owner="local",
                pipeline=self.pipelines[pipeline],
                file=facts,
                options=options or {},
                metadata={},
                tags=(),
                priority=5,
                correlation_id="c",
            )
        )
        return made.job, made.dispatches[0]

    def execute(self, dispatch: Dispatch) -> None:
        """Do what the broker's delivery would do."""
        self.executor.execute(
            StepMessage(job_id=dispatch.job_id, key=StepKey(dispatch.step, dispatch.part), dispatch=dispatch.dispatch)
        )

    def due(self, job: Job) -> Dispatch:
        """The message of the job's first step, which was put off or tried again, as if its time had come."""
        wanted = self.job(job).steps[0].dispatch
        self.ledger.database.writing(
            lambda tx: (
                tx.execute(update(step_runs).values(not_before=None)),
                tx.execute(update(outbox).values(due_at=db_now(-1), taken_until=None)),
            )
        )
        (due,) = [one for one in self.ledger.take_due() if one.dispatch == wanted]
        return due

    def job(self, job: Job) -> Job:
        """The job as it stands."""
        return self.ledger.get(job.id, owner="local")


@contextmanager
def standing(
    folder: Path,
    pipelines: Mapping[str, Pipeline],
    *,
    sandbox: Sandbox,
    ports: Mapping[str, Callable[[Job], object]] | None = None,
    scratch: Path | None = None,
    store: Path | None = None,
    limits: Limits = LIMITS,
) -> Iterator[Stand]:
    """A stand whose ledger lies in `folder`, as do scratch and store where nothing else is said."""
    ledger = Ledger(f"sqlite:///{folder / 'ledger.sqlite3'}", policy=NO_WAIT)
    ledger.migrate()
    scratch = scratch or folder / "scratch"
    scratch.mkdir()
    objects = open_store(kind="local", path=store or folder / "store")
    heartbeat = Heartbeat(ledger, worker="w", lease=20, every=5, cancel_poll=0.1)
    runner = Runner(
        ledger=ledger,
        store=objects,
        sandbox=sandbox,
        pipelines=pipelines,
        ports=ports or {},
        scratch=scratch,
        limits=limits,
    )
    woken: list[Dispatch] = []
    executor = Executor(ledger=ledger, heartbeat=heartbeat, run=runner.run, wake=woken.extend, worker="w", lease=20)
    yield Stand(pipelines, ledger, objects, heartbeat, executor, scratch, woken)
    heartbeat.close()
    ledger.close()
