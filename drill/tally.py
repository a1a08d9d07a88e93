"""What the clients of a drill saw: every answer counted, every acceptance remembered. Written by many threads."""

import threading
from collections import Counter
from dataclasses import dataclass, field

from drill.inputs import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A submit that got its answer: from here on the platform owes this job an end."""

    job_id: str
    sample: Sample


@dataclass(slots=True)
class Tally:
    """Counts of requests; `lock` guards all fields while clients run."""

    statuses: Counter[int] = field(default_factory=Counter)
    full_disk: int = 0  # answers 507 while the disk was full by our doing
    refused_while_killed: int = 0  # connections that broke while the API was away by our doing
    broken: Counter[str] = field(default_factory=Counter)  # connections that broke at another time
    status_ms: list[float] = field(default_factory=list)  # of each status request that was answered
    accepted: dict[int, Accepted] = field(default_factory=dict)  # by the sample's number
    renamed: dict[int, tuple[str, str]] = field(default_factory=dict)  # two ids for one idempotency key
    given_up: dict[int, str] = field(default_factory=dict)  # submits that never got their 202, and the last answer
    unexpected: Counter[str] = field(default_factory=Counter)  # problems that no fault explains
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def requests(self) -> int:
        """Requests that were sent, whatever came of them."""
        return sum(self.statuses.values()) + self.refused_while_killed + sum(self.broken.values())

    @property
    def errors(self) -> dict[int, int]:
        """Answers of 500 and above, by status."""
        return {status: n for status, n in sorted(self.statuses.items()) if status >= 500}

    @property
    def unexpected_5xx(self) -> int:
        """Those other than 503, and than 507 while the disk was full."""
        return sum(n for status, n in self.errors.items() if status != 503) - self.full_disk

    @property
    def availability(self) -> float:
        """Share of requests answered below 500; what broke while the API itself was killed stands apart."""
        counted = self.requests - self.refused_while_killed
        well = sum(n for status, n in self.statuses.items() if status < 500)
        return well / counted if counted else 1.0

    def accept(self, job_id: str, sample: Sample) -> None:
        """Remember a 202; a second one for the same sample has to name the same job."""
        with self.lock:
            earlier = self.accepted.setdefault(sample.number, Accepted(job_id=job_id, sample=sample))
            if earlier.job_id != job_id:
                self.renamed[sample.number] = (earlier.job_id, job_id)

    def ids(self) -> list[str]:
        """The accepted jobs so far."""
        with self.lock:
            return [one.job_id for one in self.accepted.values()]
