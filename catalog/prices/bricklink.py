"""Prices from BrickLink's store API: its price guide, one call for each item in a color.

The shape of the answer is that of its published documentation (`GET /items/{type}/{no}/price`).
"""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import quote as percent
from urllib.parse import urlencode

from catalog.prices.calls import Reply, Unanswered
from catalog.prices.oauth import Credentials, authorization
from catalog.prices.port import Kind, PriceKey, Quote, Reason, amount, currency_code
from catalog.prices.remote import read_json

NAME = "bricklink"
HOST = "api.bricklink.com"
BASE = f"https://{HOST}/api/store/v1"
_TYPES = {"P": "PART", "M": "MINIFIG", "S": "SET", "B": "BOOK", "G": "GEAR", "C": "CATALOG", "I": "INSTRUCTION"}
_COLORED = frozenset("PG")  # of other items there are no colors to tell apart


@dataclass(frozen=True, slots=True, kw_only=True)
class BrickLinkSettings:
    """How BrickLink is asked."""

    credentials: Credentials
    currency: str  # asked for where nobody wants another
    guide: Literal["stock", "sold"] = "stock"  # what sellers ask now, or what was paid in the last six months
    condition: Literal["N", "U"] = "N"  # where a list does not say
    base: str = BASE


class BrickLink:
    """See `Service`."""

    name = NAME

    def __init__(self, settings: BrickLinkSettings, *, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock

    def asks(self, key: PriceKey) -> str | None:
        kind = _TYPES.get(key.item_type)
        if kind is None or key.bricklink_id is None or (key.item_type in _COLORED and key.bricklink_color is None):
            return None
        color = key.bricklink_color if key.item_type in _COLORED else 0
        said = (kind, key.bricklink_id, str(color), self._settings.guide, self._condition(key), self._currency(key))
        return "|".join(percent(part, safe="") for part in said)

    def url(self, key: PriceKey) -> str:
        query = {
            "color_id": key.bricklink_color,
            "guide_type": self._settings.guide,
            "new_or_used": self._condition(key),
            "currency_code": self._currency(key),
        }
        if key.item_type not in _COLORED:
            del query["color_id"]
        number = percent(key.bricklink_id or "", safe="")
        return f"{self._settings.base}/items/{_TYPES[key.item_type]}/{number}/price?{urlencode(query)}"

    def headers(self, url: str) -> Mapping[str, str]:
        signature = authorization(
            "GET",
            url,
            credentials=self._settings.credentials,
            nonce=secrets.token_hex(12),
            timestamp=int(self._clock()),
        )
        return {"Authorization": signature, "User-Agent": "heavylift"}

    def read(self, key: PriceKey, reply: Reply, *, now: datetime) -> Quote | None:  # noqa: ARG002 - the port's signature
        body = read_json(reply)
        if not isinstance(body, dict) or not isinstance(meta := body.get("meta"), dict):
            raise Unanswered(Reason.MALFORMED, "the answer has no meta")
        code = meta.get("code")
        if not isinstance(code, int):
            raise Unanswered(Reason.MALFORMED, "meta has no code")
        if code == 404:
            return None
        if code == 429 or code >= 500:
            raise Unanswered(Reason.BUSY, f"meta.code {code}", is_passing=True)
        if code != 200 or reply.status != 200:
            raise Unanswered(Reason.REFUSED, f"meta.code {code}, status {reply.status}")
        return self._quote(body.get("data"), now=now)

    def _quote(self, found: object, *, now: datetime) -> Quote | None:
        if not isinstance(found, dict):
            raise Unanswered(Reason.MALFORMED, "the answer has no data")
        unit = amount(found.get("qty_avg_price"))  # weighted by pieces; "0.0000" where there are none
        if unit is None:
            return None
        currency = currency_code(found.get("currency_code"))
        if currency is None:
            raise Unanswered(Reason.MALFORMED, "the answer names no currency")
        n = found.get("total_quantity")
        return Quote(
            unit=unit,
            currency=currency,
            source=NAME,
            kind=Kind(self._settings.guide),
            as_of=now,
            n=n if isinstance(n, int) and n >= 0 else None,
        )

    def _condition(self, key: PriceKey) -> str:
        return key.condition or self._settings.condition

    def _currency(self, key: PriceKey) -> str:
        return key.currency or self._settings.currency
