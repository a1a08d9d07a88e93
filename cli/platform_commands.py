"""The platform on one machine: `up` and `demo`."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cli import VERSION
from cli.data_folder import DataFolder
from cli.exits import CommandError
from cli.log_reader import brief
from cli.ports import LOOPBACK, free_port
from cli.screen import say
from cli.services import Plan
from cli.supervisor import ChildDied, Platform, StopAsked


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (demo, up):
        app.command()(command)


def demo(
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the data folder, to look around in.")] = False,
) -> None:
    """Start a platform of its own, run three real files through it, show what came out, end it."""
    from cli.demo import run

    raise typer.Exit(run(keep=keep))


def up(
    *,
    host: Annotated[str, typer.Option(envvar="HEAVYLIFT_API_HOST", help="Address of the API.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(envvar="HEAVYLIFT_API_PORT", help="Port of the API; 0 takes a free one.", min=0, max=65535)
    ] = 8000,
    data_dir: Annotated[Path, typer.Option(envvar="HEAVYLIFT_DATA_DIR", help="Where everything is kept.")] = Path(
        ".heavylift"
    ),
    flower: Annotated[bool, typer.Option("--flower", help="Run Flower too.")] = False,
    gpu: Annotated[bool, typer.Option("--gpu", help="Let the validation of 3D models use this host's GPUs.")] = False,
    flower_port: Annotated[int, typer.Option(envvar="HEAVYLIFT_FLOWER_PORT", hidden=True)] = 5555,
) -> None:
    """Run API, one worker per pool, beat and an embedded broker; one Ctrl-C ends all."""
    if host not in LOOPBACK:
        hint = "there is no authentication yet: put a proxy that has it in front of 127.0.0.1"
        raise CommandError(f"listening on {host} would let anybody in", hint=hint)
    plan = Plan(host=host, port=port or free_port(host), flower=flower, flower_port=flower_port, gpu=gpu)
    began = time.monotonic()
    try:
        with DataFolder(data_dir) as folder, running(folder, plan, say=say) as platform:
            say(f"ready in {time.monotonic() - began:.1f} s", "green")
            say(f"  API     {plan.url}    described at {plan.url}/openapi.json")
            if flower:
                say(f"  Flower  {plan.flower_url}")
            say(f"  data    {folder.path}")
            say("  logs    heavylift logs -f" + ("" if data_dir == Path(".heavylift") else f" --data-dir {data_dir}"))
            say("Ctrl-C ends all.")
            platform.run()
    except StopAsked:
        return


@contextmanager
def running(folder: DataFolder, plan: Plan, *, say: Callable[[str], None]) -> Iterator[Platform]:
    """A started platform, ended on the way out. Raises `StopAsked` where somebody asked for its end before we did.

    A child that died is told with its last words before all ends.
    """
    say(f"heavylift {VERSION}: starting API, {len(plan.pools)} workers, beat{', Flower' if plan.flower else ''}")
    platform = Platform(folder, plan, say=say)
    with _signals(platform), platform:
        try:
            platform.start()
            yield platform
        except ChildDied as died:
            for line in died.ending.last_words:
                say(f"  {died.ending.name} | {brief(line)}")
            died.hint = f"all else was ended; its log is {folder.logs / died.ending.name}.log"
            raise
        finally:
            say("ending; Ctrl-C kills what does not end by itself")


@contextmanager
def _signals(platform: Platform) -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP ask the platform to end; one that was ignored (nohup) stays so."""

    def asked(_number: int, _frame: object) -> None:
        platform.ask_to_stop()

    before = {}
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, asked)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
