"""The indexer: a thread that tells the search index of jobs which changed or are gone, as the ledger has noted them."""

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain

import structlog

from jobs.model import Status
from jobs.reconcilers import REBUILD
from ledger import JobCard, Ledger
from ledger.errors import LedgerUnavailable
from ledger.glance import Changes
from search.port import EngineError, OtherFormat
from workers.indexing.job_index import PATIENCE
from workers.indexing.line import Places
from workers.indexing.making import Away, Maker, NotNow, PlacesOf
from workers.indexing.writer import Wanted, Writer

log = structlog.get_logger(__name__)
LOOK_EVERY = 0.25  # seconds
_LOOK_AT_LEAST = 1.0  # seconds between looks where nobody has committed anything
AT_A_TIME = 200  # jobs
MOST = 20_000  # places that are made for one round, some 20 MB, unless one job alone has more
_LONGEST = 1.0  # seconds of making for one round, unless one job alone needs more: the others want to be found, too
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0  # seconds between tries while the index can't be written
_TRY_AGAIN = 5.0  # seconds after which a job is tried again whose places could not be made
_REFUSED = 60.0  # seconds after which a job is tried again that the engine breaks on
_ABSENT = 3  # jobs of one round whose places the store did not give: then it is left alone
_REMEMBERED = 10_000  # jobs


@dataclass(slots=True)
class _Plan:
    """What one round does."""

    wanted: dict[str, Wanted] = field(default_factory=dict)
    shown: dict[str, int] = field(default_factory=dict)  # versions that the index has already
    without_places: set[str] = field(default_factory=set)  # jobs that are told as they are, and keep their marks
    problem: NotNow | None = None  # why
    absent: int = 0  # jobs whose places the store did not give


