"""One client of a drill: requests with plain retry on what passes, each answer counted."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx

from drill.inputs import Sample
from drill.spans import Spans
from drill.tally import Tally

PATIENCE = 180.0  # seconds after which a request is given up; no fault lasts that long
_PAUSE = 0.4  # seconds between tries
_PASSES = frozenset({408, 429, 503, 507})
_STORE_FULL = 507


class Caller:
    """Not thread-safe: one for each thread."""

    def __init__(
        self, base_url: str, tally: Tally, *, closing: threading.Event, api_away: Spans, disk_full: Spans
    ) -> None:
        """Once `closing` is set nothing is tried again."""
        self._tally = tally
        self._closing = closing
        self._api_away = api_away
        self._disk_full = disk_full
        self._http = httpx.Client(base_url=base_url, timeout=45.0)

    def submit(self, sample: Sample) -> str | None:
        """Upload until it is accepted; the job's id, or None where that never happened."""
        metadata = json.dumps({"drill": sample.number})
        params = {"filename": sample.name, "metadata": metadata, "tags": "drill", "priority": str(sample.priority)}
        if sample.pipeline:
            params["pipeline"] = sample.pipeline
        headers = {"Idempotency-Key": f"drill-{sample.number}", "Content-Type": "application/octet-stream"}
        answer = self._until_answered(
            lambda: self._http.post("/v1/jobs", params=params, headers=headers, content=sample.body)
        )
        if answer is None or answer.status_code not in {200, 202}:
            said = "no answer" if answer is None else f"{answer.status_code} {answer.text[:300]}"
            with self._tally.lock:
                self._tally.given_up[sample.number] = said
            return None
        job_id = str(answer.json()["id"])
        self._tally.accept(job_id, sample)
        return job_id

    def cancel(self, job_id: str) -> None:
        """Cancel a job; one that has ended already stays as it is."""
        answer = self._until_answered(lambda: self._http.post(f"/v1/jobs/{job_id}/cancel"))
        if answer is not None and answer.status_code not in {202, 409}:
            self._note(f"cancel: {answer.status_code} {answer.text[:200]}")

    def look(self, job_id: str) -> None:
        """Ask for a job's status once, and note how long that took."""
        began = time.perf_counter()
        answer = self._once(lambda: self._http.get(f"/v1/jobs/{job_id}"))
        if answer is None:
            return
        with self._tally.lock:
            self._tally.status_ms.append((time.perf_counter() - began) * 1000)
        if answer.status_code == 404:
            self._note(f"{job_id} was accepted, but is not known")

    def job(self, job_id: str) -> dict[str, Any] | None:
        """The job as it stands; None where the API does not know it. Raises `TimeoutError` where it never answers."""
        answer = self._until_answered(lambda: self._http.get(f"/v1/jobs/{job_id}"))
        if answer is None or answer.status_code >= 500:
            raise TimeoutError(f"the API does not answer for {job_id}")
        return None if answer.status_code == 404 else dict(answer.json())

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def _note(self, what: str) -> None:
        with self._tally.lock:
            self._tally.unexpected[what] += 1

    def _until_answered(self, ask: Callable[[], httpx.Response]) -> httpx.Response | None:
        """The first answer that does not say "later"; the last one, or None, where patience ends."""
        until = time.monotonic() + PATIENCE
        while True:
            answer = self._once(ask)
            if answer is not None and answer.status_code not in _PASSES:
                return answer
            if time.monotonic() > until or self._closing.wait(_PAUSE):
                return answer

    def _once(self, ask: Callable[[], httpx.Response]) -> httpx.Response | None:
        """One request, counted; None where the connection broke."""
        began = time.monotonic()
        try:
            answer = ask()
        except httpx.TransportError as error:
            excused = self._api_away.cover(began, time.monotonic())
            with self._tally.lock:
                if excused:
                    self._tally.refused_while_killed += 1
                else:
                    self._tally.broken[type(error).__name__] += 1
            return None
        excused = answer.status_code == _STORE_FULL and self._disk_full.cover(began, time.monotonic())
        with self._tally.lock:
            self._tally.statuses[answer.status_code] += 1
            self._tally.full_disk += excused
        if answer.status_code >= 500 and answer.status_code not in _PASSES:
            self._note(f"{answer.status_code} {answer.text[:200]}")
        return answer
