"""What an audit says: how much each check looked at, and what it found wrong."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum


class Check(StrEnum):
    """The name of a check, as findings carry it."""

    STATE = "state"  # every job is in exactly one legal state, and its step runs fit it
    CLAIM = "claim"  # a running step run has worker, lease, fence and an open attempt
    REASON = "reason"  # what failed says where, by which code, and who must act
    STUCK = "stuck"  # nothing is overdue while workers live
    LOST = "lost"  # every job that was accepted is there, unless somebody deleted it
    REPLAY = "replay"  # the event log, replayed through the rules, gives the same statuses and attempts
    REFERENCE = "reference"  # every artifact and every job's file refers to a live blob of its content
    OBJECT = "object"  # every live blob has its bytes in the store, in the right size
    HASH = "hash"  # and of the right content; deep only
    ATTEMPTS = "attempts"  # every claim left exactly one attempt
    SUCCESSES = "successes"  # no step run succeeded twice
    ENDINGS = "endings"  # no job ended twice in one life
    ORDER = "order"  # a job's events follow each other in time
    CONTENT = "content"  # no content is stored under two live blobs
    PLACES = "places"  # nothing is findable twice
    QUEUES = "queues"  # each queue holds a message for every queued step run
    MESSAGES = "messages"  # the same, message by message; deep only


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, or was when it was looked at twice."""

    check: Check
    subject: str  # a job's id, `id/step` or `id/step.part` of a step run, a blob's key, a queue's name
    detail: str  # one sentence for a person


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How an audit ended."""

    checked: dict[str, int]  # by check: how many subjects it looked at; `check.word` are further counts
    findings: tuple[Finding, ...]

    @property
    def well(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    @property
    def counts(self) -> dict[str, int]:
        """Findings by check."""
        return dict(Counter(finding.check.value for finding in self.findings))
