"""Faults of the broker: stopped, killed, wiped, and away just when a message should be sent."""

from drill.faults.base import Fault
from drill.stage import Stage
from ledger import Held


class _Away(Fault):
    """The broker is away for some seconds while jobs come in."""

    over = "the broker answered again and each pool with queued work has claimed some"
    hold = (2.0, 4.0)
    seconds = 8.0

    def inject(self, stage: Stage) -> None:
        self.break_broker(stage)
        self.waiting = [stage.traffic.plain() for _ in range(2)]

    def break_broker(self, stage: Stage) -> None:
        """How it goes away."""
        stage.platform.broker.kill()

    def lift(self, stage: Stage) -> None:
        stage.submitted(self.waiting)
        stage.platform.broker.start()
        self.mark()
        self.pools = stage.look.queued_pools()
        self.note = f"queued then: {', '.join(sorted(self.pools)) or 'nothing'}"

    def is_over(self, stage: Stage) -> bool:
        return stage.look.claiming_pools(self.since).keys() >= self.pools


class StopBroker(_Away):
    """The broker is stopped as an operator does, its data stay."""

    name = "stop-broker"

    def break_broker(self, stage: Stage) -> None:
        stage.platform.broker.stop()


class KillBroker(_Away):
    """The broker is killed, its data stay as they lie."""

    name = "kill-broker"


class WipeBroker(_Away):
    """The broker loses its disk: every message that the ledger counts as sent is gone."""

    name = "wipe-broker"
    over = "the step runs that were queued when the broker was killed were claimed, or have ended"
    patience = 3.0  # the sweep that finds lost messages comes each minute; other faults go on meanwhile

    def break_broker(self, stage: Stage) -> None:
        self.lost: list[Held] = stage.look.queued()
        stage.platform.broker.kill()
        stage.platform.broker.wipe()

    def lift(self, stage: Stage) -> None:
        super().lift(stage)
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
        unsent = stage.look.unsent(self.ids)
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