class Indexer:
    """One per indexing worker. Several at once do the same work twice, and no harm: the ledger's mark goes with a version."""

    def __init__(self, ledger: Ledger, writer: Writer, *, places_of: PlacesOf | None = None) -> None:
        """`places_of` makes what a step finds from the job's artifacts; without it, an `index` run has to.

        Where others write to the index as well steps wait for their commit, so nothing is owed.
        """
        self._ledger = ledger
        self._writer = writer
        self._owed = writer.owed
        self._maker = Maker(ledger, None if writer.shared else places_of, writer.owed)
        self._under_way: dict[str, Future[int | None]] = {}  # what took longer than anybody waits for a commit
        self._not_before: dict[str, float] = {}  # jobs whose places wait until then, monotonic
        self._refused: dict[str, float] = {}  # jobs that wait as a whole until then
        self._shown: dict[str, int] = {}  # the versions that the index has of jobs whose mark stays
        self._changes = Changes(ledger.database)  # for the thread alone
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="indexer", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """Look no more; what waits is told by whoever looks next."""
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=5)

    def look(self) -> int:
        """One round: tell the index of what waits; returns how many jobs it has heard of.

        A job whose places can't be made now is found as it is, and its mark stays. Raises `EngineError`,
        `LedgerUnavailable`, and `NotNow` where the round has left places out.
        """
        waits = self._ledger.index_waits()
        changed = self._ledger.unindexed(limit=AT_A_TIME) if waits else []
        gone = self._ledger.gone(limit=AT_A_TIME) if waits else []
        ripe = [job_id for job_id in self._owed.ripe() if job_id not in changed][: AT_A_TIME - len(changed)]
        if not changed and not gone and not ripe:
            return 0
        seen = self._ledger.cards([*changed, *ripe])
        told = self._late()
        plan = self._plan([one for one in changed if one not in told], [one for one in ripe if one not in told], seen)
        news, broken = self._tell(plan.wanted | dict.fromkeys(gone, Wanted()))
        told |= plan.shown | news
        forgotten = [job_id for job_id in gone if told.get(job_id, 0) is None]
        heard: dict[str, int] = {}
        for job_id, version in told.items():
            self._shown.pop(job_id, None)
            if version is None:
                self._owed.drop(job_id)
            # A job that went on meanwhile may have places by now that nobody looked for: its mark stays.
            elif job_id not in seen or seen[job_id].version != version or self._lacks_places(job_id, plan):
                self._shown = {} if len(self._shown) >= _REMEMBERED else self._shown
                self._shown[job_id] = version
            else:
                heard[job_id] = version
        self._ledger.indexed(heard, gone=forgotten)
        for problem in (broken, plan.problem):
            if problem is not None:
                raise problem
        return len(heard) + len(forgotten)

    def _lacks_places(self, job_id: str, plan: "_Plan") -> bool:
        return job_id in plan.without_places or self._owed.since(job_id) is not None

    def _late(self) -> dict[str, int | None]:
        """What has been committed since nobody waited for it any more."""
        ended = {job_id: future for job_id, future in self._under_way.items() if future.done()}
        self._under_way = {job_id: future for job_id, future in self._under_way.items() if job_id not in ended}
        return {job_id: future.result() for job_id, future in ended.items() if future.exception() is None}

    def _tell(self, wanted: Mapping[str, Wanted]) -> tuple[dict[str, int | None], Exception | None]:
        """The versions that the index has of these jobs now, and what kept others from it."""
        told: dict[str, int | None] = {}
        broken: Exception | None = None
        for job_id, future in self._writer.put_all(wanted).items():
            try:
                told[job_id] = future.result(PATIENCE)
            except (EngineError, LedgerUnavailable) as error:
                broken = error
            except NotInTime:
                self._under_way[job_id] = future
                broken = EngineError("the index has not committed in time")
            except Exception:
                log.exception("index.job_refused", job_id=job_id)  # the others go on; its mark stays
                self._put_off(self._refused, job_id, _REFUSED)
        return told, broken

    def _plan(self, changed: Sequence[str], ripe: Sequence[str], seen: Mapping[str, JobCard]) -> "_Plan":
        """What the index is to have of these jobs; of those that are only `ripe`, places alone."""
        plan = _Plan()
        documents, until = 0, time.monotonic() + _LONGEST
        for job_id in chain(changed, ripe):
            if job_id in self._under_way or self._waits(self._refused, job_id):
                continue
            since, card = self._owed.since(job_id), seen.get(job_id)
            places = self._made(job_id, plan) if card is not None and self._is_due(card, since) else None
            if places is not None or (job_id not in ripe and (card is None or self._shown.get(job_id) != card.version)):
                plan.wanted[job_id] = Wanted(places, since)
            elif card is not None and job_id not in ripe:
                plan.shown[job_id] = card.version
            documents += len(places or ())
            if documents >= MOST or time.monotonic() >= until or self._closing.is_set():
                break  # the rest comes next time
        return plan

    def _is_due(self, card: JobCard, since: float | None) -> bool:
        """Whether the job's places have to be made."""
        return (since is not None or Status(card.status).ended) and not self._owed.was_told(card.id)

    def _made(self, job_id: str, plan: "_Plan") -> Places | None:
        """See `Maker.make`. A job that failed is left alone for a while, so that it keeps up nobody else."""
        if plan.absent < _ABSENT and not self._waits(self._not_before, job_id):
            try:
                return self._maker.make(job_id, stop=self._closing)
            except NotNow as error:
                plan.problem = error
                plan.absent += isinstance(error, Away)
                self._put_off(self._not_before, job_id, _TRY_AGAIN)
        plan.without_places.add(job_id)
        return None

    @staticmethod
    def _put_off(those: dict[str, float], job_id: str, seconds: float) -> None:
        if len(those) >= _REMEMBERED:
            those.clear()
        those[job_id] = time.monotonic() + seconds

    @staticmethod
    def _waits(those: dict[str, float], job_id: str) -> bool:
        """Whether the job was put off; once its time has come it no longer is."""
        until = those.get(job_id)
        if until is None or until > time.monotonic():
            return until is not None
        del those[job_id]
        return False

    def look_whether_it_is_new(self) -> None:
        """An index that knows nothing of a ledger with jobs is new, or was lost: have the two compared.

        Raises `EngineError`, `LedgerUnavailable`.
        """
        if self._writer.engine().stats().jobs == 0 and self._ledger.indexed_page(limit=1):
            self._ask_for("index")

    def _ask_for(self, run: str) -> None:
        if self._ledger.request_once(run) is not None:
            log.warning("index.asks_for", run=run)

    def _run(self) -> None:
        try:
            self._follow()
        finally:
            self._changes.close()

    def _follow(self) -> None:
        pause, is_known = _FIRST_PAUSE, False
        while not self._closing.is_set():
            try:
                if not is_known:
                    self.look_whether_it_is_new()
                    is_known = True
                told = self.look()
                pause = _FIRST_PAUSE
                if told < AT_A_TIME:
                    self._rest()
            except OtherFormat as error:
                log.warning("index.waits", reason=str(error), seconds=_LONGEST_PAUSE)
                with suppress(LedgerUnavailable):
                    self._ask_for(REBUILD)
                self._closing.wait(_LONGEST_PAUSE)
            except (EngineError, LedgerUnavailable, NotNow) as error:
                log.warning("index.waits", reason=str(error), seconds=pause)
                self._closing.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            except Exception:
                log.exception("indexer.round_failed")
                self._closing.wait(_LONGEST_PAUSE)

    def _rest(self) -> None:
        """Until there may be something to do again: each look in vain wakes a machine that has nothing else to do."""
        until = time.monotonic() + _LOOK_AT_LEAST
        while not self._closing.wait(LOOK_EVERY) and time.monotonic() < until:
            if self._changes.any() or self._owed.ripe():
                return
