"""The owner's price table from Python and from the command line, against a small server of its own."""

import json
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
import typer
from support.command_line import heavylift, heavylift_here
from support.fake_server import FakeServer, told

import cli.server
from cli.exits import CommandError
from cli.price_commands import prices_clear, prices_import, prices_list
from client import Client, Rejected

ROW = {
    "part_num": "3001",
    "color_id": 5,
    "condition": "N",
    "currency": "EUR",
    "unit_price": "0.2500",
    "as_of": "2026-01-02",
}
ANY = ROW | {"part_num": "3002", "color_id": None, "condition": None, "unit_price": "0.0000001"}
TABLE = {"rows": 2, "parts": 2, "currencies": {"EUR": 2}}
WRONG = {
    "code": "prices.invalid",
    "detail": "5 things are wrong.",
    "count": 5,
    "issues": [
        {"row": 1, "line": 2, "column": "unit_price", "code": "price.not_decimal", "message": "No number.", "value": "1,5",
         "expected": "0.25", "suggestions": ["1.5"]},
        {"row": None, "line": None, "column": None, "code": "encoding.invalid", "message": "Not UTF-8.", "value": None,
         "expected": "UTF-8", "suggestions": []},
    ],
}  # fmt: skip


@pytest.fixture
def server(monkeypatch) -> Iterator[FakeServer]:
    with tempfile.TemporaryDirectory(prefix="hl-") as folder:
        fake = FakeServer(Path(folder) / "s")
        monkeypatch.setattr(cli.server, "Client", lambda _url: fake.client())
        yield fake
        fake.close()


@pytest.fixture
def client(server: FakeServer) -> Iterator[Client]:
    with server.client() as found:
        yield found


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "prices.csv"
    path.write_text("part_num,currency,unit_price\n3001,EUR,0.25\n")
    return path


def test_put_prices__sends_the_file(client, server, table):
    """The CSV goes as it is, and is sent again where the line broke: a put is the same twice."""
    server.on("PUT /v1/prices", None, told(TABLE))
    found = client.put_prices(table)
    assert (found.rows, found.parts, found.currencies) == (2, 2, {"EUR": 2})
    assert [(call[2]["Content-Type"], call[3]) for call in server.seen] == [("text/csv", table.read_bytes())] * 2


def test_put_prices__wrong_rows_are_in_the_error(client, server, table):
    """What the server says about each row is in the error's body."""
    server.on("PUT /v1/prices", told(WRONG, 422))
    with pytest.raises(Rejected) as refused:
        client.put_prices(table)
    assert [one["code"] for one in refused.value.body["issues"]] == ["price.not_decimal", "encoding.invalid"]


def test_prices__follow_cursors(client, server):
    """Pages are fetched as they are needed, prices are exact."""
    server.on("GET /v1/prices", told({"items": [ROW], "next_cursor": "c"}), told({"items": [ANY], "next_cursor": None}))
    first, second = client.prices(part_num="3001")
    assert (first.unit_price, second.unit_price, second.color_id) == (Decimal("0.25"), Decimal("1E-7"), None)
    assert [httpx.URL(path).params.get("cursor") for _, path, _, _ in server.seen] == [None, "c"]


def test_clear_prices__tells_how_many(client, server):
    """The count of removed rows comes back."""
    server.on("DELETE /v1/prices", told({"removed": 7}))
    assert client.clear_prices() == 7


def test_import__prints_the_rows(server, table, capsys):
    """The number of rows is the result, the currencies are for a person; --json gives the whole answer."""
    server.on("PUT /v1/prices", told(TABLE))
    prices_import(table)
    said = capsys.readouterr()
    assert (said.out, said.err) == ("2\n", "2 in EUR\n")
    prices_import(table, json=True)
    assert json.loads(capsys.readouterr().out) == TABLE


def test_import__tells_every_wrong_row(server, table, capsys):
    """Wrong rows are listed with line, column, value and what was meant; exit code 1; --json gives one line for each."""
    server.on("PUT /v1/prices", told(WRONG, 422))
    with pytest.raises(typer.Exit) as ended:
        prices_import(table)
    said = capsys.readouterr()
    assert (ended.value.exit_code, said.out) == (1, "")
    assert "line 2, unit_price '1,5': No number. Expected: 0.25; did you mean 1.5?" in said.err
    assert "file: Not UTF-8." in said.err
    assert "5 things are wrong. 3 more are not shown." in said.err
    with pytest.raises(typer.Exit):
        prices_import(table, json=True)
    assert [json.loads(line)["code"] for line in capsys.readouterr().out.splitlines()] == [
        "price.not_decimal",
        "encoding.invalid",
    ]


def test_import__other_refusals_are_commands_errors(server, table):
    """What is wrong with the request itself ends as with every other command."""
    server.on("PUT /v1/prices", told({"code": "request.malformed", "detail": "too large"}, 400))
    with pytest.raises(CommandError, match="too large"):
        prices_import(table)


def test_list__one_line_for_each(server, capsys):
    """Each row is one line, without exponents; --json gives the row as it came."""
    server.on("GET /v1/prices", told({"items": [ROW, ANY], "next_cursor": None}))
    prices_list()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [
        ["3001", "5", "N", "0.2500", "EUR"],
        ["3002", "any", "-", "0.0000001", "EUR"],
    ]
    prices_list(part="3001", json=True)
    assert json.loads(capsys.readouterr().out.splitlines()[0]) == ROW


def test_clear__prints_how_many(server, capsys):
    """The number of removed rows is the result."""
    server.on("DELETE /v1/prices", told({"removed": 7}))
    prices_clear()
    prices_clear(json=True)
    assert capsys.readouterr().out == '7\n{"removed":7}\n'


@pytest.mark.parametrize("command", ["prices list", "prices clear"])
@pytest.mark.usefixtures("socket_enabled")  # for a port that nobody listens on
def test_prices__nobody_there(command, monkeypatch, capsys):
    """No server is exit code 3 and what to do."""
    code = heavylift_here(monkeypatch, *command.split(), HEAVYLIFT_URL="http://127.0.0.1:1")
    out, err = capsys.readouterr()
    assert (code, out) == (3, "")
    assert "heavylift up" in err


def test_import__a_file_that_is_not_there():
    """A missing file is exit code 2, with no server needed."""
    ended = heavylift("prices", "import", "nothing.csv", HEAVYLIFT_URL="http://127.0.0.1:1")
    assert (ended.returncode, "nothing.csv is not a file" in ended.stderr) == (2, True)
