"""What is counted of questions to the search: how many, how many found nothing, how long they took, who answered."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from search.asking import Answer

# Finer than those of requests, about the product's bounds: 10 ms usual, 500 ms always, 1 s for the engine.
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
_BY = {False: "index", True: "ledger"}


class SearchMetrics:
    """Part of `Metrics`. A question is its first page; further pages are counted as pages alone."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._queries = Counter(
            "heavylift_search_queries", "Questions asked, by who answered: index or ledger.", ["by"], registry=registry
        )
        self._pages = Counter("heavylift_search_pages", "Further pages of answers.", registry=registry)
        self._nothing = Counter(
            "heavylift_search_zero_hits", "Questions that found nothing.", ["by"], registry=registry
        )
        self._corrected = Counter(
            "heavylift_search_corrected", "Questions for whose answer typos were forgiven.", registry=registry
        )
        self._suggested = Counter(
            "heavylift_search_suggestions", "Suggestions asked for, by who answered.", ["by"], registry=registry
        )
        self._seconds = Histogram(
            "heavylift_search_seconds",
            "Seconds until the answer, without HTTP.",
            ["what"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.breaker = Gauge(
            "heavylift_search_breaker_open",
            "Whether questions go past the index now, since it has failed.",
            registry=registry,
        )
        for by in _BY.values():  # so that rates can be told from the first one on
            self._queries.labels(by)
            self._nothing.labels(by)
            self._suggested.labels(by)

    def answered(self, answer: Answer, *, first: bool, seconds: float) -> None:
        """A page was found."""
        self._seconds.labels("find").observe(seconds)
        if not first:
            self._pages.inc()
            return
        by = _BY[answer.degraded]
        self._queries.labels(by).inc()
        if not answer.hits:
            self._nothing.labels(by).inc()
        if answer.corrected:
            self._corrected.inc()

    def suggested(self, *, degraded: bool, seconds: float) -> None:
        """Suggestions were made."""
        self._seconds.labels("suggest").observe(seconds)
        self._suggested.labels(_BY[degraded]).inc()
