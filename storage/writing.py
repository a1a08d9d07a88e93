"""What all writers share: one life from open to committed or aborted, and no second chance after a fault."""

from abc import ABC, abstractmethod
from enum import StrEnum
from types import TracebackType
from typing import Self

from storage.port import Chunk, StoreError


class _State(StrEnum):
    OPEN = "open"
    COMMITTED = "committed"
    ABORTED = "aborted"


class OneShotWriter(ABC):
    """An `ObjectWriter` whose twin only says how to take bytes, publish them and discard them."""

    def __init__(self, key: str) -> None:
        self.key = key
        self._state = _State.OPEN

    @abstractmethod
    def _take(self, chunk: memoryview) -> None:
        """Append a chunk that is not empty."""

    @abstractmethod
    def _publish(self) -> None:
        """Make the object durable, then visible."""

    @abstractmethod
    def _discard(self) -> None:
        """Drop everything; called once, raises nothing."""

    def write(self, chunk: Chunk) -> None:
        self._require_open()
        if not len(chunk):
            return
        try:
            self._take(memoryview(chunk).cast("B"))
        except BaseException:
            # A hole in the middle must never be committed.
            self.abort()
            raise

    def commit(self) -> None:
        self._require_open()
        try:
            self._publish()
        except BaseException:
            self.abort()
            raise
        self._state = _State.COMMITTED

    def abort(self) -> None:
        if self._state is _State.OPEN:
            self._state = _State.ABORTED
            self._discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.abort()

    def _require_open(self) -> None:
        if self._state is not _State.OPEN:
            raise StoreError(f"the writer of object {self.key} is {self._state.value} already")
