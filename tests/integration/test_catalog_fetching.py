"""Fetching tables from a server that misbehaves: what comes is bounded, checked, and from nowhere else."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.catalog_tables import laid_out, tables
from support.table_server import TableServer, breaking, cut_short, dripping, endless, failing, leading_to

from catalog.allowed import Allowed
from catalog.fetching import Bounds, TableFetcher
from jobs.errors import Cancelled, InputError, StepError, TransientError

SMALL = Bounds(file=1 << 20, total=2 << 20, seconds=20, silence=5)
HASTY = Bounds(file=1 << 20, total=2 << 20, seconds=0.5, silence=0.3)
PARTS = "/tables/parts.csv.gz"


def unwatched(_done: float, _total: float, _message: str) -> None:
    """For fetches whose progress nobody looks at."""


@pytest.fixture
def server() -> Iterator[TableServer]:
    made = TableServer(tables())
    yield made
    made.close()


@pytest.fixture
def fetch(server, tmp_path):
    """Fetches the server's tables; further arguments change how."""

    def one(source=None, *, allowed=None, known=None, bounds=SMALL, anew=False, watch=unwatched):
        folders = Allowed(allowed or [server.source])
        fetcher = TableFetcher(version="v", allowed=folders, known=known or {}, bounds=bounds)
        return fetcher.fetch(source or server.source, tmp_path / "into", anew=anew, watch=watch)

    return one


def by_url(found):
    return {file.url: file for file in found.values()}


def test_fetch__brings_every_table_as_it_lies_there(server, fetch, tmp_path):
    """Tables arrive byte for byte, still gzipped; names that the server does not have are passed over."""
    found = fetch()
    assert {name: (tmp_path / "into" / name).read_bytes() for name in found} == server.files
    assert found["parts.csv.gz"].size == len(server.files["parts.csv.gz"])
    assert server.asked("/tables/ldraw2bl.txt")
    assert server.asked(PARTS)[0]["Accept-Encoding"] == "identity"


def test_fetch__asks_for_news_first(server, fetch):
    """With what is in force known, 304 all over means that nothing has changed, and no table travels."""
    known = by_url(fetch())
    server.seen.clear()
    assert fetch(known=known) is None
    assert server.asked(PARTS)[0]["If-None-Match"] == known[f"{server.source}/parts.csv.gz"].etag
    server.files |= tables(21)
    assert set(fetch(known=known)) == set(server.files)


def test_fetch__a_server_without_conditions_is_compared(server, fetch):
    """Where a server sends everything whatever it is asked, equal bytes are no news either."""
    known = {url: type(file)(url=url, size=file.size, sha256=file.sha256) for url, file in by_url(fetch()).items()}
    assert fetch(known=known) is None
    assert fetch(known=known, anew=True) is not None


def test_fetch__a_new_file_is_news(server, fetch):
    """A table that was not there before makes a new catalog."""
    known = by_url(fetch())
    server.files["ldraw2bl.txt"] = b"6141 4073\n"
    assert "ldraw2bl.txt" in fetch(known=known)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (failing(404), "catalog.missing"),
        (failing(403), "catalog.missing"),
        (failing(401), "catalog.source_answer"),
        (failing(206), "catalog.source_answer"),
        (endless, "catalog.too_large"),
        (failing(200, Content_Length=str(5 << 20)), "catalog.too_large"),
        (leading_to("/tables/parts.csv.gz"), "catalog.source_answer"),
        (leading_to("http://["), "catalog.source_refused"),
        (leading_to("http://192.0.2.1/tables/parts.csv.gz"), "catalog.source_refused"),
        (leading_to("/secret"), "catalog.source_refused"),
        (leading_to("/tables/../secret"), "catalog.source_refused"),
        (leading_to("/tables/%2e%2e/secret"), "catalog.source_refused"),
        (leading_to("file:///etc/passwd"), "catalog.source_refused"),
        (leading_to("gopher://127.0.0.1/"), "catalog.source_refused"),
    ],
)
def test_fetch__what_will_not_pass_is_told_at_once(server, fetch, answer, code):
    """Missing, oversized, unreadable or leading astray: the submitter is told, nothing is tried again."""
    server.on(PARTS, answer)
    with pytest.raises(InputError) as told:
        fetch()
    assert told.value.fault.code == code
    assert not server.asked("/secret")


@pytest.mark.parametrize("answer", [failing(500), failing(503), failing(429), breaking, cut_short])
def test_fetch__what_may_pass_is_tried_again(server, fetch, answer):
    """A server that fails, hangs up or is cut short is asked again later."""
    server.on(PARTS, answer)
    with pytest.raises(TransientError) as told:
        fetch()
    assert told.value.fault.code == "catalog.source_unavailable"


