"""pytest-celery on processes of ours: RabbitMQ, PostgreSQL and real workers; support/nodes.py says how to use it."""

from collections.abc import Iterator

import pytest
from pytest_celery import CeleryBrokerCluster, CeleryTestSetup, CeleryWorkerCluster
from support.house import House
from support.nodes import BrokerNode, BrokerProcess, PlatformSetup, SharedBroker, WorkerNode, WorkerProcess
from support.servers import MissingBinary, RabbitServer
from support.services import Found, Services, Unavailable

from broker.app import BrokerOptions, queue_name


@pytest.fixture
def house(request: pytest.FixtureRequest, services: Services) -> Iterator[House]:
    """The platform that the nodes belong to: migrated, nothing started. Marks: `pools`, `own_broker`, `settings`."""
    own: RabbitServer | None = None
    settings = request.node.get_closest_marker("settings")
    try:
        if request.node.get_closest_marker("own_broker"):
            own = request.getfixturevalue("own_rabbit")
        found = _OwnBroker(services, own) if own else services
        made = House("real", services=found, settings=settings.kwargs if settings else None)
    except (Unavailable, MissingBinary) as absent:
        pytest.skip(f"no RabbitMQ or PostgreSQL: {absent}")
    try:
        made.migrate()
        yield made
    finally:
        made.close()


@pytest.fixture
def celery_broker_cluster(request: pytest.FixtureRequest, house: House) -> Iterator[CeleryBrokerCluster]:
    """The broker as a node: one to kill where the test is marked `own_broker`, else the shared one."""
    if request.node.get_closest_marker("own_broker"):
        process = BrokerProcess(request.getfixturevalue("own_rabbit"))
    else:
        process = SharedBroker(house.env["HEAVYLIFT_BROKER_URL"])
    cluster = CeleryBrokerCluster(BrokerNode(process))
    yield cluster
    cluster.teardown()


@pytest.fixture
def celery_backend_cluster() -> None:
    """Results are off: the ledger is the truth."""


@pytest.fixture
def celery_worker_cluster_config(celery_broker_cluster: CeleryBrokerCluster) -> dict[str, object]:
    """The broker alone, without a result backend."""
    return {"celery_broker_cluster_config": celery_broker_cluster.config(), "celery_backend_cluster_config": None}


@pytest.fixture
def celery_setup_cls(house: House) -> type[CeleryTestSetup]:
    """A setup with the platform's own app."""
    env = house.env
    options = BrokerOptions(url=env["HEAVYLIFT_BROKER_URL"], prefix=env["HEAVYLIFT_BROKER_PREFIX"])
    return type("HouseSetup", (PlatformSetup,), {"options": options})


@pytest.fixture
def celery_worker_cluster(
    request: pytest.FixtureRequest, house: House, celery_broker_cluster: CeleryBrokerCluster, celery_setup_app: object
) -> Iterator[CeleryWorkerCluster]:
    """One started and ready worker for each pool of the test's `pools` mark."""
    mark = request.node.get_closest_marker("pools")
    pools = mark.args if mark else ("parsing",)
    options = BrokerOptions(url=house.env["HEAVYLIFT_BROKER_URL"], prefix=house.env["HEAVYLIFT_BROKER_PREFIX"])
    nodes = []
    for pool in pools:
        child = house.pools[pool].start()
        nodes.append(WorkerNode(WorkerProcess(child, pool=pool, queue=queue_name(options, pool)), app=celery_setup_app))
    for node in nodes:
        node.ready()
    cluster = CeleryWorkerCluster(*nodes)
    yield cluster
    for node in cluster:
        node.teardown()
    cluster.teardown()


class _OwnBroker:
    """The services of a test that has a RabbitMQ of its own."""

    def __init__(self, services: Services, server: RabbitServer) -> None:
        self._services = services
        self._server = server

    def broker(self) -> Found:
        return Found(url=self._server.url, origin="a RabbitMQ of this test alone", of_one_test=True)

    def database(self) -> Found:
        return self._services.database()
