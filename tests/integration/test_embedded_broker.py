"""The embedded Redis as a real process: what it keeps, where it listens, what it survives."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import redis
from support.waiting import wait_until

from cli.embedded_broker import EmbeddedRedis, choose, programs


@pytest.fixture(autouse=True)
def _needs_redis() -> None:
    if next(programs(), None) is None:
        pytest.skip("no redis-server on this machine")


def embedded(folder: Path) -> EmbeddedRedis:
    found = choose(folder / "run", folder / "redis")
    assert isinstance(found, EmbeddedRedis)
    return found


@contextmanager
def running(broker: EmbeddedRedis) -> Iterator[subprocess.Popen[bytes]]:
    broker.prepare()
    with subprocess.Popen(broker.command(), stdout=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: process.poll() is not None or broker.answers(), within=20, what="PONG", every=0.01)
            yield process
        finally:
            process.kill()


def line_to(broker: EmbeddedRedis) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(broker.socket))


def test_redis__killed_keeps_every_message(data_dir: Path):
    """After kill -9 and a restart every acknowledged message is still in line, in order."""
    broker = embedded(data_dir)
    with running(broker) as process, line_to(broker) as line:
        for number in range(500):
            line.rpush("line", number)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with running(broker), line_to(broker) as line:
        assert line.lrange("line", 0, -1) == [str(number).encode() for number in range(500)]


def test_redis__two_at_once_do_not_meet(tmp_path: Path, data_dir: Path):
    """Two data folders have two brokers, each with messages of its own."""
    one, other = embedded(data_dir / "one"), embedded(data_dir / "other")
    with running(one), running(other), line_to(one) as first, line_to(other) as second:
        first.rpush("line", "for one")
        assert second.llen("line") == 0
        assert first.llen("line") == 1


def test_redis__is_reached_by_its_socket_only(data_dir: Path):
    """No TCP port is open, and the socket is its owner's."""
    broker = embedded(data_dir)
    with running(broker) as process:
        listening = [c for c in psutil.Process(process.pid).net_connections("inet") if c.status == psutil.CONN_LISTEN]
        assert listening == []
        assert broker.socket.stat().st_mode & 0o777 == 0o700


def test_redis__works_below_a_path_too_long_for_sockets(tmp_path: Path):
    """A deep data folder still gets a broker: its socket moves, its file stays."""
    deep = tmp_path.joinpath(*["deep" * 10] * 4)
    broker = embedded(deep)
    with running(broker), line_to(broker) as line:
        line.rpush("line", "x")
        assert [*(deep / "redis").iterdir()]
    broker.clean()
    assert not broker.socket.parent.exists()


def test_redis__a_message_cut_off_in_the_middle_does_not_keep_it_from_starting(data_dir: Path):
    """A power cut leaves half a record at the file's end: all before it is there after the start."""
    broker = embedded(data_dir)
    with running(broker), line_to(broker) as line:
        line.rpush("line", "a")
    file = next((data_dir / "redis").rglob("appendonly*.aof"))
    with file.open("ab") as out:
        out.write(b"*3\r\n$5\r\nRPUSH\r\n$4\r\nli")
    with running(broker), line_to(broker) as line:
        assert line.lrange("line", 0, -1) == [b"a"]


def test_redis__a_damaged_file_is_put_aside(data_dir: Path):
    """Damage in the middle ends the start; put aside, the next start is well and the evidence is kept."""
    broker = embedded(data_dir)
    with running(broker), line_to(broker) as line:
        for number in range(10):
            line.rpush("line", number)
    file = next((data_dir / "redis").rglob("appendonly*.aof"))
    content = bytearray(file.read_bytes())
    content[40:60] = b"\x00garbage\x00" * 2 + b"\x00\x00"
    file.write_bytes(content)
    with running(broker) as process:
        assert process.wait(10) == 1
    aside = broker.set_aside()
    assert aside is not None
    assert any(aside.rglob("appendonly*"))
    with running(broker), line_to(broker) as line:
        assert line.llen("line") == 0


def test_answers__nobody_there(tmp_path: Path):
    """A socket that nobody listens on is no answer, and no error."""
    broker = embedded(tmp_path)
    assert not broker.answers()
    broker.prepare()
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(broker.socket))
        assert not broker.answers()
