"""The load generator, a process of its own: many clients that submit over and over, at next to no cost.

Files go from the page cache to the socket inside the kernel; each client is a thread that mostly sleeps there.
"""

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.files import opening, write_rest
from bench.result import ROOT
from bench.stats import Spread
from bench.wire import FileSlice, Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What the clients do."""

    port: int
    path: str = "/v1/jobs?filename=list.xml"
    clients: int
    seconds: float | None = None  # begin no further submit after this
    each: int | None = None  # or: so many submits per client
    rest: str  # file with what follows the opening of each list
    slow_clients: int = 0  # beside them: one submit each, of `slow_bytes`, spread over `slow_seconds`
    slow_bytes: int = 0
    slow_seconds: float = 0.0
    nice: int = 5  # the server goes first


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it."""

    ended: int  # submits that got their 202
    failed: tuple[str, ...]  # what the others got
    bytes: int
    seconds: float
    cpu: float  # seconds of processor that the generator itself took
    ms: tuple[float, ...]  # of each submit
    slow_ended: int
    began_at: float  # Unix time

    @property
    def rate(self) -> float:
        """Submits per second."""
        return self.ended / self.seconds

    @property
    def mb_per_second(self) -> float:
        """Bytes that arrived, in 10^6 per second."""
        return self.bytes / self.seconds / 1e6

    def __str__(self) -> str:
        return (
            f"{self.ended} uploads, {len(self.failed)} failed, {self.mb_per_second:.0f} MB/s, "
            f"generator {100 * self.cpu / self.seconds:.0f} % of one core, upload ms {Spread.of(self.ms or (0.0,))}"
        )


class Running:
    """A generator at work in its own process."""

    def __init__(self, load: Load) -> None:
        env = dict(os.environ, PYTHONPATH=str(ROOT))
        command = [sys.executable, "-P", "-m", "bench.load", json.dumps(asdict(load))]
        self._process = subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.PIPE)

    @property
    def ended(self) -> bool:
        """Whether it is done."""
        return self._process.poll() is not None

    def result(self) -> Outcome:
        """Wait for its end."""
        printed, _ = self._process.communicate()
        if self._process.returncode:
            raise RuntimeError(f"the load generator ended with {self._process.returncode}")
        found: dict[str, Any] = json.loads(printed)
        found["failed"], found["ms"] = tuple(found["failed"]), tuple(found["ms"])
        return Outcome(**found)

    def kill(self) -> None:
        """End it now."""
        if not self.ended:
            self._process.kill()
            self._process.wait()


def prepare(folder: Path, size: int) -> str:
    """The file that all clients send, behind openings of their own; `size` is that of the whole."""
    path = folder / f"rest-{size}.xml"
    if not path.exists():
        write_rest(path, size)
    return str(path)


@dataclass(slots=True)
class _Tally:
    ended: int = 0
    slow_ended: int = 0
    bytes: int = 0
    failed: list[str] = field(default_factory=list)
    ms: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def generate(load: Load) -> Outcome:
    """Run all clients to their end."""
    os.nice(load.nice)
    threading.stack_size(256 * 1024)
    tally, fd = _Tally(), os.open(load.rest, os.O_RDONLY)
    begun, began_at, until = time.perf_counter(), time.time(), time.monotonic() + (load.seconds or 1e9)
    rest = FileSlice(fd=fd, length=os.fstat(fd).st_size)
    clients = [threading.Thread(target=_client, args=(load, rest, tally, until)) for _ in range(load.clients)]
    clients += [threading.Thread(target=_slow_client, args=(load, tally)) for _ in range(load.slow_clients)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    return Outcome(
        ended=tally.ended,
        failed=tuple(tally.failed[:100]),
        bytes=tally.bytes,
        seconds=time.perf_counter() - begun,
        cpu=sum(os.times()[:2]),
        ms=tuple(round(ms, 2) for ms in tally.ms),
        slow_ended=tally.slow_ended,
        began_at=began_at,
    )


def _client(load: Load, rest: FileSlice, tally: _Tally, until: float) -> None:
    left = load.each if load.each is not None else sys.maxsize
    with Wire(load.port) as wire:
        while left > 0 and time.monotonic() < until:
            left -= 1
            began = time.perf_counter()
            head = opening()
            try:
                status = wire.request("POST", load.path, body=[head, rest]).status
            except (OSError, KeyError, ValueError) as error:
                wire.close()
                status, told = 0, f"{type(error).__name__}: {error}"
            else:
                told = f"answered {status}"
            with tally.lock:
                if status in {200, 202}:
                    tally.ended += 1
                    tally.bytes += len(head) + rest.length
                    tally.ms.append((time.perf_counter() - began) * 1000)
                else:
                    tally.failed.append(told)


def _slow_client(load: Load, tally: _Tally) -> None:
    """One submit that trickles in."""
    head, steps = opening(), 40
    piece = b" " * ((load.slow_bytes - len(head)) // steps)
    end = b"</INVENTORY>\n"
    length = len(head) + steps * len(piece) + len(end)
    try:
        with Wire(load.port) as wire:
            wire.send(f"POST {load.path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode() + head)
            for _ in range(steps):
                time.sleep(load.slow_seconds / steps)
                wire.send(piece)
            wire.send(end)
            status = wire.answer().status
    except (OSError, KeyError, ValueError) as error:
        with tally.lock:
            tally.failed.append(f"slow: {type(error).__name__}: {error}")
        return
    with tally.lock:
        if status in {200, 202}:
            tally.slow_ended += 1
        else:
            tally.failed.append(f"slow: answered {status}")


if __name__ == "__main__":
    print(json.dumps(asdict(generate(Load(**json.loads(sys.argv[1]))))))
