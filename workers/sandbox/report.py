"""What a child says at its end, checked: nothing in it is believed, since the child ran on a stranger's file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

from jobs.errors import Actor, Fault
from jobs.likeness import Family, Fingerprint
from jobs.model import MAX_PARTS, Notice

MAX_WARNINGS = 1000
MAX_COUNTERS = 1000
MAX_MESSAGE = 2000  # characters
MAX_SUBMISSIONS = 100
MAX_SPLITS = 20

_MAX_DEPTH = 32  # of JSON in summaries
_MAX_NUMBER = 2**63
_NAME = re.compile(r"[^\x00-\x1f\x7f\\]{1,255}")
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}(; ?[\w.+=-]{1,100})*", re.ASCII)
_CODE = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*")
_TYPE_NAME = re.compile(r"\w{1,100}")


class Trouble(StrEnum):
    """What a child says went wrong, where the step itself had no word for it."""

    ERROR = "error"  # an exception; the detail is its type
    EXIT = "exit"  # the step called sys.exit
    MEMORY = "memory"  # MemoryError
    FILE_SIZE = "file_size"  # a write beyond RLIMIT_FSIZE
    DISK_FULL = "disk_full"
    MISSING = "missing"  # the target can't be imported: the worker is of another version
    REPORT = "report"  # what the step wants to hand over is too large or no JSON


class BrokenReport(ValueError):
    """The child's last words make no sense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A file that the step wants to hand over."""

    name: str
    path: str  # relative to scratch/out, without `..`
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A job that the step wants to have of one of its files; whether it may is not said here."""

    artifact: str
    pipeline: str
    options: Mapping[str, Any]
    file_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A child's last words."""

    saved: tuple[Saved, ...] = ()
    summary: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[Notice, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    splits: dict[str, int] = field(default_factory=dict)
    submissions: tuple[Submission, ...] = ()
    fingerprints: tuple[Fingerprint, ...] = ()
    fault: Fault | None = None  # the step's own
    delay: float | None = None
    trouble: Trouble | None = None
    detail: str = ""  # the type of the exception


def checked(frame: Mapping[str, Any], step: str) -> Report:
    """The report in `frame`; `BrokenReport` where it is none."""
    try:
        return _report(frame, step)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise BrokenReport(f"{type(error).__name__}: {error}") from None


def saved(name: str, path: str, *, media_type: str) -> Saved:
    """A file to hand over; `BrokenReport` where name, path or type are not to be had."""
    if not _is_relative(name) or not _NAME.fullmatch(name):
        raise BrokenReport(f"{name!a} is no name for an artifact")
    if not _is_relative(path) or "\x00" in path:
        raise BrokenReport(f"{path!a} is not below the step's own folder")
    if not _MEDIA_TYPE.fullmatch(media_type):
        raise BrokenReport(f"{media_type!a} is no media type")
    return Saved(name=name, path=path, media_type=media_type)


def plain(value: Any, *, depth: int = _MAX_DEPTH) -> Any:
    """`value` as JSON that any database takes: no NUL, no lone surrogates, no depth or numbers out of bounds."""
    if depth == 0:
        raise BrokenReport("nested too deeply")
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        if not -_MAX_NUMBER < value < _MAX_NUMBER and isinstance(value, int):
            raise BrokenReport("a number out of bounds")
        if isinstance(value, float) and (value != value or value in {float("inf"), float("-inf")}):  # noqa: PLR0124 - NaN
            raise BrokenReport("a number that JSON has no word for")
        return value
    if isinstance(value, list | tuple):
        return [plain(item, depth=depth - 1) for item in value]
    if isinstance(value, Mapping):
        return {_clean(key): plain(item, depth=depth - 1) for key, item in value.items()}
    raise BrokenReport(f"{type(value).__name__} is no JSON")


def submission(*, artifact: str, pipeline: str, options: Mapping[str, Any], file_name: str) -> Submission:
    """A job to be submitted; `BrokenReport` where names or options are not to be had."""
    if not _NAME.fullmatch(file_name) or not _NAME.fullmatch(artifact) or not _NAME.fullmatch(pipeline):
        raise BrokenReport(f"{file_name!a} of {artifact!a} is no file to submit")
    return Submission(artifact=artifact, pipeline=pipeline, options=dict(plain(options)), file_name=file_name)


def _report(frame: Mapping[str, Any], step: str) -> Report:
    files = tuple(saved(str(f["name"]), str(f["path"]), media_type=str(f["media_type"])) for f in frame["saved"])
    if len({file.name for file in files}) != len(files):
        raise BrokenReport("two files of one name")
    delay = frame["delay"]
    return Report(
        saved=files,
        summary=dict(plain(frame["summary"])),
        warnings=tuple(_notice(w, step) for w in frame["warnings"][: MAX_WARNINGS + 1]),
        counts=_counts(frame["counts"]),
        splits=_splits(frame["splits"]),
        submissions=tuple(submission(**one) for one in frame["submissions"][:MAX_SUBMISSIONS]),
        fingerprints=tuple(map(_fingerprint, frame["fingerprints"][: len(Family)])),
        fault=_fault(frame["fault"], step) if frame["fault"] else None,
        delay=None if delay is None else min(max(0.0, float(delay)), 86_400.0),
        trouble=Trouble(frame["trouble"]) if frame["trouble"] else None,
        detail=(_TYPE_NAME.match(str(frame["detail"])) or [""])[0],
    )


def _fingerprint(found: Mapping[str, Any]) -> Fingerprint:
    return Fingerprint(family=Family(found["family"]), exact=found["exact"], near=found["near"])


def _notice(found: Mapping[str, Any], step: str) -> Notice:
    return Notice(code=_code(found["code"]), message=_sentence(found["message"]), step=step)


def _fault(found: Mapping[str, Any], step: str) -> Fault:
    hint, place = found.get("hint"), found.get("place")
    return Fault(
        code=_code(found["code"]),
        message=_sentence(found["message"]),
        actor=Actor(found["actor"]),
        step=step,
        hint=None if hint is None else _sentence(hint),
        place=dict(plain(place)) if place else None,
    )


def _counts(found: Mapping[str, Any]) -> dict[str, int]:
    if len(found) > MAX_COUNTERS:
        raise BrokenReport("too many counters")
    return {_clean(name)[:100]: int(plain(int(n))) for name, n in found.items()}


def _splits(found: Mapping[str, Any]) -> dict[str, int]:
    if len(found) > MAX_SPLITS:
        raise BrokenReport("too many splits")
    return {_clean(name)[:100]: min(max(1, int(n)), MAX_PARTS) for name, n in found.items()}


def _code(found: Any) -> str:
    if not isinstance(found, str) or len(found) > 100 or not _CODE.fullmatch(found):
        raise BrokenReport(f"{ascii(found)[:100]} is no code")
    return found


def _sentence(found: Any) -> str:
    text = _clean(str(found))
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"


def _clean(text: str) -> str:
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _is_relative(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts
