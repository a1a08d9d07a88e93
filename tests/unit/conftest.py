"""Unit tests reach no network: sockets are blocked, Unix sockets (process pairs) excepted."""

from collections.abc import Iterator

import pytest
import pytest_socket


@pytest.fixture(autouse=True)
def no_network() -> Iterator[None]:
    """Any try to open a TCP or UDP socket raises `SocketBlockedError`."""
    pytest_socket.disable_socket(allow_unix_socket=True)
    yield
    pytest_socket.enable_socket()
