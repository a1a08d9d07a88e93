"""Faults of workers: killed in parts or whole, frozen, deaf, a whole pool away."""

import signal
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import psutil

from broker import make_app, queue_name
from drill.faults.base import CannotInject, Fault
from drill.keeper import Service
from drill.stage import Stage
from ledger import Held

_BUSY = ("parsing", "validation", "thumbnails", "indexing")  # pools whose workers hold step runs
_SANDBOXED = ("parsing", "validation", "thumbnails")
_AWAY = 4.0  # seconds that Celery's control may take to answer
_WARM_UP = 10.0  # seconds until a step's child should run


class _Taken(Fault):
    """Hits a worker while it holds step runs."""

    pools: Sequence[str] = _BUSY

    def __init__(self, *args: object, **named: object) -> None:
        super().__init__(*args, **named)  # type: ignore[arg-type] # handed on as they came
        self.held: list[Held] = []

    def catch(self, stage: Stage) -> Service:
        """A worker that holds something now; the moment counts as the injection."""
        pool = self.rng.choice(self.pools)
        worker, self.held = stage.caught(pool)
        self.note = f"{worker.name}, which held {len(self.held)}"
        self.mark()
        return worker

    def is_over(self, stage: Stage) -> bool:
        return stage.look.have_moved(self.held)


class KillChild(_Taken):
    """SIGKILL of a sandbox child, or of the template from which they come."""

    name = "kill-child"
    over = "the step runs of that worker were claimed again, or have ended"
    pools = _SANDBOXED
    seconds = 3.0

    def inject(self, stage: Stage) -> None:
        worker = self.catch(stage)
        pid, wants_child = worker.child.pid, self.rng.random() < 0.7
        # The step may have been claimed only just now, and its template still be on its way.
        stage.until(lambda: below(pid)[1 if wants_child else 0], within=_WARM_UP)
        templates, children = below(pid)
        for victim in (children if wants_child and children else templates)[:1]:
            self.note += f": {'the template' if victim in templates else 'a child'}"
            with suppress(psutil.NoSuchProcess):
                victim.kill()
        self.mark()


class KillWorker(_Taken):
    """SIGKILL of a worker and all that it started."""

    name = "kill-worker"
    over = "the step runs that it held were claimed again, or have ended"

    def inject(self, stage: Stage) -> None:
        stage.platform.keeper.kill(self.catch(stage))


class KillMainOnly(_Taken):
    """SIGKILL of a worker's main process alone: its template and children are orphans, which have to go by themselves."""

    name = "kill-main-only"
    over = "the step runs that it held were claimed again, and its orphans are gone"

    def inject(self, stage: Stage) -> None:
        worker = self.catch(stage)
        self.orphans = psutil.Process(worker.child.pid).children(recursive=True)
        stage.platform.keeper.kill_alone(worker)

    def is_over(self, stage: Stage) -> bool:
        return super().is_over(stage) and not any(orphan.is_running() for orphan in self.orphans)


class PauseWorker(_Taken):
    """SIGSTOP of a worker past its lease while another one takes over, then SIGCONT: the fence keeps it out."""

    name = "pause-worker"
    over = "the step runs that it held were claimed by the other worker, or have ended"
    hold = (1.5, 3.0)
    leases = 1.2
    seconds = 12.0
    patience = 25.0  # a broker may hand the step's next message to the frozen worker: then it goes on once that wakes
    pools = ("parsing", "validation", "thumbnails")

    def inject(self, stage: Stage) -> None:
        self.worker = self.catch(stage)
        self.worker.child.send(signal.SIGSTOP)
        assert self.worker.pool is not None
        self.other = stage.platform.worker(self.worker.pool, name=f"{self.worker.name}-other")
        self.other.start()

    def lift(self, stage: Stage) -> None:
        stage.until(lambda: stage.look.have_moved(self.held), within=self.patience)
        self.worker.child.send(signal.SIGCONT)
        stage.pause(1.0)  # in which a fence that does not hold would show
        stage.platform.retire(self.other)


class StopPool(Fault):
    """SIGTERM of a whole pool for a while; the others go on."""

    name = "stop-pool"
    over = "the pool, started again, has claimed something"
    hold = (3.0, 5.0)
    seconds = 9.0

    def inject(self, stage: Stage) -> None:
        self.pool = self.rng.choice(_SANDBOXED)
        self.workers = stage.platform.keeper.workers(self.pool)
        self.waiting = stage.traffic.bait(self.pool)
        for worker in self.workers:
            stage.platform.keeper.ask_to_end(worker)
        self.note = self.pool

    def lift(self, stage: Stage) -> None:
        others = stage.sure(lambda: stage.look.claiming_pools(self.since))
        others.pop(self.pool, None)
        self.note += f"; meanwhile others claimed {others.total()}"
        stage.until(lambda: not any(worker.child.running for worker in self.workers), within=60.0)
        self.mark()
        for worker in self.workers:
            worker.start()

    def is_over(self, stage: Stage) -> bool:
        return stage.look.claiming_pools(self.since)[self.pool] > 0


class DeafWorker(Fault):
    """A worker that lives and keeps its leases but takes nothing any more, as after a reconnect that went wrong."""

    name = "deaf-worker"
    over = "a job that came later was claimed"
    seconds = 10.0
    patience = 60.0

    def inject(self, stage: Stage) -> None:
        self.worker = stage.platform.keeper.workers("parsing")[0]
        pid = self.worker.child.pid
        stage.until(lambda: stage.look.worker_name("parsing", pid), within=30.0)
        answers = self._deafen(stage, stage.sure(lambda: stage.look.worker_name("parsing", pid)) or "")
        if not answers:
            raise CannotInject("the worker did not hear the remote control that should deafen it")
        self.mark()
        self.later = [stage.traffic.plain() for _ in range(2)]
        self.ids = stage.submitted(self.later)
        self.note = self.worker.name

    def is_over(self, stage: Stage) -> bool:
        return not stage.look.unclaimed(self.ids)

    def _deafen(self, stage: Stage, name: str) -> list[Any]:
        """Have Celery stop the worker's consumer; what the worker answered."""
        options = stage.platform.options
        app = make_app(options)
        with app.connection_for_write(connect_timeout=4) as connection:
            answers: list[Any] | None = app.control.cancel_consumer(
                queue_name(options, "parsing"), destination=[name], connection=connection, reply=True, timeout=_AWAY
            )
        return answers or []


def below(pid: int) -> tuple[list[psutil.Process], list[psutil.Process]]:
    """The sandbox templates of a worker, and their children."""
    try:
        templates = psutil.Process(pid).children()
        return templates, [child for template in templates for child in template.children()]
    except psutil.NoSuchProcess:
        return [], []


FAULTS = (KillChild, KillWorker, KillMainOnly, PauseWorker, StopPool, DeafWorker)
