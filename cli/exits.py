"""How a command ends: exit codes that scripts rely on, and the error that carries one."""

from enum import IntEnum

from jobs.errors import HeavyliftError


class Exit(IntEnum):
    """What the shell sees."""

    WELL = 0
    FAILED = 1  # a job failed, or a part of the platform died
    USAGE = 2  # wrong arguments, or a machine that is not set up for them
    UNREACHABLE = 3  # no server, or no database, answers
    INTERRUPTED = 130  # Ctrl-C, as shells count it


class CommandError(HeavyliftError):
    """Ends a command with one line on stderr; `hint` is a second one that says what to do."""

    def __init__(self, message: str, *, code: Exit = Exit.USAGE, hint: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint
