"""`heavylift up` as a real process: starts all, ends all, and says why."""

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest
from reference import LIST_ARTIFACTS
from support.waiting import wait_until

from cli.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
XML = "<INVENTORY>{}</INVENTORY>"
ROW = "<ITEM><ITEMTYPE>P</ITEMTYPE><ITEMID>3001</ITEMID><COLOR>5</COLOR><MINQTY>{}</MINQTY></ITEM>"
SERVICES = (
    "api",
    "worker parsing",
    "worker validation",
    "worker thumbnails",
    "worker indexing",
    "worker housekeeping",
    "beat",
)


class Up:
    """One running `heavylift up`, and commands against it."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.said = data_dir.with_name(f"{data_dir.name}.said")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> psutil.Process:
        with self.said.open("ab") as out:
            self.process = subprocess.Popen(
                self._command("up", "--port", str(self.port)),
                stderr=out,
                env=self._env(),
                # Tests may run in the background of a shell, where Ctrl-C is ignored and `up` would keep it so.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
            )
        wait_until(lambda: "Ctrl-C ends all" in self.words() or self.ended(), within=120, what="up to be ready")
        assert not self.ended(), self.words()
        return psutil.Process(self.process.pid)

    def words(self) -> str:
        return self.said.read_text()

    def ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._command(*arguments), capture_output=True, text=True, check=False, timeout=120, env=self._env()
        )

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-P", "-m", "cli", *arguments]

    def _env(self) -> dict[str, str]:
        return os.environ | {
            "PYTHONPATH": str(ROOT),
            "HEAVYLIFT_DATA_DIR": str(self.data_dir),
            "HEAVYLIFT_URL": f"http://127.0.0.1:{self.port}",
        }

    def close(self) -> None:
        if self.process is not None and not self.ended():
            self.process.terminate()
            self.process.wait(60)
        self.said.unlink(missing_ok=True)


@pytest.fixture
def up(data_dir: Path) -> Iterator[Up]:
    found = Up(data_dir)
    yield found
    found.close()


def gone(processes: list[psutil.Process]) -> bool:
    return not psutil.wait_procs(processes, timeout=0.01)[1]


def named(processes: list[psutil.Process], words: str) -> psutil.Process:
    return next(process for process in processes if words in " ".join(process.cmdline()))


def test_up__from_start_to_ctrl_c(up: Up, tmp_path: Path):
    """All services run; jobs go through; a second `up` is refused; Ctrl-C ends everything with exit code 0."""
    supervisor = up.start()
    children = supervisor.children(recursive=True)
    commands = [" ".join(child.cmdline()) for child in children]
    assert all(any(command.endswith(service) for command in commands) for service in SERVICES), commands
    assert all(os.getsid(child.pid) != os.getsid(supervisor.pid) for child in children)

    file = tmp_path / "wanted.xml"
    file.write_text(XML.format(ROW.format(4) + ROW.format("four")))
    ended = up.run("submit", str(file), "--wait", "--tag", "t1")
    (job_id,) = ended.stdout.split()
    assert ended.returncode == 0, ended.stderr
    assert "row 2" in ended.stderr

    _job_commands(up, job_id, tmp_path)
    _refusals(up, tmp_path)

    supervisor.send_signal(signal.SIGINT)
    assert up.process is not None
    # Longer than the grace after which what is left is killed, and named.
    assert up.process.wait(60) == 0, up.words()
    assert gone(children)
    assert "killed" not in up.words()
    assert not (up.data_dir / "run" / "redis.sock").exists()


def _job_commands(up: Up, job_id: str, folder: Path) -> None:
    status = up.run("status", job_id)
    assert (status.returncode, status.stdout.splitlines()[0]) == (0, "wanted.xml  succeeded")
    listed = up.run("list", "--tag", "t1", "--json").stdout.splitlines()
    assert [json.loads(line)["id"] for line in listed] == [job_id]
    paths = up.run("artifacts", "get", job_id, "--into", str(folder / "got")).stdout.splitlines()
    assert {Path(path).name for path in paths} == set(LIST_ARTIFACTS)
    broken = folder / "broken.xml"
    broken.write_text("<INVENTORY><ITEM>")
    failed = up.run("submit", str(broken), "--wait", "--json")
    assert failed.returncode == 1
    assert json.loads(failed.stdout)["status"] == "failed"
    again = up.run("cancel", job_id)
    assert (again.returncode, again.stdout) == (2, "")
    assert "job.wrong_state" in again.stderr
    assert up.run("delete", job_id).stdout.split() == [job_id]
    assert up.run("status", job_id).returncode == 2
    about = up.run("logs", "--job", job_id).stdout.splitlines()
    assert about
    assert all(job_id in line for line in about)


def _refusals(up: Up, folder: Path) -> None:
    second = up.run("up", "--port", "0")
    assert second.returncode == 2
    assert f"process {up.process.pid}" in second.stderr  # type: ignore[union-attr] # it has been started
    elsewhere = folder / "elsewhere"
    taken = up.run("up", "--port", str(up.port), "--data-dir", str(elsewhere))
    assert taken.returncode == 2
    assert f"can't listen on 127.0.0.1:{up.port}" in taken.stderr
    assert not (elsewhere / "ledger.sqlite3").exists()


def test_up__a_dead_child_ends_all(up: Up):
    """A killed worker ends the platform with exit code 1 and a line that names it; nothing is left behind."""
    children = up.start().children(recursive=True)
    named(children, "worker thumbnails").kill()
    assert up.process is not None
    assert up.process.wait(45) == 1
    assert "worker-thumbnails was killed by SIGKILL" in up.words()
    assert gone(children)


def test_up__killed_itself_leaves_nobody_behind(up: Up):
    """Kill -9 of the supervisor takes every child along, and the next `up` on the folder is well."""
    supervisor = up.start()
    children = supervisor.children(recursive=True)
    supervisor.kill()
    wait_until(lambda: gone(children), within=10, what="all children to be gone")
    up.said.write_text("")
    up.start()


def test_up__a_port_in_use_is_said_before_anything_starts(up: Up):
    """A taken port is exit code 2 and one line; no broker and no tables were made."""
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        ended = up.run("up", "--port", str(other.getsockname()[1]))
    assert ended.returncode == 2
    assert "can't listen on" in ended.stderr
    assert not (up.data_dir / "redis").exists()


def test_up__a_database_that_is_away_is_said(up: Up, monkeypatch: pytest.MonkeyPatch):
    """A ledger that does not answer ends the start with exit code 3 and its own words; nothing is left behind."""
    monkeypatch.setenv("HEAVYLIFT_LEDGER_URL", "postgresql://nobody@127.0.0.1:1/none")
    ended = up.run("up", "--port", str(up.port))
    assert ended.returncode == 3
    assert "the ledger can't be used" in ended.stderr
    assert "Connection refused" in ended.stderr
    assert not (up.data_dir / "run" / "redis.sock").exists()


@contextmanager
def supervised(folder: Path, body: str) -> Iterator[subprocess.Popen[str]]:
    """A process that runs `body` with `children`, a `Children` of its own, and prints what it says."""
    code = (
        "import sys, time; from pathlib import Path; from cli.children import Children\n"
        f"children = Children(Path({str(folder)!r}))\n" + textwrap.dedent(body)
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_children__die_with_their_supervisor(tmp_path: Path):
    """The tether is the kernel's: a supervisor that is killed can do nothing, and its child ends all the same."""
    with supervised(
        tmp_path, "print(children.start('a', ['/bin/sleep', '60']), flush=True); time.sleep(60)"
    ) as process:
        child = psutil.Process(int(said(process)))
        wait_until(lambda: child.name() == "sleep", within=5, what="the tether to become the program")
        process.kill()
        wait_until(lambda: gone([child]), within=5, what="the child to be gone")


