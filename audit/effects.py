"""Checks that nothing was done twice: attempts, successes, endings, events, references."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from audit.reading import Dossier, Row, Scene
from audit.report import Check, Finding
from jobs.model import Status

ENDINGS = frozenset({"file-processing.completed", "file-processing.failed", "job.cancelled"})
REOPENINGS = frozenset({"job.retried", "job.replayed"})
BACKWARDS = timedelta(seconds=1)  # that a database's clock may be set back without being called out of order


def attempts(dossier: Dossier, _scene: Scene) -> Iterator[Finding]:
    """Every claim, from fence 1 to the newest, left exactly one attempt; those not given back were counted."""
    for step in dossier.steps:
        tried = _of(step, dossier.attempts)
        fences = sorted(attempt["fence"] for attempt in tried)
        charged = sum(attempt["outcome"] != "released" for attempt in tried)
        if fences != list(range(1, step["fence"] + 1)):
            detail = f"{step['fence']} claims were made, but the attempts have the fences {fences}"
        elif charged != step["attempt"]:
            detail = f"{step['attempt']} attempts are counted, but {charged} are kept that were not given back"
        else:
            continue
        yield Finding(check=Check.ATTEMPTS, subject=dossier.name(step), detail=detail)


def successes(dossier: Dossier, _scene: Scene) -> Iterator[Finding]:
    """A step run that has succeeded did so once, in one attempt and one event; no other did."""
    told = Counter((e["step"], e["data"].get("part", 0)) for e in dossier.events if e["type"] == "step.succeeded")
    for step in dossier.steps:
        has = step["status"] == Status.SUCCEEDED
        tried = sum(attempt["outcome"] == "succeeded" for attempt in _of(step, dossier.attempts))
        events = told[step["name"], step["part"]]
        if tried != int(has) or events > int(has):
            detail = f"the step run is {step['status']}, with {tried} attempts and {events} events of success"
            yield Finding(check=Check.SUCCESSES, subject=dossier.name(step), detail=detail)


def _of(step: Row, attempts: tuple[Row, ...]) -> list[Row]:
    return [a for a in attempts if (a["step"], a["part"]) == (step["name"], step["part"])]


def endings(dossier: Dossier, _scene: Scene) -> Iterator[Finding]:
    """Between its submit, or a retry or replay, and the next one, a job ends at most once."""
    ended: list[str] = []
    for event in dossier.events:
        if event["type"] in REOPENINGS:
            ended = []
        elif event["type"] in ENDINGS:
            ended.append(event["type"])
            if len(ended) == 2:
                detail = f"it ended twice without a retry between: {' and '.join(ended)} (event {event['id']})"
                yield Finding(check=Check.ENDINGS, subject=dossier.id, detail=detail)


def order(dossier: Dossier, _scene: Scene) -> Iterator[Finding]:
    """Event ids are unique, and a job's events follow each other in time as in id."""
    last: Row | None = None
    for event in dossier.events:
        if last is not None and (event["id"] <= last["id"] or event["at"] < last["at"] - BACKWARDS):
            detail = f"event {event['id']} ({event['at']:%F %T} UTC) does not come after {last['id']} ({last['at']:%F %T} UTC)"
            yield Finding(check=Check.ORDER, subject=dossier.id, detail=detail)
            return
        last = event


def reference(dossier: Dossier, _scene: Scene) -> Iterator[Finding]:
    """The job's file and each of its artifacts refer to a live blob of their content."""
    job = dossier.job
    said = {"key": job["file_key"], "sha256": job["file"].get("sha256"), "size": job["file"].get("size")}
    wants = [(f"the file {job['file'].get('name')!r}", {**job, **said})]
    wants += [(f"the artifact {row['name']!r}", dict(row)) for row in dossier.artifacts]
    for name, row in wants:
        if row["blob_state"] != "live":
            wrong = f"which is {row['blob_state']}" if row["blob_state"] else "which is not there"
        elif (row["blob_sha256"], row["blob_size"]) != (row["sha256"], row["size"]):
            wrong = "which has another content"
        else:
            continue
        yield Finding(check=Check.REFERENCE, subject=dossier.id, detail=f"{name} refers to blob {row['key']}, {wrong}")
