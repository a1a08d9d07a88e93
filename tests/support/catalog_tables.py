"""Small catalogs in Rebrickable's layout, made up here, and a platform of one process that imports them."""

import gzip
import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from support.sample_jobs import NO_WAIT

from broker.messages import StepMessage
from config.settings import CatalogSettings, Settings, StudioSettings
from jobs.model import FileFacts, Job, Status, StepKey
from ledger import Dispatch, Ledger, NewJob
from pipelines.catalog_import import PIPELINE, ZIP_KIND
from search.memory import MemoryEngine
from storage import open_store
from storage.port import ObjectStore
from wiring.catalog import order_import
from wiring.search import facts_in
from workers.executor import Executor
from workers.heartbeat import Heartbeat
from workers.indexing import Writer
from workers.sandbox import Sandbox
from workers.wiring import build_runner

COLORS = (
    "id,name,rgb,is_trans\n-1,[Unknown],0033B2,False\n0,Black,05131D,False\n4,Red,C91A09,False\n15,White,FFFFFF,False\n"
)


def tables(count: int = 20, **changed: str | bytes) -> dict[str, bytes]:
    """File name -> gzipped CSV of a catalog with so many parts; `changed` names a table that is something else."""
    rows = "".join(f"{3000 + n},Brick {n},1,Plastic\n" for n in range(count))
    texts: dict[str, str | bytes] = {
        "parts": "part_num,name,part_cat_id,part_material\n" + rows,
        "colors": COLORS,
        "elements": "element_id,part_num,color_id,design_id\n300021,3000,4,\n",
        "part_relationships": "rel_type,child_part_num,parent_part_num\nM,3001,3002\n",
        "part_categories": "id,name\n1,Bricks\n",
    }
    texts |= changed
    plain = {name: text.encode() if isinstance(text, str) else text for name, text in texts.items()}
    return {f"{name}.csv.gz": gzip.compress(content, mtime=0) for name, content in plain.items()}


def zipped(files: Mapping[str, bytes]) -> bytes:
    """The files in one ZIP."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def laid_out(files: Mapping[str, bytes], folder: Path) -> str:
    """The files in a folder; its `file://` address."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return f"file://{folder}"


@dataclass
class Importer:
    """One process with everything between a submit and the end of its job; only the broker is left out."""

    settings: Settings
    ledger: Ledger
    store: ObjectStore
    executor: Executor
    heartbeat: Heartbeat
    woken: list[Dispatch] = field(default_factory=list)

    @classmethod
    def build(cls, folder: Path, sandbox: Sandbox, *, sources: str = "", password: str | None = None) -> "Importer":
        """Over a new ledger and store below `folder`."""
        settings = Settings(folder)
        settings.catalog = CatalogSettings(sources=sources)
        settings.studio = StudioSettings(password=password)
        ledger = Ledger(settings.ledger_url, policy=NO_WAIT)
        ledger.migrate()
        store = open_store(kind="local", path=settings.store_path)
        heartbeat = Heartbeat(ledger, worker="w", lease=20, every=5, cancel_poll=0.1)
        woken: list[Dispatch] = []
        writer = Writer(MemoryEngine, partial(facts_in, ledger))
        runner = build_runner(settings, ledger=ledger, store=store, sandbox=sandbox, writer=writer)
        executor = Executor(ledger=ledger, heartbeat=heartbeat, run=runner.run, wake=woken.extend, worker="w", lease=20)
        return cls(settings, ledger, store, executor, heartbeat, woken)

    @property
    def runner(self) -> Any:
        return self.executor._run.__self__

    def upload(self, content: bytes, *, force: bool = False, **options: Any) -> Job:
        """Submit an uploaded ZIP."""
        key = self.ledger.reserve_blob()
        with self.store.writer(key) as writer:
            writer.write(content)
            writer.commit()
        digest = hashlib.sha256(content).hexdigest()
        facts = FileFacts(
            name="catalog.zip", size=len(content), sha256=digest, media_type="application/zip", kind=ZIP_KIND, key=key
        )
        new = NewJob(
            owner="local",
            pipeline=PIPELINE,
            file=facts,
            options=PIPELINE.validated_options({"force": force} | options),
            metadata={},
            tags=(),
            priority=5,
            correlation_id="c",
        )
        made = self.ledger.submit(new)
        self.woken.extend(made.dispatches)
        return made.job

    def order(self, source: str, *, force: bool = False) -> Job:
        """Submit an order to fetch."""
        made = order_import(self.ledger, self.store, source=source, force=force, owner="local", correlation_id="c")
        self.woken.extend(made.dispatches)
        return made.job

    def step(self) -> str:
        """Execute the next message; the name of its step."""
        one = self.woken.pop(0)
        self.executor.execute(StepMessage(job_id=one.job_id, key=StepKey(one.step, one.part), dispatch=one.dispatch))
        return one.step

    def finish(self, job: Job) -> Job:
        """Execute what there is to do until the job has ended, retries included."""
        for _ in range(20):
            while self.woken:
                self.step()
            found = self.ledger.get(job.id, owner="local")
            if found.status.ended:
                return found
            self.ledger.database.writing(_due_now)
            self.woken.extend(self.ledger.take_due())
        raise AssertionError(f"the job does not end: {found}")

    def activated(self, content: bytes, **more: Any) -> str:
        """Import a ZIP, which must go well; the version's name."""
        job = self.finish(self.upload(content, **more))
        assert job.status is Status.SUCCEEDED, job.fault
        return job.id

    def close(self) -> None:
        self.heartbeat.close()
        self.ledger.close()


def _due_now(tx: Any) -> None:
    from sqlalchemy import update

    from ledger.database import db_now
    from ledger.schema import outbox, step_runs

    tx.execute(update(outbox).values(due_at=db_now(-1), taken_until=None))
    tx.execute(update(step_runs).where(step_runs.c.not_before.is_not(None)).values(not_before=db_now(-1)))