def test_children__one_that_will_not_end_is_killed_after_the_grace(tmp_path: Path):
    """A child that ignores SIGTERM is killed with its whole group, and named."""
    body = """
        pid = children.start("deaf", ["/bin/sh", "-c", "trap '' TERM; echo up; sleep 60 & while :; do wait; done"])
        while not (Path(sys.argv[0]) and "up" in "".join(p.read_text() for p in Path(FOLDER).glob("deaf.log"))):
            time.sleep(0.01)
        print(pid, flush=True)
        print(children.stop(grace=0.3), flush=True)
    """.replace("FOLDER", repr(str(tmp_path)))
    with supervised(tmp_path, body) as process:
        child = psutil.Process(int(said(process)))
        group = [child, *child.children(recursive=True)]
        assert said(process) == "['deaf']"
        wait_until(lambda: gone(group), within=5, what="the group to be gone")


def test_children__an_ending_carries_code_and_last_words(tmp_path: Path):
    """How a child ended and what it said last are told together, and what it left in its group is killed."""
    body = """
        children.start("a", ["/bin/sh", "-c", "sleep 60 >/dev/null 2>&1 & echo $!; echo the reason >&2; exit 7"])
        ended = []
        while not ended:
            children.pause(0.05)
            ended = children.ended()
        print(ended[0].last_words[0], flush=True)
        print(ended[0], *ended[0].last_words[1:], sep="|", flush=True)
    """
    with supervised(tmp_path, body) as process:
        left = int(said(process))
        assert said(process) == "a ended with exit code 7|the reason"
        wait_until(lambda: not psutil.pid_exists(left), within=5, what="its background process to be gone")
