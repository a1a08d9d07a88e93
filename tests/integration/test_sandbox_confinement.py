"""What a step cannot reach: other jobs, the ledger, the supervisor, the network; also on kernels that can do less."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.sandbox_runs import Bench

from workers.sandbox import capabilities

SECRET_VARIABLE = "HEAVYLIFT_STORE_SECRET_KEY"
FULL = capabilities().mode == "full"
needs_full = pytest.mark.skipif(not FULL, reason=f"this kernel's sandbox: {capabilities().mode}")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    os.environ[SECRET_VARIABLE] = "hunter2"
    found = Bench(tmp_path_factory.mktemp("sandbox"))
    found.sandbox.warm()
    yield found
    found.sandbox.close()
    del os.environ[SECRET_VARIABLE]


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file beside the scratch folders, as the ledger is."""
    path = tmp_path / "ledger.sqlite3"
    path.write_text("all jobs of everybody")
    return path


@pytest.fixture
def victim() -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours with a secret in its environment, as the supervisor has."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env={"SECRET": "hunter2"}) as found:
        yield found
        found.kill()


def _tried(bench: Bench, *tries: str, **options: Any) -> dict[str, str]:
    result = bench.run("look", options={"tries": tries, **options})
    assert result.fault is None, result.fault
    tried: dict[str, str] = result.summary["tried"]
    return tried


@needs_full
@pytest.mark.parametrize(
    "attempt",
    ["secret", "secret_via_link", "secret_hard_link", "truncate", "write_secret", "delete_secret", "list_folder"],
)
def test_ledger__cannot_be_read_or_harmed(bench: Bench, secret: Path, attempt: str) -> None:
    """A file outside the scratch folder cannot be read, linked, cut, overwritten, deleted or found by listing."""
    found = _tried(bench, attempt, secret=str(secret))

    assert found[attempt] in {"PermissionError", "OSError"}
    assert secret.read_text() == "all jobs of everybody"


@needs_full
def test_scratch_of_another_job__is_closed(bench: Bench) -> None:
    """Another job's input cannot be read, though it lies next door."""
    other = bench.call("nothing").scratch / "in" / "upload"

    assert _tried(bench, "secret", secret=str(other)) == {"secret": "PermissionError"}


@needs_full
def test_modes_of_foreign_files__are_changed_in_appearance_only(bench: Bench, secret: Path) -> None:
    """Chmod pretends to work, so that libraries go on, but changes nothing."""
    before = secret.stat().st_mode

    assert _tried(bench, "chmod", secret=str(secret)) == {"chmod": "pretended"}
    assert secret.stat().st_mode == before


@needs_full
def test_supervisor__cannot_be_looked_into(bench: Bench, victim: subprocess.Popen[bytes]) -> None:
    """/proc of the supervisor, of the template and of anybody else stays shut."""
    found = _tried(bench, "environ", "own_parent", "proc", "passwd", victim=os.getpid())

    assert set(found.values()) == {"PermissionError"}
    assert _tried(bench, "environ", victim=victim.pid) == {"environ": "PermissionError"}


def test_environment__holds_no_secret(bench: Bench) -> None:
    """Of the supervisor's environment nothing is there: neither in the child's own nor in the template's."""
    result = bench.run("look", options={"tries": []})
    template = bench.sandbox.template_pid
    assert template is not None

    assert not [name for name in result.summary["environment"] if name.startswith("HEAVYLIFT")]
    assert "hunter2" not in f"{result.summary['environment']}"
    assert b"hunter2" not in Path(f"/proc/{template}/environ").read_bytes()


@needs_full
def test_processes__cannot_be_signalled_or_limited(bench: Bench, victim: subprocess.Popen[bytes]) -> None:
    """A step can neither kill another process nor set limits for it, though it is the same user."""
    found = _tried(bench, "signal", "limit_other", victim=victim.pid)

    assert found == {"signal": "PermissionError", "limit_other": "PermissionError"}
    assert victim.poll() is None


