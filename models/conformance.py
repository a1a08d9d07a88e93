"""Whether a model keeps to its format's specification, as a checker says that is not ours; unchecked is never called good."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from jobs.issues import Severity
from models.findings import Code, Finding

MAX_MESSAGES = 100  # that a report shows, the worst first
_ORDER = (Severity.ERROR, Severity.WARNING, Severity.INFO)


class Conformity(StrEnum):
    """The answer in a word."""

    PASSED = "passed"  # checked to the end, no error; warnings may be there
    FAILED = "failed"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One thing that the checker says."""

    code: str  # the checker's own stable name of it: `ACCESSOR_TOO_LONG`
    severity: Severity
    text: str  # one sentence for a person, that quotes nothing but the file itself
    place: str | None = None  # where in the file, as the checker writes it: a JSON pointer, an offset
    count: int = 1  # how often it was said

    def to_json(self) -> dict[str, Any]:
        """One entry of `messages`."""
        return {
            "code": self.code,
            "severity": self.severity.value,
            "text": self.text,
            "place": self.place,
            "count": self.count,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Conformance:
    """What a checker said of a file, or why none was asked."""

    checked: bool  # to the end; else the counts are the least there are
    by: str | None  # the checker and its version: `lib3mf 2.5.0`; None: there is none
    errors: int = 0
    warnings: int = 0
    infos: int = 0
    messages: tuple[Message, ...] = ()
    reason: str | None = None  # a sentence: why the file was not checked, or not wholly
    truncated: bool = False  # there are more messages than are shown

    @property
    def verdict(self) -> Conformity:
        """An error counts even where the check did not come to its end."""
        if self.errors:
            return Conformity.FAILED
        return Conformity.PASSED if self.checked else Conformity.NOT_CHECKED

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What a person should look at."""
        return (Finding(code=Code.CONFORMANCE, count=self.errors),) if self.errors else ()

    def to_json(self) -> dict[str, Any]:
        """The object `conformance` of a report."""
        return {
            "verdict": self.verdict.value,
            "checked": self.checked,
            "by": self.by,
            "errors": self.errors,
            "warnings": self.warnings,
            "infos": self.infos,
            "messages": [message.to_json() for message in self.messages],
            "truncated": self.truncated,
            "reason": self.reason,
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        messages = tuple(
            Message(code=one["code"], severity=Severity(one["severity"]), text=one["text"], place=one["place"])
            for one in found["messages"]
        )
        plain = ("checked", "by", "errors", "warnings", "infos", "reason", "truncated")
        return cls(messages=messages, **{name: found[name] for name in plain})


def checked(by: str, messages: Sequence[Message], *, truncated: bool = False) -> Conformance:
    """The file was looked at to its end; `truncated` where the checker itself stopped counting."""
    errors, warnings, infos = (sum(one.count for one in messages if one.severity is severity) for severity in _ORDER)
    worst = sorted(messages, key=lambda one: _ORDER.index(one.severity))[:MAX_MESSAGES]
    return Conformance(
        checked=True,
        by=by,
        errors=errors,
        warnings=warnings,
        infos=infos,
        messages=tuple(worst),
        truncated=truncated or len(messages) > MAX_MESSAGES,
    )


def not_checked(reason: str, *, by: str | None = None) -> Conformance:
    """Nobody looked, or the checker gave no answer; `reason` is a sentence."""
    return Conformance(checked=False, by=by, reason=reason)


def no_check_for(kind: str) -> Conformance:
    """There is no checker for this format here."""
    return not_checked(f"There is no conformance check for {kind}.")
