"""What a step claims of a GPU's memory, so that its pool can pack steps on one GPU; and what it is granted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Vram:
    """A VRAM claim: the step runs on the GPU once so much is free there, and on the CPU where there is no GPU."""

    fixed: int  # bytes, whatever the file: the driver's context and our kernels
    each: int = 0  # bytes more for each of what `counted` counts
    counted: str = ""  # a fact of the job's summary that an earlier step stated: `triangles`
    most: int  # bytes; claimed where nobody has counted, and never exceeded, since steps have limits of their own

    def claim(self, summary: Mapping[str, Any]) -> int:
        """Bytes for a job with that summary."""
        count = summary.get(self.counted, self.most)
        if not isinstance(count, int) or count < 0:
            return self.most
        return min(self.most, self.fixed + self.each * count)


class GpuGrant(NamedTuple):
    """A GPU that a step was let on, the only one that it sees."""

    name: str  # as its maker calls it: `NVIDIA H100 80GB HBM3`
    vram: int  # bytes that it may use of the GPU's memory
