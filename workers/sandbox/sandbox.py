"""Sandbox: runs steps in confined children of a warm template. The supervisor's side, used by many threads at once."""

import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from jobs.errors import ConfigurationError, Fault
from jobs.model import Notice
from jobs.outcomes import Usage
from jobs.waiting import WAITS_FOR_GPU, WAITS_FOR_MEMORY
from workers.sandbox import collect, verdict
from workers.sandbox.admission import Admission
from workers.sandbox.attempt import Attempt, NotStarted, Refused
from workers.sandbox.call import Call, Output, Result
from workers.sandbox.cuda import Gpu
from workers.sandbox.gpus import LOST, ON_CPU, TOO_SMALL, GpuPool, Place
from workers.sandbox.oom import OomKills
from workers.sandbox.process import Process, Recipe, TemplateError, ThreadsInTemplate
from workers.sandbox.verdict import Ending, Why

_STARTS = 3  # tries to find a template that is not just retiring
_PERHAPS_LOST = frozenset({"step.crashed", "step.exited", "step.timeout", LOST})  # how a GPU that fails can end a run
_LOG = logging.getLogger(__name__)


class Sandbox:
    """Runs steps of one pool; holds at most one template process, started when it is needed."""

    def __init__(
        self,
        *,
        name: str,
        preload: Sequence[str],
        idle_exit: float = 300.0,
        admission: Admission | None = None,
        gpus: GpuPool | None = None,
        read_only: Sequence[Path] = (),
        extra_path: Sequence[Path] = (),
        without: Sequence[str] = (),
    ) -> None:
        """`read_only` and `extra_path` (put on sys.path, too) are folders that children may read.

        `without` names what to do without: `landlock`, `scopes`, `seccomp`, `netns` as on an older kernel, and
        `root` to cut the network the way an ordinary user does.
        """
        self._recipe = Recipe(
            name=name,
            preload=tuple(preload),
            idle_exit=idle_exit,
            read_only=tuple(read_only),
            extra_path=tuple(extra_path),
            without=tuple(without),
            gpus=gpus is not None,
        )
        self._admission = admission
        self._gpus = gpus
        self._template: Process | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._oom_kills = OomKills()

    def run(self, call: Call, *, on_progress: Callable[[float, str], None], stop: threading.Event) -> Result:
        """Run `call` to its end, or until `stop` is set; whatever happens in the child becomes a Result."""
        # The GPU first: who waits for it then holds no memory that other pools could use, and who holds memory waits
        # for nothing any more.
        with self._placed(call, on_progress, stop) as place:
            if place is None:
                return _result(Ending(why=Why.STOP), call)
            with self._admitted(call, on_progress, stop) as admitted:
                if not admitted:
                    return _result(Ending(why=Why.STOP), call)
                result = self._run(call, place, on_progress=on_progress, stop=stop)
        if place.gpu and self._gpus:
            _tell(self._gpus, place.gpu, result)
        if place.warning:
            told = Notice(code=TOO_SMALL, message=place.warning, step=call.step)
            result = replace(result, warnings=(*result.warnings, told))
        return result

    def _run(
        self, call: Call, place: Place, *, on_progress: Callable[[float, str], None], stop: threading.Event
    ) -> Result:
        call = replace(call, scratch=call.scratch.resolve())
        collect.prepare(call.scratch)
        try:
            ending = self._attempt(call, place, on_progress=on_progress, stop=stop)
        except (TemplateError, Refused) as error:
            if stop.is_set():
                return _result(Ending(why=Why.STOP), call)
            _LOG.error("sandbox of pool %s: %s", self._recipe.name, error)
            return Result(fault=verdict.unavailable("No process could be started for the step.", call))
        return self._settled(ending, call)

    def warm(self) -> None:
        """Start the template now instead of with the first run."""
        self._ready_template(threading.Event())

    def close(self) -> None:
        """Kill everything; runs under way end as `step.lost`, further ones cannot start."""
        self._closed = True
        with self._lock:
            if self._template is not None:
                self._template.retire()
                self._template = None

    @property
    def template_pid(self) -> int | None:
        """Process id of the template, where there is one."""
        template = self._template
        return None if template is None else template.pid

    @property
    def gpu_state(self) -> str:
        """How the GPUs of its pool fare, in a word; empty where it has none to use."""
        return self._gpus.state() if self._gpus else ""

    @contextlib.contextmanager
    def _admitted(self, call: Call, on_progress: Callable[[float, str], None], stop: threading.Event) -> Iterator[bool]:
        if self._admission is None:
            yield not stop.is_set()
            return
        waiting = _Wait(on_progress, WAITS_FOR_MEMORY)
        # Whoever holds the whole budget is alone on the host.
        size = max(call.memory, self._admission.budget) if call.alone else call.memory
        with self._admission.claim(size, stop, on_wait=waiting.begin) as admitted:
            if admitted:
                waiting.end()
            yield admitted

    @contextlib.contextmanager
    def _placed(
        self, call: Call, on_progress: Callable[[float, str], None], stop: threading.Event
    ) -> Iterator[Place | None]:
        """On a GPU where the step claims VRAM; one that is alone died before, perhaps by the GPU, and gets none."""
        if self._gpus is None or not call.vram or call.alone:
            yield ON_CPU
            return
        waiting = _Wait(on_progress, WAITS_FOR_GPU)
        with self._gpus.claim(call.vram, stop, on_wait=waiting.begin) as place:
            if place is not None:
                waiting.end()
            yield place

    def _attempt(
        self, call: Call, place: Place, *, on_progress: Callable[[float, str], None], stop: threading.Event
    ) -> Ending:
        for _ in range(_STARTS):
            template = self._ready_template(stop)
            _check_place(call.scratch, template)
            try:
                ending = Attempt(call, template, on_progress=on_progress, stop=stop, place=place).run()
                if ending.status is None:
                    self._forget(template)
                return ending
            except (NotStarted, TemplateError):
                if not template.retired():
                    _LOG.warning("the sandbox template of pool %s was lost; starting another", self._recipe.name)
                self._forget(template)
        raise TemplateError("its template goes as soon as it has come")

    def _ready_template(self, stop: threading.Event) -> Process:
        while not self._lock.acquire(timeout=0.05):  # somebody else is warming it up
            if stop.is_set():
                raise TemplateError("stopped")
        try:
            while self._template is None:
                if self._closed:
                    raise TemplateError("the sandbox is closed")
                try:
                    self._template = Process(self._recipe, stop=stop)
                except ThreadsInTemplate as found:
                    self._leave_out(str(found))
            return self._template
        finally:
            self._lock.release()

    def _leave_out(self, module: str) -> None:
        if module not in self._recipe.preload:
            raise TemplateError(f"{module} starts a thread when it is imported, so no child can be forked")
        _LOG.error("pool %s: preload module %s starts a thread when imported; left out", self._recipe.name, module)
        kept = tuple(name for name in self._recipe.preload if name != module)
        self._recipe = replace(self._recipe, preload=kept)

    def _forget(self, template: Process) -> None:
        template.destroy()
        with self._lock:
            if self._template is template:
                self._template = None

    def _settled(self, ending: Ending, call: Call) -> Result:
        if ending.signal == signal.SIGKILL and ending.why is None:
            ending = replace(ending, oom_killer=self._oom_kills.happened())
        fault = verdict.judge(ending, call)
        outputs: tuple[Output, ...] = ()
        if fault is None and ending.report is not None:
            outputs, fault = _collected(ending, call)
        if fault is not None and ending.tail:
            _LOG.warning(
                "step %s ended with %s; it had printed: %s",
                call.step,
                fault.code,
                ending.tail.decode("utf-8", "replace"),
            )
        return _result(ending, call, fault=fault, outputs=outputs)


