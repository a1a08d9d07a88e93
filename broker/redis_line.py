"""kombu's Redis transport, mended: a line that is gone is said in the words that kombu and Celery catch.

Where the server goes while messages are unacknowledged, Celery gives the connection up and closes it afterwards. kombu
then wants to hand the messages back over a new line, finds nowhere to connect to, and raises `AttributeError`; so does
the acknowledgement of a step that ends a little later. Nobody expects that, and the worker ended.
"""

from typing import Any

from kombu import transport
from kombu.transport import redis
from redis.exceptions import ConnectionError as LineGone


class Channel(redis.Channel):
    """Says `ConnectionError` where its connection was given up."""

    def _connparams(self, *args: Any, **named: Any) -> Any:
        if self.connection is None or self.connection.client is None:
            raise LineGone("the connection was given up")
        return super()._connparams(*args, **named)  # type: ignore[misc] # its stubs leave it out


class Transport(redis.Transport):
    """What `redis://` and `redis+socket://` name in this process."""

    Channel = Channel


def install() -> None:
    """Let the names of kombu's transport mean ours; before the first connection of the process."""
    for name in ("redis", "rediss"):
        transport.TRANSPORT_ALIASES[name] = f"{__name__}:{Transport.__name__}"
