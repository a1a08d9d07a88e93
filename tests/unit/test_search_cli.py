"""Search from Python and from the command line: what is asked, how hits read, what is said beside them."""

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from support.command_line import heavylift_here
from support.fake_server import FakeServer, told

from cli import server as cli_server
from cli.finding import hit_lines, marked, summary_lines
from client import Client, FoundPage, Hit, Rejected

HIT = {
    "job_id": "j1",
    "artifact": "records.jsonl",
    "place": "row 7",
    "title": "Brick 2 x 4",
    "snippet": "a dark turquoise brick",
    "marks": [[2, 6], [7, 16]],
    "score": 2.5,
    "file_name": "falcon.xml",
    "kind": "bricklink-xml",
    "status": "succeeded",
}
PAGE = {"items": [HIT], "next_cursor": None, "total": 1, "facets": {}, "corrected": [], "degraded": False}


class Terminal(io.StringIO):
    """A stream that shows styles."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    with tempfile.TemporaryDirectory(prefix="hl-") as folder:
        fake = FakeServer(Path(folder) / "s")
        monkeypatch.setattr(cli_server, "Client", lambda _url: fake.client())
        yield fake
        fake.close()


@pytest.fixture
def client(server: FakeServer) -> Iterator[Client]:
    with server.client() as found:
        yield found


def asked(server: FakeServer, number: int = 0) -> dict[str, list[str]]:
    params = httpx.URL(server.seen[number][1]).params
    return {name: params.get_list(name) for name in params}


def test_search__sends_the_question_and_reads_the_answer(client, server):
    """Filters go by the names of the API, lists as repeated parameters; the answer comes as values."""
    server.on("GET /v1/search", told(PAGE | {"facets": {"kind": {"pdf": 2}}, "corrected": ["turqoise"]}))
    page = client.search(
        "turqoise", filters={"tag": ["a", "b"], "pieces_min": 5}, facets=["kind", "tag"], sort="newest"
    )
    assert asked(server) == {
        "q": ["turqoise"],
        "tag": ["a", "b"],
        "pieces_min": ["5"],
        "facet": ["kind,tag"],
        "sort": ["newest"],
        "limit": ["20"],
    }
    (hit,) = page.hits
    assert (hit.job_id, hit.place, hit.marks, hit.file_name, hit.raw) == (
        "j1",
        "row 7",
        ((2, 6), (7, 16)),
        "falcon.xml",
        HIT,
    )
    assert (page.total, page.facets, page.corrected, page.degraded) == (1, {"kind": {"pdf": 2}}, ("turqoise",), False)


def test_hits__come_page_after_page(client, server):
    """Pages are fetched as they are needed, the next one by the cursor of the one before; an empty page is no end."""
    pages = [PAGE | {"next_cursor": "c1"}, PAGE | {"items": [], "next_cursor": "c2"}, PAGE]
    server.on("GET /v1/search", *map(told, pages))
    assert [hit.job_id for hit in client.hits("brick")] == ["j1", "j1"]
    assert [asked(server, n).get("cursor") for n in range(3)] == [None, ["c1"], ["c2"]]


def test_search__a_query_that_can_t_be_meant(client, server):
    """The server's problem comes with code, position and cure."""
    problem = {"code": "search.query", "detail": "no", "position": 3, "cure": "Type more."}
    server.on("GET /v1/search", told(problem, 400))
    with pytest.raises(Rejected) as refused:
        client.search("a -")
    assert (refused.value.code, refused.value.body["position"], refused.value.body["cure"]) == (
        "search.query",
        3,
        "Type more.",
    )


def test_suggest__reads_suggestions(client, server):
    """Each has text, field and the number of jobs."""
    server.on("GET /v1/suggest", told({"items": [{"text": "3001", "field": "part", "jobs": 4}], "degraded": False}))
    (one,) = client.suggest("30", limit=3)
    assert (one.text, one.field, one.jobs) == ("3001", "part", 4)
    assert asked(server) == {"q": ["30"], "limit": ["3"]}


