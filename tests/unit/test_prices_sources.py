"""What each price source asks and how it reads answers; the chain over them; amounts, signatures, allowed hosts."""

from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.price_service import guide, reply

from catalog.prices.bricklink import BrickLink, BrickLinkSettings
from catalog.prices.calls import Unanswered
from catalog.prices.chain import Chain, chain_of
from catalog.prices.http_json import HttpJson, HttpJsonSettings
from catalog.prices.line import Hosts
from catalog.prices.local import FilePrices, TablePrices, TableRow
from catalog.prices.oauth import Credentials, authorization, base_string, signed
from catalog.prices.port import Away, Kind, PriceKey, Quote, Reason, amount, currency_code, plain
from jobs.errors import ConfigurationError

NOW = datetime(2026, 11, 26, tzinfo=UTC)
RFC = Credentials(
    consumer_key="dpf43f3p2l4k3l03",
    consumer_secret="kd94hf93k423kf44",
    token="nnch734d00sl2jdk",
    token_secret="pfkkdhi9sl3r4s00",
)
KEY = PriceKey("3001", 5, "N", "EUR", bricklink_id="3001", bricklink_color=7, raw_id="3001")


def http_json(
    url: str = "https://prices.test/v1?p={part_num}&c={color_id}&n={condition}&m={currency}", **more
) -> HttpJson:
    hosts = more.pop("hosts", ["prices.test"])
    return HttpJson(HttpJsonSettings(url=url, hosts=Hosts(hosts), **({"currency": "USD"} | more)))


def bricklink(**more) -> BrickLink:
    return BrickLink(BrickLinkSettings(credentials=RFC, currency="USD", **more), clock=lambda: 137131202)


def read(service, answer, key: PriceKey = KEY) -> Quote | Reason | None:
    """The quote, or why there is none."""
    try:
        return service.read(key, answer, now=NOW)
    except Unanswered as wrong:
        return wrong.reason


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("0.25", "0.25"), (".10", "0.10"), (" 1.5 ", "1.5"), ("1.", "1"), ("+3", "3"), (7, "7"), (Decimal("0.30"), "0.30"),
        (Decimal("1E+3"), "1000"), ("0.0000", None), ("0", None), (0, None), ("", None), (" ", None), ("-1", None),
        (-3, None), ("1e5", None), ("NaN", None), ("Infinity", None), ("1,5", None), ("1 000", None), ("\u0663", None),
        ("1_000", None), ("9" * 13, None), ("0." + "1" * 13, None), ("1.2.3", None), (".", None), (True, None), (None, None),
        (1.5, None), ([], None), (10**400, None), (Decimal("NaN"), None), (Decimal("1E+999999"), None), ("1" * 10**6, None),
        (Decimal("1E-999999"), None),
    ],
)  # fmt: skip
def test_amount__missing_is_never_zero(value, found):
    """Only plain decimals above zero are prices; all else is missing, however large or strange."""
    assert amount(value) == (None if found is None else Decimal(found))


@given(st.decimals(min_value=0, max_value=10**6, places=4))
def test_amount__is_exact(value):
    """What is written as a decimal is read as that decimal, unless it is zero, and written again as the same."""
    found = amount(str(value))
    assert found == (value if value > 0 else None)
    assert Decimal(plain(value)) == value


@given(st.one_of(st.text(max_size=20), st.integers(), st.decimals(), st.floats(), st.none()))
def test_amount__is_above_zero_and_finite(value):
    """Whatever comes in, a price is above zero and below a million millions."""
    found = amount(value)
    assert found is None or 0 < found < 10**12


@pytest.mark.parametrize(
    ("value", "found"), [("eur", "EUR"), (" USD ", "USD"), ("EU", None), ("EURO", None), (5, None)]
)
def test_currency_code__three_letters(value, found):
    """A currency is three letters in whatever case."""
    assert currency_code(value) == found


def test_oauth__the_published_example():
    """RFC 5849, section 1.2: the signature of its second request comes out as printed there."""
    said = [
        ("oauth_consumer_key", RFC.consumer_key),
        ("oauth_token", RFC.token),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", "137131202"),
        ("oauth_nonce", "chapoH"),
    ]
    base = base_string("GET", "http://photos.example.net/photos?file=vacation.jpg&size=original", said)
    assert signed(base, RFC) == "MdpQcU8iPSUjWoN/UDMsK2sui9I="


def test_oauth__the_published_base_string():
    """RFC 5849, section 3.4.1.1: parameters are decoded, encoded, sorted and joined as printed there."""
    said = [
        ("oauth_consumer_key", "9djdj82h48djs9d2"),
        ("oauth_token", "kkk9d7dh3k39sjv7"),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", "137131201"),
        ("oauth_nonce", "7d8f3e4a"),
        ("c2", ""),
        ("a3", "2 q"),
    ]
    assert base_string("post", "HTTP://EXAMPLE.com:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b", said) == (
        "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D"
        "%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1"
        "%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
    )


