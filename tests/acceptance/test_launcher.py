"""The launcher in a copy of its own: sets up once, heals itself, starts from anywhere.

What it installs is stubbed, so that no test needs an index: a fake Python hands everything to the real one, but makes
environments without pip and answers `pip install` with a fake uv that writes down how it was called.
"""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
SHELLS = [shell for shell in ("dash", "bash", "sh") if shutil.which(shell)]

FAKE_PYTHON = """\
#!/bin/sh
# Stands in for Python: the real one does everything but what would need an index.
here=$(dirname "$0")
case "$*" in
*"import venv, ensurepip"*) [ ! -e {base}/no-ensurepip ]; exit ;;
"-I -m venv "*)
    for folder; do :; done
    echo venv >>{base}/calls
    {real} -I -m venv --without-pip "$folder" && cd "$folder/bin" && mv python python.real && cp {base}/fake-python python
    exit ;;
*"-m pip install"*)
    while [ "$1" != --target ]; do shift; done
    mkdir -p "$2/bin" && cp {base}/fake-uv "$2/bin/uv"
    echo boot >>{base}/calls
    exit ;;
esac
if [ -x "$here/python.real" ]; then exec "$here/python.real" "$@"; fi
exec {real} "$@"
"""

FAKE_UV = """\
#!/bin/sh
echo "sync $*" >>{base}/calls
while [ -e {base}/hold ]; do sleep 0.05; done
[ ! -e {base}/broken ] || {{ echo "uv: no such index" >&2; exit 1; }}
"""

FAKE_CLI = """\
import os, sys
print("cli", *sys.argv[1:])
print("cwd", os.getcwd())
"""


class Checkout:
    """A copy of what the launcher needs, with stubs for what it installs."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.root = base / "a checkout"
        self.venv = self.root / ".venv"
        (self.root / "cli").mkdir(parents=True)
        (self.root / "cli" / "__init__.py").touch()
        (self.root / "cli" / "__main__.py").write_text(FAKE_CLI)
        shutil.copy(ROOT / "heavylift", self.root)
        for name in ("requirements.txt", "requirements-dev.txt", "requirements-boot.txt"):
            shutil.copy(ROOT / name, self.root)
        real = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
        for name, text in (("fake-python", FAKE_PYTHON), ("fake-uv", FAKE_UV)):
            (base / name).write_text(text.format(base=base, real=real))
            (base / name).chmod(0o755)

    def start(self, *arguments: str, shell: str = "sh", cwd: Path | None = None, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [shell, str(self.root / "heavylift"), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=cwd or self.base,
            env={"PATH": os.environ["PATH"], "HOME": str(self.base), "HEAVYLIFT_PYTHON": str(self.base / "fake-python")}
            | env,
        )

    def run(self, *arguments: str, shell: str = "sh", cwd: Path | None = None, **env: str) -> tuple[int, str, str]:
        process = self.start(*arguments, shell=shell, cwd=cwd, **env)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def calls(self) -> list[str]:
        """What was done so far: `venv`, `boot`, `sync`."""
        file = self.base / "calls"
        return [line.split()[0] for line in file.read_text().splitlines()] if file.exists() else []

    def last_sync(self) -> str:
        return (self.base / "calls").read_text().splitlines()[-1]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.mark.parametrize("shell", SHELLS)
def test_first_start__sets_up_once(checkout: Checkout, shell: str):
    """The first start makes, boots and syncs, telling so on stderr; the second does nothing and says nothing."""
    rc, out, err = checkout.run("version", shell=shell)
    assert (rc, out.splitlines()[0]) == (0, "cli version"), err
    assert all(line.startswith("heavylift: ") for line in err.splitlines())
    assert checkout.calls() == ["venv", "boot", "sync"]
    assert checkout.run("status", "x", shell=shell) == (0, f"cli status x\ncwd {checkout.base}\n", "")
    assert checkout.calls() == ["venv", "boot", "sync"]


def test_start__through_a_symlink_from_anywhere(checkout: Checkout, tmp_path: Path):
    """A relative symlink to a symlink works, the working directory stays, and a `cli` in it does not shadow ours."""
    elsewhere = tmp_path / "else where"
    (elsewhere / "cli").mkdir(parents=True)
    (elsewhere / "cli" / "__main__.py").write_text("print('the wrong one')")
    (elsewhere / "venv.py").write_text("raise SystemExit('shadowed')")
    (elsewhere / "first").symlink_to(checkout.root / "heavylift")
    (elsewhere / "second").symlink_to("first")
    env = {"PATH": os.environ["PATH"], "HEAVYLIFT_PYTHON": str(checkout.base / "fake-python")}
    for _ in range(2):
        ended = subprocess.run(
            ["./second", "hello you"], cwd=elsewhere, env=env, capture_output=True, text=True, check=True
        )
        assert ended.stdout == f"cli hello you\ncwd {elsewhere}\n"


def test_set_up__that_failed_is_taken_up_again(checkout: Checkout):
    """A failed sync is exit code 2 with uv's own words; the next start makes everything anew and is well."""
    (checkout.base / "broken").touch()
    rc, out, err = checkout.run("version")
    assert (rc, out) == (2, "")
    assert "uv: no such index" in err
    (checkout.base / "broken").unlink()
    assert checkout.run("version")[0] == 0
    assert checkout.calls() == ["venv", "boot", "sync", "venv", "boot", "sync"]
    assert checkout.run("version")[2] == ""


