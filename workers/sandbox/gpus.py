"""GpuPool: lets steps on this host's GPUs while their VRAM claims fit, and off a GPU that keeps failing.

All processes that name the same folder share it. A GPU that was lost three times in a row rests for a while: steps
compute on the CPU meanwhile, then the next one tries it, and one more loss has it rest again.
"""

import contextlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from workers.sandbox.admission import Admission
from workers.sandbox.cuda import Gpu

TOO_SMALL, LOST = "gpu.too_small", "gpu.lost"  # codes of warnings
_GIB = 1024**3
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuRules:
    """How much of a GPU is given away, and when it is left alone."""

    budget: int = 0  # bytes of one GPU that steps may claim together; 0: all but the reserve
    reserve: int = 512 * 1024**2  # bytes left to the driver and to others
    losses: int = 3  # in a row, after which a GPU rests
    rest: float = 600.0  # seconds

    def of(self, gpu: Gpu) -> int:
        """The budget of that GPU, in bytes."""
        room = max(1, gpu.memory - self.reserve)
        return min(self.budget, room) if self.budget else room


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a step is to compute."""

    gpu: Gpu | None = None  # None: on the CPU
    vram: int = 0  # bytes
    warning: str = ""  # why it is not on a GPU, for the job; empty where that is nothing to tell


ON_CPU = Place()


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuState:
    """A GPU as the last pool that used it left word of it."""

    gpu: Gpu
    budget: int  # bytes
    claimed: int  # bytes
    losses: int  # in a row
    rests: float  # seconds that it still rests; 0: it does not


class GpuPool:
    """This host's GPUs. Thread-safe."""

    def __init__(self, gpus: Sequence[Gpu], folder: Path, *, rules: GpuRules | None = None) -> None:
        self._rules = rules or GpuRules()
        self._gpus = [_Shared(gpu, folder / gpu.uuid, self._rules) for gpu in gpus]

    @contextlib.contextmanager
    def claim(self, size: int, stop: threading.Event, *, on_wait: Callable[[], None]) -> Iterator[Place | None]:
        """A place with `size` bytes of VRAM; waits for room, and yields None where `stop` was set first.

        The GPU with the least asked of it is taken, and waited for. `on_wait` is called once where there is no room yet.
        """
        fitting = [one for one in self._gpus if size <= one.budget]
        awake = [one for one in fitting if not one.rests()]
        if self._gpus and not fitting:
            yield Place(warning=_too_small(size, max(one.budget for one in self._gpus)))
            return
        if not awake:
            yield ON_CPU
            return
        chosen = min(awake, key=lambda one: one.admission.wanted() / one.budget)
        with chosen.admission.claim(size, stop, on_wait=on_wait) as granted:
            if not granted:
                yield None
            elif chosen.rests():  # lost by others while this one waited
                yield ON_CPU
            else:
                yield Place(gpu=chosen.gpu, vram=size)

    def tell(self, gpu: Gpu, *, was_well: bool) -> None:
        """How a step on that GPU ended."""
        next(one for one in self._gpus if one.gpu == gpu).tell(was_well=was_well)

    def state(self) -> str:
        """In a word: `ready`, `resting` where no GPU is offered for a while, `absent` where there is none."""
        if not self._gpus:
            return "absent"
        return "resting" if all(one.rests() for one in self._gpus) else "ready"


def states(folder: Path) -> list[GpuState]:
    """The GPUs that pools of this host have used; for `heavylift doctor`, asks no driver."""
    found = []
    for path in sorted(folder.glob("*/gpu.json")):
        with contextlib.suppress(OSError, ValueError, KeyError):  # just written, or of another version
            word = json.loads(path.read_text(encoding="utf-8"))
            shared = _Shared(Gpu(**word["gpu"]), path.parent, GpuRules(**word["rules"]), announce=False)
            found.append(shared.state())
    return found


class _Shared:
    """One GPU, shared by all processes of the host through a folder."""

    def __init__(self, gpu: Gpu, folder: Path, rules: GpuRules, *, announce: bool = True) -> None:
        self.gpu = gpu
        self.budget = rules.of(gpu)
        self.admission = Admission(folder / "claims", budget=self.budget)
        self._rules = rules
        self._losses = folder / "losses"
        if announce:
            _write(folder / "gpu.json", json.dumps({"gpu": asdict(gpu), "rules": asdict(rules)}))

    def rests(self) -> float:
        """Seconds that it is still left alone; 0 where it may be used."""
        losses, last = self._read()
        left = last + self._rules.rest - time.time()
        return min(left, self._rules.rest) if losses >= self._rules.losses and left > 0 else 0.0

    def tell(self, *, was_well: bool) -> None:
        """Count a loss, or forget those before. Two that are told at once may count as one."""
        losses, _ = self._read()
        if was_well:
            if losses:
                _LOG.info("%s works again", self.gpu.name)
                self._losses.unlink(missing_ok=True)
            return
        _write(self._losses, json.dumps([losses + 1, time.time()]))
        if losses + 1 >= self._rules.losses:
            rest, times = self._rules.rest, losses + 1
            _LOG.error("%s was lost %d times in a row; steps use the CPU for %g s", self.gpu.name, times, rest)
        else:
            _LOG.warning("%s was lost while a step computed on it", self.gpu.name)

    def state(self) -> GpuState:
        """For people."""
        losses, _ = self._read()
        claimed = self.admission.claimed()
        return GpuState(gpu=self.gpu, budget=self.budget, claimed=claimed, losses=losses, rests=self.rests())

    def _read(self) -> tuple[int, float]:
        """Losses in a row, and when the last was."""
        try:
            losses, last = json.loads(self._losses.read_text(encoding="utf-8"))
            return int(losses), float(last)
        except (FileNotFoundError, ValueError, TypeError):
            return 0, 0.0


def _write(path: Path, text: str) -> None:
    """All at once, so that nobody reads half of it."""
    fresh = path.with_name(f"{path.name}-{os.getpid()}-{threading.get_ident()}")
    fresh.write_text(text, encoding="utf-8")
    fresh.rename(path)


def _too_small(size: int, budget: int) -> str:
    return (
        f"It would need {size / _GIB:.1f} GiB of a GPU's memory, and there are {budget / _GIB:.1f} GiB for steps: "
        "it computed on the CPU."
    )
