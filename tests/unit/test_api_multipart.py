"""The multipart parser and the cached reads: the same result however the bytes are cut, and never an old version."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.faces import Rooms
from support.sample_jobs import submit

from api.multipart import Form, boundary_of
from api.problems import Problem
from api.recent import RecentJobs
from jobs.model import StepKey
from ledger import Progress
from ledger.errors import JobNotFound

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
    job = submit(rooms.ledger).job
    first = recent.get(job.id, owner="local")
    assert recent.get(job.id, owner="local") is first
    with pytest.raises(JobNotFound):
        recent.get(job.id, owner="somebody")
    claim = rooms.ledger.claim(job.id, StepKey("parse"), dispatch=1, worker="w", lease=30)
    assert claim is not None
    rooms.ledger.report(Progress(held=claim.held, done=0.5, message="half"))
    assert recent.get(job.id, owner="local").step(StepKey("parse")).progress == 0.5
    for _ in range(3):
        recent.get(submit(rooms.ledger).job.id, owner="local")
    assert recent.get(job.id, owner="local") is not first
    rooms.close()


def test_recent__places_are_counted_once_in_a_while(tmp_path: Path):
    """Places in line come from the ledger, and hold for half a second."""
    rooms = Rooms(tmp_path)
    recent = RecentJobs(rooms.ledger)
    submit(rooms.ledger)
    job = recent.get(submit(rooms.ledger).job.id, owner="local")
    places = recent.places(job)
    assert places == {StepKey("parse"): 2, StepKey("picture"): 2}
    assert recent.places(job) is places
    rooms.close()
