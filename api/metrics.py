"""What Prometheus scrapes from this process: requests, uploads, and the ledger's counts at that moment."""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from api.search_metrics import SearchMetrics
from ledger import Ledger
from ledger.errors import LedgerUnavailable

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """One registry for each app, so that tests and several apps in a process do not meet."""

    def __init__(self, ledger: Ledger) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "heavylift_http_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "heavylift_http_request_seconds",
            "Seconds until the answer.",
            ["route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.problems = Counter("heavylift_http_problems", "Problems answered.", ["code"], registry=self.registry)
        self.upload_bytes = Counter("heavylift_upload_bytes", "Bytes taken in.", registry=self.registry)
        self.uploads = Gauge("heavylift_uploads_active", "Uploads running now.", registry=self.registry)
        self.waiting = Gauge("heavylift_waiting_clients", "Clients that wait for a job.", registry=self.registry)
        self.searches = SearchMetrics(self.registry)
        self.registry.register(_LedgerCounts(ledger))


class _LedgerCounts(Collector):
    """Asks the ledger at scrape time; says 0 in `heavylift_ledger_up` where it is away."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not ask the database."""
        return ()

    def collect(self) -> Iterator[Metric]:
        try:
            counts, lag = self._ledger.counts(), self._ledger.search_lag()
        except LedgerUnavailable:
            yield GaugeMetricFamily("heavylift_ledger_up", "Whether the ledger answers.", value=0)
            return
        yield GaugeMetricFamily("heavylift_ledger_up", "Whether the ledger answers.", value=1)
        yield GaugeMetricFamily("heavylift_outbox_unsent", "Messages that are due and not sent.", value=counts.unsent)
        yield GaugeMetricFamily("heavylift_dead_letters_open", "Dead letters to look at.", value=counts.dead_letters)
        yield GaugeMetricFamily(
            "heavylift_search_waiting_jobs",
            "Jobs that the index has yet to hear of or forget.",
            value=lag.jobs + lag.gone,
        )
        yield GaugeMetricFamily(
            "heavylift_search_lag_seconds", "How long the oldest of these has waited.", value=lag.seconds
        )
        yield _by("heavylift_jobs", "Jobs by status.", ("status", counts.jobs))
        yield _by("heavylift_steps_queued", "Step runs that wait for a worker.", ("queue", counts.queued))
        yield _by("heavylift_steps_running", "Step runs claimed by a worker.", ("queue", counts.running))
        yield _by("heavylift_workers_alive", "Workers seen lately.", ("pool", counts.workers))
        yield _by("heavylift_workers_gpu", "Workers let on GPUs, by how these fare.", ("state", counts.gpus))


def _by(name: str, says: str, labelled: tuple[str, dict[str, int]]) -> Metric:
    label, values = labelled
    family = GaugeMetricFamily(name, says, labels=[label])
    for value, n in sorted(values.items()):
        family.add_metric([value], n)
    return family
