"""Price services over real connections to a loopback server that misbehaves in every way we could think of."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support.context import FolderContext
from support.price_service import (
    PriceService,
    breaks_off,
    drips,
    drips_its_body,
    drops,
    floods,
    gibberish,
    guide,
    hangs,
    says,
    slow,
)
from support.sample_jobs import sample_job

from catalog.prices.bricklink import BrickLink, BrickLinkSettings
from catalog.prices.calls import Calls, Pace, Reply, Unanswered
from catalog.prices.chain import Chain
from catalog.prices.line import Hosts, HttpLine
from catalog.prices.memory import MemoryDays, MemoryShelf
from catalog.prices.oauth import Credentials
from catalog.prices.port import Away, PriceKey, Reason
from catalog.prices.remote import RemotePrices
from config.settings import PriceSettings
from jobs.errors import ConfigurationError
from ledger import Ledger
from lists.cost import PRICES, price
from workers.prices import PriceDesk

KEY = PriceKey("3001", 5, "N", "EUR", bricklink_id="3001", bricklink_color=7)
SHORT = 0.5  # seconds that a call may take here, in place of five


@pytest.fixture
def service() -> Iterator[PriceService]:
    made = PriceService(says({"price": "0.25"}))
    yield made
    made.close()


@pytest.fixture
def line() -> Iterator[HttpLine]:
    made = HttpLine(Hosts(["127.0.0.1"]))
    yield made
    made.close()


def fetched(line: HttpLine, url: str, *, most: int = 100_000) -> Reply | Reason:
    """The reply, or why there is none."""
    try:
        return line.get(url, headers={}, timeout=SHORT, most=most)
    except Unanswered as wrong:
        return wrong.reason


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (hangs, Reason.TIMEOUT),
        (drips, Reason.TIMEOUT),
        (drips_its_body, Reason.TIMEOUT),
        (drops, Reason.UNREACHABLE),
        (breaks_off, Reason.UNREACHABLE),
        (gibberish, Reason.UNREACHABLE),
        (floods, Reason.MALFORMED),
        (says(b" " * 100_001), Reason.MALFORMED),
        (says(b"", 302, Location="http://127.0.0.1:1/"), Reason.REFUSED),
        (says(b"", 307, Location="http://169.254.169.254/"), Reason.REFUSED),
    ],
)
def test_line__misbehaviour_is_a_reason(service, line, act, reason):
    """Whatever a server does, a call ends in time with a reason, and the line goes on to work."""
    service.acts = [act, says(b"well")]
    assert fetched(line, service.url) is reason
    assert fetched(line, service.url).body == b"well"
    assert len(service.seen) == 2  # no redirect was followed, nothing was asked twice


def test_line__a_reply_is_as_it_came(service, line):
    """Status, headers and body of an answer that is no success, too."""
    service.acts = [says(b"busy", 503, Retry_After="7")]
    found = fetched(line, f"{service.url}/a?b=c")
    assert (found.status, found.headers["retry-after"], found.body) == (503, "7", b"busy")
    path, headers = service.seen[0]
    assert (path, headers["Host"], headers["Accept"]) == ("/a?b=c", f"127.0.0.1:{service.port}", "application/json")


def test_line__nobody_listens(line):
    """A port without a server is unreachable."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert fetched(line, f"http://127.0.0.1:{port}/") is Reason.UNREACHABLE


@pytest.mark.parametrize("listed", [[], ["prices.test"], ["10.0.0.0/8"]])
def test_line__loopback_only_where_it_is_listed(service, listed):
    """An address that is not listed is never connected to."""
    line = HttpLine(Hosts(listed))
    assert fetched(line, service.url) is Reason.REFUSED
    line.close()
    assert service.seen == []


