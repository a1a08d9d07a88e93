"""Keeps a platform's processes running as an operator's restart policy does: what ends is started again, bar on order."""

import json
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field

from drill.children import Child

RESTART_AFTER = 0.3  # seconds between an end and the next start
_LOUD = ("critical", "error")
_SHOWN = 300  # characters of an error


@dataclass(slots=True, kw_only=True)
class Service:
    """One process of the platform."""

    name: str  # `api`, `worker-parsing`, `beat`
    child: Child
    pool: str | None = None  # of a worker
    wanted: bool = False  # is started again where it ends
    excused: bool = False  # its next end is our doing
    ended_at: float | None = None  # monotonic; None while it runs
    starts: int = 0

    def start(self) -> None:
        """Start it, and again from now on whenever it ends."""
        self.wanted = True
        self.excused = False
        self.ended_at = None
        self.starts += 1
        self.child.start()


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """An end that nobody asked for."""

    name: str
    exit_code: int | None
    last_words: str  # the last error of its log, in one line

    def __str__(self) -> str:
        return f"{self.name} ended by itself with {self.exit_code}: {self.last_words}"


@dataclass(slots=True)
class Keeper:
    """The services by name; `tend` is called over and over, from the thread that starts processes."""

    services: dict[str, Service] = field(default_factory=dict)
    crashes: list[Crash] = field(default_factory=list)

    def add(self, service: Service) -> Service:
        """Take a service over; it is not started by that."""
        self.services[service.name] = service
        return service

    def remove(self, service: Service) -> None:
        """Forget a service that was ended for good."""
        self.services.pop(service.name, None)

    def workers(self, pool: str) -> list[Service]:
        """The workers of a pool that should run."""
        return [one for one in self.services.values() if one.pool == pool and one.wanted]

    def tend(self) -> None:
        """Start again what has ended and is wanted; note what ended by itself."""
        for service in self.services.values():
            if service.child.running or not service.wanted:
                continue
            now = time.monotonic()
            if service.ended_at is None:
                service.ended_at = now
                if not service.excused:
                    code, words = service.child.exit_code, last_words(service.child.tail(200))
                    self.crashes.append(Crash(name=service.name, exit_code=code, last_words=words))
            elif now - service.ended_at >= RESTART_AFTER:
                service.start()

    def kill(self, service: Service) -> None:
        """SIGKILL the process and all that it started, as the end of a container does; it comes back by itself."""
        service.excused = True
        service.child.kill_group()

    def kill_alone(self, service: Service) -> None:
        """SIGKILL the process, and leave what it started to itself; it comes back by itself."""
        service.excused = True
        service.child.kill(signal.SIGKILL)

    def ask_to_end(self, service: Service, *, back: bool = False) -> None:
        """SIGTERM; it stays away until `Service.start`, or comes `back` by itself."""
        service.wanted, service.excused = back, True
        service.child.ask_to_end()


def last_words(log: str) -> str:
    """The last critical event in JSON lines, else the last error, else the last line."""
    said: dict[str, str] = {}
    for line in log.splitlines():
        with suppress(ValueError, AttributeError):
            event = json.loads(line)
            said[event.get("level", "")] = str(event.get("event", ""))
    return next((said[level] for level in _LOUD if level in said), log.strip().rpartition("\n")[2])[:_SHOWN]
