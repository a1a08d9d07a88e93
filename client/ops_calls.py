"""The calls that ops make: attempts, dead letters, queues, reconciliations; part of `Client`."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any
from urllib.parse import quote

from client.ops_values import Attempt, IndexStatus, Letter, Queue, Reconciler, Replayed, Run
from client.transport import Transport

REPLAY_PATIENCE = 120.0  # seconds that a replay of many may take beyond the timeout of other calls


class OpsCalls:
    """One method per call; raises what `Client` says."""

    _transport: Transport

    def attempts(self, job_id: str) -> tuple[Attempt, ...]:
        """Every try of the job's steps, in the order in which they began."""
        found = self._transport.call("GET", f"/v1/jobs/{quote(job_id, safe='')}/attempts").json()
        return tuple(map(Attempt.read, found["items"]))

    def dead_letters(
        self,
        *,
        state: str = "open",
        code: str | None = None,
        step: str | None = None,
        job_id: str | None = None,
        limit: int = 50,
    ) -> Iterator[Letter]:
        """Dead letters, newest first, without evidence; `state` is open, replayed, discarded or all."""
        params = {"state": state, "code": code, "step": step, "job_id": job_id}
        return map(Letter.read, islice(self._transport.pages("/v1/dead-letters", params=params, limit=limit), limit))

    def dead_letter(self, letter_id: str) -> Letter:
        """One dead letter with its evidence; `NotFound` where there is none."""
        return Letter.read(self._transport.call("GET", _letter(letter_id)).json())

    def replay(self, letter_id: str) -> Letter:
        """Run its step again; `WrongState` where it is closed, or its job has moved on."""
        return Letter.read(self._transport.call("POST", f"{_letter(letter_id)}/replay", repeat=False).json())

    def replay_many(
        self,
        ids: Sequence[str] = (),
        *,
        code: str | None = None,
        step: str | None = None,
        everything: bool = False,
        per_second: float | None = None,
    ) -> Replayed:
        """Run many again, paced: these `ids`, or the open letters of `code` and `step`, or `everything` that is open."""
        named = {"ids": list(ids) or None, "code": code, "step": step, "per_second": per_second}
        body = {key: value for key, value in named.items() if value is not None} | ({"all": True} if everything else {})
        call = self._transport.call
        return Replayed.read(
            call("POST", "/v1/dead-letters/replay", json=body, repeat=False, wait=REPLAY_PATIENCE).json()
        )

    def discard(self, letter_id: str) -> Letter:
        """Close it without another try; `WrongState` where it is closed already."""
        return Letter.read(self._transport.call("POST", f"{_letter(letter_id)}/discard", repeat=False).json())

    def queues(self) -> tuple[Queue, ...]:
        """All queues."""
        return tuple(map(Queue.read, self._transport.call("GET", "/v1/queues").json()["items"]))

    def pause(self, queue: str) -> Queue:
        """Let nothing of the queue begin until it is resumed; `NotFound` where there is none of that name."""
        return Queue.read(self._transport.call("POST", f"/v1/queues/{quote(queue, safe='')}/pause").json())

    def resume(self, queue: str) -> Queue:
        """Let a paused queue go on."""
        return Queue.read(self._transport.call("POST", f"/v1/queues/{quote(queue, safe='')}/resume").json())

    def reconcile(self, name: str) -> Run:
        """Ask for a run of that reconciler now; `NotFound` where there is none of that name."""
        answer = self._transport.call("POST", "/v1/reconciliations", json={"name": name}, repeat=False)
        return Run.read(answer.json())

    def reconciliations(self, *, name: str | None = None, found: bool = False, limit: int = 50) -> Iterator[Run]:
        """Runs, newest first; `found`: only those that repaired or left something, or failed."""
        params: dict[str, Any] = {"name": name, "found": "true" if found else None}
        return map(Run.read, islice(self._transport.pages("/v1/reconciliations", params=params, limit=limit), limit))

    def reconciliation(self, run_id: str) -> Run:
        """One run; `NotFound` where there is none."""
        return Run.read(self._transport.call("GET", f"/v1/reconciliations/{quote(run_id, safe='')}").json())

    def index_status(self) -> IndexStatus:
        """How large the search index is, and how far it is behind."""
        return IndexStatus.read(self._transport.call("GET", "/v1/search/status").json())

    def rebuild_index(self) -> Run:
        """Ask for a fresh search index; the run that is under way where there is one."""
        return Run.read(self._transport.call("POST", "/v1/search/rebuild", repeat=False).json())

    def reconcilers(self) -> tuple[Reconciler, ...]:
        """What is reconciled, and in which rhythm."""
        return tuple(map(Reconciler.read, self._transport.call("GET", "/v1/reconcilers").json()["items"]))


def _letter(letter_id: str) -> str:
    return f"/v1/dead-letters/{quote(letter_id, safe='')}"
