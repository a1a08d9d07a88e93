"""Ports: whether one is free, and which one is."""

import socket
from contextlib import closing

from cli.exits import CommandError

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on now."""
    with closing(_listener(host, 0)) as listener:
        return int(listener.getsockname()[1])


def require_free(host: str, port: int, *, what: str, cure: str) -> None:
    """Raise `CommandError` before anything starts where `port` can't be listened on."""
    try:
        _listener(host, port).close()
    except OSError as error:
        message = f"{what} can't listen on {host}:{port}: {error.strerror or error}"
        raise CommandError(message, hint=cure) from error


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server itself does
        listener.bind((host, port))
        listener.listen(1)
    except BaseException:
        listener.close()
        raise
    return listener
