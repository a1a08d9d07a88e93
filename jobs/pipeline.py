"""A Pipeline: a named, versioned set of steps; a Step: one function with a queue and limits."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict

from jobs.errors import ConfigurationError
from jobs.model import UPLOAD, Memory
from jobs.queues import Queue, queue_named
from jobs.vram import Vram

ANY_KIND = "*"  # in `accepts`: whatever the bytes are, where the caller names the pipeline
MAX_ATTEMPTS = 4  # the first try and three retries


class Options(BaseModel):
    """What a caller may set; a pipeline without options takes exactly this and refuses any field."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One function with a queue, a retry policy and limits."""

    run: Callable[..., None]  # takes a StepContext, and its ports by name; must live at module level
    queue: Queue
    needs: tuple[str, ...] = ()  # steps that must have succeeded
    reads: tuple[str, ...] = (UPLOAD,)  # the upload and artifacts that it opens; `text-*.jsonl` means all of them
    submits: tuple[str, ...] = ()  # pipelines that it may submit its artifacts to, as jobs of their own
    required: bool = True  # False: it may fail while its job succeeds with a warning
    isolated: bool = True  # False: trusted code, run in the worker with its ports injected
    ports: tuple[str, ...] = ()  # injected by keyword; only where isolated is False
    resources: tuple[str, ...] = ()  # read-only reference data that `ctx.resource` gives: the compiled catalog
    timeout: float = 300.0  # seconds of execution
    memory: Memory = Memory.SMALL
    vram: Vram | None = None  # what it claims of a GPU's memory; None: it computes on the CPU; only where isolated
    nice: int = 0  # 0 to 19: how far it steps back, in its sandbox, for others who want the processor
    attempts: int = MAX_ATTEMPTS
    when: str | None = None  # an option that must be truthy, else the step is not planned; None: always planned

    @property
    def name(self) -> str:
        """The function's name."""
        return self.run.__name__

    @property
    def target(self) -> str:
        """Where a sandbox child finds the function: `package.module:function`."""
        return f"{self.run.__module__}:{self.run.__qualname__}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """A named, versioned set of steps."""

    name: str
    version: int
    title: str  # one sentence for people
    accepts: tuple[str, ...]  # kinds, in the sniffer's words
    on_request: tuple[str, ...] = ()  # kinds that it takes only where the caller names it: no file leads to it by them
    options: type[BaseModel] = Options  # published as JSON Schema
    steps: tuple[Step, ...]
    max_bytes: int = 2 * 1024**3  # largest upload
    _by_name: dict[str, Step] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._by_name.update({step.name: step for step in self.steps})
        self._check()

    def step(self, name: str) -> Step:
        """The step of that name; `KeyError` where there is none (an old plan after a deploy)."""
        return self._by_name[name]

    def takes(self, kind: str | None) -> bool:
        """Whether a file of that kind (None: of no known one) may be submitted to it."""
        return kind in self.accepts or kind in self.on_request or ANY_KIND in self.accepts

    def validated_options(self, given: dict[str, Any]) -> dict[str, Any]:
        """`given` checked and completed with defaults; raises `pydantic.ValidationError`."""
        return self.options.model_validate(given).model_dump(mode="json")

    @property
    def secrets(self) -> frozenset[str]:
        """Options that are taken and never shown, such as a password: fields whose schema says `writeOnly`."""
        extra = {name: field.json_schema_extra for name, field in self.options.model_fields.items()}
        return frozenset(name for name, said in extra.items() if isinstance(said, dict) and said.get("writeOnly"))

    def _check(self) -> None:
        """Refuse, at start, a graph that could never end."""
        if len(self._by_name) != len(self.steps):
            raise ConfigurationError(f"pipeline {self.name!r} has two steps of one name; rename one")
        done: set[str] = set()
        waiting = list(self.steps)
        while waiting:
            ready = [step for step in waiting if done.issuperset(step.needs)]
            if not ready:
                names = ", ".join(step.name for step in waiting)
                message = f"pipeline {self.name!r}: steps {names} need each other or a step that is not there"
                raise ConfigurationError(message)
            done.update(step.name for step in ready)
            waiting = [step for step in waiting if step not in ready]
        optional = {step.name for step in self.steps if not step.required}
        for step in self.steps:
            queue_named(step.queue.name)
            if step.required and not optional.isdisjoint(step.needs):
                # Where that one failed, this one would be cancelled, and yet its job succeed.
                needed = ", ".join(sorted(optional.intersection(step.needs)))
                message = f"step {self.name}.{step.name} is required and needs {needed}, which may fail; "
                raise ConfigurationError(f"{message}make {needed} required, or {step.name} required=False")
            if step.ports and step.isolated:
                raise ConfigurationError(f"step {self.name}.{step.name}: only isolated=False steps get ports")
            if step.vram and not (step.isolated and step.queue.gpu):
                message = f"step {self.name}.{step.name} claims VRAM: only isolated steps of a queue with gpu=True may"
                raise ConfigurationError(message)
            if step.when is not None and step.when not in self.options.model_fields:
                known = ", ".join(self.options.model_fields) or "none"
                message = f"step {self.name}.{step.name}: there is no option {step.when!r}; the options are: {known}"
                raise ConfigurationError(message)
