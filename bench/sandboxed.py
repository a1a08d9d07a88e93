"""A pipeline's step as a worker runs it, without ledger and store: what it made and what it cost."""

import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from bench import Unmeasurable
from config.settings import GiB
from jobs.model import WHOLE, Part
from jobs.outcomes import Usage
from workers.sandbox import Call, Sandbox

NOTHING: Mapping[str, Path] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a step left."""

    usage: Usage
    summary: Mapping[str, Any]
    files: Mapping[str, Path]  # by artifact name


@dataclass(slots=True)
class Steps:
    """Runs steps in one warm sandbox, each in a folder of its own below `folder`; a context manager."""

    folder: Path
    preload: tuple[str, ...]
    _count: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _sandbox: Sandbox | None = None

    def __enter__(self) -> Self:
        self._sandbox = Sandbox(name="bench", preload=self.preload)
        return self

    def __exit__(self, *_error: object) -> None:
        if self._sandbox:
            self._sandbox.close()

    def run(
        self,
        target: str,
        inputs: Mapping[str, Path],
        *,
        kind: str,
        options: Mapping[str, Any],
        part: Part = WHOLE,
        resources: Mapping[str, Path] = NOTHING,
        memory: int = GiB,
    ) -> Made:
        """Run `package.module:function`; raises `Unmeasurable` where it fails."""
        assert self._sandbox is not None
        with self._lock:
            self._count += 1
            scratch = self.folder / f"attempt-{self._count}"
        (scratch / "in").mkdir(parents=True)
        brought: dict[str, Path] = {}
        for number, (name, path) in enumerate(inputs.items()):
            brought[name] = scratch / "in" / f"{number}{path.suffix}"
            shutil.copyfile(path, brought[name])
        call = Call(
            target=target,
            step=target.partition(":")[2],
            scratch=scratch,
            inputs=brought,
            resources=resources,
            options=options,
            file_name="bench",
            kind=kind,
            part=part,
            timeout=600.0,
            memory=memory,
            max_output=2 * GiB,
            max_outputs=5000,
        )
        result = self._sandbox.run(call, on_progress=lambda _share, _message: None, stop=threading.Event())
        if result.fault is not None:
            raise Unmeasurable(f"the step failed: {result.fault.code} {result.fault.message}")
        files = {output.name: output.path for output in result.outputs}
        return Made(usage=result.usage, summary=result.summary, files=files)
