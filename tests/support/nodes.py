"""pytest-celery's clusters on plain processes: its nodes wrap a `LocalProcess` instead of a Docker container.

The fixtures are in tests/integration/conftest.py. A test takes pytest-celery's own words:

    @pytest.mark.pools("parsing", "indexing")          # which workers; default: parsing alone
    def test_worker__dies(celery_setup, house):
        celery_setup.worker.kill()                      # SIGKILL of the worker and all that it started, as a container
        celery_setup.worker.restart()                   # starts it again and waits until it is ready
        celery_setup.worker.wait_for_log("job.ended")
        celery_setup.app.control.ping()                 # the platform's own Celery app, with its queues and prefix
        celery_setup.broker.restart()                   # only with @pytest.mark.own_broker: a RabbitMQ of this test

`house` (support/house.py) is the platform that the nodes belong to: its ledger, its settings, its API once
`house.api.start().wait_ready()` was called. Workers, broker and ledger are RabbitMQ and PostgreSQL.

What a container has and a process has not: images, `exec_run` (so `get_running_processes_info`), and
`celery_setup.ready(ping=True)`, whose ping task is not registered in our workers; `ready(control=True)` works.
Where a Docker engine exists, a test may override `celery_worker_cluster` with pytest-celery's own container nodes.
"""

import signal
import socket
from collections.abc import Mapping
from typing import Any

from pytest_celery import CeleryTestBroker, CeleryTestSetup, CeleryTestWorker
from support.children import Child
from support.house import READY_MARK
from support.servers import RabbitServer, broker_answers

from broker.app import BrokerOptions, make_app


class LocalProcess:
    """Stands in for `CeleryTestContainer`: what pytest-celery's nodes ask of a container, answered by a process."""

    def __init__(self, child: Child, *, config: Mapping[str, str] | None = None) -> None:
        self.child = child
        self._config = dict(config or {})

    @property
    def celeryconfig(self) -> dict[str, str]:
        return dict(self._config)

    @property
    def status(self) -> str:
        return "running" if self.child.running else "exited"

    @property
    def id(self) -> str:
        return f"{self.child.name}-{self.child.pid:012d}"

    @property
    def name(self) -> str:
        return self.child.name

    def start(self) -> None:
        self.child.start()

    def ready(self) -> bool:
        self.child.wait_ready()
        return True

    def logs(self) -> str:
        return self.child.logs()

    def kill(self, signal: str | int = "SIGKILL") -> None:
        """SIGKILL ends the whole group, as the end of a container would; other signals go to the process alone."""
        number = number_of(signal)
        if number == number_of("SIGKILL"):
            self.child.kill_group()
        else:
            self.child.kill(number)

    def reload(self) -> None:
        """A container would fetch its state; ours is looked up whenever it is asked for."""

    def restart(self, timeout: float = 60.0) -> None:
        if self.child.running:
            self.child.stop()
        self.child.restart(within=timeout)

    def teardown(self) -> None:
        self.child.stop()

    def remove(self, **_: Any) -> None:
        self.teardown()


class WorkerProcess(LocalProcess):
    """A worker of ours: `python -m cli worker POOL`."""

    def __init__(self, child: Child, *, pool: str, queue: str) -> None:
        super().__init__(child)
        self._pool = pool
        self._queue = queue

    def version(self) -> str:
        return "local"

    def log_level(self) -> str:
        return "INFO"

    def worker_name(self) -> str:
        return self._pool

    def worker_queue(self) -> str:
        return self._queue

    @property
    def ready_prompt(self) -> str:
        return READY_MARK


class SharedBroker:
    """A broker that others use too: it can be named, but not stopped."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.name = "shared-broker"
        self.id = "shared-broker-000"

    @property
    def celeryconfig(self) -> dict[str, str]:
        return {"url": self._url, "host_url": self._url}

    @property
    def status(self) -> str:
        return "running" if self.ready() else "exited"

    def ready(self) -> bool:
        return broker_answers(self._url)

    def logs(self) -> str:
        return ""

    def kill(self, **_: Any) -> None:
        raise AssertionError("this broker is shared; mark the test with @pytest.mark.own_broker to have one to kill")

    def restart(self, **_: Any) -> None:
        self.kill()

    def reload(self) -> None:
        """Nothing is cached."""

    def teardown(self) -> None:
        """Whoever found it also lets it go."""


class BrokerProcess(LocalProcess):
    """A RabbitMQ of one test: it starts again on the same port with the same data."""

    def __init__(self, server: RabbitServer) -> None:
        assert server.child is not None, "start the server first"
        super().__init__(server.child, config={"url": server.url, "host_url": server.url})
        self._server = server

    def restart(self, timeout: float = 90.0) -> None:
        if self.child.running:
            self._server.stop()
        self.child.restart(within=timeout)

    def teardown(self) -> None:
        """The fixture that made it ends it."""


class WorkerNode(CeleryTestWorker):
    """A worker whose Celery name says its pool, its process and this host."""

    def hostname(self) -> str:
        return f"{self.worker_name}-{self.container.child.pid}@{socket.gethostname()}"


class BrokerNode(CeleryTestBroker):
    """A broker node that keeps the app's settings when it comes back: url and queues stay the same."""

    def restart(self, reload_container: bool = True, force: bool = False) -> None:  # noqa: FBT001, FBT002 - its base's
        if force:
            self.kill(signal="SIGTERM", reload_container=reload_container)
        self.container.restart()


class PlatformSetup(CeleryTestSetup):
    """A setup whose app is the platform's own, with its queues, prefix and settings."""

    options: BrokerOptions

    @classmethod
    def create_setup_app(cls, celery_setup_config: dict[str, Any], celery_setup_app_name: str) -> Any:
        """The name and the config that pytest-celery compiles are for apps that it makes itself."""
        del celery_setup_config, celery_setup_app_name
        return make_app(cls.options)


def number_of(name: str | int) -> int:
    """A signal's number from its name."""
    return name if isinstance(name, int) else int(signal.Signals[name])
