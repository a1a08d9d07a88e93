"""The drill's keeper: it restarts what ended, leaves alone what was asked to end, and tells crashes from kills."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.waiting import holds_for, wait_until

from drill.children import Child
from drill.keeper import Keeper, Service


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    made = Keeper()
    yield made
    for service in made.services.values():
        service.child.stop(grace=0.1)


def sleeper(folder: Path, name: str = "sleeper", code: str = "import time; time.sleep(60)") -> Service:
    return Service(name=name, child=Child(name, [sys.executable, "-c", code], log=folder / f"{name}.log", cwd=folder))


def runs_again(keeper: Keeper, service: Service) -> bool:
    keeper.tend()
    return service.starts == 2 and service.child.running


def test_keeper__restarts_what_was_killed(keeper: Keeper, tmp_path: Path):
    """A process that the drill kills comes back by itself, and is no crash."""
    service = keeper.add(sleeper(tmp_path))
    service.start()
    keeper.kill(service)
    assert not service.child.running
    wait_until(lambda: runs_again(keeper, service), within=20, what="the second start")
    assert keeper.crashes == []


def test_keeper__notes_what_ended_by_itself(keeper: Keeper, tmp_path: Path):
    """A process that nobody killed is started again too, but told with its last error."""
    code = (
        'import json, time; print(json.dumps({"level": "critical", "event": "out of luck"})); time.sleep(0.1); exit(3)'
    )
    service = keeper.add(sleeper(tmp_path, code=code))
    service.start()
    wait_until(lambda: keeper.tend() or keeper.crashes, within=20, what="the crash")
    assert str(keeper.crashes[0]) == "sleeper ended by itself with 3: out of luck"
    wait_until(lambda: keeper.tend() or service.starts > 1, within=20, what="the second start")


def test_keeper__leaves_alone_what_was_asked_to_end(keeper: Keeper, tmp_path: Path):
    """A process that was asked to end stays away until somebody starts it."""
    service = keeper.add(sleeper(tmp_path))
    service.start()
    keeper.ask_to_end(service)
    service.child.wait_exit(within=20)
    assert holds_for(lambda: keeper.tend() or not service.child.running, seconds=1.0)
    service.start()
    assert service.child.running
    assert keeper.crashes == []