def test_oauth__the_header_holds_no_secret():
    """Key, token and signature go over the line, the two secrets never; nor do they show in a log."""
    found = authorization("GET", "https://x.test/", credentials=RFC, nonce="n", timestamp=1)
    assert found.startswith('OAuth oauth_consumer_key="dpf43f3p2l4k3l03"')
    assert "kd94hf93k423kf44" not in found + repr(RFC)
    assert "pfkkdhi9sl3r4s00" not in found + repr(RFC)


def test_bricklink__asks_by_its_own_ids():
    """The item in BrickLink's color, condition and the wanted currency, signed anew each time."""
    service = bricklink()
    url = service.url(KEY)
    assert url == (
        "https://api.bricklink.com/api/store/v1/items/PART/3001/price"
        "?color_id=7&guide_type=stock&new_or_used=N&currency_code=EUR"
    )
    assert service.headers(url)["Authorization"] != service.headers(url)["Authorization"]


@pytest.mark.parametrize(
    ("key", "path"),
    [
        (KEY._replace(bricklink_id=None), None),
        (KEY._replace(bricklink_color=None), None),
        (KEY._replace(item_type="X"), None),
        (
            KEY._replace(item_type="M", bricklink_id="sw0001a", bricklink_color=None),
            "items/MINIFIG/sw0001a/price?guide_type",
        ),
        (KEY._replace(bricklink_id="a/../b?c"), "items/PART/a%2F..%2Fb%3Fc/price?color_id=7"),
        (KEY._replace(condition=None, currency=None), "new_or_used=N&currency_code=USD"),
    ],
)
def test_bricklink__skips_what_it_has_no_words_for(key, path):
    """Without its own id or color it is not asked; ids cannot leave their place in the path; defaults fill the gaps."""
    service = bricklink()
    assert (service.asks(key) is None) == (path is None)
    if path is not None:
        assert path in service.url(key)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (reply(guide("0.0000")), None),
        (reply(guide("-1")), None),
        (reply(guide(code=404)), None),
        (reply(guide(code=404), status=404), None),
        (reply(guide(code=401)), Reason.REFUSED),
        (reply(guide(code=400)), Reason.REFUSED),
        (reply(guide(), status=403), Reason.REFUSED),
        (reply(guide(code=503)), Reason.BUSY),
        (reply(guide(code=429)), Reason.BUSY),
        (reply(guide(currency="")), Reason.MALFORMED),
        (reply({"meta": {"code": 200}, "data": []}), Reason.MALFORMED),
        (reply({"meta": {"code": "200"}}), Reason.MALFORMED),
        (reply({"meta": 5}), Reason.MALFORMED),
        (reply([]), Reason.MALFORMED),
        (reply(b"<html>"), Reason.MALFORMED),
        (reply(b"[" * 100_000), Reason.MALFORMED),
        (reply(b"\xff"), Reason.MALFORMED),
        (reply(b"NaN"), Reason.MALFORMED),
    ],
)
def test_bricklink__the_envelope_is_looked_into(answer, found):
    """`meta.code` counts, whatever the status is; zeros are missing; what is not as agreed is no answer."""
    assert read(bricklink(), answer) == found


def test_bricklink__a_quote():
    """The average weighted by pieces, exact, with its currency and how many pieces it is made from."""
    found = read(bricklink(guide="sold"), reply(guide("0.1234")))
    assert found == Quote(unit=Decimal("0.1234"), currency="EUR", source="bricklink", kind=Kind.SOLD, as_of=NOW, n=57)
    assert Quote.from_json(found.to_json()) == found


def test_http_json__fills_the_template():
    """Fields are percent-encoded; what a list does not say is empty, the currency is the default one."""
    service = http_json(header="X-Key", secret="s3")
    assert service.url(KEY._replace(part_num="a/b&c ä")) == "https://prices.test/v1?p=a%2Fb%26c%20%C3%A4&c=5&n=N&m=EUR"
    assert service.url(KEY._replace(condition=None, currency=None)).endswith("n=&m=USD")
    assert service.headers("")["X-Key"] == "s3"
    assert service.asks(KEY._replace(part_num=None)) is None
    assert service.asks(KEY._replace(color_id=None)) is None
    assert http_json("https://prices.test/{part_num}").asks(KEY._replace(color_id=None)) is not None


def test_http_json__another_template_is_another_question():
    """Answers of one service are not taken for those of another one."""
    assert http_json().asks(KEY) != http_json("https://prices.test/{part_num}").asks(KEY)


