"""The broker of a data folder, for a command that needs one: the live one, or the embedded one for a while."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from broker import BrokerOptions
from cli.children import Children
from cli.data_folder import DataFolder
from cli.embedded_broker import EmbeddedRedis, FileBroker, choose
from cli.exits import CommandError, Exit
from cli.places import place
from cli.supervisor import BROKER_GRACE, BROKER_PATIENCE
from config.settings import Settings
from wiring import broker_options


@dataclass(frozen=True, slots=True, kw_only=True)
class BorrowedBroker:
    """A broker that answers until the block ends."""

    options: BrokerOptions
    words: str  # which one it is, for a person


@contextmanager
def borrowed_broker(settings: Settings) -> Iterator[BorrowedBroker]:
    """The broker that the settings name, or that a platform runs on this data folder; else our own start of it.

    Raises `CommandError` where the folder can't be used or its broker does not start.
    """
    options = broker_options(settings)
    if settings.broker.url:
        yield BorrowedBroker(options=options, words=f"{place(options.url)}, of HEAVYLIFT_BROKER_URL")
        return
    if is_taken(settings.data_dir):
        yield BorrowedBroker(options=options, words=f"{place(options.url)}, of the platform that runs here")
        return
    with DataFolder(settings.data_dir) as folder:
        embedded = choose(folder.run, folder.redis)
        with _started(embedded, folder):
            words = f"{embedded.words}, started for this command"
            yield BorrowedBroker(options=replace(options, url=embedded.url), words=words)


def is_taken(data_dir: Path) -> bool:
    """Whether a platform runs on this data folder."""
    try:
        lock = os.open(data_dir / "run" / "up.lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


@contextmanager
def _started(broker: EmbeddedRedis | FileBroker, folder: DataFolder) -> Iterator[None]:
    if isinstance(broker, FileBroker):  # files need no process
        yield
        return
    children = Children(folder.logs, keep_open=(folder.lock_fd,))
    try:
        broker.prepare()
        children.start("broker", broker.command())
        _wait(broker, children)
        yield
    finally:
        children.stop(grace=BROKER_GRACE)
        broker.clean()
        children.close()


def _wait(broker: EmbeddedRedis, children: Children) -> None:
    until = time.monotonic() + BROKER_PATIENCE
    while not broker.answers():
        children.pause(0.02)
        ending = children.ending("broker")
        if ending is not None:
            hint = "\n".join(ending.last_words[-3:])
            raise CommandError(f"the embedded Redis does not start: {ending}", code=Exit.UNREACHABLE, hint=hint)
        if time.monotonic() > until:
            message = f"the embedded Redis did not answer within {BROKER_PATIENCE:g} s"
            raise CommandError(message, code=Exit.UNREACHABLE)
