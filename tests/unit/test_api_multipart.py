"""The multipart parser and the cached reads: the same result however the bytes are cut, and never an old version."""

import contextlib
import sqlite3
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.faces import Rooms
from support.sample_jobs import submit

from api.multipart import Form, boundary_of
from api.problems import Problem
from api.recent import RecentJobs, Shown
from jobs.ids import new_id
from ledger import Ledger
from ledger.database import Database
from ledger.errors import JobNotFound
from ledger.glance import Glance

BOUNDARY = b"b-1"
# Contents that tease a parser: pieces of the boundary, line ends, dashes.
TEASING = st.lists(st.sampled_from([b"\r\n", b"--", b"b-1", b"\r\n--b-", b"\r", b"\n", b"x", b"\0\xff"])).map(b"".join)


def body_of(content: bytes) -> bytes:
    """A form with a field before and after the file."""
    return (
        b'--b-1\r\nContent-Disposition: form-data; name="tags"\r\n\r\na\r\n'
        b'--b-1\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + content + b"\r\n"
        b'--b-1\r\nContent-Disposition: form-data; name="batch_id"\r\n\r\nb\r\n--b-1--\r\n'
    )


@given(
    content=TEASING.filter(lambda content: b"\r\n--b-1" not in b"\r\n" + content),
    cuts=st.lists(st.integers(1, 40), max_size=60),
)
def test_form__any_cut_gives_the_same(content, cuts):
    """However the body is cut into pieces, the file's bytes and the fields come out as they went in."""
    body = body_of(content)
    form, got = Form(BOUNDARY), b""
    while body:
        size = cuts.pop() if cuts else len(body)
        got += b"".join(form.feed(body[:size]))
        body = body[size:]
    form.finish()
    assert got == content
    assert (form.fields, form.file_name) == ([("tags", "a"), ("batch_id", "b")], "f")


@given(body=st.binary(max_size=300) | TEASING, cut=st.integers(0, 300))
def test_form__garbage_is_malformed_or_a_form(body, cut):
    """Whatever bytes come, the answer is a form or a problem, never another error."""
    form = Form(BOUNDARY)
    with contextlib.suppress(Problem):
        form.feed(b"--b-1" + body[:cut])
        form.feed(body[cut:])
        form.finish()


@pytest.mark.parametrize(
    "given_", ["multipart/form-data", "multipart/form-data; boundary=", f"multipart/form-data; boundary={'b' * 71}"]
)
def test_boundary__of_a_usable_length(given_):
    """A form without a boundary, or with one beyond the RFC's length, is malformed."""
    with pytest.raises(Problem, match="boundary"):
        boundary_of(given_)


def test_form__says_where_its_file_begins():
    """The file's offset in the body tells its size before it has come."""
    form = Form(BOUNDARY)
    form.feed(body_of(b"content")[:100])
    form.feed(body_of(b"content")[100:])
    assert form.file_offset == body_of(b"content").index(b"content")


def test_recent__follows_every_version(tmp_path: Path):
    """A job that changed is read anew, one that did not is the same value, and another owner's is not there."""
    rooms = Rooms(tmp_path)
    recent = RecentJobs(rooms.ledger, size=2)
    job = rooms.run_all(submit(rooms.ledger).job.id)
    first = recent.look(job.id, owner="local")
    assert recent.look(job.id, owner="local") is first
    with pytest.raises(JobNotFound):
        recent.look(job.id, owner="somebody")
    rooms.ledger.update(job.id, owner="local", tags=("new",), metadata=None)
    second = recent.look(job.id, owner="local")
    assert (second.job.tags, orjson.loads(second.body)["tags"]) == (("new",), ["new"])
    for _ in range(3):
        recent.look(submit(rooms.ledger).job.id, owner="local")
    assert recent.look(job.id, owner="local") is not second
    rooms.close()


def test_recent__at_hand_is_what_still_stands(tmp_path: Path):
    """A job is at hand once it was shown, until it changes, whoever changed it; and to its owner alone."""
    rooms = Rooms(tmp_path)
    recent = RecentJobs(rooms.ledger)
    job = rooms.run_all(submit(rooms.ledger).job.id)
    assert recent.at_hand(job.id, owner="local") is None
    shown = recent.look(job.id, owner="local")
    assert recent.at_hand(job.id, owner="local") is shown
    assert recent.at_hand(job.id, owner="somebody") is None
    elsewhere = Ledger(rooms.settings.ledger_url)
    elsewhere.update(job.id, owner="local", tags=("new",), metadata=None)
    assert recent.at_hand(job.id, owner="local") is None
    assert recent.look(job.id, owner="local").job.tags == ("new",)
    elsewhere.delete(job.id, owner="local")
    assert recent.at_hand(job.id, owner="local") is None
    elsewhere.close()
    recent.close()
    rooms.close()


def test_recent__places_are_counted_once_in_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Places in line come from the ledger, and hold for a moment; after it they are counted again in a thread."""
    rooms = Rooms(tmp_path)
    recent = RecentJobs(rooms.ledger)
    ahead, job = submit(rooms.ledger).job, submit(rooms.ledger).job
    monkeypatch.setattr("api.recent.WAITS_SECONDS", 60.0)
    shown = recent.look(job.id, owner="local")
    assert place_in(shown) == 2
    rooms.ledger.cancel(ahead.id, owner="local")
    assert recent.at_hand(job.id, owner="local") is recent.look(job.id, owner="local") is shown
    monkeypatch.setattr("api.recent.WAITS_SECONDS", 0.0)
    other = RecentJobs(rooms.ledger)
    assert place_in(other.look(job.id, owner="local")) == 1
    assert other.at_hand(job.id, owner="local") is None
    recent.close()
    rooms.close()


def place_in(shown: Shown) -> int:
    """The place in line of the first step."""
    found: int = orjson.loads(shown.body)["steps"][0]["waiting_for"]["place"]
    return found


def test_glance__waits_for_nobody(tmp_path: Path):
    """While somebody writes it reads; where it would have to wait, or the ledger is elsewhere, it knows nothing."""
    rooms = Rooms(tmp_path)
    job = submit(rooms.ledger).job
    glance = Glance(rooms.ledger.database)
    held = sqlite3.connect(tmp_path / "ledger.sqlite3", isolation_level=None)
    held.execute("BEGIN IMMEDIATE")
    assert glance.version(job.id) == job.version
    held.execute("ROLLBACK")
    assert glance.version(new_id()) is None
    glance.close()
    held.close()
    rooms.close()
    assert Glance(Database("postgresql://nowhere.invalid/x")).version(job.id) is None
    gone = Glance(Database(f"sqlite:///{tmp_path}/gone.sqlite3"))
    assert gone.version(job.id) is None
    assert not (tmp_path / "gone.sqlite3").exists()
    Database(f"sqlite:///{tmp_path}/gone.sqlite3").ping()
    assert gone.version(job.id) is None, "a file without tables"
    gone.close()
