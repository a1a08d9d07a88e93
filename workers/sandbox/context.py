"""ChildContext: the StepContext of a sandbox child. What the step says is gathered here and told at its end."""

import fnmatch
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from jobs.errors import StepError
from jobs.likeness import Family, Fingerprint
from jobs.model import Part
from jobs.vram import GpuGrant
from workers.sandbox.report import MAX_COUNTERS, MAX_SUBMISSIONS, MAX_WARNINGS, BrokenReport, plain, saved, submission

_PROGRESS_EVERY = 0.05  # seconds between two words of progress


class ChildContext:
    """All that a step may touch; see `jobs.context.StepContext`."""

    def __init__(self, order: Mapping[str, Any], *, tell: Callable[[dict[str, Any]], None]) -> None:
        self.options: Mapping[str, Any] = order["options"]
        self.file_name: str = order["file_name"]
        self.kind: str = order["kind"]
        self.scratch = Path(order["out"])
        self._inputs: Mapping[str, str] = order["inputs"]
        self._resources: Mapping[str, str] = order["resources"]
        self.part = Part(*order["part"])
        self.gpu: GpuGrant | None = GpuGrant(**order["gpu"]) if order.get("gpu") else None
        self._max_outputs: int = order["max_outputs"]
        self._tell = tell
        self._saved: dict[str, dict[str, str]] = {}
        self._summary: dict[str, Any] = {}
        self._warnings: list[dict[str, str]] = []
        self._more_warnings = 0
        self._counts: dict[str, int] = {}
        self._splits: dict[str, int] = {}
        self._submissions: list[dict[str, Any]] = []
        self._fingerprints: dict[str, dict[str, str]] = {}
        self._told_at = 0.0
        self._told = -1.0

    def names(self, pattern: str) -> tuple[str, ...]:
        return tuple(sorted(fnmatch.filter(self._inputs, pattern)))

    def split(self, step: str, parts: int) -> None:
        self._splits[step] = parts

    def submit(self, artifact: str, *, pipeline: str, options: Mapping[str, Any], file_name: str) -> None:
        if len(self._submissions) >= MAX_SUBMISSIONS:
            raise ValueError(f"a step submits at most {MAX_SUBMISSIONS} jobs")
        wanted = submission(artifact=artifact, pipeline=pipeline, options=options, file_name=file_name)
        self._submissions.append(asdict(wanted))

    def path(self, name: str) -> Path:
        return Path(self._inputs[name])

    def open(self, name: str) -> BinaryIO:
        return self.path(name).open("rb")

    def save(self, path: Path, *, name: str, media_type: str) -> None:
        if name in self._saved:
            raise ValueError(f"{name!r} is saved already; a name can be saved once")
        if len(self._saved) >= self._max_outputs:
            message = f"The step hands over more than {self._max_outputs} files, its limit."
            raise StepError(
                "step.output_limit", message, hint="Submit a smaller file, or ask operators to raise the limit."
            )
        # normpath, not resolve: a link stays what it is and is refused when it is collected.
        relative = os.path.relpath(os.path.normpath(self.scratch / path), self.scratch)
        try:
            file = saved(name, relative, media_type=media_type)
        except BrokenReport as error:
            message = f"The step cannot hand a file over: {error}."
            raise StepError("step.output_invalid", message, hint="Operators: it is a defect of the step.") from None
        self._saved[name] = {"name": file.name, "path": file.path, "media_type": file.media_type}

    def summary(self, **facts: Any) -> None:
        self._summary.update(plain(facts))

    def warn(self, code: str, message: str) -> None:
        if len(self._warnings) < MAX_WARNINGS:
            self._warnings.append({"code": code, "message": message})
        else:
            self._more_warnings += 1

    def count(self, name: str, n: int = 1) -> None:
        if name in self._counts or len(self._counts) < MAX_COUNTERS:
            self._counts[name] = self._counts.get(name, 0) + n

    def progress(self, done: float, total: float, message: str = "") -> None:
        """Tells at most 20 times a second. Never raises: a cancelled step is killed, whatever it is in."""
        share = min(1.0, max(0.0, done / total)) if total > 0 else 0.0
        now = time.monotonic()
        if now - self._told_at < _PROGRESS_EVERY and not (share == 1.0 != self._told):
            return
        self._told_at, self._told = now, share
        self._tell({"progress": share, "message": message[:200]})

    def fingerprint(self, family: Family, *, exact: str, near: str) -> None:
        self._fingerprints[family] = asdict(Fingerprint(family=family, exact=exact, near=near))

    def resource(self, name: str) -> Path:
        return Path(self._resources[name])

    def gathered(self) -> dict[str, Any]:
        """What the step said, for its report."""
        warnings = list(self._warnings)
        if self._more_warnings:
            message = f"{self._more_warnings} further warnings are not shown."
            warnings.append({"code": "warnings.truncated", "message": message})
        return {
            "saved": list(self._saved.values()),
            "summary": self._summary,
            "warnings": warnings,
            "counts": self._counts,
            "splits": self._splits,
            "submissions": self._submissions,
            "fingerprints": list(self._fingerprints.values()),
        }