@pytest.mark.parametrize(
    ("answer", "more", "found"),
    [
        (reply(b'{"price": 0.1}'), {}, ("0.1", "EUR")),
        (reply({"price": "0.2500"}), {}, ("0.25", "EUR")),
        (reply({"a": [{"x/y": 3}]}), {"price": "/a/0/x~1y"}, ("3", "EUR")),
        (reply({"price": 1, "cur": "usd"}), {"currency_pointer": "/cur"}, ("1", "USD")),
        (reply({"price": 1}), {"currency_pointer": "/cur"}, Reason.MALFORMED),
        (reply({"price": 0}), {}, None),
        (reply({"price": None}), {}, None),
        (reply({}), {}, None),
        (reply({"price": True}), {}, None),
        (reply(b'{"price": 1e999999999999999999999}'), {}, None),
        (reply(b'{"price": 1E-999999}'), {}, None),
        (reply([1]), {"price": "/99999999999"}, None),
        (reply(b"gone", status=404), {}, None),
        (reply(b"", status=401), {}, Reason.REFUSED),
        (reply(b"", status=204), {}, Reason.REFUSED),
        (reply(b'{"price": NaN}'), {}, Reason.MALFORMED),
        (reply(b"not json"), {}, Reason.MALFORMED),
    ],
)
def test_http_json__reads_by_pointer(answer, more, found):
    """Price and currency are where the pointers lead, exact; a number in nobody knows which money is no price."""
    got = read(http_json(**more), answer)
    assert found == ((plain(got.unit), got.currency) if isinstance(got, Quote) else got)


@pytest.mark.parametrize(
    ("settings", "cure"),
    [
        ({"url": "https://{part_num}.test/"}, "the host is fixed"),
        ({"url": "https://other.test/{part_num}"}, "add it there"),
        ({"url": "ftp://prices.test/"}, "should read https"),
        ({"url": "https://me:secret@prices.test/"}, "without a name or password"),
        ({"url": "https://prices.test/{part}"}, "'part' is no field"),
        ({"url": "https://prices.test/{part_num.__class__}"}, "is no field"),
        ({"url": "https://prices.test/{part_num!r}"}, "is no field"),
        ({"url": "https://prices.test/{part_num:>99999999}"}, "is no field"),
        ({"url": "https://prices.test/{"}, "for a brace"),
        ({"price": "price"}, "begins with a slash"),
        ({"header": "a b", "secret": "x"}, "no HTTP header"),
        ({"header": "a", "secret": "x\r\nHost: y"}, "no HTTP header"),
    ],
)
def test_http_json__mistakes_fail_with_their_cure(settings, cure):
    """What cannot work is refused when the worker starts, and the message says what to do."""
    with pytest.raises(ConfigurationError, match=cure):
        http_json(**settings)


@pytest.mark.parametrize(
    ("listed", "host", "address", "allowed"),
    [
        (["prices.test"], "prices.test", "93.184.216.34", True),
        (["prices.test"], "PRICES.test.", "93.184.216.34", True),
        (["prices.test"], "evil.test", "93.184.216.34", False),
        (["prices.test"], "prices.test", "127.0.0.1", False),
        (["prices.test"], "prices.test", "10.1.2.3", False),
        (["prices.test"], "prices.test", "169.254.169.254", False),
        (["prices.test"], "prices.test", "100.64.0.1", False),
        (["prices.test"], "prices.test", "0.0.0.0", False),
        (["prices.test"], "prices.test", "224.0.0.1", False),
        (["prices.test"], "prices.test", "::1", False),
        (["prices.test"], "prices.test", "fd00::1", False),
        (["prices.test"], "prices.test", "::ffff:127.0.0.1", False),
        (["prices.test"], "prices.test", "::ffff:93.184.216.34", True),
        (["prices.test"], "prices.test", "64:ff9b::7f00:1", False),
        (["prices.test"], "prices.test", "2002:7f00:1::", False),
        (["prices.test"], "prices.test", "2606:2800:220:1::1", True),
        (["prices.test", "10.0.0.0/8"], "prices.test", "10.1.2.3", True),
        (["prices.test", "10.0.0.0/8"], "prices.test", "192.168.0.1", False),
        (["localhost"], "localhost", "127.0.0.1", True),
        (["localhost"], "localhost", "10.0.0.1", False),
        (["127.0.0.1"], "127.0.0.1", "127.0.0.1", True),
        (["[::1]"], "[::1]", "::1", True),
        ([], "prices.test", "93.184.216.34", False),
    ],
)
def test_hosts__private_addresses_only_where_listed(listed, host, address, allowed):
    """A name has to be listed, and what it resolves to be public or listed itself, however it is wrapped."""
    hosts = Hosts(listed)
    assert (hosts.allows(host) and hosts.allows_address(ip_address(address))) is allowed


