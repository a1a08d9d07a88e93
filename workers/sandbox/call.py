"""What goes into a sandbox run and what comes out: Call, Output, Result."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobs.errors import Fault
from jobs.likeness import Fingerprint
from jobs.model import WHOLE, Notice, Part
from jobs.outcomes import Usage
from workers.sandbox.report import Submission

_CORES = os.cpu_count() or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One function to run on one attempt's files, and what it may use."""

    target: str  # `package.module:function`, which takes one StepContext
    step: str  # the step's name, for messages
    scratch: Path  # the attempt's folder; holds `in`, gets `out`, `tmp` and `collected`
    inputs: Mapping[str, Path]  # name -> regular file below scratch/in; no links to elsewhere, which stay closed
    resources: Mapping[str, Path] = field(default_factory=dict)  # read-only reference data
    options: Mapping[str, Any] = field(default_factory=dict)  # JSON
    file_name: str  # as the uploader called it
    kind: str  # as the sniffer saw it
    part: Part = WHOLE  # which slice of its step this run is
    timeout: float  # wall seconds of execution
    memory: int  # bytes of address space beyond the warm template; on a GPU of memory that is its own or touched
    nice: int = 0  # 0 to 19: how far it steps back for others who want the processor
    vram: int = 0  # bytes of a GPU's memory; 0: it computes on the CPU
    alone: bool = False  # no other step on this host meanwhile
    cpu_seconds: float | None = None  # of each process; None: timeout x cores
    max_output: int  # bytes of one file
    max_total: int | None = None  # bytes of all outputs together; None: max_output
    max_outputs: int  # files

    @property
    def cpu_limit(self) -> int:
        """Whole seconds of processor time for one process."""
        seconds = self.timeout * _CORES if self.cpu_seconds is None else self.cpu_seconds
        return max(1, math.ceil(seconds))

    @property
    def total(self) -> int:
        """Bytes that all outputs may have together."""
        return self.max_output if self.max_total is None else self.max_total


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One file that the step handed over: checked, and out of reach of anything that the step started."""

    name: str
    path: Path  # a regular file with one link, in scratch/collected
    size: int  # bytes
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a run ended; whatever happened in the child, it ends here as a value."""

    fault: Fault | None  # None: it succeeded
    delay: float | None = None  # seconds until the next try, where the step knows
    outputs: tuple[Output, ...] = ()
    summary: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[Notice, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    splits: dict[str, int] = field(default_factory=dict)
    submissions: tuple[Submission, ...] = ()
    fingerprints: tuple[Fingerprint, ...] = ()
    usage: Usage = field(default_factory=Usage)
    cancelled: bool = False  # killed because `stop` said so
