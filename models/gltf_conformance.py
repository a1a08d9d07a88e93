"""What the Khronos glTF validator said, as a `Conformance`: compressed files are judged by both looks at them together."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from jobs.issues import Severity
from models.conformance import Conformance, Message, checked, not_checked

ISSUES = 200  # of one look, after which the validator stops counting
KINDS = frozenset({"glb", "gltf", "model-zip"})  # that may hold a glTF
_SEVERITIES = (Severity.ERROR, Severity.WARNING, Severity.INFO, Severity.INFO)  # by the validator's numbers
# Said of what is compressed, and untrue of what it unpacks to.
_BECAUSE_PACKED = frozenset({"UNSUPPORTED_EXTENSION", "UNUSED_OBJECT"})
_UNREADABLE = "UNREADABLE"  # ours: the validator gave up on bytes that are no glTF


class GltfChecker(Protocol):
    """Asks the validator about an upload."""

    def check(self, upload: Path, kind: str) -> Conformance:
        """What it says; it never raises, whatever the file does to it: then the file is not checked, and why."""


def conformance_of(said: Mapping[str, Any]) -> Conformance:
    """The answer of `gltf/conformance.mjs` in our words."""
    before, after, by = said["before"], said.get("after"), str(said["by"])
    if before.get("unreadable"):
        return checked(by, [Message(code=_UNREADABLE, severity=Severity.ERROR, text="The bytes are no glTF.")])
    undone = frozenset(said.get("undone", ()))
    messages = [one for one in _messages(before) if not (undone and one.code in _BECAUSE_PACKED)]
    truncated = bool(before["truncated"])
    if after is not None:
        messages = list(dict.fromkeys([*messages, *_messages(after)]))
        truncated = truncated or bool(after["truncated"])
    found = checked(by, messages, truncated=truncated)
    failed = said.get("failed") or ("malformed" if after and after.get("unreadable") else None)
    if failed:
        return replace(found, checked=False, reason=_not_unpacked(undone, failed))
    unseen = [name for name in (before if after is None else after)["unsupported"] if name not in undone]
    return replace(found, reason=_unseen(unseen)) if unseen else found


def silent(reason: str) -> Conformance:
    """The validator did not answer."""
    return not_checked(reason, by="gltf-validator")


def _messages(look: Mapping[str, Any]) -> Iterable[Message]:
    for one in look["messages"]:
        place = one["place"]
        yield Message(
            code=str(one["code"]),
            severity=_SEVERITIES[one["severity"]],
            text=_printable(one["message"]),
            place=None if place is None else _printable(place),
        )


def _not_unpacked(undone: Iterable[str], failed: str) -> str:
    names = ", ".join(sorted(undone))
    why = "it unpacks to too much" if failed == "too large" else "it can not be unpacked"
    return f"What {names} compresses was not looked at: {why}."


def _unseen(extensions: Iterable[str]) -> str:
    named = ", ".join(_printable(name)[:60] for name in dict.fromkeys(extensions))
    return f"The validator does not know these extensions, so nobody looked at them: {named}."


def _printable(text: Any) -> str:
    return "".join(char if char.isprintable() else " " for char in str(text))
