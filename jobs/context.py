"""What a step may touch: StepContext, and the ports that trusted steps are given."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

from jobs.likeness import Family
from jobs.model import Part
from jobs.vram import GpuGrant


class StepContext(Protocol):
    """All that a step may touch. The same in a sandbox child, in the worker, and in tests."""

    @property
    def options(self) -> Mapping[str, Any]:
        """The job's validated options."""

    @property
    def file_name(self) -> str:
        """The upload's name as its uploader called it. For display; never a path."""

    @property
    def kind(self) -> str:
        """What the sniffer saw: `bricklink-xml`."""

    @property
    def scratch(self) -> Path:
        """A folder of this attempt alone; the only place where files may be written."""

    @property
    def part(self) -> Part:
        """Which slice of the step this run is, where it was split."""

    @property
    def gpu(self) -> GpuGrant | None:
        """The GPU that the step may use, where it claimed VRAM and was let on one; None: it computes on the CPU."""

    def names(self, pattern: str) -> tuple[str, ...]:
        """Those artifacts that the step `reads` and that there are, sorted, whose names match (`text-*.jsonl`)."""

    def path(self, name: str) -> Path:
        """Local path of the upload (`UPLOAD`) or of an artifact that the step `reads`; read only."""

    def open(self, name: str) -> BinaryIO:
        """The same, opened for reading."""

    def save(self, path: Path, *, name: str, media_type: str) -> None:
        """Hand a file below `scratch` over as the artifact `name`; a name can be saved once."""

    def summary(self, **facts: Any) -> None:
        """Merge JSON facts into the job's summary."""

    def warn(self, code: str, message: str) -> None:
        """Show a warning on the job."""

    def count(self, name: str, n: int = 1) -> None:
        """Add `n` to a named counter (metrics)."""

    def progress(self, done: float, total: float, message: str = "") -> None:
        """Tell how far it is; raises `Cancelled` where the job was cancelled meanwhile."""

    def split(self, step: str, parts: int) -> None:
        """Have a later step run in `parts` parts side by side, at most `MAX_PARTS`; what needs it waits for all.

        Counts once this step has succeeded. Parts share a summary, so let the step that joins them say what it is.
        """

    def submit(self, artifact: str, *, pipeline: str, options: Mapping[str, Any], file_name: str) -> None:
        """Submit an artifact that this step saves as a job of its own, to a pipeline that its `Step.submits` names.

        It is committed together with this step's success; the summary's `children` name it.
        """

    def fingerprint(self, family: Family, *, exact: str, near: str) -> None:
        """Have the job found by copies and look-alikes of its file; counts once this step has succeeded.

        `exact` and `near` are hex, as `jobs.likeness` has them. One for each family: the last counts.
        """

    def resource(self, name: str) -> Path:
        """Path of read-only reference data that the platform provides; `KeyError` where there is none."""


class Place(NamedTuple):
    """One findable thing: a row, a page, a body. A tuple: a list has thousands of them."""

    artifact: str | None  # the artifact that holds it
    place: str  # `page 3`, `row 17`, `file`
    title: str
    text: str
    parts: tuple[str, ...] = ()  # ids that a person may look for it by: `3001`, `300126`
    color: str | None = None  # its name: `Dark Turquoise`
    name: str | None = None  # of the part: `Brick 2 x 4`


class SearchIndex(Protocol):
    """The index port, as an indexing step sees it: replaces everything known about its job."""

    def index(self, places: Iterable[Place]) -> None:
        """Make `places` findable instead of what was there for this job. They may be asked for later, or once more."""
