"""What every price source promises, and what everything that keeps quotes and counts calls does."""

import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support.price_service import Hands, ScriptedLine, guide, reply
from support.sample_jobs import sample_job

from catalog.prices.bricklink import BrickLink, BrickLinkSettings
from catalog.prices.calls import Calls, Days, Pace, Unanswered
from catalog.prices.chain import Chain
from catalog.prices.http_json import HttpJson, HttpJsonSettings
from catalog.prices.line import Hosts
from catalog.prices.local import FilePrices, TablePrices, TableRow
from catalog.prices.memory import MemoryDays, MemoryShelf
from catalog.prices.oauth import Credentials
from catalog.prices.port import Away, PriceKey, PriceProvider, Quote, Reason
from catalog.prices.remote import Kept, RemotePrices, Shelf
from config.settings import PriceSettings
from ledger import Ledger, Price
from workers.prices import LedgerDays, LedgerShelf, PriceDesk

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
PRICED = PriceKey("3001", 5, "N", "EUR", "P", "3001", "3001", 7, Decimal("0.25"), "EUR")
UNPRICED = PRICED._replace(part_num="3002", raw_id="3002", bricklink_id="3002", file_price=None)
NAMELESS = PriceKey(None, None, None, None)
SECRETS = Credentials(consumer_key="a", consumer_secret="b", token="c", token_secret="d")


class ByPart:
    """A line that knows the price of 3001 alone, in the words of the service that asks."""

    def __init__(self, known: Any, unknown: Any) -> None:
        self.known, self.unknown = known, unknown
        self.seen: list[str] = []

    def get(self, url: str, **_: object):
        self.seen.append(url)
        return reply(self.known if "3001" in url else self.unknown)


def remote(service: Any, line: Any, *, shelf: Shelf | None = None, hands: Hands | None = None) -> RemotePrices:
    hands = hands or Hands()

    def now() -> datetime:
        return NOW + timedelta(seconds=hands.seconds - 1000)

    pace = Pace(per_second=1000.0, per_day=1000, burst=1000)
    calls = Calls(service.name, line=line, days=MemoryDays(), pace=pace, clock=hands, sleep=hands.sleep, now=now)
    return RemotePrices(service, calls=calls, shelf=shelf or MemoryShelf(), now=now)


def http_json() -> HttpJson:
    url = "https://prices.test/{part_num}/{color_id}"
    return HttpJson(HttpJsonSettings(url=url, hosts=Hosts(["prices.test"]), currency="EUR"))


def table() -> TablePrices:
    row = TableRow("3001", None, None, "EUR", Decimal("0.25"), NOW)
    return TablePrices(lambda names: [row] if "3001" in names else [], currency="EUR")


def over_http() -> RemotePrices:
    return remote(http_json(), ByPart({"price": "0.2500"}, {"price": "0.0000"}))


def over_bricklink() -> RemotePrices:
    line = ByPart(guide("0.2500"), guide(code=404))
    return remote(BrickLink(BrickLinkSettings(credentials=SECRETS, currency="EUR")), line)


PROVIDERS: dict[str, Callable[[], Any]] = {
    "file": FilePrices,
    "table": table,
    "http-json": over_http,
    "bricklink": over_bricklink,
    "chain": lambda: Chain([table(), over_http(), over_bricklink()]),
}


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> PriceProvider:
    return PROVIDERS[request.param]()


def test_provider__knows_a_price(provider):
    """A key that has a price gets its exact unit, currency and source."""
    found = provider.quote([PRICED])[PRICED]
    assert (found.unit, found.currency, found.stale) == (Decimal("0.25"), "EUR", False)
    assert found.source == getattr(provider, "name", "table")


def test_provider__leaves_out_what_has_none(provider):
    """A key without a price is not in the answer, and neither is one that it has no words for; never a zero."""
    found = provider.quote([UNPRICED, NAMELESS])
    assert found == {}


def test_provider__answers_keys_that_repeat(provider):
    """Repeats, an empty order and a mixed one are all right; nothing is answered that was not asked."""
    assert provider.quote([]) == {}
    assert list(provider.quote([PRICED, UNPRICED, PRICED])) == [PRICED]