@needs_full
def test_network__is_cut(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No TCP, no socket files, no abstract names, no datagrams, no netlink."""
    path = str(tmp_path_factory.mktemp("s") / "sock")
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_UNIX) as unix,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        unix.bind(path)
        unix.listen()
        abstract.bind(f"\0heavylift-test-{os.getpid()}")
        abstract.listen()
        found = _tried(
            bench,
            "tcp",
            "unix",
            "abstract",
            "datagram",
            "netlink",
            port=tcp.getsockname()[1],
            unix=path,
            abstract=f"heavylift-test-{os.getpid()}",
        )

    assert set(found.values()) == {"PermissionError"}


@needs_full
def test_ways_around__are_shut(bench: Bench) -> None:
    """Leaving the process group, other namespaces, io_uring, raised limits, and writing to code or input all fail."""
    tries = ("setsid", "setpgid", "unshare", "io_uring", "raise_limit", "write_input", "write_code")
    found = _tried(bench, *tries)

    assert set(found.values()) <= {"PermissionError", "ValueError", "OSError"}, found


def test_descriptors__are_only_its_own(bench: Bench) -> None:
    """A child has its line to the supervisor and nothing else, even while others run."""
    result, neighbor = bench.run_beside("look", options={"tries": ["descriptors"]})

    assert result.summary["tried"] == {"descriptors": "[]"}
    assert neighbor.fault is None


def test_honest_work__is_not_hindered(bench: Bench, tmp_path: Path) -> None:
    """Copying, renaming, temporary files, threads, late imports, tools and reference data all work."""
    colors = tmp_path / "colors.txt"
    colors.write_text("red")
    tries = ("rename", "copy", "subprocess", "kill_own_child", "tempfile", "lazy_import", "threads", "resource")
    result = bench.run("look", options={"tries": tries}, resources={"colors": colors})

    assert result.summary["tried"] == {
        "rename": "(1, None)",
        "copy": "copied",
        "subprocess": "b'hi\\n'",
        "kill_own_child": "-9",
        "tempfile": "True",
        "lazy_import": "3",
        "threads": "ran",
        "resource": "red",
    }


@needs_full
def test_older_kernel__without_scopes_keeps_signals_in(tmp_path: Path, victim: subprocess.Popen[bytes]) -> None:
    """Where Landlock cannot keep signals in, the call filter does."""
    bench = Bench(tmp_path, without=["scopes"])
    try:
        assert _tried(bench, "signal", victim=victim.pid) == {"signal": "PermissionError"}
        assert victim.poll() is None
        aborted = bench.run("abort")
        assert aborted.fault is not None
        assert aborted.usage.signal == 6
    finally:
        bench.sandbox.close()


def test_kernel_without_anything__still_runs_with_limits(tmp_path: Path) -> None:
    """Without Landlock, filters and namespaces, steps run, limits hold, and runaways die with their run."""
    bench = Bench(tmp_path, without=["landlock", "seccomp", "netns"])
    try:
        assert bench.run("good").fault is None
        hungry = bench.run("memory_in_python", memory=64 << 20)
        assert hungry.fault is not None
        assert hungry.fault.code == "step.memory"
        assert _tried(bench, "setsid") in ({"setsid": "PermissionError"}, {"setsid": "None"})
    finally:
        bench.sandbox.close()


@pytest.mark.skipif(not capabilities().netns, reason="this kernel gives no network namespaces")
def test_user_namespace__works_as_well(tmp_path: Path) -> None:
    """The way by which an ordinary user gets a network of their own leaves files readable."""
    bench = Bench(tmp_path, without=["root"])
    try:
        result = bench.run("good")
        assert result.fault is None
        assert result.outputs[0].path.read_text() == "HELLO"
    finally:
        bench.sandbox.close()


def test_capabilities__say_what_holds() -> None:
    """`/ready` and doctor get one of a few plain phrases."""
    assert capabilities().mode in {
        "full",
        "files and limits only",
        "files, network and limits only",
        "network and limits only",
        "limits only",
    }


def test_template__knows_no_infrastructure(bench: Bench) -> None:
    """Neither Celery nor the ledger, the store or any settings are loaded where a stranger's file is read."""
    loaded = set(bench.run("loaded_modules").summary["modules"])

    assert not loaded & {"celery", "kombu", "sqlalchemy", "ledger", "storage", "broker", "config", "api", "boto3"}
    assert {"jobs", "pipelines", "parsers"} <= loaded


def test_failed_confinement__runs_nothing(bench: Bench, tmp_path: Path) -> None:
    """Where a child cannot be confined as ordered, the step is not run, and the message says so."""
    result = bench.run("good", resources={"colors": tmp_path / "nowhere"})

    if capabilities().landlock:
        assert result.fault is not None
        assert result.fault.code == "sandbox.unavailable"
    assert bench.run("good").fault is None
