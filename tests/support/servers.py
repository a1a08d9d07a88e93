"""Private servers for tests: RabbitMQ, PostgreSQL, Redis; the drill's, see drill/servers.py."""

from drill.servers import (
    LOOPBACK,
    MissingBinary,
    PostgresServer,
    RabbitServer,
    RedisServer,
    broker_answers,
    database_answers,
    free_port,
)

__all__ = [
    "LOOPBACK",
    "MissingBinary",
    "PostgresServer",
    "RabbitServer",
    "RedisServer",
    "broker_answers",
    "database_answers",
    "free_port",
]