def test_provider__answers_the_same_again(provider):
    """Asked once more, from a cache or not, the answer is the same."""
    assert provider.quote([PRICED, UNPRICED]) == provider.quote([PRICED, UNPRICED])


def test_provider__is_shared_by_threads(provider):
    """Many threads at once get the same answer each."""
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: provider.quote([PRICED, UNPRICED]), range(24)))
    assert all(list(one) == [PRICED] for one in answers)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def keeper(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger | None]:
    """The ledger that keeps quotes and counts, on each back end in turn; None: they are kept in memory."""
    if request.param == "memory":
        yield None
        return
    if request.param == "sqlite":
        made = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    else:
        made = Ledger(request.getfixturevalue("postgres_ledger_url"), db_schema=f"t{secrets.token_hex(6)}")
    made.migrate()
    yield made
    made.close()


@pytest.fixture
def shelf(keeper: Ledger | None) -> Shelf:
    return LedgerShelf(keeper) if keeper else MemoryShelf()


@pytest.fixture
def days(keeper: Ledger | None) -> Days:
    return LedgerDays(keeper) if keeper else MemoryDays()


def kept(unit: str | None, *, age: float = 0.0) -> Kept:
    at = NOW - timedelta(seconds=age)
    return Kept({"unit": unit, "n": None} if unit else None, at, at + timedelta(hours=1))


def test_shelf__gives_back_what_was_kept(shelf):
    """Rows come back as they were, for their own service; a newer one takes an older one's place."""
    shelf.keep("a", {"k1": kept("1", age=5), "k2": kept(None), "schlüssel|%20": kept("3")})
    shelf.keep("b", {"k1": kept("9")})
    shelf.keep("a", {"k1": kept("2")})
    assert shelf.kept("a", ["k1", "k2", "schlüssel|%20", "k4"]) == {
        "k1": kept("2"),
        "k2": kept(None),
        "schlüssel|%20": kept("3"),
    }
    assert shelf.kept("a", []) == {}


def test_shelf__many_at_once(shelf):
    """More keys than fit one statement."""
    rows = {f"k{n}": kept(str(n)) for n in range(1203)}
    shelf.keep("a", rows)
    assert shelf.kept("a", list(rows)) == rows


def test_shelf__two_workers_keep_the_same_key(shelf):
    """Writers of one key do not fail; one of them is kept."""
    gate = threading.Barrier(4)

    def write(n: int) -> None:
        gate.wait()
        shelf.keep("a", {f"k{k}": kept(str(n)) for k in range(20)})

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))
    assert len(shelf.kept("a", [f"k{k}" for k in range(20)])) == 20


def test_days__count_up_to_the_limit(days):
    """Calls are counted by service and day, and refused beyond the limit without being counted."""
    assert [days.take_call("a", day="2026-11-26", most=2) for _ in range(4)] == [True, True, False, False]
    assert days.take_call("a", day="2026-11-27", most=2)
    assert days.take_call("b", day="2026-11-26", most=2)
    assert days.take_call("a", day="2026-11-26", most=3)
    assert not days.take_call("c", day="2026-11-26", most=0)


def test_days__threads_do_not_overdraw(days):
    """Of many at once exactly as many get a call as there are."""
    with ThreadPoolExecutor(8) as threads:
        given = list(threads.map(lambda _: days.take_call("a", day="2026-11-26", most=10), range(24)))
    assert sum(given) == 10


def test_remote__fresh_answers_are_not_asked_again(shelf):
    """A price is used for a day, that there is none for an hour; then the service is asked again."""
    hands, line = Hands(), ByPart({"price": "1"}, {"price": 0})
    provider = remote(http_json(), line, shelf=shelf, hands=hands)

    def asked() -> list[str]:
        line.seen.clear()
        provider.quote([PRICED, UNPRICED])
        return sorted(url.rsplit("/")[-2] for url in line.seen)

    assert asked() == ["3001", "3002"]
    assert asked() == []
    hands.seconds += 3601
    assert asked() == ["3002"]
    hands.seconds += 23 * 3600
    assert asked() == ["3001", "3002"]


