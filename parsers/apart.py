"""Runs a native call in a forked child: a library that crashes on broken files takes that child with it, and no more."""

import os
import signal
from collections.abc import Callable

# What broken input does to native code. Any other signal (a limit of memory or time, a cancel) is the step's own end.
_CRASHES = frozenset({signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL})


def apart(call: Callable[[], bytes], *, seconds: float = 0) -> bytes | None:
    """What `call` returns; None where it crashed or raised. It must touch nothing but its own memory.

    The child has the limits of this process and is in its group, so that it ends with it. One that computes for more
    than `seconds` (0: any number) hangs, and is ended as if it had crashed.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            os.close(reading)
            if seconds:
                signal.signal(signal.SIGPROF, signal.SIG_DFL)  # native code that hangs gives Python no turn
                signal.setitimer(signal.ITIMER_PROF, seconds)
            with os.fdopen(writing, "wb") as file:
                file.write(call())
            code = 0
        finally:
            os._exit(code)  # whatever happened: this copy must not go on as if it were the parent
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        found = file.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        end = signal.Signals(os.WTERMSIG(status))
        if end not in _CRASHES and not (seconds and end is signal.SIGPROF):
            os.kill(os.getpid(), end)
        return None
    return found if os.WEXITSTATUS(status) == 0 else None
