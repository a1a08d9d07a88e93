"""From settings to the parts of one worker process."""

import os
import socket
import threading
from dataclasses import dataclass, replace
from functools import partial

import structlog

from broker import Publisher
from config.settings import Settings
from jobs.model import Job
from jobs.queues import INDEXING, VALIDATION, Queue
from ledger import Ledger, WorkerFacts
from search.port import EngineError
from storage.port import ObjectStore
from wiring import broker_options, open_ledger, open_objects, open_publisher
from wiring.catalog import allowed_sources
from wiring.search import facts_in, generations, is_shared, open_for_writing
from workers.anew import Past
from workers.catalog_ports import JobCatalogs, table_fetcher
from workers.dispatcher import Dispatcher
from workers.duplicates import EarlierJobs
from workers.executor import Executor
from workers.gltf_desk import GltfDesk
from workers.gltf_tools import readable
from workers.heartbeat import Heartbeat
from workers.indexing import Indexer, JobIndex, Writer
from workers.kernels import KernelKeeper, ShaderKeeper
from workers.prices import PriceDesk
from workers.reconcile import Reconciliation, Sides, work_of
from workers.reconcile.requests import Requests
from workers.resources import CatalogKeeper, OwnersWord, sample
from workers.runner import Limits, Provider, Runner
from workers.sandbox import Admission, Gpu, GpuPool, GpuRules, NoGpu, Sandbox, capabilities, visible_gpus

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """The parts of one worker process."""

    name: str
    queue: Queue
    concurrency: int
    ledger: Ledger
    publisher: Publisher
    sandbox: Sandbox
    heartbeat: Heartbeat
    dispatcher: Dispatcher
    executor: Executor
    reconciliation: Reconciliation
    requests: Requests
    gltf: GltfDesk
    writer: Writer | None  # of the search index: the indexing pool's
    indexer: Indexer | None

    def start(self) -> None:
        """Begin what the pool's workers do beside their steps."""
        if self.writer is not None and self.indexer is not None:
            self.writer.start()
            self.indexer.start()
        if self.queue is VALIDATION:
            self.gltf.start()
        if self.reconciliation.work:
            self.requests.start()

    def close(self) -> None:
        """End all threads and children."""
        self.dispatcher.close()
        self.requests.close()
        if self.writer is not None and self.indexer is not None:
            self.indexer.close()
            self.writer.close()
        self.heartbeat.close()
        self.sandbox.close()
        self.gltf.close()
        self.publisher.close()
        self.ledger.close()


def build_worker(queue: Queue, settings: Settings) -> Worker:
    """Everything a worker of `queue` needs; nothing is connected yet."""
    concurrency = settings.worker.concurrency or queue.concurrency
    name = _name(queue)
    ledger = open_ledger(settings, pool_size=concurrency + (6 if queue is INDEXING else 3))
    store = open_objects(settings)
    publisher = open_publisher(settings, ledger)
    heartbeat = Heartbeat(
        ledger,
        worker=name,
        lease=settings.worker.lease,
        every=settings.worker.heartbeat,
        cancel_poll=settings.worker.cancel_poll,
    )
    sandbox = build_sandbox(queue, settings)
    gltf = GltfDesk(settings)
    writer = build_writer(settings, ledger) if queue is INDEXING else None
    runner = build_runner(settings, ledger=ledger, store=store, sandbox=sandbox, gltf=gltf, writer=writer)
    facts = WorkerFacts(
        name=name,
        pool=queue.name,
        host=socket.gethostname(),
        pid=os.getpid(),
        concurrency=concurrency,
        sandbox=capabilities().mode,
    )
    executor = Executor(
        ledger=ledger,
        heartbeat=heartbeat,
        run=runner.run,
        wake=publisher.wake,
        worker=name,
        lease=settings.worker.lease,
    )
    sides = _sides(settings, ledger=ledger, store=store, publisher=publisher, runner=runner, executor=executor)
    if writer is not None:
        sides = replace(sides, index=writer, generations=generations(settings))
    reconciliation = Reconciliation(sides, work_of(queue.name))
    return Worker(
        name=name,
        queue=queue,
        concurrency=concurrency,
        ledger=ledger,
        publisher=publisher,
        sandbox=sandbox,
        heartbeat=heartbeat,
        dispatcher=Dispatcher(
            ledger,
            wake=publisher.wake,
            facts=lambda: replace(facts, gpu=sandbox.gpu_state),
            every=settings.worker.dispatch_every,
            lease=settings.worker.lease,
        ),
        executor=executor,
        reconciliation=reconciliation,
        requests=Requests(reconciliation),
        gltf=gltf,
        writer=writer,
        indexer=Indexer(ledger, writer, places_of=runner.places_of) if writer is not None else None,
    )


