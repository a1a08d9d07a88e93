"""The processes of a deployment, one command each: api, worker, beat, flower, migrate."""

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated

import typer

from cli.exits import CommandError, Exit
from cli.gate import wait_at_gate
from jobs.queues import QUEUES

if TYPE_CHECKING:
    from config.settings import Settings

DataDir = Annotated[
    Path | None, typer.Option(envvar="HEAVYLIFT_DATA_DIR", help="Where the embedded default keeps everything.")
]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (worker, api, beat, flower, migrate):
        app.command()(command)


def worker(
    pool: Annotated[str, typer.Argument(help=f"One of: {', '.join(QUEUES)}.")],
    concurrency: Annotated[
        int | None, typer.Option(help="Steps at once; the queue's own number otherwise.", min=1)
    ] = None,
    *,
    gpu: Annotated[bool, typer.Option("--gpu", help="Let steps compute on this host's GPUs; pool validation.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Run the worker of one pool."""
    if pool not in QUEUES:
        raise CommandError(f"there is no pool {pool!r}", hint=f"pools: {', '.join(QUEUES)}")
    if gpu and not QUEUES[pool].gpu:
        able = ", ".join(name for name, queue in QUEUES.items() if queue.gpu)
        raise CommandError(f"no step of pool {pool} computes on a GPU", hint=f"pools that take --gpu: {able}")
    if gpu:
        os.environ["HEAVYLIFT_GPU_ENABLED"] = "1"
    if concurrency is not None:
        os.environ["HEAVYLIFT_WORKER_CONCURRENCY"] = str(concurrency)
    settings = _service(f"worker-{pool}", data_dir)
    from workers.main import run

    wait_at_gate()
    sys.exit(run(pool, settings))


def api(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Run the HTTP API."""
    for name, value in (("HOST", host), ("PORT", port)):
        if value is not None:
            os.environ[f"HEAVYLIFT_API_{name}"] = str(value)
    settings = _service("api", data_dir)
    from api.server import serve

    wait_at_gate()
    sys.exit(serve(settings))


def beat(data_dir: DataDir = None) -> None:
    """Run the clock for slow reconciliation."""
    settings = _service("beat", data_dir)
    from workers.main import run_beat

    wait_at_gate()
    sys.exit(run_beat(settings))


def flower(data_dir: DataDir = None) -> None:
    """Run Flower, the view for ops."""
    settings = _service("flower", data_dir)
    from broker.flower import run
    from wiring import broker_options

    wait_at_gate()
    password = settings.flower.password.get_secret_value() if settings.flower.password else None
    sys.exit(run(broker_options(settings), host=settings.flower.host, port=settings.flower.port, password=password))


def migrate(data_dir: DataDir = None) -> None:
    """Bring the ledger's tables up to date."""
    settings = _service("migrate", data_dir)
    from wiring import open_ledger

    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    ledger = open_ledger(settings)
    try:
        ledger.migrate()
    finally:
        ledger.close()


def _service(name: str, data_dir: Path | None) -> "Settings":
    """Settings for a service, with JSON logs on stderr from here on."""
    from config.logging import configure

    settings = load_settings(data_dir)
    configure(service=name, level=os.environ.get("HEAVYLIFT_LOG_LEVEL", "INFO").upper())
    sys.excepthook = _logged
    return settings


def _logged(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What ends a service unforeseen goes to its log, traceback and all: nobody sits in front of it."""
    import structlog

    structlog.get_logger(__name__).critical("service.crashed", exc_info=(kind, error, trace))


def load_settings(data_dir: Path | None = None) -> "Settings":
    """Settings from the environment; a wrong value becomes one line that names its variable."""
    from pydantic import ValidationError

    from config.settings import Settings

    try:
        return Settings.load(data_dir)
    except ValidationError as error:
        prefix = error.title.removesuffix("Settings").upper()
        wrong = "; ".join(
            f"HEAVYLIFT_{prefix}_{'_'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors()
        )
        raise CommandError(f"a setting is wrong: {wrong}", code=Exit.USAGE) from error
