"""`heavylift compare` against the real API on a socket: what goes up, what comes back, and how mistakes are told."""

import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from reference import resources
from support.command_line import heavylift
from support.context import FolderContext
from support.faces import XML, Rooms, Served
from support.waiting import wait_until

from client import Client
from jobs.errors import InputError
from jobs.model import Status
from jobs.outcomes import Failed, Succeeded
from ledger import JobFilter
from pipelines import parts_list_diff

Run = Callable[..., CompletedProcess[str]]
LEFT = "Part,Color,Quantity\n3001,4,3\n3002,1,2\n3003,0,1\n"
RIGHT = "Part,Color,Quantity\n3001,4,5\n3002,0,2\n3020,4,1\n3003,0,1\n"


@pytest.fixture
def rooms(tmp_path: Path) -> Iterator[Rooms]:
    made = Rooms(tmp_path / "rooms")
    yield made
    made.close()


@pytest.fixture
def served(rooms: Rooms) -> Iterator[Served]:
    made = Served(rooms)
    yield made
    made.close()


@pytest.fixture
def run(served: Served, tmp_path: Path) -> Run:
    """Runs the command in a folder with both lists."""
    (tmp_path / "left.csv").write_text(LEFT)
    (tmp_path / "right.csv").write_text(RIGHT)
    return lambda *words: heavylift("compare", *words, cwd=tmp_path, HEAVYLIFT_URL=served.url)


def comparisons(rooms):
    return rooms.ledger.list_jobs("local", filter=JobFilter(pipeline="parts-list-diff"))[0]


def read_list(rooms, served, folder, lots):
    """A job that has read its list, as a worker would leave it."""
    (folder / "list.xml").write_bytes(XML)
    with Client(served.url) as client:
        job = client.submit(folder / "list.xml")
    content = b"".join(json.dumps(lot).encode() + b"\n" for lot in lots)
    made = rooms.artifact("lots.jsonl", content, media_type="application/x-ndjson")
    rooms.run_step(job.id, "parse", Succeeded(artifacts=(made,)))
    rooms.run_all(job.id)
    return job.id


def lot(part, qty):
    said = {"item_type": "P", "part_num": part, "raw_id": part, "color_id": 4, "raw_color": 4}
    return said | {"qty": qty, "spares": 0, "name": None}


@contextmanager
def worker(rooms, folder):
    """Runs the one comparison that comes, as a worker would."""

    def work():
        wait_until(lambda: comparisons(rooms), within=30, what="a comparison to come")
        (job,) = comparisons(rooms)
        folder.mkdir()
        pair = folder / "pair.zip"
        with rooms.store.open(job.file.key) as stored:
            pair.write_bytes(stored.read())
        ctx = FolderContext(folder, pair, kind=job.file.kind, options=job.options, resources=resources(folder))
        try:
            parts_list_diff.compare(ctx)
        except InputError as error:
            rooms.run_step(job.id, "compare", Failed(fault=error.fault))
            return
        made = [
            rooms.artifact(name, (ctx.artifacts / name).read_bytes(), media_type=kind, step="compare")
            for name, kind in ctx.media_types.items()
        ]
        rooms.run_step(job.id, "compare", Succeeded(artifacts=tuple(made), summary=ctx.facts))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join(60)


def test_compare__two_files(run, rooms):
    """Both files go up as one job, whose id is all that stands on stdout."""
    done = run("left.csv", "right.csv")
    (job,) = comparisons(rooms)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{job.id}\n", "")
    with zipfile.ZipFile(rooms.store.open(job.file.key)) as pair:
        assert {name: pair.read(name).decode() for name in pair.namelist()} == {
            "left/left.csv": LEFT,
            "right/right.csv": RIGHT,
        }


def test_compare__json_is_the_job(run, rooms):
    """With --json the accepted job is one line."""
    done = run("left.csv", "right.csv", "--json", "--options", '{"spares": true}')
    said = json.loads(done.stdout)
    assert (said["id"], said["options"]["spares"], said["status"]) == (comparisons(rooms)[0].id, True, "queued")


