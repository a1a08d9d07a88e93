"""Which broker the embedded default takes, and where its socket goes."""

import os
from pathlib import Path

import pytest

from cli.embedded_broker import LONGEST_SOCKET, EmbeddedRedis, FileBroker, RedisProgram, choose, remove_leftovers

PROGRAM = RedisProgram(path=Path("/usr/bin/redis-server"), version="7.0.15", origin="from PATH")


def chosen(run: Path) -> EmbeddedRedis:
    found = choose(run, run.parent / "redis", offered=[PROGRAM])
    assert isinstance(found, EmbeddedRedis)
    return found


def test_choose__no_redis_means_files_and_says_so(tmp_path: Path):
    """Without any redis-server messages become files below the data folder, and the words say what that costs."""
    found = choose(tmp_path / "run", tmp_path / "redis", offered=[])
    assert isinstance(found, FileBroker)
    assert found.url == f"filesystem://{tmp_path}/broker"
    assert "slower" in found.words


def test_choose__the_socket_lives_in_the_data_folder():
    """Where the path is short and plain, the socket is below run/."""
    found = chosen(Path("/data/run"))
    assert found.url == "redis+socket:///data/run/redis.sock"


@pytest.mark.parametrize("name", ["x" * 120, "a b", "a%20b", "a?b", "größe"])
def test_choose__a_path_too_long_or_odd_gets_a_short_private_one(tmp_path: Path, name: str):
    """A socket's path has at most 107 bytes, and its URL must survive every parser: else a 0700 folder is made."""
    found = chosen(tmp_path / name / "run")
    try:
        assert len(os.fsencode(found.socket)) <= LONGEST_SOCKET
        assert found.socket.parent.stat().st_mode & 0o777 == 0o700
        assert name not in found.url
    finally:
        found.clean()
    assert not found.socket.parent.exists()


def test_remove_leftovers__takes_away_what_a_killed_supervisor_left(tmp_path: Path):
    """The short folder of an earlier run goes; a socket in a data folder is left alone."""
    found = chosen(tmp_path / ("x" * 120) / "run")
    written = tmp_path / "broker.url"
    written.write_text(found.url)
    remove_leftovers(written)
    assert not found.socket.parent.exists()
    written.write_text(f"redis+socket://{tmp_path}/run/redis.sock")
    (tmp_path / "run").mkdir()
    remove_leftovers(written)
    assert (tmp_path / "run").exists()


def test_command__listens_on_no_port_and_keeps_every_message():
    """The command line says: no TCP, private socket, append-only, nothing evicted."""
    words = " ".join(chosen(Path("/data/run")).command())
    for setting in ("--port 0", "--unixsocketperm 700", "--appendonly yes", "--maxmemory-policy noeviction"):
        assert setting in words