def test_line__a_name_that_leads_to_a_private_address(service, monkeypatch):
    """A listed name is refused where it resolves to this machine, unless that address is listed as well."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", service.port))]
    monkeypatch.setattr("catalog.prices.line.socket.getaddrinfo", lambda *_, **__: found)
    url = f"http://prices.test:{service.port}/"
    for listed, answer in ((["prices.test"], Reason.REFUSED), (["prices.test", "127.0.0.1"], 200)):
        line = HttpLine(Hosts(listed))
        got = fetched(line, url)
        assert (got.status if isinstance(got, Reply) else got) == answer
        line.close()
    assert len(service.seen) == 1


def test_line__a_name_that_does_not_resolve(monkeypatch):
    """No address is unreachable."""

    def nothing(*_: object, **__: object):
        raise socket.gaierror("unknown")

    monkeypatch.setattr("catalog.prices.line.socket.getaddrinfo", nothing)
    line = HttpLine(Hosts(["prices.test"]))
    assert fetched(line, "http://prices.test/") is Reason.UNREACHABLE
    line.close()


def test_line__connections_are_kept(service, line):
    """Many threads at once use four connections at most, and each gets its own answer."""
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda n: fetched(line, f"{service.url}/{n}"), range(40)))
    assert {one.status for one in found} == {200}
    assert {path for path, _ in service.seen} == {f"/{n}" for n in range(40)}
    assert service.most_at_once <= 4


def bricklink(service: PriceService, line: HttpLine) -> RemotePrices:
    secrets = Credentials(consumer_key="a", consumer_secret="b", token="c", token_secret="d")
    settings = BrickLinkSettings(credentials=secrets, currency="EUR", base=f"{service.url}/api/store/v1")
    calls = Calls(
        "bricklink", line=line, days=MemoryDays(), pace=Pace(per_second=1000.0, per_day=1000), sleep=lambda _: None
    )
    return RemotePrices(BrickLink(settings), calls=calls, shelf=MemoryShelf())


@pytest.mark.parametrize(
    ("acts", "found"),
    [
        ([says(guide("0.5000"))], "0.5"),
        ([says(guide(code=500)), says(guide("0.5000"))], "0.5"),
        ([says(b"", 500), says(b"", 429, Retry_After="1"), says(guide("0.5000"))], "0.5"),
        ([says(b"", 500)], Reason.BUSY),
        ([says(guide(code=401))], Reason.REFUSED),
        ([says(b"{")], Reason.MALFORMED),
        ([says(b"<html>login</html>")], Reason.MALFORMED),
        ([drops], Reason.UNREACHABLE),
        ([says(guide(code=404))], None),
        ([says(guide("0.0000"))], None),
    ],
)
def test_bricklink__over_a_real_line(service, line, acts, found):
    """Busy answers are tried again, others not; each request is signed; a code in the envelope counts with status 200."""
    service.acts = acts
    answer = bricklink(service, line).quote([KEY]).get(KEY)
    assert found == (answer.reason if isinstance(answer, Away) else answer and str(answer.unit))
    signatures = [headers["Authorization"] for _, headers in service.seen]
    assert all(one.startswith('OAuth oauth_consumer_key="a"') for one in signatures)
    assert len(set(signatures)) == len(signatures)


def test_remote__four_at_once(service, line):
    """However many parts are asked for, a service sees four calls at once at most."""
    service.acts = [slow(says(guide("1.0000")))]
    keys = [KEY._replace(bricklink_id=f"p{n}") for n in range(60)]
    assert len(bricklink(service, line).quote(keys)) == 60
    assert 1 < service.most_at_once <= 4


def settings_for(service: PriceService, **more: Any) -> PriceSettings:
    url = f"{service.url}/prices?part={{part_num}}&color={{color_id}}"
    given = {"http_json_url": url, "http_json_hosts": "127.0.0.1", "http_json_secret": "Bearer s3cret"}
    return PriceSettings(**(given | {"http_json_per_second": 1000.0} | more))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    made.migrate()
    yield made
    made.close()


def priced(folder: Path, chain: Chain, *parts: str) -> FolderContext:
    """The step, run on a list of these parts."""
    ctx = FolderContext(folder, folder / "none", kind="bricklink-xml")
    lots = [{"row": n, "qty": 2, "part_num": part, "color_id": 5, "condition": "N"} for n, part in enumerate(parts, 1)]
    (ctx.artifacts / "lots.jsonl").write_text("".join(json.dumps(lot) + "\n" for lot in lots))
    price(ctx, prices=chain)
    return ctx


def test_desk__from_settings_to_a_cost(service, ledger, tmp_path):
    """A service that is set up is asked once for each part, with its secret; workers share cache and count."""
    job = sample_job()
    ctx = priced(tmp_path / "a", PriceDesk(settings_for(service), ledger).source(job), "3001", "3002")
    assert ctx.facts["cost"]["currencies"] == {"EUR": {"total": "1.00", "lots": 2}}
    assert ctx.facts["cost"]["sources"] == {"http-json": 2}
    assert {headers["Authorization"] for _, headers in service.seen} == {"Bearer s3cret"}
    again = priced(tmp_path / "b", PriceDesk(settings_for(service), ledger).source(job), "3001", "3002")
    assert again.lines(PRICES) == ctx.lines(PRICES)
    assert len(service.seen) == 2


def test_desk__a_service_that_is_down_leaves_a_partial_cost(service, ledger, tmp_path):
    """The step succeeds with what is known, says why the rest is not, and soon asks no more."""
    service.acts = [says({"price": "0.25"}), drops]
    chain = PriceDesk(settings_for(service), ledger).source(sample_job())
    ctx = priced(tmp_path / "a", chain, *(f"p{n}" for n in range(50)))
    cost = ctx.facts["cost"]
    assert (cost["status"], cost["priced"], cost["unpriced"], cost["unasked"]) == ("partial", 1, 49, 49)
    assert cost["currencies"] == {"EUR": {"total": "0.50", "lots": 1}}
    assert cost["reason"] == "service_down"
    assert [code for code, _ in ctx.warnings] == ["cost.partial"]
    assert len(service.seen) < 12


def test_desk__a_day_without_calls_left(service, ledger, tmp_path):
    """The limit of a day holds over workers, and leaves a partial cost."""
    settings = settings_for(service, http_json_per_day=3)
    for folder, found in (("a", (3, 2)), ("b", (3, 2))):  # the second finds three in the cache, and no call left
        ctx = priced(tmp_path / folder, PriceDesk(settings, ledger).source(sample_job()), *"pqrst")
        cost = ctx.facts["cost"]
        assert (cost["priced"], cost["unasked"], cost["reason"]) == (*found, "daily_limit")
    assert len(service.seen) == 3


def test_desk__settings_that_cannot_work_fail_at_start(service, ledger):
    """A host that is not listed, half of BrickLink's secrets, an unknown source: each is refused with its cure."""
    for wrong, cure in (
        (settings_for(service, http_json_hosts=""), "HEAVYLIFT_PRICE_HTTP_JSON_HOSTS"),
        (PriceSettings(bricklink_token="t"), "HEAVYLIFT_PRICE_BRICKLINK_CONSUMER_KEY"),
        (PriceSettings(sources="file,ebay"), "there is no price source 'ebay'"),
    ):
        with pytest.raises(ConfigurationError, match=cure):
            PriceDesk(wrong, ledger)
    whole = {f"bricklink_{name}": "x" for name in ("consumer_key", "consumer_secret", "token", "token_secret")}
    chain = PriceDesk(PriceSettings(**whole), ledger).source(sample_job())
    assert chain.sources == ("file", "table", "bricklink")
