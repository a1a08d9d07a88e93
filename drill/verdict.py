"""The verdict: what became of every accepted job, and whether that is as promised. Pure arithmetic over what was seen."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from drill.tally import Accepted, Tally

Job = Mapping[str, Any]  # as the API tells it
_SHOWN = 20  # findings of one kind that are spelled out


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSeen:
    """What the audit said after the drill."""

    well: bool
    checked: Mapping[str, int] = field(default_factory=dict)
    findings: tuple[tuple[str, str, str], ...] = ()  # check, subject, detail
    doubled: Mapping[str, str] = field(default_factory=dict)  # of these, effects that were committed twice


@dataclass(slots=True, kw_only=True)
class Injected:
    """One fault as it happened."""

    fault: str
    at: float  # seconds since the drill began
    note: str = ""  # what it hit
    recovery: float | None = None  # seconds; None: not (yet)
    skipped: str = ""  # why this machine can't have it


@dataclass(frozen=True, slots=True, kw_only=True)
class Fates:
    """What became of the accepted jobs: each stands in one place, with why."""

    succeeded: int = 0
    failed_with_reason: int = 0
    cancelled: int = 0
    lost: Mapping[str, str] = field(default_factory=dict)
    stuck: Mapping[str, str] = field(default_factory=dict)
    without_reason: Mapping[str, str] = field(default_factory=dict)
    misjudged: Mapping[str, str] = field(
        default_factory=dict
    )  # also counted above: ended, but not as their file deserves
    codes: Mapping[str, int] = field(default_factory=dict)  # of those that failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Everything that a drill found out."""

    seed: int
    backend: str
    lease: float
    seconds: float
    tally: Tally
    fates: Fates
    doubled: Mapping[str, str]  # job, or what the audit names: which effect
    faults: Sequence[Injected]
    audit: AuditSeen
    crashes: Sequence[str] = ()  # processes that ended by themselves

    @property
    def well(self) -> bool:
        """Whether every promise held."""
        fates, tally = self.fates, self.tally
        bad = (fates.lost, self.doubled, fates.stuck, fates.without_reason, fates.misjudged, self.crashes)
        return not any(bad) and not tally.unexpected_5xx and not tally.given_up and self.audit.well

    @property
    def recoveries(self) -> dict[str, list[float | None]]:
        """Seconds per fault, each time that it was injected."""
        found: dict[str, list[float | None]] = {}
        for one in self.faults:
            if not one.skipped:
                found.setdefault(one.fault, []).append(None if one.recovery is None else round(one.recovery, 2))
        return found

    def to_json(self) -> dict[str, Any]:
        """One object for scripts."""
        tally, fates = self.tally, self.fates
        return {
            "well": self.well,
            "seed": self.seed,
            "backend": self.backend,
            "lease": self.lease,
            "seconds": round(self.seconds, 1),
            "accepted": len(tally.accepted),
            "succeeded": fates.succeeded,
            "failed_with_reason": fates.failed_with_reason,
            "cancelled": fates.cancelled,
            "lost": len(fates.lost),
            "doubled": len(self.doubled),
            "stuck": len(fates.stuck),
            "without_reason": len(fates.without_reason),
            "misjudged": len(fates.misjudged),
            "given_up": len(tally.given_up),
            "failure_codes": dict(fates.codes),
            "api_requests": tally.requests,
            "status_503": tally.statuses[503],
            "status_507_while_disk_full": tally.full_disk,
            "other_5xx": tally.unexpected_5xx,
            "status_5xx": {str(status): n for status, n in tally.errors.items()},
            "refused_while_api_killed": tally.refused_while_killed,
            "connections_broken": sum(tally.broken.values()),
            "p95_status_ms": percentile(tally.status_ms, 0.95),
            "availability": round(tally.availability, 5),
            "recovery_seconds": self.recoveries,
            "faults": [
                {"fault": one.fault, "at": round(one.at, 1), "note": one.note, "recovery": one.recovery}
                for one in self.faults
            ],
            "skipped": {one.fault: one.skipped for one in self.faults if one.skipped},
            "crashes": len(self.crashes),
            "audit": {"well": self.audit.well, "checked": dict(self.audit.checked)},
            "findings": self.findings(),
        }

    def findings(self) -> dict[str, list[str]]:
        """What is wrong, spelled out; nothing where all is well."""
        fates = self.fates
        rows: dict[str, list[str]] = {
            name: [f"{subject}: {why}" for subject, why in found.items()]
            for name, found in (
                ("lost", fates.lost),
                ("doubled", self.doubled),
                ("stuck", fates.stuck),
                ("without_reason", fates.without_reason),
                ("misjudged", fates.misjudged),
                ("given_up", {str(number): why for number, why in self.tally.given_up.items()}),
            )
        }
        rows["crashes"] = list(self.crashes)
        rows["audit"] = [f"{check} {subject}: {detail}" for check, subject, detail in self.audit.findings]
        rows["unexpected"] = [f"{n} x {what}" for what, n in self.tally.unexpected.items()]
        return {name: found[:_SHOWN] for name, found in rows.items() if found}


