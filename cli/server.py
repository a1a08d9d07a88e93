"""The server that job commands speak to, with its refusals turned into exit codes and lines for a person."""

from collections.abc import Iterator
from contextlib import contextmanager

from cli.exits import CommandError, Exit
from client import Client, ClientError, NotReachable, Problem, ServerUnavailable


@contextmanager
def server(url: str | None = None) -> Iterator[Client]:
    """A client for HEAVYLIFT_URL (or `url`); what it raises leaves as `CommandError`."""
    with Client(url) as client:
        try:
            yield client
        except ClientError as error:
            raise as_command_error(error) from error


def as_command_error(error: ClientError) -> CommandError:
    """The same, with its exit code and what to do next."""
    if isinstance(error, NotReachable):
        hint = "start one with `heavylift up`, or name another with HEAVYLIFT_URL"
        return CommandError(str(error), code=Exit.UNREACHABLE, hint=hint)
    if isinstance(error, ServerUnavailable):
        return CommandError(str(error), code=Exit.UNREACHABLE, hint=error.hint)
    if isinstance(error, Problem):
        code = Exit.USAGE if error.status < 500 else Exit.FAILED
        return CommandError(str(error), code=code, hint=error.hint)
    return CommandError(str(error), code=Exit.FAILED)
