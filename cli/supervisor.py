"""The whole platform on one machine: broker, ledger, API, one worker per pool, beat; started together, ended together."""

import http.client
import os
import time
from collections.abc import Callable
from contextlib import closing
from typing import Self

from cli.children import Children, Ending
from cli.data_folder import DataFolder
from cli.embedded_broker import EmbeddedRedis, FileBroker, choose, remove_leftovers
from cli.exits import CommandError, Exit
from cli.gate import Gate
from cli.log_reader import brief
from cli.ports import require_free
from cli.services import MIGRATE, Plan, command

GRACE = 30.0  # seconds between asking all to end and killing what is left
BROKER_GRACE = 5.0  # seconds; it ends last, and alone
READY_PATIENCE = 90.0  # seconds until a platform that does not get ready is given up
BROKER_PATIENCE = 60.0  # seconds; a large append-only file takes a while to load


class ChildDied(CommandError):
    """A part of the platform ended by itself; all the rest ends with it."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(str(ending), code=Exit.FAILED)
        self.ending = ending


class StopAsked(Exception):
    """Somebody asked the platform to end while it was starting."""


class Platform:
    """Runs a `Plan` in a data folder that the caller holds: `with Platform(folder, plan, say=say) as platform`."""

    def __init__(self, folder: DataFolder, plan: Plan, *, say: Callable[[str], None]) -> None:
        self._folder = folder
        self._plan = plan
        self._say = say
        self._env = plan.environment(folder.path)
        self._broker: EmbeddedRedis | FileBroker | None = None
        self._stops = 0  # how often somebody asked us to end
        self._children = Children(folder.logs, keep_open=(folder.lock_fd,))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where the API is."""
        return self._plan.url

    def ask_to_stop(self) -> None:
        """Begin to end; asked a second time, kill. Safe in a signal handler."""
        self._stops += 1
        self._children.wake()

    def start(self) -> None:
        """Start everything and return once the API says that it is ready.

        Raises `CommandError` where the machine is not fit, `ChildDied`, or `StopAsked`.
        """
        self._require_ports()
        self._start_broker()
        # All at once: while the broker loads its file and the tables are made, the services load their code.
        self._children.start("migrate", command(MIGRATE), env=self._env)
        with Gate() as gate:
            env = self._env | gate.environment
            for name, arguments in self._plan.services().items():
                self._children.start(name, command(arguments), env=env, keep_open=gate.held_by_children)
            self._wait_broker()
            self._wait_migrated()
            gate.open()
        self._wait_ready()

    def run(self) -> None:
        """Watch over the children until one dies (`ChildDied`) or somebody asks to stop (`StopAsked`)."""
        while True:
            self.check()
            self._children.pause(1.0)

    def check(self) -> None:
        """Raise `ChildDied` where a child has ended, `StopAsked` where somebody asked to stop."""
        if self._stops:
            raise StopAsked
        for ending in self._children.ended():
            raise ChildDied(ending)

    def stop(self) -> None:
        """End everything: the broker last, since the others still give their claims and messages back."""
        killed = self._children.stop(but="broker", grace=GRACE, hurry=self._hurry)
        killed += self._children.stop(grace=BROKER_GRACE, hurry=self._hurry)
        if killed:
            self._say(f"killed, since they did not end by themselves: {', '.join(killed)}")
        if isinstance(self._broker, EmbeddedRedis):
            self._broker.clean()
        self._children.close()

    def _hurry(self) -> bool:
        return self._stops > 1

    def _require_ports(self) -> None:
        plan = self._plan
        cure = "end what listens there, or choose another port with --port"
        require_free(plan.host, plan.port, what="the API", cure=cure)
        if plan.flower:
            cure = "end what listens there, or choose another port with HEAVYLIFT_FLOWER_PORT"
            require_free("127.0.0.1", plan.flower_port, what="Flower", cure=cure)

    def _start_broker(self) -> None:
        written = self._folder.run / "broker.url"
        remove_leftovers(written)
        written.unlink(missing_ok=True)
        if os.environ.get("HEAVYLIFT_BROKER_URL"):
            self._say("broker: the one of HEAVYLIFT_BROKER_URL")
            return
        self._broker = choose(self._folder.run, self._folder.redis)
        written.write_text(self._broker.url + "\n")
        self._say(f"broker: {self._broker.words}")
        self._start_redis()

    def _start_redis(self) -> None:
        if isinstance(self._broker, EmbeddedRedis):
            self._broker.prepare()
            self._children.start("broker", self._broker.command())

    def _wait_broker(self) -> None:
        """Wait until it answers; one that can't read its file starts again without it, since the ledger is the truth."""
        if not isinstance(self._broker, EmbeddedRedis):
            return
        until = time.monotonic() + BROKER_PATIENCE
        while not self._broker.answers():
            if time.monotonic() > until:
                raise CommandError(f"the embedded Redis did not answer within {BROKER_PATIENCE:g} s", code=Exit.FAILED)
            self._pause(0.02)
            ending = self._children.ending("broker")
            if ending is None:
                continue
            aside = self._broker.set_aside() if _could_not_read(ending) else None
            if aside is None:
                raise ChildDied(ending)
            self._say(f"broker: its file is damaged, kept as {aside}; the ledger sends again what was in it")
            self._start_redis()

    def _wait_migrated(self) -> None:
        ending = self._children.ending("migrate")
        while ending is None:
            self._pause(0.05)
            ending = self._children.ending("migrate")
        if ending.returncode:
            words = [word.removeprefix("heavylift: ") for word in ending.last_words if not word.startswith("{")]
            hint = "\n".join(words or map(brief, ending.last_words))
            code = Exit(ending.returncode) if ending.returncode in set(Exit) else Exit.FAILED
            raise CommandError("the ledger can't be used", code=code, hint=hint)

    def _wait_ready(self) -> None:
        until = time.monotonic() + READY_PATIENCE
        while True:
            status, said = _get(self._plan.host, self._plan.port, "/ready")
            if status == 200:
                return
            if time.monotonic() > until:
                raise CommandError(f"not ready after {READY_PATIENCE:g} s: {said}", code=Exit.FAILED)
            self.check()
            self._pause(0.05)

    def _pause(self, seconds: float) -> None:
        self._children.pause(seconds)
        if self._stops:
            raise StopAsked


def _could_not_read(ending: Ending) -> bool:
    """Whether Redis ended since its append-only file is damaged in the middle, which it does not mend by itself."""
    words = " ".join(ending.last_words).lower()
    return ending.returncode == 1 and ("append only file" in words or "aof" in words)


def _get(host: str, port: int, path: str) -> tuple[int, str]:
    """Status and text of an answer; 0 and the reason where there is none."""
    with closing(http.client.HTTPConnection(host, port, timeout=5.0)) as line:
        try:
            line.request("GET", path)
            answer = line.getresponse()
            return answer.status, answer.read(2000).decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            return 0, str(error) or type(error).__name__
