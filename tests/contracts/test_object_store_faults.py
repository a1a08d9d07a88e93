"""What each kind of store says when something breaks: the server, the network, the disk."""

import contextlib
import resource
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.disks import filled
from support.s3_servers import ACCESS_KEY, SECRET_KEY, Fault, FaultyProxy, S3Server
from support.servers import LOOPBACK, free_port
from support.stores import MiB, content_of, every_verb, get, is_missing, listed, put

from jobs.ids import new_id
from storage import open_store
from storage.port import ObjectMissing, StoreError, StoreFull, StoreUnavailable
from storage.s3 import S3Store


def s3(url: str, **changes: object) -> S3Store:
    """A store at `url` that loses patience soon."""
    settings = {
        "bucket": "heavylift-faults",
        "prefix": new_id(),
        "endpoint_url": url,
        "access_key": ACCESS_KEY,
        "secret_key": SECRET_KEY,
        "create_bucket": True,
        "connect_timeout": 0.5,
        "read_timeout": 5.0,
    }
    return S3Store(**(settings | changes))  # type: ignore[arg-type]  # changes are as mixed as the settings


@pytest.fixture
def proxy(s3_url: Callable[[str], str]) -> Iterator[FaultyProxy]:
    """A way to nanio that can be broken."""
    made = FaultyProxy(s3_url("nanio"))
    yield made
    made.close()


@pytest.fixture
def store(proxy: FaultyProxy) -> S3Store:
    """A store behind the proxy, whose bucket is there."""
    made = s3(proxy.url)
    made.probe()
    return made


def test_s3__that_is_away_is_unavailable_soon(tmp_path: Path):
    """With nobody at the port every verb raises `StoreUnavailable`, each within ten seconds, and leaves no file."""
    store = s3(f"http://{LOOPBACK}:{free_port()}", create_bucket=False)
    for name, verb in every_verb(store, new_id(), folder=tmp_path).items():
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            verb()
        assert time.monotonic() - began < 10, name
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_s3__that_is_silent_is_unavailable_soon():
    """A server that takes the connection and says nothing is given up after a few timeouts."""
    with socket.create_server((LOOPBACK, 0), backlog=16) as silent:
        store = s3(f"http://{LOOPBACK}:{silent.getsockname()[1]}", create_bucket=False, read_timeout=0.3)
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            store.size(new_id())
        assert time.monotonic() - began < 10


def test_s3__that_dies_and_comes_back_serves_again():
    """A server's death in mid-writing is `StoreUnavailable`; the same store object works once the server is back."""
    server = S3Server("nanio").start()
    try:
        store = s3(server.url)
        kept = put(store, b"kept")
        with store.writer(new_id()) as writer:
            for _ in range(16):
                writer.write(bytes(MiB))
            server.child.kill_group()
            with pytest.raises(StoreUnavailable):
                writer.write(bytes(16 * MiB))
        server.start()
        assert get(store, kept) == b"kept"
        assert listed(store) == {kept}
        assert store.sweep_partial(older_than=0) == 1
    finally:
        server.close()


@pytest.mark.parametrize(
    ("status", "code", "times", "expected"),
    [
        (507, "InsufficientStorage", 1, StoreFull),
        (400, "XMinioStorageFull", 1, StoreFull),
        (500, "InternalError", 3, StoreUnavailable),
        (503, "SlowDown", 3, StoreUnavailable),
        (403, "InvalidAccessKeyId", 1, StoreUnavailable),
        (404, "NoSuchBucket", 1, StoreUnavailable),
        (400, "InvalidArgument", 1, StoreError),
    ],
)
def test_s3__answers_become_the_ports_errors(
    proxy: FaultyProxy, store: S3Store, *, status: int, code: str, times: int, expected: type[StoreError]
):
    """Each kind of refusal is told apart by who must act, after the retries that may help."""
    proxy.faults.extend(Fault(match="PUT", status=status, code=code) for _ in range(times))
    with pytest.raises(StoreError) as caught:
        put(store, b"bytes")
    assert type(caught.value) is expected
    assert code in str(caught.value)
    assert not proxy.faults
    assert listed(store) == set()


def test_s3__passing_errors_pass(proxy: FaultyProxy, store: S3Store):
    """Two bad answers in a row are ridden out without a word."""
    proxy.faults.extend(Fault(match="PUT", status=503, code="SlowDown") for _ in range(2))
    key = put(store, b"bytes")
    assert get(store, key) == b"bytes"


def test_s3__lost_bucket_is_no_lost_object(proxy: FaultyProxy, store: S3Store):
    """A bare 404 is `ObjectMissing` only while the bucket is there: nobody may take a lost bucket for lost files."""
    key = put(store, b"bytes")
    lost = s3(proxy.url, bucket="heavylift-not-there", create_bucket=False)
    for look in (lost.size, lost.open):
        with pytest.raises(StoreUnavailable, match="bucket"):
            look(key)
    with pytest.raises(StoreUnavailable):
        listed(lost)
    with pytest.raises(ObjectMissing):
        store.size(new_id())


