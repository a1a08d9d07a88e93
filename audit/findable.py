"""Checks of the search index: every job is in it, once, and nothing else; its documents are those that its jobs account for."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from audit.report import Check, Finding
from ledger import Ledger
from search.port import Engine, EngineError

BATCH = 1000  # jobs of each side in memory at a time
INDEX = "index"  # the subject of findings about the whole
_END = "~"  # behind every id
_UNREAD = "the index can't be read: "


@dataclass(slots=True, kw_only=True)
class Findable:
    """The index beside the ledger, both by job id. A job that the index has yet to hear of, or to forget, is not wrong."""

    ledger: Ledger
    engine: Engine
    checked: Counter[str] = field(default_factory=Counter)

    def look(self) -> Iterator[Finding]:
        try:
            yield from self._look()
        except EngineError as error:
            yield Finding(check=Check.FINDABLE, subject=INDEX, detail=f"{_UNREAD}{error}")

    def again(self, suspicious: Sequence[Finding]) -> Iterator[Finding]:
        wanted = {(finding.check, finding.subject) for finding in suspicious}
        counted = Counter(self.checked)
        yield from (finding for finding in self.look() if (finding.check, finding.subject) in wanted)
        self.checked = counted

    def _look(self) -> Iterator[Finding]:
        documents = self.engine.stats().documents
        accounted = 0
        last = ""
        while True:
            known = self.engine.versions(after=last, limit=BATCH)
            should = self.ledger.indexed_page(after=last, limit=BATCH)
            if not known and not should:
                break
            # As far as both pages tell everything.
            full = ([one[0] for one in known], [one.id for one in should])
            last = min((ids[-1] for ids in full if len(ids) == BATCH), default=_END)
            known = [one for one in known if one[0] <= last]
            waits = {one.id: one.waits for one in should if one.id <= last}
            accounted += sum(1 + places for _id, _version, places in known)
            self.checked[Check.FINDABLE] += len(waits)
            yield from self._compared([one[0] for one in known], waits)
            if last == _END:
                break
        self.checked[Check.PLACES] += accounted
        if documents != accounted:
            detail = f"the index holds {documents} documents, and its jobs account for {accounted}"
            yield Finding(check=Check.PLACES, subject=INDEX, detail=detail)

    def _compared(self, known: Sequence[str], waits: dict[str, bool]) -> Iterator[Finding]:
        there = set(known)
        for job_id, times in Counter(known).items():
            if times > 1:
                yield Finding(check=Check.PLACES, subject=job_id, detail=f"the index holds the job {times} times")
        for job_id in sorted(there - set(waits) - set(self.ledger.gone(limit=10 * BATCH))):
            yield Finding(check=Check.FINDABLE, subject=job_id, detail="the index holds a job that the ledger does not")
        for job_id in sorted(one for one, waiting in waits.items() if not waiting and one not in there):
            yield Finding(check=Check.FINDABLE, subject=job_id, detail="the index should hold the job and does not")
