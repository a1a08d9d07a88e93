"""Ledgers, object stores and search engines of all kinds. `HEAVYLIFT_TEST_S3_URL=http://KEY:SECRET@host:port/bucket` adds a real S3 server.

A fresh prefix in its bucket is all that is touched.
"""

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from support.s3_servers import ACCESS_KEY, SECRET_KEY, S3Server
from support.sample_jobs import NO_WAIT
from support.search_engines import OPENERS
from support.stores import GIVEN, KINDS, S3_KINDS, Place

from ledger import Ledger
from search.port import Engine
from storage.port import ObjectStore


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger of this test alone, on each back end in turn; failed steps may be tried again at once."""
    if request.param == "sqlite":
        made = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}", policy=NO_WAIT)
    else:
        url = request.getfixturevalue("postgres_ledger_url")
        made = Ledger(url, db_schema=f"t{secrets.token_hex(6)}", policy=NO_WAIT)
    made.migrate()
    yield made
    made.close()


@pytest.fixture(params=sorted(OPENERS))
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty search index of this test alone, of each engine in turn."""
    with OPENERS[request.param](request, tmp_path) as opened:
        yield opened


@pytest.fixture(scope="session")
def s3_url() -> Iterator[Callable[[str], str]]:
    """The URL of the S3 server of a kind, started on first use."""
    started: dict[str, S3Server] = {}

    def url(kind: str) -> str:
        if kind not in started:
            started[kind] = S3Server(kind).start()
        return started[kind].url

    yield url
    for server in started.values():
        server.close()


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A store of this test alone, of each kind in turn; whatever it holds in the end is removed."""
    yield from _place(request.param, request, tmp_path)


@pytest.fixture(params=KINDS[1:])
def lasting_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """The same, of the kinds that outlive a process."""
    yield from _place(request.param, request, tmp_path)


@pytest.fixture(params=S3_KINDS)
def s3_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """The same, of the kinds that speak S3."""
    yield from _place(request.param, request, tmp_path)


@pytest.fixture
def store(place: Place) -> ObjectStore:
    return place.store


def _place(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if kind == "memory":
        yield Place(kind=kind, settings={"kind": "memory"})
        return
    prefix = f"hltest-{secrets.token_hex(6)}"
    if kind == "local":
        yield Place(kind=kind, settings={"kind": "local", "path": tmp_path / "store", "prefix": prefix})
        return
    settings = {"kind": "s3", "prefix": prefix, "create_bucket": True}
    if kind == "given":
        found = urlsplit(GIVEN or "")
        settings |= {"endpoint_url": f"{found.scheme}://{found.netloc.rpartition('@')[2]}"}
        settings |= {"access_key": unquote(found.username or ""), "secret_key": unquote(found.password or "")}
        settings |= {"bucket": found.path.strip("/") or "heavylift-test"}
    else:
        settings |= {"endpoint_url": request.getfixturevalue("s3_url")(kind), "bucket": "heavylift-test"}
        settings |= {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY}
    place = Place(kind=kind, settings=settings)
    yield place
    store = place.store
    store.sweep_partial(older_than=0)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda found: store.delete(found.key), list(store.keys())))
