"""What operators and owners type about catalogs, corrections and mappings, against the real API on a socket."""

import json
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from support.catalog_tables import laid_out, tables, zipped
from support.command_line import heavylift
from support.faces import Rooms, Served

from cli.catalog_packing import pack, tables_in
from cli.exits import CommandError
from client import Client, NotFound, Rejected
from config.settings import CatalogSettings
from jobs.errors import Actor, Fault
from jobs.outcomes import Failed
from ledger import JobFilter

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture
def rooms(tmp_path: Path) -> Iterator[Rooms]:
    made = Rooms(tmp_path / "rooms")
    made.settings.catalog = CatalogSettings(sources=f"file://{tmp_path / 'tables'}")
    yield made
    made.close()


@pytest.fixture
def served(rooms: Rooms) -> Iterator[Served]:
    made = Served(rooms)
    yield made
    made.close()


@pytest.fixture
def run(served: Served) -> Run:
    return lambda *words: heavylift(*words, HEAVYLIFT_URL=served.url)


def only_job(rooms: Rooms):
    (job,) = rooms.ledger.list_jobs("local", filter=JobFilter(pipeline="catalog-import"))[0]
    return job


def test_import__packs_a_folder(run, rooms, tmp_path):
    """A folder of tables is packed here, the smallest first, and uploaded; what is no table stays here."""
    laid_out({**tables(3000), "notes.doc": b"x", "LDConfig.ldr": b"0 x\n"}, tmp_path / "mine")
    ended = run("catalog", "import", str(tmp_path / "mine"), "--force")
    job = only_job(rooms)
    assert (ended.returncode, ended.stdout) == (0, job.id + "\n"), ended.stderr
    assert (job.file.kind, job.options) == ("catalog-zip", {"source": None, "force": True})
    with zipfile.ZipFile(rooms.store.open(job.file.key)) as packed:
        assert set(packed.namelist()) == {*tables(), "LDConfig.ldr"}
        assert packed.namelist()[-1] == "parts.csv.gz"
        assert packed.read("parts.csv.gz") == tables(3000)["parts.csv.gz"]


def test_import__takes_single_tables_and_zips(run, rooms, tmp_path):
    """Tables one by one, plain or gzipped, and a ready ZIP go as well."""
    folder = tmp_path / "mine"
    laid_out(tables() | {"parts.csv": b"part_num,name,part_cat_id\n"}, folder)
    (folder / "catalog.zip").write_bytes(zipped(tables()))
    assert run("catalog", "import", str(folder / "parts.csv"), str(folder / "colors.csv.gz")).returncode == 0
    assert run("catalog", "import", str(folder / "catalog.zip")).returncode == 0
    sizes = {job.file.size for job in rooms.ledger.list_jobs("local", filter=JobFilter())[0]}
    assert len(sizes) == 2
    assert len(zipped(tables())) in sizes


def test_import__has_the_server_fetch(run, rooms, tmp_path):
    """A URL becomes an order; one that is not allowed is refused in words, with who may change it."""
    source = f"file://{tmp_path / 'tables'}"
    ended = run("catalog", "import", source, "--json")
    assert json.loads(ended.stdout)["id"] == only_job(rooms).id
    refused = run("catalog", "import", "https://example.test/")
    assert refused.returncode == 2
    assert "HEAVYLIFT_CATALOG_SOURCES" in refused.stderr
    nothing = run("catalog", "import")
    assert (nothing.returncode, "HEAVYLIFT_CATALOG_URL" in nothing.stderr) == (2, True)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["gone"], "is not there"),
        (["colors.csv.gz"], r"needs parts\.csv"),
        (["."], r"needs parts\.csv"),
        (["one/colors.csv.gz", "colors.csv.gz"], "two files are named"),
    ],
)
def test_tables__that_are_no_catalog(tmp_path, names, says):
    """What cannot be a catalog is told before anything is uploaded."""
    laid_out({"colors.csv.gz": b"x"}, tmp_path)
    laid_out({"colors.csv.gz": b"x"}, tmp_path / "one")
    with pytest.raises(CommandError, match=says):
        tables_in([tmp_path / name for name in names])


def test_import__files_and_urls_do_not_mix(run, tmp_path):
    """Half of this and half of that is wrong usage."""
    assert run("catalog", "import", str(tmp_path), "https://example.test/").returncode == 2