def test_set_up__that_was_killed_is_taken_up_again(checkout: Checkout):
    """Kill -9 in the middle leaves no lock behind and nothing that counts as whole."""
    (checkout.base / "hold").touch()
    process = checkout.start("version")
    wait_until(lambda: "sync" in checkout.calls(), within=30, what="the sync to begin")
    process.send_signal(signal.SIGKILL)
    (checkout.base / "hold").unlink()
    process.communicate(timeout=30)
    rc, out, _ = checkout.run("version")
    assert (rc, out.splitlines()[0]) == (0, "cli version")


def test_set_up__two_at_once_do_it_once(checkout: Checkout):
    """The second start waits, says so, and finds everything done."""
    (checkout.base / "hold").touch()
    first = checkout.start("one")
    wait_until(lambda: "sync" in checkout.calls(), within=30, what="the first to sync")
    second = checkout.start("two")
    assert second.stderr is not None
    assert "waiting" in second.stderr.readline()
    (checkout.base / "hold").unlink()
    assert first.communicate(timeout=30)[0].startswith("cli one")
    assert second.communicate(timeout=30)[0].startswith("cli two")
    assert checkout.calls() == ["venv", "boot", "sync"]


def test_lock__a_change_syncs_again_in_place(checkout: Checkout):
    """Another lock means another sync, into the same environment."""
    checkout.run("version")
    with (checkout.root / "requirements.txt").open("a") as file:
        file.write("# changed\n")
    assert checkout.run("version")[0] == 0
    assert checkout.calls() == ["venv", "boot", "sync", "sync"]
    assert checkout.run("version")[2] == ""


@pytest.mark.parametrize("command", ["test", "bench"])
def test_extras__come_with_the_commands_that_need_them(checkout: Checkout, command: str):
    """`test` and `bench` bring their packages once; other commands neither bring nor remove them."""
    checkout.run("version")
    assert "requirements-dev.txt" not in checkout.last_sync()
    checkout.run(command)
    assert "requirements-dev.txt" in checkout.last_sync()
    checkout.run("version")
    checkout.run(command)
    assert checkout.calls() == ["venv", "boot", "sync", "sync"]


def test_extras__are_brought_on_request_and_stay(checkout: Checkout):
    """What HEAVYLIFT_EXTRAS names comes beside all else, with or without tests, and later starts leave it there."""
    (checkout.root / "requirements-usd.txt").write_text("usd-core==0\n")
    checkout.run("version")
    assert checkout.run("version", HEAVYLIFT_EXTRAS="usd")[0] == 0
    assert "requirements-usd.txt" in checkout.last_sync()
    assert "requirements-dev.txt" not in checkout.last_sync()
    checkout.run("version")
    checkout.run("test")
    assert {"requirements-usd.txt", "requirements-dev.txt"} <= {Path(one).name for one in checkout.last_sync().split()}
    checkout.run("test", HEAVYLIFT_EXTRAS="usd")
    assert checkout.calls() == ["venv", "boot", "sync", "sync", "sync"]


def test_extras__unknown_ones_are_refused(checkout: Checkout):
    """A word that names no packages ends the start with those that there are."""
    rc, _, err = checkout.run("version", HEAVYLIFT_EXTRAS="uds")
    assert (rc, checkout.calls()) == (2, [])
    assert "There are: usd" in err


def test_sync__checks_hashes_and_downloads_no_python(checkout: Checkout):
    """Uv is told to require hashes and to install for our interpreter."""
    checkout.run("version")
    assert "--require-hashes" in checkout.last_sync()
    assert f"--python {checkout.venv}/bin/python" in checkout.last_sync()


