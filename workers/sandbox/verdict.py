"""Says in plain words how a run ended: evidence in, Fault out. Pure; every `step.*` code has its sentence here."""

import os
import signal
from dataclasses import dataclass
from enum import StrEnum

from jobs.errors import Actor, Fault
from workers.sandbox.call import Call
from workers.sandbox.report import Report, Trouble

_NEAR = 0.8  # share of the memory limit from which on a sudden end is put down to memory
_OUT_OF_MEMORY = (b"bad_alloc", b"out of memory", b"cannot allocate memory", b"failed to allocate", b"memoryerror")
_CRASHES = {
    signal.SIGSEGV: "an invalid memory access",
    signal.SIGBUS: "a bad memory access",
    signal.SIGILL: "an illegal instruction",
    signal.SIGFPE: "an arithmetic error",
    signal.SIGABRT: "an abort",
    signal.SIGTRAP: "a trap",
    signal.SIGSYS: "a forbidden system call",
}
_ASK_OPS = "The worker's log tells operators more; it is a defect of the step."
_LARGER = "Submit a smaller or simpler file, or ask operators to raise the step's limit."


class Why(StrEnum):
    """Why we killed a run."""

    STOP = "stop"  # cancelled, or the worker shuts down
    TIMEOUT = "timeout"
    FLOOD = "flood"  # more frames than any step needs
    MEMORY = "memory"  # more of it resident than the step may use, on a GPU, where no limit of the kernel counts all
    DISK = "disk"  # more files or bytes in scratch than any step needs
    BROKEN = "broken"  # frames that make no sense
    DONE = "done"  # it had reported its end, and then lingered


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Everything known about how a child ended."""

    ready: bool = False  # it had locked itself in and begun
    report: Report | None = None  # its last words
    why: Why | None = None  # set where we killed it
    status: int | None = None  # as wait() gives it; None: its template died with it
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak: int = 0  # bytes resident at most, template included
    base: int = 0  # bytes resident that it inherited from its template
    tail: bytes = b""  # end of what it printed
    oom_killer: bool = False  # the kernel killed something for lack of memory meanwhile

    @property
    def signal(self) -> int | None:
        """The signal that ended it."""
        return os.WTERMSIG(self.status) if self.status is not None and os.WIFSIGNALED(self.status) else None

    @property
    def exit_code(self) -> int | None:
        """What it exited with."""
        return os.WEXITSTATUS(self.status) if self.status is not None and os.WIFEXITED(self.status) else None


def judge(ending: Ending, call: Call) -> Fault | None:
    """The fault, or None where the step says that it succeeded; its outputs are not looked at here."""
    if ending.why not in {None, Why.DONE}:
        return _killed(ending, call)
    if ending.report is not None:
        return ending.report.fault if ending.report.trouble is None else _troubled(ending.report, call)
    return _vanished(ending, call)


def lost(message: str, call: Call) -> Fault:
    """Nobody's fault: the next try may well succeed."""
    return _fault("step.lost", message, call, actor=Actor.NOBODY, hint="It is tried again by itself.")


def output_limit(message: str, call: Call) -> Fault:
    """More output than the step may make."""
    return _fault("step.output_limit", message, call, hint=_LARGER)


def output_invalid(message: str, call: Call) -> Fault:
    """Output that is not what it should be: a defect of the step, or an attack by the file."""
    return _fault("step.output_invalid", message, call, hint=_ASK_OPS)


def unavailable(message: str, call: Call) -> Fault:
    """No child could be started at all."""
    hint = "Operators: the worker's log says why; `heavylift doctor` shows what the sandbox needs."
    return _fault("sandbox.unavailable", message, call, hint=hint)


