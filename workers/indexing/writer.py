"""The writer: one thread per process that commits to the search index, everything that waits together.

While one commit runs the next batch gathers, so nobody waits for more than the commit under way and their own. What a
job's facts are is read just before the commit: those who ask only name the job, and a job that is gone is dropped.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import NamedTuple

import structlog

from ledger.errors import LedgerUnavailable
from search.port import Change, Drop, Engine, EngineError, IndexLocked, JobFacts, Put
from workers.indexing.line import Line, Places, Waiting
from workers.indexing.owed import Owed

log = structlog.get_logger(__name__)
_LAST_COMMIT = 3.0  # seconds that what still waits gets when the worker ends
_GIVES_UP = 5.0  # seconds in which an abandoned write ends: its native part can't be cut short
_ROUNDS = 5  # until what others write at the same time has settled
Facts = Callable[[Sequence[str]], Mapping[str, JobFacts]]  # of these jobs; deleted ones are missing


class Wanted(NamedTuple):
    """What the index is to have of a job."""

    places: Places | None = None  # None: those that are there stay
    since: float | None = None  # where they are what was owed since then


class Writer:
    """Thread-safe. Each `put` is a future of the version that the index has then; None: the job is gone, and dropped.

    It ends with `EngineError` or `LedgerUnavailable` where those are away: nothing counts, ask again.
    """

    def __init__(self, open_engine: Callable[[], Engine], facts: Facts, *, shared: bool = False) -> None:
        """`shared`: other processes write to this index, too."""
        self._open = open_engine
        self._facts = facts
        self.shared = shared
        self.owed = Owed()
        self._engine: Engine | None = None
        self._beside: Engine | None = None
        self._line = Line()
        self._committing = threading.Lock()
        self._abandoned = False
        self._thread = threading.Thread(target=self._serve, name="index-writer", daemon=True)

    def start(self) -> None:
        """Begin to write; what was put before waits until then."""
        self._thread.start()

    def close(self) -> None:
        """Commit what waits, if that is soon done, then let go of the index. The ledger's marks bring back the rest."""
        self._line.close()
        if self._thread.ident is not None:
            self._thread.join(_LAST_COMMIT)
        self._abandoned = True
        for engine in (self._engine, self._beside):
            if engine is not None:
                engine.abandon()
        if self._thread.is_alive():
            log.info("index.abandoned")
            self._thread.join(_GIVES_UP)
        if not self._thread.is_alive():
            self._let_go()

    def put(self, job_id: str, places: Places | None = None) -> "Future[int | None]":
        """Have the index hold the job as the ledger has it now, with these places; None: with those that it has.

        Whoever cancels the future before its commit has begun wants nothing any more.
        """
        same = None if places is None else self._line.same(job_id, places)
        return same or self._line.add([Waiting(job_id, places)])[0]

    def moved(self) -> float:
        """When a commit has ended last, monotonic: as long as some end, those who wait have their turn."""
        return self._line.moved

    def put_all(self, wanted: "Mapping[str, Wanted]") -> "dict[str, Future[int | None]]":
        """The same for many."""
        waiting = [Waiting(job_id, one.places, owed_since=one.since) for job_id, one in wanted.items()]
        return dict(zip(wanted, self._line.add(waiting), strict=True))

    def owe(self, job_id: str) -> bool:
        """Leave it to the indexer to make the job's places, soon; False where they have to be put.

        Raises `EngineError` where nothing could be written now.
        """
        if self._line.closed:
            raise EngineError("the worker ends")
        if self.shared:
            return False
        if self._engine is None:
            self.engine()
        self.owed.owe(job_id)
        return True

    def put_beside(self, job_id: str, places: Places | None) -> "Future[int | None]":
        """The same for the index that is being built alone."""
        return self._line.add([Waiting(job_id, places, beside_alone=True)])[0]

    def engine(self) -> Engine:
        """The index in force, for questions. Raises `EngineError`."""
        with self._committing:
            return self._opened()

    def may_write(self) -> bool:
        """Whether no other process is the one that writes to this index."""
        try:
            self.engine()
        except IndexLocked:
            return False
        except EngineError:
            return True  # it is broken, which is ours to see to
        return True

    def build_beside(self, fresh: Engine | None) -> None:
        """From the next commit on, write everything to `fresh` as well; None: no longer."""
        with self._committing:
            self._beside = fresh

    def replace(self, fresh: Engine, swap: Callable[[], None]) -> None:
        """Call `swap` between two commits: it brings `fresh` into force, which was built beside.

        Raises `EngineError` where `fresh` has broken meanwhile: it lacks something then.
        """
        with self._committing:
            if self._beside is not fresh:
                raise EngineError("the new index broke while it was built; the log has the reason")
            swap()  # the engine sees by itself what is in force
            self._beside = None

    def _serve(self) -> None:
        while batch := self._line.take():
            try:
                with self._committing:
                    self._commit(batch)
            except Exception as error:  # the thread must go on whatever happens: all that is found hangs on it
                log.exception("index.writer_failed")
                _fail(batch, error)
            finally:
                self._line.told()

    def _commit(self, batch: list[Waiting]) -> None:
        """Write for all, then what is for the index beside alone."""
        for all_of_it in ([one for one in batch if not one.beside_alone], [one for one in batch if one.beside_alone]):
            if all_of_it:
                self._commit_one_kind(all_of_it)

    def _commit_one_kind(self, batch: list[Waiting]) -> None:
        """Write, and tell those who wait; where the index breaks on a batch, one by one: only the culprit fails."""
        wanted = _merged(batch)
        try:
            if batch[0].beside_alone:
                versions = self._into(self._built(), wanted)
            else:
                versions = self._into(self._opened(), wanted)
                self._also_beside(wanted)
        except (EngineError, LedgerUnavailable) as error:
            log.warning("index.not_written", documents=sum(one.documents for one in batch), reason=str(error))
            self._let_go()
            _fail(batch, error)
        except Exception as error:
            self._let_go()
            if len(batch) == 1:
                log.exception("index.refused", job_id=batch[0].job_id)
                _fail(batch, error)
            else:
                for one in batch:
                    self._commit_one_kind([one])
        else:
            for one in batch:
                if one.places is not None and not one.beside_alone and versions[one.job_id] is not None:
                    self.owed.told(one.job_id, since=one.owed_since)
                one.future.set_result(versions[one.job_id])

    def _also_beside(self, wanted: Mapping[str, Places | None]) -> None:
        """What breaks the index that is being built must not keep anybody from writing to the one in force."""
        if self._beside is None:
            return
        try:
            self._into(self._beside, wanted)
        except Exception:
            log.exception("index.broken_beside")
            self._beside = None  # without this it lacks something: it never comes into force

    def _built(self) -> Engine:
        if self._beside is None:
            raise EngineError("no index is being built, or it broke")
        return self._beside

    def _into(self, engine: Engine, wanted: Mapping[str, Places | None]) -> dict[str, int | None]:
        """Write, and where others write as well, again until nobody else's newer facts have kept ours out."""
        versions: dict[str, int | None] = {}
        left = dict(wanted)
        for _ in range(_ROUNDS):
            facts = self._facts(tuple(left))
            engine.write([_change(job_id, places, facts.get(job_id)) for job_id, places in left.items()])
            written = {job_id: facts[job_id].version if job_id in facts else None for job_id in left}
            versions |= written
            if not self.shared:
                break
            now = self._facts(tuple(left))
            left = {one: wanted[one] for one in left if written[one] != (now[one].version if one in now else None)}
            if not left:
                break
        return versions

    def _opened(self) -> Engine:
        if self._abandoned:  # nor does what waits behind an abandoned commit begin another one
            raise EngineError("the worker ends")
        if self._engine is None:
            self._engine = self._open()
        return self._engine

    def _let_go(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            with suppress(EngineError, OSError):  # it is broken, or we end
                engine.close()


def _merged(batch: Iterable[Waiting]) -> dict[str, Places | None]:
    """One change per job: the last places that somebody has for it."""
    found: dict[str, Places | None] = {}
    for one in batch:
        found[one.job_id] = found.get(one.job_id) if one.places is None else one.places
    return found


def _change(job_id: str, places: Places | None, facts: JobFacts | None) -> Change:
    return Drop(job_id=job_id) if facts is None else Put(job=facts, places=places)


def _fail(batch: Sequence[Waiting], error: Exception) -> None:
    for one in batch:
        if not one.future.done():
            one.future.set_exception(error)