def build_writer(settings: Settings, ledger: Ledger) -> Writer:
    """The one that writes the search index for this process."""
    return Writer(lambda: open_for_writing(settings), partial(facts_in, ledger), shared=is_shared(settings))


def _sides(
    settings: Settings, *, ledger: Ledger, store: ObjectStore, publisher: Publisher, runner: Runner, executor: Executor
) -> Sides:
    return Sides(
        ledger=ledger,
        store=store,
        broker=broker_options(settings),
        wake=publisher.wake,
        places_of=runner.places_of,
        scratch=settings.scratch_path,
        retention_days=settings.retention.days,
        letter_days=settings.retention.letter_days,
        events_days=settings.retention.events_days,
        orphan_days=settings.retention.orphan_days,
        lost_after=settings.worker.lost_after,
        catalog_source=settings.catalog.url,
        stopping=executor.stopping,
    )


def _name(queue: Queue) -> str:
    """Of this process and no other: where it has started anew, the broker may still hold what the one before it had."""
    starts = Past.read().starts
    return f"{queue.name}-{os.getpid()}{f'-{starts}' if starts else ''}@{socket.gethostname()}"


def build_sandbox(queue: Queue, settings: Settings) -> Sandbox:
    """The pool's sandbox, sharing this host's memory budget with those of the other pools."""
    admission = Admission(settings.data_dir / "run" / "admission", budget=settings.sandbox.memory_budget)
    return Sandbox(
        name=queue.name,
        preload=queue.preload,
        idle_exit=settings.sandbox.idle_exit,
        admission=admission,
        read_only=readable(settings) if queue is VALIDATION else (),
        gpus=build_gpus(settings) if queue.gpu and settings.gpu.enabled else None,
    )


def build_gpus(settings: Settings) -> GpuPool:
    """This host's GPUs; empty where CUDA finds none: the pool works all the same, on the CPU."""
    found: tuple[Gpu, ...] = ()
    try:
        found = visible_gpus()
    except NoGpu as none:
        log.warning("gpu.absent", reason=str(none))
    gpu = settings.gpu
    rules = GpuRules(budget=gpu.memory_budget, reserve=gpu.reserve, losses=gpu.losses, rest=gpu.rest)
    for one in found:
        log.info("gpu.found", name=one.name, uuid=one.uuid, memory=one.memory, budget=rules.of(one), cuda=one.driver)
    return GpuPool(found, settings.gpu_path, rules=rules)


def build_runner(
    settings: Settings,
    *,
    ledger: Ledger,
    store: ObjectStore,
    sandbox: Sandbox,
    gltf: GltfDesk | None = None,
    writer: Writer | None = None,
) -> Runner:
    """The runner with every pipeline and port; without `writer` nothing can be made findable."""
    from pipelines import pipelines

    def index_of(job: Job, stop: threading.Event) -> JobIndex:
        if writer is None:
            raise EngineError("only workers of the pool `indexing` write the search index")
        return JobIndex(writer.put, job_id=job.id, stop=stop, moved=writer.moved, owe=writer.owe)

    allowed = allowed_sources(settings)
    gltf = gltf or GltfDesk(settings)
    prices = PriceDesk(settings.price, ledger)
    settings.scratch_path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Runner(
        ledger=ledger,
        store=store,
        sandbox=sandbox,
        pipelines=pipelines(),
        ports={
            "search": index_of,
            "fetcher": lambda job, _stop: table_fetcher(ledger, job, allowed=allowed),
            "catalogs": lambda job, _stop: JobCatalogs(ledger=ledger, job_id=job.id),
            "prices": lambda job, _stop: prices.source(job),
            "gltf": lambda _job, _stop: gltf.checker,
        },
        scratch=settings.scratch_path,
        limits=Limits(
            max_output=settings.sandbox.max_output,
            max_outputs=settings.sandbox.max_outputs,
            disk_share=settings.sandbox.disk_share,
        ),
        resources=build_resources(settings, ledger=ledger, store=store, gltf=gltf),
    )


def build_resources(settings: Settings, *, ledger: Ledger, store: ObjectStore, gltf: GltfDesk) -> dict[str, Provider]:
    """The reference data that steps may ask for, by name."""
    password = settings.studio.password
    return {
        "kernels": KernelKeeper(settings.data_dir / "cache" / "kernels", gpu=settings.gpu.enabled),
        "shaders": ShaderKeeper(settings.data_dir / "cache" / "shaders"),
        "gltf": gltf.tools,
        "catalog": CatalogKeeper(ledger, store, folder=settings.data_dir / "cache" / "catalog", sample=sample),
        "duplicates": EarlierJobs(ledger),
        "reading": OwnersWord(ledger, studio_password=password.get_secret_value() if password else None),
    }
