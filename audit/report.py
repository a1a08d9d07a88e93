"""What an audit says: how much each check looked at, and what it found wrong."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum


class Check(StrEnum):
    """The name of a check, as findings carry it."""

    STATE = "state"
    CLAIM = "claim"
    REASON = "reason"
    STUCK = "stuck"
    LOST = "lost"
    REPLAY = "replay"
    REFERENCE = "reference"
    OBJECT = "object"
    HASH = "hash"
    ATTEMPTS = "attempts"
    SUCCESSES = "successes"
    ENDINGS = "endings"
    ORDER = "order"
    CONTENT = "content"
    PLACES = "places"
    FINDABLE = "findable"
    QUEUES = "queues"
    MESSAGES = "messages"

    @property
    def meaning(self) -> str:
        """What it proves, for a person."""
        return _MEANINGS[self]


_MEANINGS = {
    Check.STATE: "every job is in exactly one legal state",
    Check.CLAIM: "what runs has worker, lease, fence and attempt",
    Check.REASON: "what failed says where, why and who must act",
    Check.STUCK: "nothing is overdue while workers live",
    Check.LOST: "every job that was accepted is there",
    Check.REPLAY: "the event log gives the same state as the rows",
    Check.REFERENCE: "every file and artifact refers to its bytes",
    Check.OBJECT: "the store holds these bytes, in the right size",
    Check.HASH: "and of the right content",
    Check.ATTEMPTS: "every claim left exactly one attempt",
    Check.SUCCESSES: "no step run succeeded twice",
    Check.ENDINGS: "no job ended twice",
    Check.ORDER: "events follow each other in time",
    Check.CONTENT: "equal content is stored once",
    Check.PLACES: "nothing is findable twice",
    Check.FINDABLE: "the search index holds each job, and no other",
    Check.QUEUES: "each queue holds what the ledger queued",
    Check.MESSAGES: "message by message",
}


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