def test_remote__keys_of_one_question_are_asked_once():
    """What makes no difference to a service makes no second call."""
    line = ByPart({"price": "1"}, {"price": 0})
    keys = [PRICED, PRICED._replace(raw_id="else"), PRICED._replace(file_price=None)]
    found = remote(http_json(), line).quote(keys)
    assert (len(found), len(line.seen)) == (3, 1)


def test_remote__an_old_price_is_better_than_none(shelf):
    """Where the service does not answer, a price past its time is shown as stale, for a month; then it is away."""
    hands, line = Hands(), ScriptedLine(reply({"price": "1"}), Unanswered(Reason.TIMEOUT))
    provider = remote(http_json(), line, shelf=shelf, hands=hands)
    provider.quote([PRICED])
    hands.seconds += 25 * 3600
    found = provider.quote([PRICED, UNPRICED])
    assert (found[PRICED].unit, found[PRICED].stale) == (Decimal(1), True)
    assert found[UNPRICED] == Away(source="http-json", reason=Reason.TIMEOUT)
    hands.seconds += 30 * 86400
    assert isinstance(provider.quote([PRICED])[PRICED], Away)


def test_remote__failures_are_not_kept():
    """Once the service answers again, it is asked again."""
    line = ScriptedLine(Unanswered(Reason.TIMEOUT), reply({"price": "1"}))
    provider = remote(http_json(), line)
    assert isinstance(provider.quote([PRICED])[PRICED], Away)
    assert isinstance(provider.quote([PRICED])[PRICED], Quote)


def test_remote__a_service_that_is_down_costs_five_calls():
    """A list of a hundred parts meets an open breaker soon, and every part says why it has no price."""
    line = ScriptedLine(Unanswered(Reason.UNREACHABLE))
    keys = [PRICED._replace(part_num=f"p{n}") for n in range(100)]
    found = remote(http_json(), line).quote(keys)
    assert len(found) == 100
    assert 5 <= len(line.seen) <= 8  # four are under way at once
    assert {answer.reason for answer in found.values()} == {Reason.UNREACHABLE, Reason.SERVICE_DOWN}


class Stopped(Exception):
    """What a watch raises."""


def test_remote__what_the_watch_raises_ends_it():
    """A cancelled job asks no further: what was not begun is not begun."""
    line = ByPart({"price": "1"}, {"price": 0})
    keys = [PRICED._replace(part_num=f"p{n}") for n in range(200)]

    def watch() -> None:
        raise Stopped

    with pytest.raises(Stopped):
        remote(http_json(), line).quote(keys, watch=watch)
    assert len(line.seen) < 100


def rows(*prices: tuple[str, int | None, str]) -> Sequence[Price]:
    return [Price(part, color, "N", "EUR", Decimal(unit)) for part, color, unit in prices]


def job_of(owner: str, **options: Any):
    return sample_job().evolve(owner=owner, options=options)


@pytest.fixture
def desk(ledger: Ledger) -> PriceDesk:
    ledger.put_prices("me", rows(("3001", 5, "0.30")))
    return PriceDesk(PriceSettings(), ledger)


def test_desk__an_owners_own_table(desk):
    """A job sees its own owner's table, after what the list says; services are off until they are set up."""
    table_only = PRICED._replace(file_price=None)
    mine, other = desk.source(job_of("me")), desk.source(job_of("you"))
    assert (mine.sources, mine.off) == (("file", "table"), ())
    assert mine.quote([PRICED])[PRICED].source == "file"
    assert mine.quote([table_only])[table_only].unit == Decimal("0.30")
    assert other.quote([table_only]) == {}


def test_desk__a_job_says_which_sources(desk):
    """The job's order wins; what is not set up here is told."""
    chain = desk.source(job_of("me", price_sources=["table", "bricklink", "file"]))
    assert (chain.sources, chain.off) == (("table", "file"), ("bricklink",))
    assert chain.quote([PRICED])[PRICED].source == "table"
