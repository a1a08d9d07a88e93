"""The port `prices` of pricing steps: which sources a job gets, over what the ledger keeps for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from catalog.prices.chain import Chain, chain_of
from catalog.prices.local import FILE, TABLE, FilePrices, TablePrices, TableRow
from catalog.prices.port import PriceProvider
from catalog.prices.remote import Ages, Kept, RemotePrices, Service
from config.settings import PriceSettings
from jobs.errors import ConfigurationError
from jobs.model import Job
from ledger import KeptQuote, Ledger


@dataclass(frozen=True, slots=True)
class LedgerShelf:
    """See `catalog.prices.remote.Shelf`: the cache in the ledger, shared by all workers."""

    ledger: Ledger

    def kept(self, provider: str, keys: Sequence[str]) -> Mapping[str, Kept]:
        return {key: Kept(*row) for key, row in self.ledger.kept_quotes(provider, keys).items()}

    def keep(self, provider: str, rows: Mapping[str, Kept]) -> None:
        self.ledger.keep_quotes(provider, {key: KeptQuote(*row) for key, row in rows.items()})


@dataclass(frozen=True, slots=True)
class LedgerDays:
    """See `catalog.prices.calls.Days`: the count in the ledger, so that a limit holds over all workers."""

    ledger: Ledger

    def take_call(self, provider: str, *, day: str, most: int) -> bool:
        return self.ledger.take_price_call(provider, day=day, most=most)


class PriceDesk:
    """Gives each job its chain of sources. Services, with their breakers and paces, are shared by a worker's jobs."""

    def __init__(self, settings: PriceSettings, ledger: Ledger) -> None:
        """Raises `ConfigurationError` where a service is set up in a way that cannot work."""
        self._settings = settings
        self._ledger = ledger
        self._order = tuple(filter(None, map(str.strip, settings.sources.split(","))))
        chain_of({}, self._order)  # refuses unknown names
        self._services: dict[str, PriceProvider] = {
            provider.name: provider
            for provider in (_http_json(settings, ledger), _bricklink(settings, ledger))
            if provider
        }

    def source(self, job: Job) -> Chain:
        """The sources of one job, in the order that it or the settings say."""
        asked = job.options.get("price_sources")
        known: dict[str, PriceProvider] = {
            FILE: FilePrices(),
            TABLE: TablePrices(lambda names: self._rows(job.owner, names), currency=self._settings.currency),
            **self._services,
        }
        names = asked if asked is not None else [name for name in self._order if name in known]
        return chain_of(known, names)

    def _rows(self, owner: str, part_nums: Sequence[str]) -> list[TableRow]:
        return [TableRow(*price, as_of) for price, as_of in self._ledger.prices_of(owner, part_nums)]


def _remote(
    service: Service, settings: PriceSettings, ledger: Ledger, *, hosts: Sequence[str], per_second: float, per_day: int
) -> RemotePrices:
    from catalog.prices.calls import Calls, Pace
    from catalog.prices.line import Hosts, HttpLine

    calls = Calls(
        service.name,
        line=HttpLine(Hosts(hosts)),
        days=LedgerDays(ledger),
        pace=Pace(per_second=per_second, per_day=per_day),
    )
    ages = Ages(fresh=timedelta(hours=settings.fresh_hours), stale=timedelta(days=settings.stale_days))
    return RemotePrices(service, calls=calls, shelf=LedgerShelf(ledger), ages=ages)


def _http_json(settings: PriceSettings, ledger: Ledger) -> RemotePrices | None:
    if not settings.http_json_url:
        return None
    from catalog.prices.http_json import HttpJson, HttpJsonSettings
    from catalog.prices.line import Hosts

    listed = [host for host in map(str.strip, settings.http_json_hosts.split(",")) if host]
    secret = settings.http_json_secret
    service = HttpJson(
        HttpJsonSettings(
            url=settings.http_json_url,
            hosts=Hosts(listed),
            currency=settings.currency,
            price=settings.http_json_price,
            currency_pointer=settings.http_json_currency or None,
            header=settings.http_json_header,
            secret=secret.get_secret_value() if secret else None,
        )
    )
    return _remote(
        service,
        settings,
        ledger,
        hosts=listed,
        per_second=settings.http_json_per_second,
        per_day=settings.http_json_per_day,
    )


def _bricklink(settings: PriceSettings, ledger: Ledger) -> RemotePrices | None:
    names = ("consumer_key", "consumer_secret", "token", "token_secret")
    given = {name: getattr(settings, f"bricklink_{name}") for name in names}
    missing = [f"HEAVYLIFT_PRICE_BRICKLINK_{name.upper()}" for name, secret in given.items() if secret is None]
    if len(missing) == len(names):
        return None
    if missing:
        raise ConfigurationError(f"BrickLink needs all four of its secrets; set {', '.join(missing)} too")
    from catalog.prices.bricklink import HOST, BrickLink, BrickLinkSettings
    from catalog.prices.oauth import Credentials

    service = BrickLink(
        BrickLinkSettings(
            credentials=Credentials(**{name: secret.get_secret_value() for name, secret in given.items()}),
            currency=settings.currency,
            guide=settings.bricklink_guide,
            condition=settings.bricklink_condition,
        )
    )
    return _remote(
        service,
        settings,
        ledger,
        hosts=[HOST],
        per_second=settings.bricklink_per_second,
        per_day=settings.bricklink_per_day,
    )
