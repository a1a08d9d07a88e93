"""What a part costs: the port that every price source fills, with its keys, quotes and amounts."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

Watch = Callable[[], None]  # called now and then while a source is waited for; what it raises ends the asking
_AMOUNT = re.compile(r"\+?(?=[.]?\d)\d{0,12}+(?:[.]\d{0,12}+)?+", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
LARGEST = Decimal(10**12)


class Kind(StrEnum):
    """What a price is."""

    STOCK = "stock"  # what sellers ask now
    SOLD = "sold"  # what buyers paid lately
    MANUAL = "manual"  # somebody said so
    FILE = "file"  # the list itself says so


class Reason(StrEnum):
    """Why a source could not be asked: the lot may have a price all the same."""

    SERVICE_DOWN = "service_down"  # it failed so often that it is left alone for a while
    DAILY_LIMIT = "daily_limit"  # all calls of this day are used up
    TIMEOUT = "timeout"  # no whole answer within the time that a call may take
    UNREACHABLE = "unreachable"  # no connection, or it broke
    BUSY = "busy"  # it said 429 or 5xx, again and again, or asked to be left alone for long
    REFUSED = "refused"  # it wants other credentials, or another request
    MALFORMED = "malformed"  # what it says is not what was agreed
    TIME_LIMIT = "time_limit"  # this job has asked for long enough


class PriceKey(NamedTuple):
    """What is to be priced, in the words of every source. A tuple: a list has many thousands of them."""

    part_num: str | None  # of the catalog, or a manufacturer's; None where it is not resolved
    color_id: int | None  # of the catalog
    condition: str | None  # N new, U used; None: either
    currency: str | None  # wanted, as in ISO 4217; None: whatever a source has
    item_type: str = "P"  # BrickLink's letter
    raw_id: str | None = None  # as the list says it, whoever's number it is
    bricklink_id: str | None = None
    bricklink_color: int | None = None
    file_price: Decimal | None = None  # what the list itself says
    file_currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What one piece costs."""

    unit: Decimal  # above zero: a price that is missing is no quote
    currency: str | None  # as in ISO 4217; None where the list does not say it
    source: str  # who says so: `file`, `table`, `http-json`, `bricklink`
    kind: Kind
    as_of: datetime | None = None  # when it was true
    n: int | None = None  # pieces that it was made from
    stale: bool = False  # past its time, and shown because the source did not answer

    def to_json(self) -> dict[str, Any]:
        """JSON for caches and artifacts; `stale` belongs to the moment and is left out."""
        return {
            "unit": plain(self.unit),
            "currency": self.currency,
            "source": self.source,
            "kind": self.kind.value,
            "as_of": self.as_of.isoformat() if self.as_of else None,
            "n": self.n,
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any], *, stale: bool = False) -> "Quote":
        """The inverse of `to_json`."""
        return cls(
            unit=Decimal(found["unit"]),
            currency=found["currency"],
            source=found["source"],
            kind=Kind(found["kind"]),
            as_of=datetime.fromisoformat(found["as_of"]) if found["as_of"] else None,
            n=found["n"],
            stale=stale,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """A source that could not be asked about a key."""

    source: str
    reason: Reason


Answers = Mapping[PriceKey, Quote | Away]


class PriceProvider(Protocol):
    """One source of prices."""

    @property
    def name(self) -> str:
        """What quotes and options call it."""

    @property
    def is_remote(self) -> bool:
        """Whether asking it costs time and calls."""

    def quote(self, keys: Sequence[PriceKey], *, watch: Watch | None = None) -> Answers:
        """Prices of `keys`, which may repeat. A key that is not in the answer has no price here.

        `Away` where the source could not be asked. Raises nothing of its own but what `watch` raises, and
        `LedgerUnavailable` where its table is in the ledger.
        """


class PriceSource(Protocol):
    """The port `prices` of a pricing step: all sources of one job, in their order."""

    @property
    def off(self) -> Sequence[str]:
        """Sources that the job asked for and that are not set up here."""

    def quote(self, keys: Sequence[PriceKey], *, watch: Watch | None = None) -> Answers:
        """See `PriceProvider.quote`."""


def amount(value: object) -> Decimal | None:
    """A price from text or a JSON number; None where it is missing: empty, zero, negative, or no plain decimal.

    `0.0000` is how services say that they know none. At most 12 digits on either side of the point.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    if isinstance(value, Decimal):
        if not value.is_finite() or not -12 <= value.adjusted() <= 12:
            return None
        text = format(value, "f")
    else:
        text = value.strip() if isinstance(value, str) else _whole(value)
    if not _AMOUNT.fullmatch(text):
        return None
    found = Decimal(text)
    return found if 0 < found < LARGEST else None


def _whole(value: int) -> str:
    return str(value) if abs(value) < LARGEST else ""  # Python refuses to write out what is very long


def currency_code(value: object) -> str | None:
    """Three capital letters from whatever case; None where it is something else."""
    if not isinstance(value, str):
        return None
    text = value.strip().upper()
    return text if _CURRENCY.fullmatch(text) else None


def plain(value: Decimal) -> str:
    """A decimal as text, without an exponent and without zeros that say nothing: `0.25`, `12`."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
