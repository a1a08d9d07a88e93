"""Prices from a service over HTTP: from the cache while they are fresh, else asked for, four at a time."""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple, Protocol

from catalog.prices.calls import Calls, Reply, Unanswered
from catalog.prices.port import Away, PriceKey, Quote, Reason, Watch

AT_ONCE = 4  # calls to one service, over all jobs of a process
_CHUNK = 24  # keys that are asked before their answers are kept: what is lost where a worker is killed
_LOOK = 0.25  # seconds between two looks at whether the job still wants this


class Kept(NamedTuple):
    """A row of the cache."""

    quote: Mapping[str, Any] | None  # as `Quote.to_json` gives it; None: the service knew no price
    fetched_at: datetime
    fresh_until: datetime


class Shelf(Protocol):
    """The cache: what services have answered, by service and key."""

    def kept(self, provider: str, keys: Sequence[str]) -> Mapping[str, Kept]:
        """What is known of `keys`, fresh or not."""

    def keep(self, provider: str, rows: Mapping[str, Kept]) -> None:
        """Remember these, in place of what was known."""


class Service(Protocol):
    """What is special about one service: how it is asked about a key, and how its answer reads."""

    @property
    def name(self) -> str: ...

    def asks(self, key: PriceKey) -> str | None:
        """What the answer depends on, as one text; None where the service has no words for the key."""

    def url(self, key: PriceKey) -> str:
        """Where the answer is."""

    def headers(self, url: str) -> Mapping[str, str]:
        """Made anew for each try."""

    def read(self, key: PriceKey, reply: Reply, *, now: datetime) -> Quote | None:
        """The quote; None where the service knows no price. Raises `Unanswered`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """How long answers are good for."""

    fresh: timedelta = timedelta(hours=24)  # a price
    unknown: timedelta = timedelta(hours=1)  # that there is none
    stale: timedelta = timedelta(days=30)  # a price that is past its time, where the service does not answer


class RemotePrices:
    """A `PriceProvider` over a service; safe to share between threads and jobs."""

    is_remote = True

    def __init__(
        self,
        service: Service,
        *,
        calls: Calls,
        shelf: Shelf,
        ages: Ages | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.name = service.name
        self._service = service
        self._calls = calls
        self._shelf = shelf
        self._ages = ages or Ages()
        self._now = now
        self._threads: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    def quote(self, keys: Sequence[PriceKey], *, watch: Watch | None = None) -> dict[PriceKey, Quote | Away]:
        texts = {key: text for key in dict.fromkeys(keys) if (text := self._service.asks(key)) is not None}
        kept = self._shelf.kept(self.name, list(dict.fromkeys(texts.values()))) if texts else {}
        now = self._now()
        known = {text: row for text, row in kept.items() if row.fresh_until > now}
        missing = {text: key for key, text in texts.items() if text not in known}  # keys of one text get one answer
        asked = list(missing.items())
        away: dict[str, Reason] = {}
        for start in range(0, len(asked), _CHUNK):
            rows, failed = self._ask(asked[start : start + _CHUNK], watch=watch)
            if rows:
                self._shelf.keep(self.name, rows)
            known |= rows
            away |= failed
        return self._answers(texts, known, old=kept, away=away)

    def close(self) -> None:
        """End the threads; calls under way end by their own limits."""
        with self._lock:
            if self._threads is not None:
                self._threads.shutdown(wait=False, cancel_futures=True)
                self._threads = None

    def _ask(
        self, asked: Sequence[tuple[str, PriceKey]], *, watch: Watch | None
    ) -> tuple[dict[str, Kept], dict[str, Reason]]:
        """Ask about each at the same time; what `watch` raises leaves the rest unasked."""
        stop = threading.Event()
        pool = self._pool()
        waiting: dict[Future[Quote | None], str] = {pool.submit(self._fetch, key, stop): text for text, key in asked}
        rows: dict[str, Kept] = {}
        failed: dict[str, Reason] = {}
        try:
            pending = set(waiting)
            while pending:
                done, pending = wait(pending, timeout=_LOOK, return_when=FIRST_COMPLETED)
                for future in done:
                    try:
                        rows[waiting[future]] = self._row(future.result())
                    except Unanswered as wrong:
                        failed[waiting[future]] = wrong.reason
                if watch is not None:
                    watch()
        finally:
            stop.set()
            for future in waiting:
                future.cancel()
        return rows, failed

    def _fetch(self, key: PriceKey, stop: threading.Event) -> Quote | None:
        url = self._service.url(key)
        return self._calls.get(
            url,
            headers=lambda: self._service.headers(url),
            read=lambda reply: self._service.read(key, reply, now=self._now()),
            stop=stop,
        )

    def _row(self, quote: Quote | None) -> Kept:
        now = self._now()
        fresh = self._ages.unknown if quote is None else self._ages.fresh
        return Kept(quote.to_json() if quote else None, now, now + fresh)

    def _answers(
        self,
        texts: Mapping[PriceKey, str],
        known: Mapping[str, Kept],
        *,
        old: Mapping[str, Kept],
        away: Mapping[str, Reason],
    ) -> dict[PriceKey, Quote | Away]:
        """What each key gets: an old price is better than none where the service does not answer."""
        answers: dict[PriceKey, Quote | Away] = {}
        oldest = self._now() - self._ages.stale
        for key, text in texts.items():
            row, before = known.get(text), old.get(text)
            if row is not None:
                if row.quote is not None:
                    answers[key] = Quote.from_json(row.quote)
            elif before is not None and before.quote is not None and before.fetched_at > oldest:
                answers[key] = Quote.from_json(before.quote, stale=True)
            else:
                answers[key] = Away(source=self.name, reason=away[text])
        return answers

    def _pool(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix=f"prices-{self.name}")
            return self._threads


def read_json(reply: Reply) -> Any:
    """The reply's body as JSON with exact numbers; raises `Unanswered`."""
    try:
        return json.loads(reply.body, parse_float=_exact, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:  # what is nested too deeply, too
        raise Unanswered(Reason.MALFORMED, "the answer is no JSON") from error


def _exact(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent beyond all bounds
        return None


def _no_number(text: str) -> None:
    raise ValueError(text)