def test_s3__broken_read_goes_on_where_it_was(proxy: FaultyProxy, store: S3Store):
    """A download whose connection breaks twice is complete and right all the same."""
    content = content_of(3 * MiB)
    key = put(store, content)
    proxy.faults.extend(Fault(match=f"{key} ", cut_after=MiB + 11) for _ in range(2))
    assert get(store, key) == content
    assert not proxy.faults


def test_s3__read_that_keeps_breaking_ends(proxy: FaultyProxy, store: S3Store):
    """A download that breaks again and again is `StoreUnavailable`, never a short read that looks whole."""
    key = put(store, content_of(3 * MiB))
    proxy.faults.extend(Fault(match=f"{key} ", cut_after=1000) for _ in range(50))
    with pytest.raises(StoreUnavailable):
        get(store, key)


def test_s3__commit_whose_answer_is_lost_is_found_out(proxy: FaultyProxy, store: S3Store):
    """Where the server completed an upload and the answer got lost, the repeated commit sees that it is done."""
    content = content_of(17 * MiB)
    key = new_id()
    with store.writer(key) as writer:
        writer.write(content)
        proxy.faults.append(Fault(match="POST", lose_answer=True))
        writer.commit()
    assert not proxy.faults
    assert get(store, key) == content


def test_s3__failed_commit_shows_nothing(proxy: FaultyProxy, store: S3Store):
    """Where the server refuses to complete an upload, there is no object and nothing to sweep."""
    key = new_id()
    with store.writer(key) as writer:
        writer.write(bytes(17 * MiB))
        proxy.faults.append(Fault(match="POST", status=507, code="InsufficientStorage"))
        with pytest.raises(StoreFull):
            writer.commit()
    assert is_missing(store, key)
    assert store.sweep_partial(older_than=0) == 0


def test_s3__failed_part_of_a_file_ends_the_upload(proxy: FaultyProxy, store: S3Store, tmp_path: Path):
    """One refused part fails `put_file` as a whole; the file stays, the parts go."""
    source = tmp_path / "large"
    source.write_bytes(bytes(50 * MiB))
    key = new_id()
    proxy.faults.append(Fault(match="partNumber=2", status=507, code="InsufficientStorage"))
    with pytest.raises(StoreFull):
        store.put_file(key, source, move=True)
    assert source.exists()
    assert is_missing(store, key)
    assert store.sweep_partial(older_than=0) == 0


def test_s3__memory_does_not_grow_with_writers(proxy: FaultyProxy, store: S3Store):
    """Sixty writers that each hold 15 MiB unsent cost less than 150 MiB of memory together."""
    before = _resident()
    with contextlib.ExitStack() as opened:
        writers = [opened.enter_context(store.writer(new_id())) for _ in range(60)]
        chunk = bytes(MiB)
        for _ in range(15):
            for writer in writers:
                writer.write(chunk)
        assert _resident() - before < 150 * MiB


def test_s3__parts_wait_where_told(proxy: FaultyProxy, tmp_path: Path):
    """The folder for parts that wait is made on demand and empty afterwards; where it cannot be, the store says so."""
    store = s3(proxy.url, spool=tmp_path / "made" / "on demand")
    content = content_of(17 * MiB)
    assert get(store, put(store, content)) == content
    assert list((tmp_path / "made" / "on demand").iterdir()) == []
    (tmp_path / "a file").write_bytes(b"in the way")
    with pytest.raises(StoreUnavailable, match="where parts wait"):
        put(s3(proxy.url, spool=tmp_path / "a file" / "below"), content)


def test_probe__says_what_is_wrong(proxy: FaultyProxy, store: S3Store):
    """A probe that meets a full store is `StoreUnavailable` too, and carries the reason."""
    proxy.faults.append(Fault(match="PUT", status=507, code="InsufficientStorage"))
    with pytest.raises(StoreUnavailable, match="InsufficientStorage"):
        store.probe()


def test_s3__fetch_to_a_full_disk_is_store_full(store: S3Store, tiny_disk: Path):
    """The same from a bucket."""
    key = put(store, bytes(16 * MiB))
    with pytest.raises(StoreFull):
        store.fetch(key, tiny_disk / "fetched")
    assert list(tiny_disk.iterdir()) == []
    with filled(tiny_disk), pytest.raises(StoreFull):  # not even a name for the file
        store.fetch(key, tiny_disk / "fetched")
    assert list(tiny_disk.iterdir()) == []


def _resident() -> int:
    """Bytes of memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def test_open_store__makes_no_connection():
    """A store that is away is no reason not to start: it shows on first use."""
    store = open_store(kind="s3", bucket="b", endpoint_url=f"http://{LOOPBACK}:{free_port()}")
    assert store.free_bytes() is None
