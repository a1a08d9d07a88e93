"""Artifacts over HTTP: whole, in ranges, conditionally, and never as something that runs in a browser."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from support.faces import Caller, Rooms

from api.ranges import Unsatisfiable, wanted_range
from jobs.ids import new_id
from jobs.outcomes import Succeeded
from storage.memory import MemoryStore

CONTENT = bytes(range(256)) * 4


@pytest.fixture
def rooms(tmp_path: Path) -> Iterator[Rooms]:
    made = Rooms(tmp_path)
    yield made
    made.close()


@pytest.fixture
def caller(rooms: Rooms) -> Iterator[Caller]:
    made = Caller(rooms)
    yield made
    made.close()


def with_artifact(caller: Caller, name: str = "out.jsonl", *, media_type: str = "application/x-ndjson") -> str:
    """The address of an artifact of a fresh job."""
    job = caller.submit()
    made = caller.rooms.artifact(name, CONTENT, media_type=media_type)
    caller.rooms.run_step(job["id"], "parse", Succeeded(artifacts=(made,)))
    [listed] = caller.get(f"/v1/jobs/{job['id']}/artifacts").json()["items"]
    assert listed["name"] == name
    return str(listed["url"])


def test_artifact__whole(caller):
    """The bytes come with their digest as ETag, their type, and headers that keep browsers from guessing."""
    answer = caller.get(with_artifact(caller))
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-length"] == str(len(CONTENT))
    assert answer.headers["accept-ranges"] == "bytes"
    assert len(answer.headers["etag"]) == 66


@pytest.mark.parametrize(
    ("header", "status", "expected", "says"),
    [
        ("bytes=0-9", 206, CONTENT[:10], "bytes 0-9/1024"),
        ("bytes=1000-", 206, CONTENT[1000:], "bytes 1000-1023/1024"),
        ("bytes=1000-99999", 206, CONTENT[1000:], "bytes 1000-1023/1024"),
        ("bytes=-24", 206, CONTENT[-24:], "bytes 1000-1023/1024"),
        ("bytes=-99999", 206, CONTENT, "bytes 0-1023/1024"),
        ("bytes=0-1,5-6", 200, CONTENT, None),
        ("bytes=9-1", 200, CONTENT, None),
        ("lines=1-2", 200, CONTENT, None),
    ],
)
def test_artifact__range(caller, header, status, expected, says):
    """One range is a 206 of exactly those bytes; what is no single range is the whole."""
    answer = caller.get(with_artifact(caller), headers={"Range": header})
    assert (answer.status_code, answer.content, answer.headers.get("content-range")) == (status, expected, says)


@pytest.mark.parametrize("header", ["bytes=1024-", "bytes=-0"])
def test_artifact__range_outside(caller, header):
    """A range outside of the bytes is a 416 that tells their number."""
    answer = caller.get(with_artifact(caller), headers={"Range": header})
    assert (answer.status_code, answer.json()["code"]) == (416, "artifact.range")
    assert answer.headers["content-range"] == "bytes */1024"


def test_artifact__conditions(caller):
    """If-None-Match saves the bytes; If-Range with another ETag gives the whole instead of a part."""
    url = with_artifact(caller)
    etag = caller.get(url).headers["etag"]
    assert caller.get(url, headers={"If-None-Match": etag}).status_code == 304
    assert caller.get(url, headers={"Range": "bytes=0-0", "If-Range": etag}).status_code == 206
    assert caller.get(url, headers={"Range": "bytes=0-0", "If-Range": '"other"'}).status_code == 200


def test_artifact__head(caller):
    """HEAD answers the same headers without bytes."""
    url = with_artifact(caller)
    head, get = caller("HEAD", url), caller.get(url)
    same = ("content-length", "etag", "content-type", "content-disposition")
    assert head.content == b""
    assert [head.headers[name] for name in same] == [get.headers[name] for name in same]


@pytest.mark.parametrize(
    ("media_type", "kind"),
    [
        ("text/html", "attachment"),
        ("image/svg+xml", "attachment"),
        ("application/xml", "attachment"),
        ("application/pdf", "attachment"),
        ("model/gltf-binary", "attachment"),
        ("image/webp", "inline"),
        ("application/json", "inline"),
        ("text/plain; charset=utf-8", "inline"),
    ],
)
def test_artifact__active_content_is_downloaded(caller, media_type, kind):
    """What could run in a browser comes as an attachment, and everything within a sandbox policy."""
    answer = caller.get(with_artifact(caller, media_type=media_type))
    assert answer.headers["content-disposition"].startswith(f"{kind};")
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("name", ["pages/1 a.webp", 'quote".json', "ümläut.json", "a;x=1\t.json", "%2e%2e.json"])
def test_artifact__names_are_quoted(caller, name):
    """Any name finds its artifact again, and none breaks out of a header."""
    url = with_artifact(caller, name)
    answer = caller.get(url)
    assert answer.content == CONTENT
    assert answer.headers["content-disposition"].endswith(quote(name.rpartition("/")[2], safe=""))


def test_artifact__unknown(caller):
    """An artifact that the job lacks, and a job that is not there, are different 404s."""
    url = with_artifact(caller)
    assert caller.get(url + "x").json()["code"] == "artifact.not_found"
    assert caller.get(url + "%00").json()["code"] == "artifact.not_found"
    assert caller.get(f"/v1/jobs/{new_id()}/artifacts/a").json()["code"] == "job.not_found"


class Linking(MemoryStore):
    """A store that has signed links, as S3 does."""

    def url(self, key: str, *, expires: float, file_name: str, media_type: str, attachment: bool) -> str | None:
        return f"https://objects.test/{key}?name={file_name}&attachment={attachment}&for={expires:g}&as={media_type}"


def test_artifact__signed_link_where_the_store_has_one(tmp_path):
    """A store with signed links gets its own traffic: 302 to a link that says name and disposition."""
    rooms = Rooms(tmp_path, store=Linking())
    caller = Caller(rooms)
    try:
        answer = caller.get(with_artifact(caller, "a.html", media_type="text/html"))
        assert answer.status_code == 302
        assert "name=a.html&attachment=True" in answer.headers["location"]
        assert answer.headers["cache-control"] == "no-store"
    finally:
        caller.close()
        rooms.close()


def test_ranges__of_nothing():
    """An empty artifact has no range that could be satisfied, and a whole."""
    assert wanted_range(None, size=0) is None
    with pytest.raises(Unsatisfiable):
        wanted_range("bytes=0-", size=0)
