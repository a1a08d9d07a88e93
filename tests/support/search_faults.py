"""A search index in memory that fails where a test says so, and what to write to it."""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from jobs.context import Place
from search.memory import MemoryEngine
from search.port import Change, EngineError, JobFacts

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class FaultyEngine(MemoryEngine):
    """Keeps what it committed; `fault(number, changes)` is called before each commit and may raise or wait."""

    def __init__(self) -> None:
        super().__init__()
        self.commits: list[list[str]] = []  # job ids
        self.fault: Callable[[int, Sequence[Change]], None] = lambda _number, _changes: None
        self.after: Callable[[int], None] = lambda _number: None
        self.tried = 0
        self.closed = 0
        self.abandoned = threading.Event()

    def write(self, changes: Sequence[Change]) -> None:
        self.tried += 1
        self.fault(self.tried, changes)
        super().write(changes)
        self.commits.append([getattr(one, "job_id", "") or one.job.job_id for one in changes])
        self.after(self.tried)

    def abandon(self) -> None:
        self.abandoned.set()

    def close(self) -> None:
        self.closed += 1

    def held(self) -> dict[str, tuple[int, int]]:
        """Version and number of places by job."""
        return {job_id: (version, places) for job_id, version, places in self.versions()}


class Facts:
    """Jobs as a ledger would know them: `versions` by id, changed by tests."""

    def __init__(self, **versions: int) -> None:
        self.versions = versions
        self.lock = threading.Lock()

    def __call__(self, ids: Sequence[str]) -> dict[str, JobFacts]:
        with self.lock:
            return {one: facts(one, version=self.versions[one]) for one in ids if one in self.versions}


def facts(job_id: str, *, version: int = 1, owner: str = "local", name: str = "a.xml") -> JobFacts:
    return JobFacts(
        job_id=job_id,
        owner=owner,
        version=version,
        name=name,
        kind="bricklink-xml",
        pipeline="parts-list",
        status="queued",
        sha256="ab" * 32,
        created_at=NOW,
    )


def places(count: int) -> tuple[Place, ...]:
    return tuple(
        Place(artifact="records.jsonl", place=f"row {n}", title=f"3001 x{n}", text="red") for n in range(count)
    )


def fails(*numbers: int) -> Callable[[int, Sequence[Change]], None]:
    """The commits of these numbers fail as an engine says it."""

    def fault(number: int, _changes: Sequence[Change]) -> None:
        if number in numbers:
            raise EngineError(f"commit {number} failed")

    return fault
