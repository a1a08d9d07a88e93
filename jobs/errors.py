"""Errors that answer "who must act?" and carry a stable code.

HeavyliftError
├── StepError              ends an attempt; becomes a Fault
│   ├── InputError         the submitter must act; never retried, shown in full
│   │   └── UnreadableFile nothing at all could be read from the file
│   └── TransientError     nobody must act; retried with backoff
├── Cancelled              the job was cancelled while the step ran
└── ConfigurationError     the operator must act; raised at start, with the cure
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Actor(StrEnum):
    """Who has to do something about a fault."""

    SUBMITTER = "submitter"  # the file or the options are wrong
    PLATFORM = "platform"  # we are wrong, or too small
    NOBODY = "nobody"  # it passes by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why an attempt, a step run or a job failed, as a value that is stored and shown."""

    code: str  # stable, dotted, lower case: `xml.syntax`
    message: str  # one sentence for a person
    actor: Actor  # who must act
    step: str | None = None  # the step it happened in
    hint: str | None = None  # what to do next
    place: Mapping[str, Any] | None = None  # where in the file: row, line, column, page

    def to_json(self) -> dict[str, Any]:
        """The JSON object that the ledger stores and the API shows."""
        found: dict[str, Any] = {"code": self.code, "message": self.message, "step": self.step}
        found |= {"actor": self.actor.value, "hint": self.hint}
        return found | ({"place": dict(self.place)} if self.place else {})

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Fault":
        """The inverse of `to_json`."""
        return cls(
            code=found["code"],
            message=found["message"],
            actor=Actor(found["actor"]),
            step=found.get("step"),
            hint=found.get("hint"),
            place=found.get("place"),
        )


class HeavyliftError(Exception):
    """The root of everything that this platform raises on purpose."""


class ConfigurationError(HeavyliftError):
    """The platform is set up wrongly; the message says how to cure it."""


class Cancelled(HeavyliftError):
    """Raised inside a step by `progress()` when its job was cancelled or its claim was lost."""


class StepError(HeavyliftError):
    """An attempt that ended with a known reason."""

    actor = Actor.PLATFORM

    def __init__(self, code: str, message: str, *, hint: str | None = None, **place: Any) -> None:
        """`message` and `hint` may quote a file: whatever in them steers a terminal or a log becomes a space."""
        message, hint = _one_line(message), _one_line(hint) if hint else hint
        super().__init__(message)
        self.fault = Fault(code=code, message=message, actor=self.actor, hint=hint, place=place or None)


class InputError(StepError):
    """The file or its options are at fault."""

    actor = Actor.SUBMITTER


class UnreadableFile(InputError):
    """Nothing can be read from the file at all; single bad rows are `Issue` values instead."""


class TransientError(StepError):
    """Something outside was away for a moment; `delay` overrides the backoff (seconds)."""

    actor = Actor.NOBODY

    def __init__(self, code: str, message: str, *, delay: float | None = None, **place: Any) -> None:
        super().__init__(code, message, **place)
        self.delay = delay


def _one_line(text: str) -> str:
    return text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)
