"""The `platform` fixture: real processes from upload to status; see support/house.py for what it can do."""

from collections.abc import Callable, Iterator

import pytest
from support.house import Backend, House
from support.servers import MissingBinary
from support.services import Services, Unavailable

Build = Callable[..., House]


@pytest.fixture
def build(services: Services) -> Iterator[Build]:
    """Makes houses that are not started yet: `build("embedded", HEAVYLIFT_WORKER_GRACE="1")`; ended with the test."""
    houses: list[House] = []

    def make(backend: Backend, **settings: str) -> House:
        try:
            houses.append(House(backend, services=services, settings=settings))
        except (Unavailable, MissingBinary) as absent:
            pytest.skip(f"no {backend} platform: {absent}")
        return houses[-1]

    yield make
    for house in houses:
        house.close()


@pytest.fixture(scope="module")
def shared_platform(services: Services) -> Iterator[House]:
    """One started platform on the embedded default for all tests of a module that hurt nothing."""
    try:
        house = House("embedded", services=services)
    except MissingBinary as absent:
        pytest.skip(f"no embedded platform: {absent}")
    try:
        yield house.start()
    finally:
        house.close()


@pytest.fixture(params=["embedded", "real"])
def platform(request: pytest.FixtureRequest, build: Build) -> House:
    """A started platform of this test alone, once on the embedded default and once on RabbitMQ and PostgreSQL.

    Restrict it with `@pytest.mark.parametrize("platform", ["embedded"], indirect=True)`; start fewer workers, and so
    sooner, with `@pytest.mark.pools("parsing", "indexing")`.
    """
    mark = request.node.get_closest_marker("pools")
    return build(request.param).start(*(mark.args if mark else ()))
