"""FolderContext: a StepContext on a folder, so that a test runs a step without worker, ledger or sandbox."""

import fnmatch
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from jobs.context import Place
from jobs.errors import Cancelled, StepError
from jobs.likeness import Family, Fingerprint
from jobs.model import UPLOAD, WHOLE, Part
from jobs.vram import GpuGrant


class FolderContext:
    """Keeps what a step saved below `folder/artifacts`, and what it said in plain attributes."""

    def __init__(
        self,
        folder: Path,
        upload: Path,
        *,
        kind: str,
        file_name: str | None = None,
        cancel_after: int | None = None,
        options: Mapping[str, Any] | None = None,
        resources: Mapping[str, Path] | None = None,
        part: Part = WHOLE,
        gpu: GpuGrant | None = None,
    ) -> None:
        self.options: Mapping[str, Any] = options or {}
        self._resources = resources or {}
        self.part = part
        self.gpu = gpu
        self.splits: dict[str, int] = {}
        self.submitted: list[tuple[str, str, dict[str, Any], str]] = []  # artifact, pipeline, options, file name
        self.kind = kind
        self.file_name = file_name or upload.name
        self.scratch = folder / "scratch"
        self.artifacts = folder / "artifacts"
        self.media_types: dict[str, str] = {}
        self.facts: dict[str, Any] = {}
        self.warnings: list[tuple[str, str]] = []
        self.counts: Counter[str] = Counter()
        self.fingerprints: dict[Family, Fingerprint] = {}
        self.told: list[tuple[float, float]] = []  # calls of progress()
        self._upload = upload
        self._cancel_after = cancel_after
        self.scratch.mkdir(parents=True, exist_ok=True)
        self.artifacts.mkdir(parents=True, exist_ok=True)

    def names(self, pattern: str) -> tuple[str, ...]:
        return tuple(sorted(path.name for path in self.artifacts.iterdir() if fnmatch.fnmatch(path.name, pattern)))

    def split(self, step: str, parts: int) -> None:
        self.splits[step] = parts

    def submit(self, artifact: str, *, pipeline: str, options: Mapping[str, Any], file_name: str) -> None:
        assert artifact in self.media_types, f"{artifact} was not saved"
        self.submitted.append((artifact, pipeline, dict(options), file_name))

    def path(self, name: str) -> Path:
        found = self._upload if name == UPLOAD else self.artifacts / name
        if not found.exists():
            raise StepError("step.input_missing", f"There is no artifact {name!r}, or the step does not read it.")
        return found

    def open(self, name: str) -> BinaryIO:
        return self.path(name).open("rb")

    def save(self, path: Path, *, name: str, media_type: str) -> None:
        assert path.is_relative_to(self.scratch), f"{path} lies outside scratch"
        assert path.is_file(), f"{path} is no file"
        assert name not in self.media_types, f"{name} was saved before"
        (self.artifacts / name).write_bytes(path.read_bytes())
        self.media_types[name] = media_type

    def summary(self, **facts: Any) -> None:
        self.facts |= json.loads(json.dumps(facts))

    def warn(self, code: str, message: str) -> None:
        self.warnings.append((code, message))

    def count(self, name: str, n: int = 1) -> None:
        self.counts[name] += n

    def progress(self, done: float, total: float, message: str = "") -> None:  # noqa: ARG002 - the port's signature
        self.told.append((done, total))
        if self._cancel_after is not None and len(self.told) >= self._cancel_after:
            raise Cancelled("cancelled by the test")

    def fingerprint(self, family: Family, *, exact: str, near: str) -> None:
        self.fingerprints[family] = Fingerprint(family=family, exact=exact, near=near)

    def resource(self, name: str) -> Path:
        return self._resources[name]

    def lines(self, name: str) -> list[dict[str, Any]]:
        """The artifact `name`, which holds JSON lines."""
        return [json.loads(line) for line in (self.artifacts / name).read_text().splitlines()]


class ListIndex:
    """A SearchIndex that keeps its places in a list."""

    def __init__(self) -> None:
        self.places: list[Place] = []

    def index(self, places: Iterable[Place]) -> int:
        self.places = list(places)
        return len(self.places)