def row(
    unit: str, *, part: str = "3001", color: int | None = None, condition: str | None = None, currency: str = "EUR"
):
    return TableRow(part, color, condition, currency, Decimal(unit), NOW)


@pytest.mark.parametrize(
    ("key", "unit"),
    [
        (KEY, "1"),
        (KEY._replace(condition="U"), "2"),
        (KEY._replace(condition=None), "2"),
        (KEY._replace(color_id=9), "3"),
        (KEY._replace(color_id=None), "3"),
        (KEY._replace(currency="USD"), "4"),
        (KEY._replace(currency=None), "1"),
        (KEY._replace(currency="GBP"), "1"),
        (KEY._replace(part_num="x"), "1"),
        (KEY._replace(part_num="x", raw_id="y", bricklink_id=None), None),
        (KEY._replace(part_num=None, bricklink_id=None, raw_id="CAP-100N"), "5"),
    ],
)
def test_table__the_row_that_says_most(key, unit):
    """Its own currency first, then its own color, then its condition; found by whoever's number the table uses."""
    rows = [
        row("3"),
        row("1", color=5, condition="N"),
        row("2", color=5),
        row("4", currency="USD"),
        row("5", part="cap-100n"),
        row("7", color=5, condition="U", currency="CHF"),
        row("0", color=5, condition="N", currency="GBP"),
    ]
    table = TablePrices(lambda names: [one for one in rows if one.part_num in names], currency="EUR")
    found = table.quote([key])
    assert (plain(found[key].unit) if key in found else None) == unit


class Fixed:
    """A source with these answers for every key."""

    is_remote = True

    def __init__(self, name: str, answer: Quote | Away | None) -> None:
        self.name = name
        self.answer = answer
        self.asked: list[PriceKey] = []

    def quote(self, keys, *, watch=None):  # noqa: ARG002 - the port's signature
        self.asked += keys
        return {} if self.answer is None else dict.fromkeys(keys, self.answer)


def quote(unit: str, source: str, currency: str = "EUR") -> Quote:
    return Quote(unit=Decimal(unit), currency=currency, source=source, kind=Kind.STOCK)


AWAY = Away(source="a", reason=Reason.TIMEOUT)


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ([quote("1", "a"), quote("2", "b")], quote("1", "a")),
        ([None, quote("2", "b")], quote("2", "b")),
        ([AWAY, quote("2", "b")], quote("2", "b")),
        ([AWAY, None], AWAY),
        ([None, AWAY], AWAY),
        ([None, None], None),
        ([quote("0", "a"), quote("2", "b")], quote("2", "b")),
        ([quote("-1", "a"), None], None),
        ([quote("1", "a", "USD"), quote("2", "b")], quote("2", "b")),
        ([quote("1", "a", "USD"), None], quote("1", "a", "USD")),
        ([quote("1", "a", "USD"), AWAY], quote("1", "a", "USD")),
    ],
)
def test_chain__the_first_that_knows(answers, found):
    """The first price in the wanted currency; else the first in another one; else why a source was not asked."""
    chain = Chain([Fixed("ab"[n], answer) for n, answer in enumerate(answers)])
    assert chain.quote([KEY, KEY]).get(KEY) == found


def test_chain__later_sources_get_what_is_left():
    """A source is not asked about what has its price, and about each key once."""
    dear = Fixed("b", None)
    other = KEY._replace(part_num="3002", file_price=None)
    priced = KEY._replace(file_price=Decimal(1), file_currency="EUR")
    Chain([FilePrices(), dear]).quote([priced, other, other])
    assert dear.asked == [other]


def test_chain__services_have_their_time():
    """Once a job has asked for long enough, services are not asked any more; local sources are."""
    now = [0.0]
    chain = Chain([FilePrices(), Fixed("b", quote("2", "b"))], patience=10, clock=lambda: now[0])
    priced = KEY._replace(file_price=Decimal(1), file_currency="EUR")
    now[0] = 10.5
    found = chain.quote([priced, KEY])
    assert found[KEY] == Away(source="b", reason=Reason.TIME_LIMIT)
    assert found[priced].source == "file"


def test_chain_of__says_what_is_off():
    """Sources come in the order that is asked for; known ones that are not set up are told; unknown ones are refused."""
    known = {"file": FilePrices(), "bricklink": Fixed("bricklink", None)}
    chain = chain_of(known, ["bricklink", "http-json", "file", "file"])
    assert (chain.sources, chain.off) == (("bricklink", "file"), ("http-json",))
    with pytest.raises(ConfigurationError, match="there are file, table, http-json, bricklink"):
        chain_of(known, ["ebay"])
