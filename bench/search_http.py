"""Search over HTTP: a real API process beside an index that was filled before, asked on one connection."""

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert

from bench import Unmeasurable
from bench.platform import Platform, separate
from bench.result import Report, Target
from bench.search_contenders import batches
from bench.search_fuzz import adversarial
from bench.search_labels import Where
from bench.search_questions import QUICK, Question
from bench.stats import Spread
from bench.wire import Wire
from ledger.database import Database
from ledger.schema import jobs
from search.port import JobFacts, Put

P95, ALWAYS, FUZZED = Target(limit=10), Target(limit=500), Target(limit=1_000)  # milliseconds
NONE = Target(limit=0)


def measure_http(
    report: Report,
    index: Path,
    changes: Iterable[Put],
    asked: Mapping[str, Sequence[Question]],
    *,
    fuzz: int,
) -> None:
    """Each class of questions, and strings that nobody means."""
    with separate("api", settings={"HEAVYLIFT_SEARCH_FOLDER": str(index)}) as platform:
        fill_ledger(platform.ledger_url, changes)
        with platform.wire() as wire:
            for of, questions in asked.items():
                _class(report, platform, wire, of, questions)
            if fuzz:
                _fuzz(report, wire, fuzz)


def fill_ledger(url: str, changes: Iterable[Put]) -> None:
    """Give the ledger a finished job for each file that the index has: hits are held against it."""
    database = Database(url)
    try:
        for batch in batches(changes):
            database.writing(partial(_insert, [_job_row(change.job) for change in batch]))
    finally:
        database.close()


def _insert(rows: list[dict[str, Any]], tx: Connection) -> None:
    tx.execute(insert(jobs), rows)


def _job_row(facts: JobFacts) -> dict[str, Any]:
    size = int(facts.numbers["size"])
    summary = {name: int(number) for name, number in facts.numbers.items() if name != "size"}
    file = {"name": facts.name, "size": size, "sha256": facts.sha256, "kind": facts.kind}
    return {
        "id": facts.job_id,
        "owner": facts.owner,
        "pipeline": facts.pipeline,
        "pipeline_version": 1,
        "status": facts.status,
        "file": file | {"media_type": "application/octet-stream"},
        "file_key": facts.sha256,
        "options": {},
        "metadata": {},
        "tags": list(facts.tags),
        "priority": 5,
        "correlation_id": facts.job_id,
        "version": facts.version,
        "summary": summary,
        "warnings": [],
        "created_at": facts.created_at,
        "finished_at": facts.finished_at,
        "unindexed_since": None,
    }


def _class(report: Report, platform: Platform, wire: Wire, of: str, questions: Sequence[Question]) -> None:
    for question in questions[:3]:
        _asked(platform, wire, question)
    spent, hits = [], 0
    for question in questions:
        began = time.perf_counter()
        found = _asked(platform, wire, question)
        spent.append((time.perf_counter() - began) * 1000)
        hits += bool(found)
    spread = Spread.of(spent)
    report.say(f"  http {of}: {hits} of {len(questions)} found something")
    report.add(f"http-{of}-p50", spread.p50, unit="ms", n=spread.n)
    report.add(f"http-{of}-p95", spread.p95, unit="ms", target=P95 if of in QUICK else None, n=spread.n)
    report.add(f"http-{of}-most", spread.most, unit="ms", target=ALWAYS, n=spread.n)


def _asked(platform: Platform, wire: Wire, question: Question) -> list[Where]:
    answer = wire.get(question.path)
    body = answer.json()
    if answer.status != 200 or body["degraded"]:
        why = f"{question.path} was answered {answer.status} {answer.body[:300]!r}"
        raise Unmeasurable(f"{why}\n{platform.tails()}")
    return [(one.get("job_id", ""), one.get("place", one.get("text"))) for one in body["items"]]


def _fuzz(report: Report, wire: Wire, number: int) -> None:
    """No answer of 500 and above, none later than a second, and none that comes from the ledger since the index gave up."""
    spent, broken, degraded, statuses = [], list[str](), 0, dict[int, int]()
    for path in adversarial(number):
        began = time.perf_counter()
        answer = wire.get(path)
        spent.append((time.perf_counter() - began) * 1000)
        statuses[answer.status] = statuses.get(answer.status, 0) + 1
        if answer.status >= 500:
            broken.append(path)
        elif answer.status == 200:
            degraded += bool(answer.json()["degraded"])
    report.say(f"  fuzz: {Spread.of(spent)}; answers by status {statuses}; slowest {_slowest(spent, number)}")
    for path in broken[:5]:
        report.say(f"    answered 500 or more: {path[:300]}")
    report.add("fuzz-5xx", len(broken), unit="answers", target=NONE, n=number)
    report.add("fuzz-degraded", degraded, unit="answers", target=NONE, n=number)
    report.add("fuzz-most", max(spent), unit="ms", target=FUZZED, n=number)


def _slowest(spent: Sequence[float], number: int) -> str:
    at = max(range(len(spent)), key=spent.__getitem__)
    return next(path for n, path in enumerate(adversarial(number)) if n == at)[:200]
