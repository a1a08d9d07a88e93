"""Runs a program that dies with the process that started it: `python -I -S tether.py PARENT_PID PROGRAM ARGS...`.

The kernel keeps PR_SET_PDEATHSIG across exec, so this file sets it and becomes the program. Doing so here, and not
between fork and exec, means that no Python code runs in a forked copy of a process with threads. The signal comes when
the *thread* that forked ends, so children are started from the supervisor's main thread only.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent, then become the program."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        # SIGKILL: what runs here is made to be killed at any moment, and a supervisor that vanished can't escalate.
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the supervisor has ended before its child began")
    os.execv(program[0], program)  # noqa: S606 - becoming the program is the point; the supervisor names it


if __name__ == "__main__":
    main()
