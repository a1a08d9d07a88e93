"""Prices from any service that answers a GET with JSON: a URL template, and where the price stands in the answer."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from string import Formatter
from typing import Any
from urllib.parse import quote as percent
from urllib.parse import urlsplit

from catalog.prices.calls import Reply, Unanswered
from catalog.prices.line import Hosts
from catalog.prices.port import Kind, PriceKey, Quote, Reason, amount, currency_code
from catalog.prices.remote import read_json
from jobs.errors import ConfigurationError

NAME = "http-json"
FIELDS = ("part_num", "color_id", "condition", "currency")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
_ABSENT = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpJsonSettings:
    """How the service is asked."""

    url: str  # with {part_num}, {color_id}, {condition}, {currency} in its path or query
    hosts: Hosts
    currency: str  # asked for where nobody wants another
    price: str = "/price"  # JSON pointer (RFC 6901) to the price, a number or text
    currency_pointer: str | None = None  # to the currency; None: it is the one that was asked for
    header: str | None = None  # name of a header that carries the secret
    secret: str | None = None  # the header's whole value


class HttpJson:
    """See `Service`. Raises `ConfigurationError` where the settings cannot work."""

    name = NAME

    def __init__(self, settings: HttpJsonSettings) -> None:
        self._settings = settings
        self._fields = _checked(settings)
        asked = f"{settings.url}\n{settings.price}\n{settings.currency_pointer}"
        self._mark = hashlib.sha256(asked.encode()).hexdigest()[:8]  # in cache keys: another service answers otherwise
        self._headers = {"User-Agent": "heavylift"}
        if settings.header and settings.secret:
            if not _HEADER.fullmatch(settings.header) or not settings.secret.isprintable():
                raise ConfigurationError("HEAVYLIFT_PRICE_HTTP_JSON_HEADER or its secret is no HTTP header; correct it")
            self._headers[settings.header] = settings.secret

    def asks(self, key: PriceKey) -> str | None:
        said = self._said(key)
        missing = key.part_num is None or ("color_id" in self._fields and key.color_id is None)
        return None if missing else "|".join([self._mark, *(percent(said[name], safe="") for name in FIELDS)])

    def url(self, key: PriceKey) -> str:
        return self._settings.url.format_map({name: percent(text, safe="") for name, text in self._said(key).items()})

    def headers(self, url: str) -> Mapping[str, str]:  # noqa: ARG002 - the port's signature; others sign the URL
        return self._headers

    def read(self, key: PriceKey, reply: Reply, *, now: datetime) -> Quote | None:
        if reply.status in {404, 410}:
            return None
        if reply.status != 200:
            raise Unanswered(Reason.REFUSED, f"status {reply.status}")
        body = read_json(reply)
        found = at(body, self._settings.price)
        unit = None if found is _ABSENT else amount(found)
        if unit is None:
            return None
        currency: str | None = self._said(key)["currency"]
        if self._settings.currency_pointer is not None:
            currency = currency_code(at(body, self._settings.currency_pointer))
        if currency is None:  # a number in nobody knows which money is no price
            raise Unanswered(Reason.MALFORMED, "the answer names no currency")
        return Quote(unit=unit, currency=currency, source=NAME, kind=Kind.STOCK, as_of=now)

    def _said(self, key: PriceKey) -> dict[str, str]:
        return {
            "part_num": key.part_num or "",
            "color_id": "" if key.color_id is None else str(key.color_id),
            "condition": key.condition or "",
            "currency": key.currency or self._settings.currency,
        }


def _checked(settings: HttpJsonSettings) -> frozenset[str]:
    """The template's fields, once all is well with it."""
    variable = "HEAVYLIFT_PRICE_HTTP_JSON_URL"
    try:
        parts = list(Formatter().parse(settings.url))
    except ValueError as error:
        raise ConfigurationError(f"{variable}: {error}; write {{{{ for a brace that is no field") from error
    fields = {name for _, name, _, _ in parts if name is not None}
    if wrong := [*sorted(fields - set(FIELDS)), *(spec or how or "" for _, _, spec, how in parts if spec or how)]:
        raise ConfigurationError(f"{variable}: {wrong[0]!r} is no field; there are {', '.join(FIELDS)}, as they are")
    where = urlsplit(settings.url)
    if where.scheme not in {"http", "https"} or not where.hostname or "@" in where.netloc or where.fragment:
        raise ConfigurationError(f"{variable} should read https://host/path?query, without a name or password")
    if {"{", "}"} & set(where.netloc):
        raise ConfigurationError(f"{variable}: the host is fixed; fields stand in the path or the query")
    if not settings.hosts.allows(where.hostname):
        raise ConfigurationError(f"{where.hostname} is not in HEAVYLIFT_PRICE_HTTP_JSON_HOSTS; add it there")
    for pointer in filter(None, (settings.price, settings.currency_pointer)):
        if not pointer.startswith("/"):
            raise ConfigurationError(f"{pointer!r} is no JSON pointer; one begins with a slash: /price/amount")
    return frozenset(fields)


def at(body: Any, pointer: str) -> Any:
    """What the JSON pointer (RFC 6901) leads to; `_ABSENT` where it leads nowhere."""
    found = body
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict) and name in found:
            found = found[name]
        elif isinstance(found, list) and name.isascii() and name.isdigit() and len(name) < 8 and int(name) < len(found):
            found = found[int(name)]
        else:
            return _ABSENT
    return found
