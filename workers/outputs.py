"""What a step saved, on its way into the store: hashed and stored several at a time, under reserved keys."""

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path

from jobs.errors import StepError
from jobs.model import Artifact
from storage.port import ObjectStore, StoreError, StoreFull
from workers.sandbox import Output

AT_ONCE = 4  # a disk syncs several as fast as one, and S3 answers them beside each other


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """Stores the outputs of attempts."""

    store: ObjectStore
    reserve: Callable[[int], Sequence[str]]  # so many keys, of the ledger
    share: int  # bytes that a step can count on in the store

    def keep(self, outputs: Sequence[Output], *, step: str) -> tuple[Artifact, ...]:
        """Hash and store what the step saved; the commit of its outcome makes them count.

        Raises `StoreError`, and `StepError` where a full store would never have room for them. What was stored until
        then is taken back where the store is full, else the collector finds it.
        """
        keys = self.reserve(len(outputs))
        stored: dict[int, Artifact] = {}

        def keep_file(numbers: Sequence[int]) -> None:
            """A file may be saved under several names: the last one takes it."""
            for number in numbers:
                output, key = outputs[number], keys[number]
                digest = _sha256(output.path)
                self.store.put_file(key, output.path, move=number == numbers[-1])
                stored[number] = Artifact(
                    name=output.name, sha256=digest, size=output.size, media_type=output.media_type, step=step, key=key
                )

        files: dict[Path, list[int]] = {}
        for number, output in enumerate(outputs):
            files.setdefault(output.path, []).append(number)
        try:
            _each(keep_file, list(files.values()))
        except StoreFull:
            self._take_back(list(stored.values()))
            self._refuse_to_wait_for_more(outputs)
            raise
        return tuple(stored[number] for number in range(len(outputs)))

    def _take_back(self, stored: Sequence[Artifact]) -> None:
        """Give a full store its room back now, not when the reservations are over: others wait for it, and so do we."""
        for artifact in stored:
            with contextlib.suppress(StoreError):  # then the collector does it
                self.store.delete(artifact.key)

    def _refuse_to_wait_for_more(self, outputs: Sequence[Output]) -> None:
        """A full store is waited for, unless it has a step's share of room and the outputs are too large for that."""
        room = self.store.free_bytes()
        if room is not None and room >= self.share:
            size = sum(output.size for output in outputs)
            message = f"The store has no room for the step's {size} bytes of outputs, though it has {room} bytes left."
            raise StepError("store.full", message, hint="Operators: give the store more room, then replay the step.")


def _each(work: Callable[[Sequence[int]], None], parts: Sequence[Sequence[int]]) -> None:
    """Do `work` for all parts, several at a time; the first error ends it once those under way have ended."""
    if len(parts) == 1:
        work(parts[0])
        return
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="outputs") as threads:
        # What the store logs names the job: log records take that from the context.
        futures = [threads.submit(copy_context().run, work, part) for part in parts]
        wait(futures, return_when=FIRST_EXCEPTION)
        threads.shutdown(cancel_futures=True)
    failed = [error for future in futures if not future.cancelled() and (error := future.exception()) is not None]
    for error in sorted(failed, key=lambda error: not isinstance(error, StoreFull)):  # the one that says most
        raise error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