@pytest.mark.parametrize("code", [0, 1])
def test_ufbx__is_built_beside_the_packages(checkout: Checkout, code: int):
    """Set-up builds the reader of FBX while packages come, waits for it, and is well whether or not that worked."""
    built = checkout.base / "built"
    (checkout.root / "tools").mkdir()
    script = f"import pathlib, sys, time; time.sleep(0.3); pathlib.Path({str(built)!r}).touch(); sys.exit({code})"
    (checkout.root / "tools" / "build_ufbx.py").write_text(script)
    rc, out, err = checkout.run("version")
    assert (rc, out.splitlines()[0]) == (0, "cli version"), err
    assert built.exists()
    built.unlink()
    assert checkout.run("version")[2] == ""
    assert not built.exists()


def test_ufbx__is_waited_for_where_packages_fail(checkout: Checkout):
    """A set-up that failed leaves nobody behind who writes into its environment; what went wrong is said all the same."""
    built = checkout.base / "built"
    (checkout.root / "tools").mkdir()
    script = f"import pathlib, time; time.sleep(1); pathlib.Path({str(built)!r}).touch()"
    (checkout.root / "tools" / "build_ufbx.py").write_text(script)
    (checkout.base / "broken").touch()
    rc, _, err = checkout.run("version")
    assert rc == 2
    assert "uv: no such index" in err
    assert built.exists()


def test_place__another_one_for_a_read_only_checkout(checkout: Checkout, tmp_path: Path):
    """HEAVYLIFT_VENV names the place; the checkout itself is not written to."""
    before = sorted(path.name for path in checkout.root.iterdir())
    rc, _, err = checkout.run("version", HEAVYLIFT_VENV=str(tmp_path / "el se" / "venv"))
    assert rc == 0, err
    assert sorted(path.name for path in checkout.root.iterdir()) == before


def test_place__a_folder_that_is_not_ours_is_left_alone(checkout: Checkout):
    """A folder with other people's files is never replaced."""
    checkout.venv.mkdir()
    (checkout.venv / "precious").write_text("x")
    rc, _, err = checkout.run("version")
    assert rc == 2
    assert "did not make it" in err
    assert (checkout.venv / "precious").read_text() == "x"


def test_place__a_moved_checkout_is_set_up_anew(checkout: Checkout):
    """Paths stand in an environment, so one that was moved is made again."""
    checkout.run("version")
    checkout.root = checkout.root.rename(checkout.base / "moved")
    assert checkout.run("version")[0] == 0
    assert checkout.calls() == ["venv", "boot", "sync"] * 2


def test_python__an_unfit_one_is_said(checkout: Checkout, tmp_path: Path):
    """A named Python that is too old or none at all ends with a clear line and exit code 2."""
    rc, _, err = checkout.run("version", HEAVYLIFT_PYTHON="/bin/false")
    assert rc == 2
    assert "HEAVYLIFT_PYTHON=/bin/false is not a Python of 3.11 or later" in err
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "cat", "cksum", "dirname", "readlink", "id", "ls", "mkdir"):
        (tools / name).symlink_to(str(shutil.which(name)))
    rc, _, err = checkout.run("version", shell="/bin/sh", HEAVYLIFT_PYTHON="", PATH=str(tools))
    assert rc == 2
    assert "needs Python 3.11 or later, and found none" in err


def test_python__without_ensurepip_gets_the_one_command(checkout: Checkout, tmp_path: Path):
    """Where Debian's python3-venv is missing, a plain user reads the command and root has it run."""
    (checkout.base / "no-ensurepip").touch()
    tools = tmp_path / "tools"
    tools.mkdir()
    package = f"python3.{sys.version_info.minor}-venv"
    stubs = {
        "apt-get": f'echo "apt-get $*" >>{checkout.base}/apt; rm -f {checkout.base}/no-ensurepip',
        "id": f"cat {checkout.base}/uid",
    }
    for name, body in stubs.items():
        (tools / name).write_text(textwrap.dedent(f"#!/bin/sh\n{body}\n"))
        (tools / name).chmod(0o755)
    path = f"{tools}:{os.environ['PATH']}"
    (checkout.base / "uid").write_text("1000")
    rc, _, err = checkout.run("version", PATH=path)
    assert rc == 2
    assert f"sudo apt-get install -y {package}" in err
    assert not (checkout.base / "apt").exists()
    (checkout.base / "uid").write_text("0")
    rc, _, err = checkout.run("version", PATH=path)
    assert rc == 0, err
    assert (checkout.base / "apt").read_text() == f"apt-get install -y -qq {package}\n"
