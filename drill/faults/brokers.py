"""Faults of the broker: stopped, killed, wiped, and away just when a message should be sent."""

from drill.faults.base import Fault
from drill.stage import Stage


class _Away(Fault):
    """The broker is away for some seconds while jobs come in."""

    over = "the broker answered again and each pool with queued work and a free thread has claimed some of it"
    hold = (2.0, 4.0)
    seconds = 8.0

    def inject(self, stage: Stage) -> None:
        self.break_broker(stage)
        self.late = [stage.traffic.plain() for _ in range(2)]

    def break_broker(self, stage: Stage) -> None:
        """How it goes away."""
        stage.platform.broker.kill()

    def lift(self, stage: Stage) -> None:
        stage.submitted(self.late)
        self.queued = stage.sure(stage.look.queued)
        stage.platform.broker.start()
        self.mark()
        self.note = f"queued then: {', '.join(sorted(self.queued)) or 'nothing'}"

    def is_over(self, stage: Stage) -> bool:
        full = stage.look.full_pools()
        return all(pool in full or any(map(stage.look.has_moved, held)) for pool, held in self.queued.items())


class StopBroker(_Away):
    """The broker is stopped as an operator does, its data stay."""

    name = "stop-broker"

    def break_broker(self, stage: Stage) -> None:
        stage.platform.broker.stop()


class KillBroker(_Away):
    """The broker is killed, its data stay as they lie."""

    name = "kill-broker"


class WipeBroker(_Away):
    """The broker loses its disk with messages that it had confirmed; a pool is stopped meanwhile, so that there are some."""

    name = "wipe-broker"
    over = "every step run whose message was lost was claimed, or has ended"
    seconds = 12.0
    patience = 5.0  # the sweep that finds lost messages comes each minute; other faults go on meanwhile

    def break_broker(self, stage: Stage) -> None:
        self.stopped = stage.platform.keeper.workers("parsing")
        for worker in self.stopped:
            stage.platform.keeper.ask_to_end(worker)
        stage.until(lambda: not any(worker.child.running for worker in self.stopped), within=60.0)
        ids = stage.submitted([stage.traffic.plain() for _ in range(3)])
        stage.until(lambda: not stage.look.unsent(ids), within=15.0)
        stage.platform.broker.kill()
        stage.platform.broker.wipe()
        self.lost = [held for queue in stage.sure(stage.look.queued).values() for held in queue]

    def lift(self, stage: Stage) -> None:
        super().lift(stage)
        for worker in self.stopped:
            worker.start()
        self.note = f"{len(self.lost)} were queued"

    def is_over(self, stage: Stage) -> bool:
        return super().is_over(stage) and stage.look.have_moved(self.lost)


class KillPublisher(Fault):
    """The API is killed between the commit of a job and the sending of its message."""

    name = "kill-publisher-between-commit-and-send"
    over = "API and broker were back and each of those jobs was claimed"
    hold = (0.5, 1.5)
    seconds = 9.0

    def inject(self, stage: Stage) -> None:
        # Frozen, it takes what the kernel buffers but confirms nothing; dead, it takes nothing at all.
        self.frozen = self.rng.random() < 0.5
        broker = stage.platform.broker
        if self.frozen:
            broker.freeze()
        else:
            broker.kill()
        self.ids = stage.submitted([stage.traffic.plain() for _ in range(3)])
        unsent = stage.sure(lambda: stage.look.unsent(self.ids))
        stage.platform.kill_api()
        self.mark()
        self.note = f"{len(unsent)} committed and not sent, broker {'frozen' if self.frozen else 'dead'}"

    def lift(self, stage: Stage) -> None:
        if self.frozen:
            stage.platform.broker.thaw()
        else:
            stage.platform.broker.start()
        stage.until(lambda: not stage.platform.api_away.is_open, within=60.0)
        self.mark()

    def is_over(self, stage: Stage) -> bool:
        return not stage.look.unclaimed(self.ids)


FAULTS = (StopBroker, KillBroker, WipeBroker, KillPublisher)
