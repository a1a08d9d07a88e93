"""What a step reads: copied into its scratch, each file when it is first asked for."""

import fnmatch
from collections.abc import Iterator, Mapping
from pathlib import Path

from jobs.model import UPLOAD, Job
from jobs.pipeline import Step
from storage.port import ObjectStore


class Inputs(Mapping[str, Path]):
    """The upload and artifacts that a step reads, by name; asking for one raises the store's errors and `OSError`.

    An artifact that no earlier step made is left out.
    """

    def __init__(self, store: ObjectStore, job: Job, step: Step, folder: Path) -> None:
        folder.mkdir(parents=True, mode=0o700)
        self._store, self._folder = store, folder
        keys = {artifact.name: artifact.key for artifact in job.artifacts} | {UPLOAD: job.file.key}
        wanted = [name for pattern in step.reads for name in sorted(fnmatch.filter(keys, pattern))]
        self._keys = {name: keys[name] for name in wanted}
        self._paths: dict[str, Path] = {}

    def __getitem__(self, name: str) -> Path:
        if name not in self._paths:
            key = self._keys[name]
            # Names of files are ours, never the uploader's. Our own artifacts keep their suffix: some native readers go by it.
            path = self._folder / ("upload" if name == UPLOAD else f"artifact-{len(self._paths)}{Path(name).suffix}")
            self._store.fetch(key, path)
            self._paths[name] = path
        return self._paths[name]

    def __contains__(self, name: object) -> bool:
        return name in self._keys

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)