@dataclass(slots=True)
class _Wait:
    """Says once that a run waits, and that it does so no more."""

    on_progress: Callable[[float, str], None]
    message: str
    waits: bool = False

    def begin(self) -> None:
        self.waits = True
        self.on_progress(0.0, self.message)

    def end(self) -> None:
        if self.waits:
            self.on_progress(0.0, "")


def _tell(gpus: GpuPool, gpu: Gpu, result: Result) -> None:
    """Tell the GPU's pool how a run on it ended, where that says anything about the GPU."""
    code = result.fault.code if result.fault else ""
    if code in _PERHAPS_LOST or any(warning.code == LOST for warning in result.warnings):
        gpus.tell(gpu, was_well=False)
    elif not result.fault:
        gpus.tell(gpu, was_well=True)


def _check_place(scratch: Path, template: Process) -> None:
    """Data below a folder of code could be read by every child."""
    place = f"{scratch}/"
    for folder in template.hello["open"]:
        if place.startswith(f"{folder}/"):
            message = f"the scratch folder {scratch} lies in {folder}, which every step may read; move the data folder"
            raise ConfigurationError(message)


def _collected(ending: Ending, call: Call) -> tuple[tuple[Output, ...], Fault | None]:
    saved = ending.report.saved if ending.report else ()
    try:
        return collect.collect(saved, call.scratch, max_file=call.max_output, max_total=call.total), None
    except collect.InvalidOutput as error:
        return (), verdict.output_invalid(f"The step handed over something that is no file of its own: {error}.", call)
    except collect.OutputsTooLarge as error:
        return (), verdict.output_limit(str(error), call)


def _result(ending: Ending, call: Call, *, fault: Fault | None = None, outputs: tuple[Output, ...] = ()) -> Result:
    report = ending.report
    stopped = ending.why is Why.STOP
    return Result(
        fault=verdict.judge(ending, call) if stopped else fault,
        delay=report.delay if report and fault else None,
        outputs=outputs,
        summary=report.summary if report and fault is None else {},
        warnings=report.warnings if report else (),
        counts=report.counts if report else {},
        splits=report.splits if report else {},
        submissions=report.submissions if report else (),
        fingerprints=report.fingerprints if report else (),
        usage=Usage(
            seconds=round(ending.seconds, 6),
            cpu_seconds=round(ending.cpu_seconds, 6),
            peak_memory=ending.peak,
            signal=ending.signal,
            exit_code=ending.exit_code,
        ),
        cancelled=stopped,
    )
