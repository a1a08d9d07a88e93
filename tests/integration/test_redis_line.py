"""The Redis transport when its server goes: what it raises is what kombu and Celery catch."""

import contextlib

import pytest
from kombu import Consumer
from redis.exceptions import ConnectionError as LineGone
from support.servers import RedisServer

from broker.app import BrokerOptions, make_app, queue_name, topology


def test_redis_line__unacknowledged_message_when_the_server_dies(redis_server: RedisServer):
    """A connection with an unacknowledged message is given up, closed and asked to acknowledge: no error ends the worker."""
    options = BrokerOptions(url=redis_server.url, prefix="hltest")
    app = make_app(options)
    with app.connection_for_write(connect_timeout=2) as sending:
        app.send_task("anything", queue=queue_name(options, "parsing"), connection=sending)
    connection = app.connection_for_read(connect_timeout=2)
    parsing, other, *_ = topology(options)
    taken = []
    Consumer(connection.default_channel, [parsing], on_message=taken.append).consume()
    while not taken:
        connection.drain_events(timeout=5)
    # A worker has a second channel, for remote control, and waits on both when the server goes.
    Consumer(connection.channel(), [other], on_message=taken.append).consume()
    with contextlib.suppress(TimeoutError):
        connection.drain_events(timeout=0.3)
    redis_server.kill()
    connection.collect(socket_timeout=1)  # what Celery does first
    with contextlib.suppress(*connection.connection_errors, *connection.channel_errors):  # as Celery's `ignore_errors`
        connection.close()
    with pytest.raises(LineGone):  # as Celery's `ack_log_error` expects it
        taken[0].ack()
