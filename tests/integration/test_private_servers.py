"""Private servers of drills and tests end with whoever started them, however that ends."""

import os
import subprocess
import sys

import psutil
import pytest
from support.children import ROOT
from support.servers import MissingBinary, PostgresServer, RabbitServer, RedisServer
from support.waiting import wait_until

STARTS = """
import sys
from drill import servers

server = getattr(servers, sys.argv[1])().start()
print(server.folder, server.child.pid, flush=True)
input()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux alone ends orphans")
@pytest.mark.parametrize("kind", [RabbitServer, PostgresServer, RedisServer])
def test_server__ends_with_a_drill_that_is_killed(kind):
    """SIGKILL of the process that started it leaves nothing of a server running, RabbitMQ's own node included."""
    try:
        kind().close()
    except MissingBinary as absent:
        pytest.skip(str(absent))
    argv = [sys.executable, "-P", "-c", STARTS, kind.__name__]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(argv, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, **pipes) as starter:
        folder, pid = starter.stdout.readline().split()
        server = psutil.Process(int(pid))
        family = [server, *server.children(recursive=True), *psutil.Process(starter.pid).children(recursive=True)]
        starter.kill()
    wait_until(lambda: not any(map(lives, family)), within=20, what=f"all of {kind.__name__} to be gone")
    subprocess.run(["rm", "-rf", folder], check=True)


def lives(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
