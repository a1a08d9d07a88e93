"""Bodies on a real server: slow, broken off, stalled, chunked, with 100-continue, many at once."""

import hashlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select
from support.faces import PDF, XML, Rooms, Served, read_answer, request_head
from support.waiting import holds_for, wait_until

from api import protocol, uploads
from config.settings import ApiSettings
from ledger.schema import blobs
from storage import open_store

MiB = 1024 * 1024


@pytest.fixture
def rooms(tmp_path: Path) -> Iterator[Rooms]:
    store = open_store(kind="local", path=tmp_path / "store")
    made = Rooms(tmp_path / "data", store=store, stall_after=1.0, min_rate=1000, max_bytes=40 * MiB)
    yield made
    made.close()


@pytest.fixture
def served(rooms: Rooms) -> Iterator[Served]:
    made = Served(rooms)
    yield made
    made.close()


def partial_files(served: Served) -> list[Path]:
    """What stands in the store's folder of unfinished writing."""
    return list((served.rooms.settings.data_dir.parent / "store" / "partial").glob("*"))


def wait_until_clean(served: Served) -> None:
    """Nothing of an upload is left in store or ledger."""
    look = lambda: served.rooms.nothing_left() and not partial_files(served)  # noqa: E731 - waited for, then named
    wait_until(look, within=10, what="store and ledger to be clean")


def test_upload__survives_tiny_pieces(served):
    """A client that sends a byte at a time, above the minimum rate, gets its job."""
    with served.connect() as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.sendall(request_head("/v1/jobs?filename=a.xml", Content_Length=str(len(XML))))
        for byte in XML:
            line.sendall(bytes([byte]))
        status, body = read_answer(line)
    assert status == 202, body
    assert hashlib.sha256(XML).hexdigest().encode() in body


def test_upload__chunked_without_a_length(served):
    """Transfer-Encoding: chunked is as good as a Content-Length, and is held to the same limit."""
    content = PDF + os.urandom(3 * MiB)

    def pieces(size: int) -> Iterator[bytes]:
        for start in range(0, len(content), size):
            yield content[start : start + size]

    answer = httpx.post(f"{served.url}/v1/jobs", content=pieces(100_001), timeout=30)
    assert answer.status_code == 202, answer.text
    assert answer.json()["file"]["sha256"] == hashlib.sha256(content).hexdigest()
    with httpx.stream("POST", f"{served.url}/v1/jobs", content=pieces_without_end(), timeout=30) as refused:
        assert refused.status_code == 413


def pieces_without_end() -> Iterator[bytes]:
    yield PDF
    for _ in range(50):
        yield bytes(MiB)


def test_upload__expect_100_continue(served):
    """The body is asked for only once the head is fine; what is refused by its head is refused without a 100."""
    with served.connect() as line:
        line.sendall(request_head(Content_Length=str(len(XML)), Expect="100-continue"))
        assert line.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.sendall(XML)
        assert read_answer(line)[0] == 202
    with served.connect() as line:
        line.sendall(request_head(Content_Length=str(41 * MiB), Expect="100-continue"))
        status, body = read_answer(line)
    assert (status, b"input.too_large" in body) == (413, True)


def test_upload__broken_off_leaves_nothing(served):
    """A connection that ends within the body, raw or as a form, leaves no bytes, no row and no running upload."""
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
    for head, start in (
        (request_head(Content_Length=str(30 * MiB)), b""),
        (request_head(Content_Type="multipart/form-data; boundary=b", Content_Length=str(30 * MiB)), form),
    ):
        with served.connect() as line:
            line.sendall(head + start + PDF + os.urandom(2 * MiB))
            wait_until(lambda: partial_files(served), within=10, what="the upload to be written")
        wait_until_clean(served)
    wait_until(lambda: served.rooms.app.state.face.intake.active == 0, within=5, what="uploads to end")
    assert httpx.get(f"{served.url}/v1/jobs").json()["items"] == []


