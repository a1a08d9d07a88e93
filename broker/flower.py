"""Flower: the view for ops, on loopback, with basic auth where a password is set."""

import structlog

from broker.app import BrokerOptions, make_app

log = structlog.get_logger(__name__)


def run(options: BrokerOptions, *, host: str, port: int, password: str | None) -> int:
    """Serve Flower until it is told to end; returns the exit code."""
    app = make_app(options)
    arguments = ["flower", f"--address={host}", f"--port={port}", "--inspect_timeout=3000", "--persistent=False"]
    if password:
        arguments.append(f"--basic-auth=heavylift:{password}")
    log.info("flower.starting", url=f"http://{host}:{port}", auth=bool(password))
    app.start(argv=arguments)
    return 0
