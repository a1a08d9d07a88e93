"""What search asks of the ledger, and the questions of one API process put together."""

from collections.abc import Mapping, Sequence

from ledger import CardFilter, JobCard, Ledger
from search.asking import Asking, Shown
from search.port import Engine, Filters, JobFacts
from wiring.search import facts_in, facts_of


class InLedger:
    """`search.asking.Known`, in the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def facts(self, job_ids: Sequence[str]) -> dict[str, JobFacts]:
        """These jobs as they are now, by id; deleted ones are missing."""
        return facts_in(self._ledger, job_ids)

    def shown(self, job_ids: Sequence[str]) -> Mapping[str, Shown]:
        """What hits show of these jobs as they are now, by id; deleted ones are missing."""
        return self._ledger.shown(job_ids)

    def unindexed(self, owner: str, words: Sequence[str], filters: Filters, *, limit: int) -> list[JobFacts]:
        """Jobs of the owner that the index has yet to hear of, the newest first."""
        return _all(self._ledger.unindexed_like(owner, words, wanted=_cards(filters), limit=limit))

    def like(
        self, owner: str, words: Sequence[str], filters: Filters, *, limit: int, after: str = ""
    ) -> list[JobFacts]:
        """Jobs of the owner whose name, tags or id have all words as parts, the newest first, from behind an id."""
        return _all(self._ledger.jobs_like(owner, words, wanted=_cards(filters), limit=limit, after=after))


def open_asking(engine: Engine, ledger: Ledger) -> Asking:
    """Questions to this engine, merged with what the ledger knows better."""
    return Asking(engine, InLedger(ledger))


def _all(cards: Sequence[JobCard]) -> list[JobFacts]:
    return [facts_of(card) for card in cards]


def _cards(filters: Filters) -> CardFilter:
    return CardFilter(
        kinds=filters.kinds,
        pipelines=filters.pipelines,
        statuses=filters.statuses,
        created_from=filters.created_from,
        created_to=filters.created_to,
    )