def test_command__words_alone_are_a_search(server, monkeypatch, capsys):
    """`heavylift search 'words'` asks with its filters; hits go to stdout, what is said of them to stderr."""
    server.on("GET /v1/search", told(PAGE | {"facets": {"kind": {"bricklink-xml": 1}}}))
    code = heavylift_here(
        monkeypatch,
        "search",
        "dark turquoise",
        "--kind",
        "pdf",
        "--kind",
        "stl",
        "--facet",
        "kind",
        "--since",
        "2026-01-01",
    )
    out, err = capsys.readouterr()
    assert (code, out.splitlines()) == (
        0,
        ["Brick 2 x 4  row 7  falcon.xml  succeeded  j1", "    a dark turquoise brick"],
    )
    assert err.splitlines() == ["1 of 1 places", "kind: bricklink-xml (1)"]
    assert asked(server) == {
        "q": ["dark turquoise"],
        "kind": ["pdf", "stl"],
        "created_from": ["2026-01-01"],
        "facet": ["kind"],
        "limit": ["20"],
    }


@pytest.mark.parametrize(
    ("words", "q"),
    [
        (["for", "status"], "status"),
        (["--kind", "pdf", "a"], "a"),
        (["--", "-brick red"], "-brick red"),
        (["dark", "red", "--json"], "dark red"),
        (["--tag", "x"], None),
    ],
)
def test_command__what_is_looked_for(server, monkeypatch, capsys, words, q):
    """Words like a command's name, options first, a leading -, and filters alone all can be asked."""
    server.on("GET /v1/search", told(PAGE))
    assert heavylift_here(monkeypatch, "search", *words) == 0
    assert asked(server).get("q") == ([q] if q else None)


def test_command__json_and_suggestions(server, monkeypatch, capsys):
    """--json gives each hit and suggestion as a line of JSON; plain suggestions are text, field and number."""
    server.on("GET /v1/search", told(PAGE))
    server.on("GET /v1/suggest", told({"items": [{"text": "3001", "field": "part", "jobs": 4}], "degraded": False}))
    assert heavylift_here(monkeypatch, "search", "brick", "--json") == 0
    assert '"marks":[[2,6],[7,16]]' in capsys.readouterr().out
    assert heavylift_here(monkeypatch, "suggest", "30") == 0
    assert capsys.readouterr().out == "3001\tpart\t4\n"


def test_command__what_is_refused_is_wrong_usage(server, monkeypatch, capsys):
    """A query that can't be meant is exit code 2 with the server's words."""
    server.on(
        "GET /v1/search", told({"code": "search.query", "detail": "A - stands alone, at character 3. Put it..."}, 400)
    )
    assert heavylift_here(monkeypatch, "search", "a -") == 2
    assert "at character 3" in capsys.readouterr().err


def test_marks__are_bold_on_a_terminal_alone(monkeypatch):
    """Words found are bold where a terminal shows it, plain elsewhere; marks that fit nowhere are passed over."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    text, marks = "a dark\x1b brick", ((2, 6), (4, 9), (90, 99))
    assert marked(text, marks, Terminal()) == "a \x1b[1mdark\x1b[0m? brick"
    assert marked(text, marks, io.StringIO()) == "a dark? brick"
    monkeypatch.setenv("NO_COLOR", "1")
    assert marked(text, marks, Terminal()) == "a dark? brick"


def test_lines__of_a_file_and_of_a_degraded_answer():
    """A file needs no place; an answer from the ledger says so, as do forgiven typos."""
    file = Hit.read(HIT | {"artifact": None, "place": "file", "snippet": ""})
    assert list(hit_lines(file, io.StringIO())) == ["Brick 2 x 4  falcon.xml  succeeded  j1"]
    page = FoundPage.read(PAGE | {"degraded": True, "total": None, "corrected": ["brikc"], "facets": {"tag": {}}})
    assert list(summary_lines(page)) == [
        "the index does not answer: these are files by parts of their names, tags and ids alone",
        "forgiving typos in: brikc",
        "tag: none",
    ]
