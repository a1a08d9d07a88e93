"""The API as a process of its own: how it starts, refuses to start, and ends."""

import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from support.children import ROOT, Child
from support.faces import XML
from support.servers import free_port

from ledger import Ledger

SERVE = (
    "import sys; from api.server import serve; from config.settings import Settings; sys.exit(serve(Settings.load()))"
)


@pytest.fixture
def api(data_dir: Path) -> Iterator[Child]:
    """An API process on a free port with an empty ledger; not started yet."""
    ledger = Ledger(f"sqlite:///{data_dir / 'ledger.sqlite3'}")
    ledger.migrate()
    ledger.close()
    made = process(data_dir, HEAVYLIFT_API_PORT=str(free_port()))
    yield made
    made.stop()


def process(data_dir: Path, **environment: str) -> Child:
    env = {**os.environ, "HEAVYLIFT_DATA_DIR": str(data_dir), "PYTHONPATH": str(ROOT), **environment}

    def is_up() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{environment['HEAVYLIFT_API_PORT']}/health").status_code == 200
        except httpx.TransportError:
            return False

    return Child("api", [sys.executable, "-c", SERVE], env=env, log=data_dir / "api.log", cwd=ROOT, is_ready=is_up)


def test_serve__takes_jobs_without_a_broker_and_ends_on_sigterm(api):
    """With nothing but a ledger the API takes a job; SIGTERM ends it with exit code 0."""
    api.start().wait_ready(within=30)
    url = f"http://127.0.0.1:{api.env['HEAVYLIFT_API_PORT']}"
    assert httpx.post(f"{url}/v1/jobs", content=XML).status_code == 202
    api.send(signal.SIGTERM)
    assert api.wait_exit(within=20) == 0, api.tail()


def test_serve__port_in_use(data_dir):
    """A port in use ends the process with exit code 2 and one clear line."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        api = process(data_dir, HEAVYLIFT_API_PORT=str(port)).start()
        assert api.wait_exit(within=30) == 2
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in api.tail()


def test_serve__refuses_a_network_without_leave(data_dir):
    """Listening beyond loopback ends with exit code 2 and both cures."""
    api = process(data_dir, HEAVYLIFT_API_HOST="0.0.0.0", HEAVYLIFT_API_PORT=str(free_port())).start()
    assert api.wait_exit(within=30) == 2
    assert "HEAVYLIFT_API_TRUST_NETWORK=1" in api.tail()
