"""The life of a sandbox child: read the order, lock itself in, run the step, tell how it went, vanish."""

import contextlib
import errno
import faulthandler
import functools
import gc
import importlib
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jobs.errors import StepError, TransientError
from workers.sandbox import kernel
from workers.sandbox.confine import Confinement, Limits, bind_to_parent, lift_memory_limit
from workers.sandbox.context import ChildContext
from workers.sandbox.frames import BrokenFrame, read_frame, write_frame
from workers.sandbox.report import BrokenReport, Trouble

_SCORE = "/proc/self/oom_score_adj"
_LINE = 3  # the descriptor that a child keeps beside 0, 1 and 2
_FIRST = b"1000"  # to go, where memory runs out
_NOTHING: dict[str, Any] = {
    "saved": [],
    "summary": {},
    "warnings": [],
    "counts": {},
    "splits": {},
    "submissions": [],
    "fingerprints": [],
}


def live(line: int, printed: int, *, parent: int, confinement: Confinement, mapped: int) -> None:
    """Everything from the fork on; ends the process. `line` speaks with the supervisor, `printed` is for stdout."""
    os.setpgid(0, 0)
    _stop_listening(signal.SIGCHLD)
    order = read_frame(line)
    _settle_in(order)
    _set_rank(_FIRST)
    os.nice(order["nice"])
    limits = Limits(
        memory=order["memory"],
        cpu_seconds=order["cpu_seconds"],
        file_size=order["max_output"],
        gpu=order["gpu"] is not None,
    )
    confinement.apply(reads=order["reads"], writes=order["writes"], limits=limits, mapped=mapped)
    _keep_only(line, printed)
    bind_to_parent(parent, open_to_self=limits.gpu and confinement.landlock > 0)
    confinement.filter_calls(gpu=limits.gpu)
    gc.enable()
    _tell({"ready": True})
    report = perform(order, tell=_tell)
    _flush()
    tell_end(report, tell=_tell)
    os._exit(0)


def share() -> None:
    """Settle, in the template, what holds for all its children."""
    os.umask(0o077)
    sys.dont_write_bytecode = True
    faulthandler.enable(file=2, all_threads=False)


def rehearse() -> None:
    """Run, in the template, what each child runs beside its step, so that children find it warm."""
    names = dict.fromkeys(("file_name", "kind", "out", "tmp"), "/")
    order = {
        "target": f"{__name__}:_nothing",
        "options": {},
        "inputs": {"upload": "/"},
        "resources": {},
        "part": [0, 1],
        "gpu": None,
    } | names
    reading, writing = os.pipe()  # holds far more than two small frames
    try:
        write_frame(writing, order | {"max_outputs": 1, "reads": ["/"], "writes": ["/"], "memory": 1})
        report = perform(read_frame(reading), tell=_unheard)
        tell_end(report, tell=functools.partial(write_frame, writing))
    finally:
        os.close(reading)
        os.close(writing)
    _settle_in(order)
    with contextlib.suppress(OSError):
        _set_rank(Path(_SCORE).read_bytes())
    signal.set_wakeup_fd(_stop_listening(signal.SIGWINCH))
    _flush()


def _tell(word: dict[str, Any]) -> None:
    write_frame(_LINE, word)


def _nothing(_context: ChildContext) -> None:
    pass


def _unheard(_word: dict[str, Any]) -> None:
    pass


def perform(order: Mapping[str, Any], *, tell: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Run the step; whatever it raises becomes a report."""
    context: ChildContext | None = None
    try:
        context = ChildContext(order, tell=tell)
        _target(order["target"])(context)
        told: dict[str, Any] = {}
    except BaseException as error:  # the child's one broad except: it turns failure into a report
        told = _failure(error)
    return _NOTHING | {"end": True, "fault": None, "delay": None, "trouble": None, "detail": ""} | (
        context.gathered() if context else {}
    ) | told  # fmt: skip


def tell_end(report: dict[str, Any], *, tell: Callable[[dict[str, Any]], None]) -> None:
    """Send the report, or that it could not be sent."""
    try:
        tell(report)
    except BrokenFrame:
        tell(report | _NOTHING | {"fault": None, "trouble": Trouble.REPORT.value})


class _Missing(Exception):
    """The target is not in this version of the code."""


def _target(target: str) -> Callable[[ChildContext], None]:
    module_name, _, name = target.partition(":")
    try:
        module = sys.modules.get(module_name) or importlib.import_module(module_name)
        found: Callable[[ChildContext], None] = functools.reduce(getattr, name.split("."), module)  # type: ignore[assignment] # getattr gives Any
    except (ModuleNotFoundError, AttributeError) as error:
        missing_library = isinstance(error, ModuleNotFoundError) and not module_name.startswith(str(error.name))
        if missing_library:
            raise
        raise _Missing(target) from error
    return found


def _failure(error: BaseException) -> dict[str, Any]:
    if isinstance(error, StepError):
        delay = error.delay if isinstance(error, TransientError) else None
        return {"fault": error.fault.to_json(), "delay": delay}
    lift_memory_limit()
    trouble = _trouble(error)
    if trouble is Trouble.MEMORY:
        traceback.clear_frames(error.__traceback__)
    traceback.print_exception(error, limit=-20)  # for operators' logs; users see the type only
    return {"trouble": trouble.value, "detail": type(error).__name__}


def _trouble(error: BaseException) -> Trouble:
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, MemoryError) or number == errno.ENOMEM:
        return Trouble.MEMORY
    if number == errno.EFBIG:
        return Trouble.FILE_SIZE
    if number in {errno.ENOSPC, errno.EDQUOT}:
        return Trouble.DISK_FULL
    if isinstance(error, SystemExit):
        return Trouble.EXIT
    if isinstance(error, BrokenReport):
        return Trouble.REPORT
    return Trouble.MISSING if isinstance(error, _Missing) else Trouble.ERROR


def _settle_in(order: Mapping[str, Any]) -> None:
    """Work below the scratch folder only."""
    os.chdir(order["out"])
    for name in ("TMPDIR", "HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"):
        os.environ[name] = order["tmp"]
    tempfile.tempdir = order["tmp"]
    os.environ["CUDA_VISIBLE_DEVICES"] = order["gpu_uuid"] if order["gpu"] else "-1"


def _set_rank(rank: bytes) -> None:
    """Say which process the kernel ends first where memory runs out."""
    try:
        score = os.open(_SCORE, os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return  # no /proc: then the kernel chooses by size
    try:
        os.write(score, rank)
    except OSError:
        return
    finally:
        os.close(score)


def _keep_only(line: int, printed: int) -> None:
    """Descriptors: nothing to read, `printed` to print to, the line; everything else is closed."""
    empty = os.open("/dev/null", os.O_RDONLY)  # its own: flags and locks of a shared one would pass words between runs
    os.dup2(empty, 0)
    line = os.dup(line) if line <= _LINE else line
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    os.dup2(line, _LINE, inheritable=False)
    os.closerange(_LINE + 1, 1 << 20)


def _stop_listening(number: int) -> int:
    """Leave a signal to the kernel, and none to the template's wakeup descriptor; returns the latter."""
    kernel.default_action(number)
    return signal.set_wakeup_fd(-1)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue  # nobody reads it, or the step has closed it