def test_pack__old_files_are_no_trouble(tmp_path):
    """A file from before ZIP's time is packed all the same."""
    laid_out(tables(), tmp_path / "mine")
    os.utime(tmp_path / "mine" / "parts.csv.gz", (0, 0))
    assert zipfile.ZipFile(pack(tables_in([tmp_path / "mine"]), tmp_path / "out.zip")).testzip() is None


def test_status__tells_the_sample_and_failures(run, rooms, tmp_path):
    """A fresh server says that it has the sample; a failed import is told, with exit code 1."""
    ended = run("catalog", "status")
    assert (ended.returncode, "the sample" in ended.stdout, "daily     off" in ended.stdout) == (0, True, True)
    laid_out(tables(), tmp_path / "mine")
    run("catalog", "import", str(tmp_path / "mine"))
    fault = Fault(code="catalog.shrunk", message="Half is gone.", actor=Actor.SUBMITTER)
    rooms.run_step(only_job(rooms).id, "fetch", Failed(fault=fault))
    ended = run("catalog", "status")
    assert (ended.returncode, "Half is gone. (catalog.shrunk)" in ended.stdout) == (1, True)
    assert json.loads(run("catalog", "status", "--json").stdout)["is_sample"] is True


def test_corrections__from_the_command_line(run):
    """Corrections are added, listed in words and as JSON, and removed; a wrong one is exit code 2."""
    made = run("corrections", "add", "part", "bricklink", "30O1", "3001", "--note", "typo").stdout.strip()
    listed = run("corrections", "list", "--kind", "part").stdout
    assert listed.split() == [made, "part", "bricklink", "30o1", "->", "3001", "typo"]
    assert json.loads(run("corrections", "list", "--json").stdout)["id"] == made
    assert run("corrections", "add", "part", "peeron", "x", "y").returncode == 2
    assert run("corrections", "remove", made).stdout.strip() == made
    assert run("corrections", "list").stdout == ""
    assert run("corrections", "remove", made).returncode == 2


def test_mappings__from_the_command_line(run, rooms):
    """A mapping is set from options, shown in words and as JSON, and removed."""
    words = ("--column", "qty=3", "--column", "raw_id=Part No", "--sheet", "2", "--delimiter", "tab", "--decimal", ",")
    assert run("mappings", "set", "shop", *words).stdout == "shop\n"
    kept = rooms.ledger.mapping("local", "shop").wishes
    assert kept == {"columns": {"qty": 3, "raw_id": "Part No"}, "sheet": 2, "delimiter": "\t", "decimal": ","}
    assert "qty=3, raw_id=Part No" in run("mappings", "list").stdout
    assert json.loads(run("mappings", "show", "shop", "--json").stdout)["wishes"] == kept
    assert run("mappings", "set", "shop", "--column", "qty").returncode == 2
    assert run("mappings", "set", "shop", "--column", "nonsense=1").returncode == 2
    assert run("mappings", "remove", "shop").stdout == "shop\n"
    assert run("mappings", "show", "shop").returncode == 2


def test_client__speaks_of_all_of_it(served, tmp_path):
    """The SDK's calls come back as values."""
    (tmp_path / "catalog.zip").write_bytes(zipped(tables()))
    with Client(served.url) as client:
        job = client.import_catalog(tmp_path / "catalog.zip", idempotency_key="once")
        assert client.import_catalog(tmp_path / "catalog.zip", idempotency_key="once").id == job.id
        assert client.fetch_catalog(f"file://{tmp_path / 'tables'}").pipeline == "catalog-import"
        found = client.catalog()
        assert (found.is_sample, found.versions, found.latest_status) == (True, (), "queued")
        first = client.correct(kind="color", space="lego", raw="1", target="15")
        second = client.correct(kind="part", space="lego", raw="2", target="3001", note="n")
        assert list(client.corrections(limit=1)) == [second]
        assert list(client.corrections(kind="color")) == [first]
        client.take_back(first.id)
        with pytest.raises(NotFound):
            client.take_back(first.id)
        made = client.put_mapping("a.b-c", {"columns": {"qty": 1}})
        assert client.mappings() == (made,) == (client.mapping("a.b-c"),)
        with pytest.raises(Rejected) as wrong:
            client.put_mapping("a", {"encoding": "none"})
        assert wrong.value.body["errors"][0]["field"] == "encoding"
        client.delete_mapping("a.b-c")
        with pytest.raises(NotFound):
            client.mapping("a.b-c")
