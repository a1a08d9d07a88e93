"""The drill's verdict: one lost, doubled or stuck job makes it fail, and what faults explain does not."""

import json
from dataclasses import replace

import pytest

from drill.inputs import Sample, plain
from drill.keeper import last_words
from drill.spans import Spans
from drill.tally import Tally
from drill.verdict import AuditSeen, Injected, Verdict, doubled, fates_of, percentile

SUCCEEDED = {"status": "succeeded", "error": None, "steps": []}
FAILED = {"status": "failed", "error": {"code": "step.crashed", "actor": "platform", "step": "parse"}}
BAD_FILE = {"status": "failed", "error": {"code": "xml.syntax", "actor": "submitter", "step": "parse"}}


def tally_of(*samples: Sample) -> Tally:
    tally = Tally()
    for one in samples:
        tally.accept(f"job-{one.number}", one)
        tally.statuses[202] += 1
    return tally


def verdict(told: dict, *, known=None, tally=None, audit=None, twice=None, by_number=None) -> Verdict:
    """A drill of the jobs that `told` names, each with what the API said of it in the end."""
    tally = tally or tally_of(*(plain(int(job_id[4:])) for job_id in told))
    known = set(told) if known is None else known
    return Verdict(
        seed=1,
        backend="embedded",
        lease=3.0,
        seconds=1.0,
        tally=tally,
        fates=fates_of(list(tally.accepted.values()), told, known),
        doubled=doubled(by_number or {}, twice or {}, tally),
        faults=[],
        audit=audit or AuditSeen(well=True),
    )


def test_verdict__all_ended_is_well():
    """Jobs that succeeded, failed with a reason or were cancelled are what was promised."""
    found = verdict({"job-1": SUCCEEDED, "job-2": FAILED, "job-3": {"status": "cancelled"}})
    assert found.well
    said = found.to_json()
    assert (said["accepted"], said["succeeded"], said["failed_with_reason"], said["cancelled"]) == (3, 1, 1, 1)
    assert said["failure_codes"] == {"step.crashed": 1}
    assert said["findings"] == {}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("lost", verdict({"job-1": None})),
        ("lost", verdict({"job-1": SUCCEEDED}, known=set())),
        ("stuck", verdict({"job-1": {"status": "running", "steps": [{"name": "parse", "status": "queued"}]}})),
        ("without_reason", verdict({"job-1": {"status": "failed", "error": None}})),
        ("without_reason", verdict({"job-1": {"status": "failed", "error": FAILED["error"] | {"step": None}}})),
        ("doubled", verdict({"job-1": SUCCEEDED}, twice={"job-1": "step parse succeeded twice"})),
        ("doubled", verdict({"job-1": SUCCEEDED}, by_number={1: ["job-1", "job-9"]})),
        ("misjudged", verdict({"job-1": BAD_FILE})),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_verdict__one_bad_job_is_too_many(name: str, found: Verdict):
    """One job that was lost, stuck, done twice or failed without its reason makes the drill fail, and is named."""
    assert not found.well
    assert found.to_json()[name] == 1
    assert any("job-1" in line for line in found.findings()[name])


def test_verdict__a_broken_file_has_to_fail():
    """A broken file that succeeds is as wrong as a good one that is refused."""
    broken = Sample(number=1, name="broken-1.xml", body=b"", broken=True)
    assert not verdict({"job-1": SUCCEEDED}, tally=tally_of(broken)).well
    assert verdict({"job-1": BAD_FILE}, tally=tally_of(broken)).well
    assert verdict({"job-1": {"status": "cancelled"}}, tally=tally_of(broken)).well


def test_verdict__two_ids_for_one_key_are_a_double():
    """A retried submit that is answered with another job was done twice."""
    tally = tally_of(plain(1))
    tally.accept("job-7", plain(1))
    assert not verdict({"job-1": SUCCEEDED}, tally=tally).well


def test_verdict__audit_has_a_say():
    """What the audit finds fails the drill, even where every job looks well."""
    audit = AuditSeen(well=False, findings=(("object", "key", "gone"),))
    found = verdict({"job-1": SUCCEEDED}, audit=audit)
    assert not found.well
    assert found.findings()["audit"] == ["object key: gone"]


def test_verdict__503_is_allowed_500_is_not():
    """An API may say "later" while a fault lasts, and "no room" while the disk is full; it may never break."""
    tally = tally_of(plain(1))
    tally.statuses.update({503: 5, 507: 2})
    tally.full_disk = 2
    assert verdict({"job-1": SUCCEEDED}, tally=tally).well
    tally.statuses[507] += 1
    assert verdict({"job-1": SUCCEEDED}, tally=tally).to_json()["other_5xx"] == 1
    assert not verdict({"job-1": SUCCEEDED}, tally=tally).well


def test_verdict__a_submit_that_never_got_through_fails_it():
    """Faults pass, so patience has to be rewarded."""
    tally = tally_of(plain(1))
    tally.given_up[2] = "503"
    assert not verdict({"job-1": SUCCEEDED}, tally=tally).well


def test_verdict__a_process_that_ended_by_itself_fails_it():
    """Restarted or not: where one process ends, `heavylift up` ends all."""
    found = replace(verdict({"job-1": SUCCEEDED}), crashes=["worker-parsing ended by itself with 0: no idea"])
    assert not found.well
    assert found.findings()["crashes"] == ["worker-parsing ended by itself with 0: no idea"]


def test_verdict__availability_leaves_killed_apis_out():
    """A refused connection of a killed API is counted apart; answers of 500 and above and broken lines are not."""
    tally = Tally()
    tally.statuses.update({200: 90, 503: 8})
    tally.broken["ReadError"] = 2
    tally.refused_while_killed = 50
    assert tally.availability == 0.9
    assert tally.requests == 150


def test_verdict__recoveries_by_fault():
    """Each fault's recoveries stand together; those that never came are None, skipped ones stay away."""
    found = verdict({})
    found.faults.extend(
        [
            Injected(fault="kill-api", at=1.0, recovery=2.0),
            Injected(fault="kill-api", at=9.0),
            Injected(fault="full-disk", at=5.0, skipped="no room"),
        ]
    )
    assert found.recoveries == {"kill-api": [2.0, None]}
    assert found.to_json()["skipped"] == {"full-disk": "no room"}


def test_verdict__json_is_json():
    """Scripts can read it."""
    assert json.loads(json.dumps(verdict({"job-1": SUCCEEDED}).to_json()))["well"] is True


def test_percentile__nearest_rank():
    """The 95th of 20 values is the 19th; of one it is that one; of none there is none."""
    assert percentile(list(range(1, 21)), 0.95) == 19
    assert percentile([3.0], 0.95) == 3.0
    assert percentile([], 0.95) is None


def test_spans__cover_what_touches_them():
    """A request that was under way when the API was killed is excused; one long before is not."""
    spans = Spans()
    assert not spans.is_open
    spans.open()
    assert spans.is_open
    spans.close()
    assert not spans.is_open
    assert spans.cover(0.0, float("inf"))
    assert not spans.cover(-20.0, -10.0)


def test_last_words__prefers_the_worst():
    """A crash is told by its critical line, whatever was said after it."""
    log = '{"level":"critical","event":"it broke"}\nnot JSON\n{"level":"info","event":"ended"}\n'
    assert last_words(log) == "it broke"
    assert last_words("plain\nlast\n") == "last"
    assert last_words("") == ""
