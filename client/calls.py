"""The calls of the API, one method each."""

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from client.catalog_calls import CatalogCalls
from client.errors import ClientError, NotFound, NotReachable, StillRunning
from client.ops_calls import OpsCalls
from client.pair_calls import PairCalls
from client.price_calls import PriceCalls
from client.search_calls import SearchCalls
from client.transfer import Upload, download, media_type_of
from client.transport import Transport
from client.values import Artifact, Job, Similar

DEFAULT_URL = "http://127.0.0.1:8000"
LONG_POLL = 30.0  # seconds that one request waits for a change
STANDS_POLL = 5.0  # the same where a step stands in line: what it waits for changes without a new version


class Client(OpsCalls, CatalogCalls, PairCalls, PriceCalls, SearchCalls):
    """A Heavylift server, seen from Python. Safe to share between threads.

    Every call raises `NotReachable` where nobody answers after a few tries, and the server's `Problem` otherwise.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        timeout: float = 30.0,
        tries: int = 4,
        line: httpx.BaseTransport | None = None,
    ) -> None:
        """`base_url` defaults to HEAVYLIFT_URL; `timeout` is seconds of silence; `tries` bounds repeats of one call.

        `line` is another way to the server than TCP: `httpx.HTTPTransport(uds="/run/heavylift.sock")`.
        """
        url = base_url or os.environ.get("HEAVYLIFT_URL") or DEFAULT_URL
        self._transport = Transport(url, timeout=timeout, tries=tries, line=line)

    @property
    def base_url(self) -> str:
        """Where the server is."""
        return self._transport.base_url

    def submit(
        self,
        path: Path,
        *,
        pipeline: str | None = None,
        options: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        tags: Sequence[str] = (),
        batch_id: str | None = None,
        priority: int | None = None,
        deadline: str | None = None,
        media_type: str | None = None,
        idempotency_key: str | None = None,
        on_bytes: Callable[[int], None] | None = None,
    ) -> Job:
        """Stream the file at `path` up and return its job, which has usually not begun yet.

        Repeats are safe: each call makes an idempotency key (or uses yours), so that a lost answer never becomes a
        second job. Without `pipeline` the server detects the kind from the bytes. `on_bytes` hears how many went out.
        """
        params = {
            "filename": path.name,
            "pipeline": pipeline,
            "options": json.dumps(dict(options)) if options else None,
            "metadata": json.dumps(dict(metadata)) if metadata else None,
            "tags": list(tags) or None,
            "batch_id": batch_id,
            "priority": priority,
            "deadline": deadline,
        }
        headers = {
            "Content-Type": media_type or media_type_of(path),
            "Idempotency-Key": idempotency_key or str(uuid.uuid4()),
        }
        answer = self._transport.call(
            "POST", "/v1/jobs", params=params, headers=headers, body=lambda: Upload(path, on_bytes)
        )
        return Job.read(answer.json())

    def job(self, job_id: str) -> Job:
        """The job as it stands; `NotFound` where there is none."""
        return Job.read(self._transport.call("GET", _at(job_id)).json())

    def wait(
        self,
        job_id: str,
        *,
        on_change: Callable[[Job], None] | None = None,
        timeout: float | None = None,
        patience: float = 30.0,
    ) -> Job:
        """Follow the job until it ends; `on_change` sees each version, and what a held-up step waits for now.

        Survives a server that is away for up to `patience` seconds. `StillRunning` after `timeout` seconds.
        """
        until = time.monotonic() + timeout if timeout is not None else float("inf")
        etag: str | None = None
        away_since: float | None = None
        seen: Job | None = None
        while True:
            left = min(STANDS_POLL if seen and _in_line(seen) else LONG_POLL, until - time.monotonic())
            try:
                job, etag = self._changed(job_id, etag=etag, wait=max(0.0, left))
                job = job or self._waits_anew(seen)
            except NotReachable:
                away_since = away_since or time.monotonic()
                if time.monotonic() - away_since > patience:
                    raise
                continue  # the call itself has backed off
            away_since = None
            if job is not None:
                seen = job
                if on_change:
                    on_change(job)
                if job.ended:
                    return job
            if time.monotonic() >= until:
                raise StillRunning(f"job {job_id} has not ended after {timeout:g} s; it goes on")

    def _changed(self, job_id: str, *, etag: str | None, wait: float) -> tuple[Job | None, str | None]:
        """The job and its ETag once it differs from `etag`; None where `wait` seconds passed without a change."""
        headers = {"If-None-Match": etag, "Prefer": f"wait={wait:.0f}"} if etag else {}
        began = time.monotonic()
        answer = self._transport.call("GET", _at(job_id), headers=headers, wait=wait if etag else 0.0)
        if answer.status_code == 304:
            if time.monotonic() - began < min(0.2, wait):
                time.sleep(0.2)  # a server or proxy that does not wait must not be flooded
            return None, etag
        job = Job.read(answer.json())
        return job, answer.headers.get("ETag") or f'"{job.version}"'

    def _waits_anew(self, seen: Job | None) -> Job | None:
        """The job, where a step of it stands in line and waits for something else than before: no version tells."""
        if seen is None or not _in_line(seen):
            return None
        job = self.job(seen.id)
        return None if [s.waiting_for for s in job.steps] == [s.waiting_for for s in seen.steps] else job

    def jobs(
        self,
        *,
        status: str | None = None,
        pipeline: str | None = None,
        batch_id: str | None = None,
        parent_job_id: str | None = None,
        tag: str | None = None,
        limit: int = 50,
    ) -> Iterator[Job]:
        """Jobs, newest first; pages are fetched as they are needed, up to `limit` jobs."""
        params = {"status": status, "pipeline": pipeline, "batch_id": batch_id, "tag": tag}
        params["parent_job_id"] = parent_job_id
        return map(Job.read, islice(self._transport.pages("/v1/jobs", params=params, limit=limit), limit))

    def similar(self, job_id: str, *, limit: int = 20) -> tuple[Similar, ...]:
        """Other jobs whose file has the same content, or looks alike, the nearest of a kind first."""
        found = self._transport.call("GET", f"{_at(job_id)}/similar", params={"limit": limit}).json()
        return tuple(map(Similar.read, found["items"]))

    def cancel(self, job_id: str) -> Job:
        """End a job; `WrongState` where it has ended already."""
        return Job.read(self._transport.call("POST", f"{_at(job_id)}/cancel", repeat=False).json())

    def retry(self, job_id: str) -> Job:
        """Queue what failed or was cancelled again, under the same id; `WrongState` where nothing did."""
        return Job.read(self._transport.call("POST", f"{_at(job_id)}/retry", repeat=False).json())

    def delete(self, job_id: str) -> None:
        """Remove the job, its artifacts and its bytes."""
        self._transport.call("DELETE", _at(job_id), repeat=False)

    def artifacts(self, job_id: str) -> tuple[Artifact, ...]:
        """What the job's steps have made so far."""
        found = self._transport.call("GET", f"{_at(job_id)}/artifacts").json()
        return tuple(map(Artifact.read, found["items"]))

    def download(self, job_id: str, name: str, *, to: Path) -> Path:
        """Fetch one artifact into the file `to`; resumes where the line breaks and checks the digest."""
        for artifact in self.artifacts(job_id):
            if artifact.name == name:
                url = f"{_at(job_id)}/artifacts/{quote(name)}"
                return download(self._transport, url, to, artifact=artifact)
        raise NotFound(404, {"code": "artifact.not_found", "detail": f"job {job_id} has no artifact named {name}"})

    def ready(self) -> dict[str, Any]:
        """What the server says of itself and of what it stands on."""
        found = self._transport.call("GET", "/ready").json()
        if not isinstance(found, dict):
            raise ClientError(f"{self.base_url}/ready does not answer as a Heavylift server does")
        return found

    def close(self) -> None:
        """Give the connections back."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _in_line(job: Job) -> bool:
    return any(step.status == "queued" and step.waiting_for for step in job.steps)


def _at(job_id: str) -> str:
    return f"/v1/jobs/{quote(job_id, safe='')}"