@pytest.mark.parametrize("sent", [b"", PDF, PDF + bytes(300_000)])
def test_upload__stalled_is_dropped(served, sent):
    """A body that stops coming is answered with 408 upload.stalled, and its line is closed."""
    with served.connect() as line:
        line.sendall(request_head(Content_Length=str(MiB)) + sent)
        status, body = read_answer(line)
        assert (status, b"upload.stalled" in body) == (408, True)
        line.settimeout(10)
        assert line.recv(1) == b""
    wait_until_clean(served)


def test_upload__slow_but_steady_is_fine(served):
    """Above the minimum rate a body may take many times the stall window."""
    content = PDF + bytes(6000)
    with served.connect() as line:
        line.sendall(request_head(Content_Length=str(len(content))))
        for start in range(0, len(content), 500):
            line.sendall(content[start : start + 500])
            time.sleep(0.2)  # this client's pace: 2500 bytes per second
        assert read_answer(line)[0] == 202


def test_upload__renews_its_lease(served, monkeypatch):
    """An upload that outlasts half its lease on the reserved key renews it, so that no collector takes its bytes."""
    monkeypatch.setattr(uploads, "LEASE", 1.0)

    def lease_left() -> float:
        with served.rooms.ledger.database.reading() as tx:
            row = tx.execute(select(blobs.c.lease_until, blobs.c.created_at)).one()
        return (row.lease_until - row.created_at).total_seconds()

    with served.connect() as line:
        content = PDF + bytes(20 * MiB)
        line.sendall(request_head(Content_Length=str(len(content))) + content[:MiB])
        wait_until(lambda: partial_files(served), within=10, what="the upload to be written")
        sent = MiB
        while lease_left() < 1.3:
            assert sent < len(content), "the lease was not renewed"
            line.sendall(content[sent : sent + MiB])
            sent += MiB
            time.sleep(0.1)  # this client's pace
        line.sendall(content[sent:])
        assert read_answer(line)[0] == 202


def test_upload__slow_clients_block_nobody(served):
    """Many clients that trickle do not keep a fast one waiting: slots are held by chunks, not by clients."""
    stop = threading.Event()
    lines = [served.connect() for _ in range(40)]
    try:
        for line in lines:
            line.sendall(request_head(Content_Length=str(5 * MiB)) + PDF + bytes(200_000))

        def trickle() -> None:
            while not stop.wait(0.1):
                for line in lines:
                    line.sendall(bytes(500))

        pool = ThreadPoolExecutor(1)
        trickling = pool.submit(trickle)
        intake = served.rooms.app.state.face.intake
        wait_until(lambda: intake.active == 40, within=10, what="all slow uploads to run")
        content = PDF + os.urandom(20 * MiB)
        began = time.monotonic()
        assert httpx.post(f"{served.url}/v1/jobs", content=content, timeout=60).status_code == 202
        assert time.monotonic() - began < 30
        assert intake.active == 40
    finally:
        stop.set()
        trickling.result(10)
        pool.shutdown()
        for line in lines:
            line.close()
    wait_until(lambda: intake.active == 0, within=10, what="the slow ones to be cleaned up")
    assert not partial_files(served)


def test_upload__a_hundred_at_once(served):
    """A hundred uploads at the same time all become jobs, with the bytes that each sent."""
    contents = [PDF + os.urandom(400_000) for _ in range(100)]

    def send(content: bytes) -> httpx.Response:
        return httpx.post(f"{served.url}/v1/jobs", content=content, timeout=120)

    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(send, contents))
    assert {answer.status_code for answer in answers} == {202}
    assert [a.json()["file"]["sha256"] for a in answers] == [hashlib.sha256(c).hexdigest() for c in contents]
    intake = served.rooms.app.state.face.intake
    assert intake.turns._value == intake.width, "each turn was given back"


def test_upload__refused_early_gets_its_answer(served):
    """A client that sends on although it was refused still reads why, and is not read for ever."""
    with served.connect() as line:
        line.sendall(request_head(Content_Length=str(30 * MiB)) + b"words " * 20_000)
        status, body = read_answer(line)
        assert (status, b"input.unsupported" in body) == (415, True)
        line.settimeout(10)
        assert line.recv(1) == b""
    wait_until_clean(served)