def test_compare__a_file_and_a_job(run, rooms, served, tmp_path):
    """A side may be the id of a job that has read its list; then its merged lots go into the pair."""
    before = read_list(rooms, served, tmp_path, [lot("3001", 3)])
    done = run(before, "right.csv")
    assert done.returncode == 0, done.stderr
    (job,) = comparisons(rooms)
    with zipfile.ZipFile(rooms.store.open(job.file.key)) as pair:
        assert set(pair.namelist()) == {"left/lots.jsonl", "right/right.csv"}


def test_compare__wait_shows_the_differences(run, rooms, tmp_path):
    """With --wait each difference is a line, and how many of which kind there are is said beside them."""
    with worker(rooms, tmp_path / "work"):
        done = run("left.csv", "right.csv", "--wait")
    assert done.returncode == 0, done.stderr
    shown = done.stdout.splitlines()[1:]
    assert shown == [
        "~ 3001 in 4: 3 -> 5 (+2)  Brick 2 x 4",
        "c 3002 in 1 -> 3002 in 0: 2 -> 2 (+0)  Brick 2 x 3",
        "+ 3020 in 4: 0 -> 1 (+1)  Plate 2 x 4",
    ]
    assert "1 added, 1 color, 1 quantity" in done.stderr


def test_compare__wait_and_json_give_lines_of_differences(run, rooms, tmp_path):
    """With --wait and --json stdout holds the differences alone, one object a line."""
    with worker(rooms, tmp_path / "work"):
        done = run("left.csv", "right.csv", "--wait", "--json")
    assert done.returncode == 0, done.stderr
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["change"], one["part_num"], one["delta"]) for one in said] == [
        ("quantity", "3001", 2),
        ("color", "3002", 0),
        ("added", "3020", 1),
    ]


def test_compare__equal_lists_are_equal(run, rooms, tmp_path):
    """Two lists that say the same are told to be equal; no difference is shown."""
    with worker(rooms, tmp_path / "work"):
        done = run("left.csv", "left.csv", "--wait")
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 1)
    assert "the lists are equal" in done.stderr


def test_compare__a_list_that_can_not_be_read_is_named(run, rooms, tmp_path):
    """Where a job fails, the exit code and the words on stderr say so, with the side that is at fault."""
    (tmp_path / "cut.xml").write_text("<INVENTORY><ITEM>")
    with worker(rooms, tmp_path / "work"):
        done = run("left.csv", "cut.xml", "--wait")
    assert done.returncode == 1
    assert "The right list:" in done.stderr
    assert "xml.syntax" in done.stderr
    assert comparisons(rooms)[0].status is Status.FAILED


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("left.csv", "absent.csv"), 2, "absent.csv is neither a file nor the id of a job"),
        (("left.csv", "right.csv", "--options", "{"), 2, "--options is not JSON"),
        (("left.csv", "right.csv", "--options", '{"odd": 1}'), 2, "odd"),
        (("01a1fb55-ee09-7a19-a2eb-3175f0057bfd", "right.csv"), 2, "job"),
        (("left.csv",), 2, "RIGHT"),
    ],
)
def test_compare__mistakes_are_told(run, rooms, words, code, said):
    """What can not be compared is refused in words on stderr, and no job is made of it."""
    done = run(*words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert comparisons(rooms) == []


def test_compare__without_a_server(tmp_path):
    """Where nobody answers, the exit code is that of an absent server, with what to do."""
    (tmp_path / "left.csv").write_text(LEFT)
    done = heavylift("compare", "left.csv", "left.csv", cwd=tmp_path, HEAVYLIFT_URL="http://127.0.0.1:9")
    assert (done.returncode, done.stdout) == (3, "")
    assert "heavylift up" in done.stderr