def fates_of(accepted: Sequence[Accepted], told: Mapping[str, Job | None], known: set[str]) -> Fates:
    """Sort the accepted jobs by what the API told of each (None: not found) and whether the ledger knows them."""
    ends: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    bad: dict[str, dict[str, str]] = {"lost": {}, "stuck": {}, "without_reason": {}, "misjudged": {}}
    for one in accepted:
        job = told.get(one.job_id)
        kind, why = _fate(job, known=one.job_id in known)
        if kind in bad:
            bad[kind][one.job_id] = f"{one.sample.name}: {why}"
        else:
            ends[kind] += 1
        if kind == "failed_with_reason" and job is not None:
            codes[job["error"]["code"]] += 1
        if wrong := _misjudged(one, job):
            bad["misjudged"][one.job_id] = wrong
    return Fates(
        succeeded=ends["succeeded"],
        failed_with_reason=ends["failed_with_reason"],
        cancelled=ends["cancelled"],
        codes=dict(codes),
        **bad,
    )


def _fate(job: Job | None, *, known: bool) -> tuple[str, str]:
    if job is None:
        return "lost", "the API does not know it" + ("" if known else ", nor does the ledger")
    if not known:
        return "lost", "the ledger does not know it"
    status = job["status"]
    if status in {"succeeded", "cancelled"}:
        return status, ""
    if status != "failed":
        steps = ", ".join(f"{step['name']} {step['status']}" for step in job.get("steps", ()))
        return "stuck", f"still {status} ({steps})"
    error = job.get("error") or {}
    missing = [name for name in ("code", "actor", "step") if not error.get(name)]
    if missing:
        return "without_reason", f"failed without {', '.join(missing)}"
    return "failed_with_reason", ""


def _misjudged(one: Accepted, job: Job | None) -> str:
    """Broken files fail with the submitter to act, and no others do; what faults do to a job is another matter."""
    if job is None:
        return ""
    actor = (job.get("error") or {}).get("actor")
    if one.sample.broken and job["status"] == "succeeded":
        return f"{one.sample.name} is broken, but succeeded"
    if not one.sample.broken and actor == "submitter":
        return f"{one.sample.name} is well, but failed with {job['error']['code']}"
    return ""


def doubled(by_number: Mapping[int, Sequence[str]], done_twice: Mapping[str, str], tally: Tally) -> dict[str, str]:
    """Effects that were committed twice: two jobs for one submit, two ids for one key, two ends of one thing."""
    found = dict(done_twice)
    found |= {ids[0]: f"one submit made {len(ids)} jobs" for ids in by_number.values() if len(ids) > 1}
    return found | {ids[0]: f"one key was answered with {ids[1]} too" for ids in tally.renamed.values()}


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value below which that share of them lies; None without values."""
    if not values:
        return None
    ordered = sorted(values)
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 1)