def test_fetch__a_server_says_when_to_come_back(server, fetch):
    """Retry-After is kept, within reason."""
    server.on(PARTS, failing(503, Retry_After="90"))
    with pytest.raises(TransientError) as told:
        fetch()
    assert told.value.delay == 90
    server.on(PARTS, failing(503, Retry_After="99999999"))
    with pytest.raises(TransientError) as told:
        fetch()
    assert told.value.delay == 3600


@pytest.mark.parametrize("which", [0, 1, 2], ids=["silent", "slow head", "slow body"])
def test_fetch__has_an_end_in_time(server, fetch, which):
    """A server that says nothing, or a byte now and then, holds a fetch no longer than it may take."""
    server.on(PARTS, dripping(server)[which])
    with pytest.raises(TransientError) as told:
        fetch(bounds=HASTY)
    assert told.value.fault.code in {"catalog.source_slow", "catalog.source_unavailable"}


def test_fetch__nobody_there_is_tried_again(server, fetch):
    """A source that does not listen is away, not wrong."""
    server.close()
    with pytest.raises(TransientError):
        fetch()


def test_fetch__redirects_stay_within_what_is_allowed(server, fetch):
    """A redirect is followed within the allowed folders, queries of signed links included."""
    server.files["elsewhere.gz"] = server.files.pop("parts.csv.gz")
    server.on(PARTS, leading_to("/tables/elsewhere.gz?signature=1"))
    assert fetch()["parts.csv.gz"].url == f"{server.source}/parts.csv.gz"


def test_fetch__all_together_have_a_limit(server, fetch):
    """Tables that are each within their limit are stopped where all of them are too much."""
    server.files |= {name: os.urandom(900_000) for name in ("parts.csv.gz", "colors.csv.gz", "elements.csv.gz")}
    with pytest.raises(InputError) as told:
        fetch()
    assert told.value.fault.code == "catalog.too_large"


def test_fetch__stops_when_told(server, fetch):
    """A cancelled job's fetch ends at its next word of progress."""

    def cancelled(_done: float, _total: float, _message: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        fetch(watch=cancelled)


def test_fetch__joins_several_folders(server, fetch, tmp_path):
    """Tables from a server and id maps from a folder make one catalog; the first folder that has a name wins."""
    maps = laid_out({"LDConfig.ldr": b"0 x\n", "parts.csv.gz": b"never taken", "notes.doc": b"x"}, tmp_path / "größer")
    maps = maps.replace("größer", "gr%C3%B6%C3%9Fer")
    found = fetch(f"{server.source} {maps}", allowed=[server.source, maps])
    assert found["LDConfig.ldr"].url == f"{maps}/LDConfig.ldr"
    assert found["parts.csv.gz"].url.startswith("http")
    assert "notes.doc" not in found
    assert fetch(f"{server.source} {maps}", allowed=[server.source, maps], known=by_url(found)) is None


def test_fetch__no_pipe_or_folder_stands_in_for_a_table(server, fetch, tmp_path):
    """A pipe in a source folder does not hold the fetch, and a folder of a table's name is told."""
    source = laid_out(tables(), tmp_path / "tables")
    (tmp_path / "tables" / "parts.csv.gz").unlink()
    os.mkfifo(tmp_path / "tables" / "parts.csv.gz")
    with pytest.raises(StepError) as told:
        fetch(source, allowed=[source])
    assert told.value.fault.code == "catalog.missing"
    gone = f"file://{tmp_path}/gone"
    with pytest.raises(InputError, match="can not be read"):
        fetch(gone, allowed=[gone])


def test_fetch__a_full_disk_passes(server, fetch, tiny_scratch):
    """Where this worker's disk takes no more, the fetch is tried again later."""
    server.files["parts.csv.gz"] = os.urandom(900_000)
    server.files["elements.csv.gz"] = os.urandom(900_000)
    fetcher = TableFetcher(version="v", allowed=Allowed([server.source]), known={}, bounds=SMALL)
    with pytest.raises(TransientError) as told:
        fetcher.fetch(server.source, tiny_scratch / "into", anew=True, watch=unwatched)
    assert told.value.fault.code == "catalog.no_room"


@pytest.fixture
def tiny_scratch(tmp_path: Path) -> Iterator[Path]:
    """A file system of one MiB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    argv = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    mounted = subprocess.run(argv, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no tiny disk could be mounted, which takes root: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