def _killed(ending: Ending, call: Call) -> Fault:
    faults = {
        Why.STOP: _fault("step.cancelled", "The step was stopped on request.", call, actor=Actor.NOBODY),
        Why.TIMEOUT: _fault(
            "step.timeout", f"The step was stopped after {call.timeout:g} seconds, its time limit.", call, hint=_LARGER
        ),
        Why.MEMORY: _memory(call),
        Why.FLOOD: output_limit("The step reported more than any step needs to, and was stopped.", call),
        Why.DISK: output_limit(f"The step's files outgrew its limit of {_size(call.total)}.", call),
        Why.BROKEN: output_invalid("What the step reported cannot be read.", call),
    }
    return faults[ending.why or Why.STOP]


def _vanished(ending: Ending, call: Call) -> Fault:
    """It ended without a word."""
    if ending.status is None:
        return lost("The process that the step ran in was lost together with its pool's template.", call)
    if ending.signal is not None:
        return _signalled(ending, ending.signal, call)
    if not ending.ready:
        return unavailable("The step's process could not be confined, so the step was not run.", call)
    if _memory_in_sight(ending, call):
        return _memory(call)
    message = f"The step ended its process (exit code {ending.exit_code}) without reporting a result."
    return _fault("step.exited", message, call, hint=_ASK_OPS)


def _troubled(report: Report, call: Call) -> Fault:
    faults = {
        Trouble.MEMORY: _memory(call),
        Trouble.FILE_SIZE: output_limit(f"The step wrote a file over its limit of {_size(call.max_output)}.", call),
        Trouble.REPORT: output_limit("What the step reported is too large, or is no JSON.", call),
        Trouble.DISK_FULL: _fault(
            "step.disk_full",
            "The worker's disk is full.",
            call,
            hint="Operators: make room on the disk of the data folder; the step is tried again.",
        ),
        Trouble.MISSING: _fault(
            "step.unknown",
            f"This worker has no step function {call.target}; it is of another version than the job's plan.",
            call,
            hint="Operators: bring all workers to one version.",
        ),
        Trouble.EXIT: _fault("step.exited", "The step ended its process instead of returning.", call, hint=_ASK_OPS),
        Trouble.ERROR: _fault(
            "step.error", f"The step failed with an unexpected {report.detail or 'error'}.", call, hint=_ASK_OPS
        ),
    }
    return faults[report.trouble or Trouble.ERROR]


def _signalled(ending: Ending, number: int, call: Call) -> Fault:
    cpu_seconds = call.cpu_limit
    if number == signal.SIGXCPU or (number == signal.SIGKILL and ending.cpu_seconds >= cpu_seconds):
        message = f"The step used more than {cpu_seconds} seconds of processor time, its limit."
        return _fault("step.cpu_limit", message, call, hint=_LARGER)
    if number == signal.SIGXFSZ:
        return output_limit(f"The step wrote a file over its limit of {_size(call.max_output)}.", call)
    if _memory_in_sight(ending, call) or (number == signal.SIGKILL and ending.oom_killer):
        return _memory(call)
    if number in {signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}:
        return lost("The step's process was killed from outside.", call)
    what = next((words for known, words in _CRASHES.items() if known == number), "a signal")
    message = f"The code that reads the file crashed by {what} (signal {number})."
    return _fault("step.crashed", message, call, hint=f"The file may be damaged. {_ASK_OPS}")


def _memory_in_sight(ending: Ending, call: Call) -> bool:
    if ending.peak - ending.base >= _NEAR * call.memory:
        return True
    said = ending.tail.lower()
    return any(words in said for words in _OUT_OF_MEMORY)


def _memory(call: Call) -> Fault:
    message = f"The step needed more than {_size(call.memory)} of memory, its limit."
    return _fault("step.memory", message, call, hint=_LARGER)


def _fault(code: str, message: str, call: Call, *, actor: Actor = Actor.PLATFORM, hint: str | None = None) -> Fault:
    return Fault(code=code, message=message, actor=actor, step=call.step, hint=hint)


def _size(size: int) -> str:
    for unit, name in ((1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB")):
        if size >= unit:
            return f"{size / unit:.4g} {name}"
    return f"{size} bytes"
