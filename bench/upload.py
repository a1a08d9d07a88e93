"""Upload: MB/s of one large body, beside a server that only reads, hashes, writes and syncs."""

import shutil
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import Unmeasurable
from bench.files import MiB, opening
from bench.load import prepare
from bench.platform import Platform, environment, free_port, separate
from bench.processes import cpu_of, peak_rss
from bench.result import Report, Target
from bench.stats import median
from bench.wire import Answer, FileSlice, Wire

RAW, MULTIPART = Target(limit=0.85, at_least=True, of="ratio"), Target(limit=0.65, at_least=True, of="ratio")
MEMORY = Target(limit=150)  # MB
BOUNDARY = b"heavylift-bench-boundary"
_TO_FORM = b'--%s\r\nContent-Disposition: form-data; name="file"; filename="list.xml"\r\n\r\n' % BOUNDARY
_END_FORM = b"\r\n--%s--\r\n" % BOUNDARY
FLOOR = 4 * 1024 * MiB  # bytes of disk that stay free


def arguments(parser: ArgumentParser) -> None:
    """Options of this bench."""
    parser.add_argument("--mib", type=int, default=512, help="size of the body")
    parser.add_argument("--full", action="store_true", help="1 GiB, as the target says")
    parser.add_argument("--rounds", type=int, default=6, help="each variant once per round, in rotating order")


def measure(report: Report, chosen: Namespace) -> None:
    """Raw server, raw body, multipart, over and over; each body is deleted before the next."""
    size = (1024 if chosen.full else chosen.mib) * MiB
    speeds: dict[str, list[float]] = {"bare": [], "raw": [], "multipart": []}
    with separate("api", settings={}) as platform, _raw_server(platform) as raw_port:
        require_disk(platform.folder, 3 * size)
        rest = Path(prepare(platform.folder, size))
        for number in range(chosen.rounds):
            # Another one begins each round: what a disk does after a deletion must not hit the same one always.
            for variant in rotated([*speeds], number):
                found = speeds[variant]
                server = platform.process("bench.raw_server" if variant == "bare" else "api")
                before = cpu_of(server)
                seconds = _send(variant, raw_port if variant == "bare" else platform.port, rest)
                found.append(size / 1e6 / seconds)
                report.say(f"  {variant:10} {found[-1]:5.0f} MB/s, {cpu_of(server) - before:.2f} s of the server's CPU")
                _clear(platform)
        peak = peak_rss(platform.process("api").pid)
    base = median(speeds["bare"])
    for variant, target in (("raw", RAW), ("multipart", MULTIPART)):
        report.add(variant, median(speeds[variant]), unit="MB/s", baseline=base, target=target, n=chosen.rounds)
    report.add("api-peak-rss", peak, unit="MB", target=MEMORY, n=1)


def rotated(names: list[str], by: int) -> list[str]:
    """`names`, beginning with another one for each `by`."""
    at = by % len(names)
    return names[at:] + names[:at]


def require_disk(folder: Path, size: int) -> None:
    """Raise `Unmeasurable` where `size` bytes would leave too little room."""
    free = shutil.disk_usage(folder).free
    if free - size < FLOOR:
        raise Unmeasurable(
            f"needs {(size + FLOOR) / 1e9:.0f} GB of disk below {folder}, of which {free / 1e9:.0f} are free"
        )


def _send(variant: str, port: int, rest: Path) -> float:
    """Seconds from the first byte to the answer."""
    with rest.open("rb") as file, Wire(port) as wire:
        head, tail = opening(), FileSlice(fd=file.fileno(), length=rest.stat().st_size)
        began = time.perf_counter()
        if variant == "multipart":
            kind = f"multipart/form-data; boundary={BOUNDARY.decode()}"
            body: list[bytes | FileSlice] = [_TO_FORM + head, tail, _END_FORM]
            answer = wire.request("POST", "/v1/jobs", headers={"Content-Type": kind}, body=body)
        else:
            answer = wire.request("POST", "/v1/jobs?filename=list.xml", body=[head, tail])
        seconds = time.perf_counter() - began
    _check(answer, len(head) + tail.length)
    return seconds


def _check(answer: Answer, size: int) -> None:
    said = answer.json()
    if answer.status != 202 or said.get("file", said)["size"] != size:
        raise Unmeasurable(f"the upload was not taken: {answer.status} {answer.body[:500]!r}")


def _clear(platform: Platform) -> None:
    platform.empty_store()
    for file in (platform.folder / "raw").iterdir():
        file.unlink()


@contextmanager
def _raw_server(platform: Platform) -> Iterator[int]:
    folder, port = platform.folder / "raw", free_port()
    folder.mkdir()
    platform.start("raw", ("-P", "-m", "bench.raw_server", str(port), str(folder)), env=environment(platform, {}))

    def answers() -> bool:
        try:
            with Wire(port) as wire:
                return wire.get("/").status == 202
        except OSError:
            return False

    platform.wait(answers, what="the bare server")
    yield port
