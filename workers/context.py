"""The StepContext of trusted steps, which run inside the worker."""

import fnmatch
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from jobs.errors import Cancelled, StepError
from jobs.likeness import Family, Fingerprint
from jobs.model import WHOLE, Job, Notice, Part
from jobs.outcomes import Usage
from workers.heartbeat import Hold
from workers.sandbox import Output, Submission


class InProcessContext:
    """See `jobs.context.StepContext`; `outputs`, `facts`, `warnings` and `counts` are what the step left."""

    def __init__(
        self,
        job: Job,
        *,
        step: str,
        folder: Path,
        inputs: Mapping[str, Path],
        resources: Mapping[str, Path],
        hold: Hold,
        part: Part = WHOLE,
    ) -> None:
        self._job = job
        self.part = part
        self.gpu = None  # for isolated steps only
        self._step = step
        self._inputs = inputs
        self._resources = resources
        self._hold = hold
        self._began = time.monotonic()
        self._cpu = time.thread_time()
        self._folder = folder / "out"
        self._folder.mkdir(parents=True, exist_ok=True)
        self.outputs: list[Output] = []
        self.facts: dict[str, Any] = {}
        self.warnings: list[Notice] = []
        self.counts: Counter[str] = Counter()
        self.splits: dict[str, int] = {}
        self.submissions: list[Submission] = []
        self.fingerprints: dict[Family, Fingerprint] = {}

    @property
    def options(self) -> Mapping[str, Any]:
        return self._job.options

    @property
    def file_name(self) -> str:
        return self._job.file.name

    @property
    def kind(self) -> str:
        return self._job.file.kind

    @property
    def scratch(self) -> Path:
        return self._folder

    def names(self, pattern: str) -> tuple[str, ...]:
        return tuple(sorted(fnmatch.filter(self._inputs, pattern)))

    def split(self, step: str, parts: int) -> None:
        self.splits[step] = parts

    def submit(self, artifact: str, *, pipeline: str, options: Mapping[str, Any], file_name: str) -> None:
        wanted = Submission(artifact=artifact, pipeline=pipeline, options=options, file_name=file_name)
        self.submissions.append(wanted)

    def path(self, name: str) -> Path:
        if name not in self._inputs:
            raise StepError("step.input_missing", f"There is no artifact {name!r}, or the step does not read it.")
        return self._inputs[name]

    def open(self, name: str) -> BinaryIO:
        return self.path(name).open("rb")

    def save(self, path: Path, *, name: str, media_type: str) -> None:
        if any(output.name == name for output in self.outputs):
            raise StepError("step.artifact_exists", f"The step saved two artifacts named {name!r}.")
        self.outputs.append(Output(name=name, path=path, size=path.stat().st_size, media_type=media_type))

    def summary(self, **facts: Any) -> None:
        self.facts |= facts

    def warn(self, code: str, message: str) -> None:
        self.warnings.append(Notice(code=code, message=message, step=self._step))

    def count(self, name: str, n: int = 1) -> None:
        self.counts[name] += n

    def progress(self, done: float, total: float, message: str = "") -> None:
        if self._hold.stop.is_set():
            raise Cancelled
        self._hold.tell(done / total if total else 0.0, message)

    def fingerprint(self, family: Family, *, exact: str, near: str) -> None:
        self.fingerprints[family] = Fingerprint(family=family, exact=exact, near=near)

    def resource(self, name: str) -> Path:
        return self._resources[name]

    def usage(self) -> Usage:
        """What the step has cost so far; memory is shared with the worker and not counted."""
        return Usage(seconds=time.monotonic() - self._began, cpu_seconds=time.thread_time() - self._cpu)
