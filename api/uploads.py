"""One upload: gathered into chunks, told by its first bytes, hashed and written; nothing is left of one that fails."""

import asyncio
import contextlib
import contextvars
import hashlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from api.problems import Problem
from jobs.model import FileFacts
from jobs.pipeline import Pipeline
from ledger import NewJob, Submitted
from ledger.errors import IdempotencyMismatch, LedgerUnavailable
from parsers.sniff import UNKNOWN, Kind, sniff
from pipelines import accepted_kinds, on_request, pipeline_for
from storage.port import ObjectWriter, StoreError, StoreFull

if TYPE_CHECKING:
    from api.intake import Intake

T = TypeVar("T")
Piece = bytes | memoryview

HEAD = 64 * 1024  # bytes from which the kind is told
SMALL = 4 * 1024  # bytes; smaller pieces are copied together, since each one costs more than it holds
LEASE = 3600.0  # seconds that a reserved key is kept without being renewed

log = structlog.get_logger("api")


class Upload:
    """One file on its way in. Methods belong to the event loop; `_write`, `_begin`, `_finish`, `_undo` run in threads."""

    def __init__(self, intake: "Intake") -> None:
        self.kind: Kind | None = None
        self.name = "upload"
        self.pipeline: Pipeline | None = None
        self.size = 0
        self.in_turn = False  # it reads in bulk now, and may gather whole chunks
        self.intake = intake
        self._expected: int | None = None
        self._guessed: int | None = None
        self._parts: list[Piece | bytearray] = []
        self._gathered = 0
        self._hash = hashlib.sha256(usedforsecurity=False)
        self._key: str | None = None
        self._renew_at = 0.0
        self._writer: ObjectWriter | None = None
        self._whole: bytes | None = None  # a small file, which `submit` takes through all its stations at once
        self._pending: asyncio.Future[Any] | None = None
        self._settled = False  # a job refers to the bytes, or nobody knows whether one does

    def expect(self, *, name: str, pipeline: Pipeline | None, size: int | None) -> None:
        """What is known before the first byte. Refuses what is too large already."""
        self.name, self.pipeline, self._expected = name, pipeline or self.pipeline, size
        self.require_size(size or 0)

    def guess_size(self, size: int | None) -> None:
        """A size that may be wrong: it helps to tell the kind, and refuses nothing."""
        self._guessed = size

    @property
    def limit(self) -> int:
        """Most bytes that the file may have, as far as is known by now."""
        limit = self.intake.settings.max_bytes
        return min(limit, self.pipeline.max_bytes) if self.pipeline else limit

    def require_size(self, size: int) -> None:
        """Refuse `size` bytes where that is too many."""
        if size > self.limit:
            raise Problem("input.too_large", f"The file may have {self.limit:,} bytes at most.", limit=self.limit)

    async def add(self, piece: Piece) -> None:
        """Take the next bytes; waits for a slot where a whole chunk is there."""
        length = len(piece)
        self.size += length
        if self.size > self.limit:
            self.require_size(self.size)
        if length >= SMALL:
            self._parts.append(piece)
        elif self._parts and isinstance(self._parts[-1], bytearray):
            self._parts[-1] += piece
        else:
            self._parts.append(bytearray(piece))
        self._gathered += length
        if self._gathered >= (self._enough if self._writer else HEAD):
            await self._hand_over()

    @property
    def _enough(self) -> int:
        return self.intake.settings.chunk if self.in_turn else self.intake.share

    async def flush(self) -> None:
        """Have everything that came so far hashed and written: whoever gives a turn back keeps no memory."""
        if self._parts and self._writer is not None:
            await self._hand_over()
        await self._written()

    async def finish(self) -> None:
        """No more bytes come; those that came are hashed and written, or kept for `submit` where they are few."""
        if not self.size:
            raise Problem("input.empty", "The file has no bytes.")
        if self._writer is None:
            self._expected = self.size
            if self._pending is None:
                self._whole, self._parts = b"".join(self._parts), []
                return
        await self._hand_over()
        await self._written()

    def settle_pipeline(self, pipeline: Pipeline | None) -> Pipeline:
        """The pipeline to run, now that all fields are known: the one asked for must accept what has come."""
        self.pipeline = pipeline or self.pipeline
        assert self.pipeline is not None
        self._require_accepted()
        self.require_size(self.size)
        return self.pipeline

    @property
    def facts(self) -> FileFacts:
        """The file, once it is finished."""
        assert self._key is not None
        kind = self.kind or UNKNOWN
        return FileFacts(
            name=self.name,
            size=self.size,
            sha256=self._hash.hexdigest(),
            media_type=kind.media_type,
            kind=kind.name,
            key=self._key,
        )

    async def submit(self, new: Callable[[], NewJob]) -> Submitted:
        """Make the bytes durable, then the job; `new` is asked in a thread, once `facts` are known."""
        work = self._in(self.intake.ends, lambda: self._finish(new))
        self._pending = work
        await self._written()
        return work.result()

    async def abandon(self) -> None:
        """Leave nothing behind, unless a job has the bytes."""
        pending, self._pending = self._pending, None
        if pending is not None:
            await asyncio.wait({pending})
            pending.exception()  # it is looked at: what ended the upload is known already
        if not self._settled and self._key is not None:
            await self._in(self.intake.ends, self._undo)

    async def _hand_over(self) -> None:
        """Let a slot hash and write what was gathered, as soon as the chunk before it is done."""
        parts, self._parts, self._gathered = self._parts, [], 0
        if self._writer is None:
            head = b"".join(parts)
            parts = [head]
            self._pending = self._in(self.intake.ends, lambda: self._begin(head[:HEAD]))
        await self._written()
        if parts:
            self._pending = self._in(self.intake.slots, lambda: self._write(parts))

    async def _written(self) -> None:
        pending, self._pending = self._pending, None
        if pending is not None:
            try:
                await asyncio.shield(pending)
            except asyncio.CancelledError:
                self._pending = pending  # the thread goes on; `abandon` waits for it
                raise

    def _in(self, threads: ThreadPoolExecutor, work: Callable[[], T]) -> asyncio.Future[T]:
        # The context carries the correlation id into log lines.
        return asyncio.get_running_loop().run_in_executor(threads, contextvars.copy_context().run, work)

    def _begin(self, head: bytes) -> None:
        """The first bytes tell the kind; only what is accepted gets a key and a writer."""
        expected = self._expected if self._expected is not None else self._guessed
        self.kind = sniff(head, size=len(head) if expected is None else expected, name=self.name)
        if self.pipeline is None and self.kind is not None:
            self.pipeline = pipeline_for(self.kind.name)
        self._require_accepted()
        self.require_size(max(self.size, self._expected or 0))
        self.intake.require_room(expected or 0)
        self._key = self.intake.ledger.reserve_blob(lease=LEASE)
        self._renew_at = time.monotonic() + LEASE / 2
        self._writer = self.intake.store.writer(self._key, size_hint=expected)

    def _require_accepted(self) -> None:
        kind, pipeline = self.kind.name if self.kind else None, self.pipeline
        if pipeline is not None and pipeline.takes(kind):
            return
        seen = f"This is a {self.kind.title}" if self.kind else "The bytes are of no kind that is known here"
        takes = f"pipeline {pipeline.name}" if pipeline else "this server"
        accepted = sorted((*pipeline.accepts, *pipeline.on_request) if pipeline else accepted_kinds())
        detail, asked = f"{seen}; {takes} accepts {', '.join(accepted)}.", () if pipeline else on_request(kind)
        if asked:
            detail += f" It is read all the same where the request names a pipeline: {', '.join(asked)}."
        raise Problem("input.unsupported", detail, kind=kind, accepted=accepted, on_request=asked)

    def _write(self, parts: list[Piece | bytearray]) -> None:
        """Hash and write `parts`, gathered in the slot's own memory."""
        buffer, filled = self.intake.buffer, 0
        for part in parts:
            rest = memoryview(part)
            while rest:
                fits = min(len(rest), len(buffer) - filled)
                buffer[filled : filled + fits] = rest[:fits]
                filled, rest = filled + fits, rest[fits:]
                if filled == len(buffer):
                    self._store(buffer)
                    filled = 0
        if filled:
            self._store(buffer[:filled])

    def _store(self, chunk: memoryview, *, has_room: bool = False) -> None:
        assert self._writer is not None
        self._hash.update(chunk)
        if not has_room:
            self.intake.require_room(len(chunk))
        self._writer.write(chunk)
        self.intake.on_bytes(len(chunk))
        if time.monotonic() > self._renew_at:
            self._renew_at = time.monotonic() + LEASE / 2
            with contextlib.suppress(LedgerUnavailable):  # half a lease is left
                self.intake.ledger.extend_blob(self._key or "", lease=LEASE)

    def _finish(self, new: Callable[[], NewJob]) -> Submitted:
        """All that is left to do: for a small file everything, since each change of threads costs more than its bytes."""
        if self._whole is not None:
            self._begin(self._whole)
            self._store(memoryview(self._whole), has_room=True)
        return self._end(new())

    def _end(self, new: NewJob) -> Submitted:
        assert self._writer is not None
        # From here on a failure may have happened after the fact: only the collector can tell, by the lease.
        self._settled = True
        try:
            self._writer.commit()
            submitted = self.intake.ledger.submit(new)
        except (IdempotencyMismatch, StoreFull):
            self._settled = False
            raise
        self._settled = submitted.created
        return submitted

    def _undo(self) -> None:
        if self._writer is not None:
            self._writer.abort()
        assert self._key is not None
        try:
            self.intake.store.delete(self._key)
            self.intake.ledger.drop_blob(self._key)
        except (StoreError, LedgerUnavailable) as error:
            log.warning("upload.left_to_collector", key=self._key, error=type(error).__name__)