def test_head__too_large_is_refused(served):
    """Headers without end are refused with 431 and the line is closed, whether in one header or in many."""
    for piece in (b"X-A: " + b"a" * 20_000, b"X-B: b\r\n" * 2500):
        with served.connect() as line:
            line.sendall(b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\n")
            with pytest.raises((BrokenPipeError, ConnectionResetError)):  # noqa: PT012 - which send meets the end is open
                for _ in range(200):
                    line.sendall(piece)
                    time.sleep(0.005)


def test_head__that_does_not_come_is_dropped(served, monkeypatch):
    """A connection that never ends its headers is closed."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)
    with served.connect() as line:
        line.sendall(b"GET /health HTTP/1.1\r\n")
        assert line.recv(100) == b""


def test_keep_alive__serves_many_requests_on_one_line(served):
    """Requests on one connection work after a head timeout would have passed, and pipelined ones are answered in order."""
    with served.connect() as line:
        line.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        got = b""
        while got.count(b'{"status":"ok"}') < 3:
            got += line.recv(65536)
        line.sendall(request_head(Content_Length=str(len(XML))) + XML)
        assert read_answer(line)[0] == 202


def test_shutdown__lets_waiting_clients_go_and_uploads_end(rooms):
    """At the end of the server long polls are answered at once, and an upload that still runs becomes its job."""
    served = Served(rooms)
    try:
        job = httpx.post(f"{served.url}/v1/jobs", content=XML).json()
        url = f"{served.url}/v1/jobs/{job['id']}"
        line = served.connect()
        content = PDF + bytes(100_000)
        line.sendall(request_head(Content_Length=str(len(content))) + content[:1000])
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(httpx.get, url, headers={"If-None-Match": '"1"', "Prefer": "wait=20"}, timeout=30)
            face = rooms.app.state.face
            wait_until(lambda: face.hub.clients == 1 and face.intake.active == 1, within=10, what="both to be there")
            began = time.monotonic()
            served.begin_shutdown()
            assert waiting.result(10).status_code == 304
            assert time.monotonic() - began < 5
        line.sendall(content[1000:])
        assert read_answer(line)[0] == 202
        line.close()
    finally:
        served.close()


def test_shutdown__cuts_off_what_outlasts_its_grace(tmp_path):
    """An upload that is still running when the grace is over is ended, and leaves nothing."""
    store = open_store(kind="local", path=tmp_path / "store")
    rooms = Rooms(tmp_path / "data", store=store)
    rooms.settings.api = ApiSettings(shutdown_grace=1.0)
    served = Served(rooms)
    try:
        with served.connect() as line:
            line.sendall(request_head(Content_Length=str(MiB)) + PDF + bytes(200_000))
            wait_until(lambda: partial_files(served), within=10, what="the upload to be written")
            served.close()
        assert rooms.nothing_left()
        assert not partial_files(served)
    finally:
        served.close()
        rooms.close()


def test_wait__many_clients_cost_no_threads(served):
    """Fifty long polls on real connections are all woken by one change, without a thread for each."""
    job = httpx.post(f"{served.url}/v1/jobs", content=XML).json()
    url = f"/v1/jobs/{job['id']}"
    head = f'GET {url} HTTP/1.1\r\nHost: x\r\nPrefer: wait=20\r\nIf-None-Match: "1"\r\n\r\n'.encode()
    before = threading.active_count()
    lines = [served.connect() for _ in range(50)]
    for line in lines:
        line.sendall(head)
    hub = served.rooms.app.state.face.hub
    wait_until(lambda: hub.clients == 50, within=15, what="all to wait")
    assert threading.active_count() - before < 30
    assert holds_for(lambda: hub.clients == 50, seconds=0.3)
    served.rooms.ledger.update(job["id"], owner="local", tags=("x",))
    assert {read_answer(line)[0] for line in lines} == {200}
    for line in lines:
        line.close()
