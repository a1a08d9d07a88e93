"""Faults of the API, the database, the clock, and of all processes in turn."""

import sqlite3

from drill.faults.base import Fault
from drill.stage import Stage

_END_LIMIT = 60.0  # seconds that a process may take to end before the drill goes on


class KillApi(Fault):
    """SIGKILL of the API in the middle of uploads."""

    name = "kill-api"
    over = "the API answered again"
    seconds = 4.0

    def inject(self, stage: Stage) -> None:
        stage.platform.kill_api()
        self.mark()
        self.note = "in the middle of uploads"

    def is_over(self, stage: Stage) -> bool:
        return not stage.platform.api_away.is_open


class StopDatabase(Fault):
    """PostgreSQL is stopped fast; on SQLite somebody else holds the write lock."""

    name = "stop-database"
    over = "a step was claimed after the database was back"
    hold = (3.0, 5.0)
    seconds = 9.0

    def inject(self, stage: Stage) -> None:
        self.waiting = [stage.traffic.plain() for _ in range(2)]
        platform = stage.platform
        self.lock: sqlite3.Connection | None = None
        if platform.database is not None:
            platform.database.stop()
            self.note = "stopped"
        else:
            self.note = "write lock held"
            self.lock = sqlite3.connect(platform.ledger_file or "", isolation_level=None, timeout=30.0)
            self.lock.execute("BEGIN EXCLUSIVE")
        self.mark()

    def lift(self, stage: Stage) -> None:
        if stage.platform.database is not None:
            stage.platform.database.start()
        elif self.lock is not None:
            self.lock.execute("ROLLBACK")
            self.lock.close()
        self.mark()

    def is_over(self, stage: Stage) -> bool:
        return stage.look.claiming_pools(self.since).total() > 0


class TwoBeats(Fault):
    """A second clock runs from here to the end of the drill: every sweep is asked for twice."""

    name = "two-beats"
    over = "nothing has to recover"
    seconds = 1.0
    lasting = True

    def inject(self, stage: Stage) -> None:
        keeper = stage.platform.keeper
        if "beat-other" not in keeper.services:
            stage.platform.beat("beat-other").start()
        self.mark()
        self.note = "until the end"

    def is_over(self, stage: Stage) -> bool:  # noqa: ARG002 - the base's
        return True


class RollingRestart(Fault):
    """Every process in turn is asked to end and started again, under load."""

    name = "rolling-restart"
    over = "the last process was ready again"
    hold = (0.0, 0.0)
    seconds = 25.0
    patience = 90.0

    def inject(self, stage: Stage) -> None:
        longest = (0.0, "")
        for service in list(stage.platform.keeper.services.values()):
            longest = max(longest, (stage.platform.restart(service, stage.until, within=_END_LIMIT), service.name))
        self.note = f"the slowest to end was {longest[1]}: {longest[0]:.1f} s"

    def is_over(self, stage: Stage) -> bool:
        return not stage.platform.api_away.is_open


FAULTS = (KillApi, StopDatabase, TwoBeats, RollingRestart)
