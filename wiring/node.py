"""Node.js on this machine: whether it can run our scripts, and the packages they need, found or installed."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.settings import Settings
from jobs.ids import new_id
from parsers.gltf_tools import FLAGS, SCRIPTS, GltfTools

NEEDED = "20.15"  # or 22.2: earlier ones lack a flag that keeps V8 within limits
_PATIENCE = 180.0  # seconds for the packages, on a slow line; some three are usual
_ASKING = 20.0  # seconds that Node gets to tell its version
_LOOK_EVERY = 0.1  # seconds
# Of this process's environment: what npm needs to find its registry, and none of our secrets.
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR")
_KEPT_TOO = ("npm_", "NPM_", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_LOCK_FILES = ("package.json", "package-lock.json")


def cache_folder(settings: Settings) -> Path:
    """Where set-up keeps the packages of each release."""
    return settings.data_dir / "cache" / "gltf"


def packages_folder(settings: Settings) -> Path:
    """The folder that is to hold `node_modules`: the one that settings name, or that of this release's lock."""
    if settings.node.packages is not None:
        return settings.node.packages.absolute()
    lock = b"\0".join((SCRIPTS / name).read_bytes() for name in _LOCK_FILES)
    return cache_folder(settings) / hashlib.sha256(lock).hexdigest()[:16]


def found(settings: Settings) -> GltfTools:
    """What there is, without changing anything; runs `node` once."""
    program, reason = node(settings)
    packages = packages_folder(settings)
    if program and (lacking := _lacking(packages)):
        program, reason = None, f"Its packages are not installed ({', '.join(lacking)} missing in {packages})."
    if program is None:
        return GltfTools(reason=reason)
    return GltfTools(program=program, packages=packages)


def node(settings: Settings) -> tuple[Path | None, str | None]:
    """Where Node is, without links, or why there is none that will do."""
    named = shutil.which(settings.node.program)
    if named is None:
        return None, f"Node.js is not installed ({settings.node.program} is not on PATH)."
    program = Path(named).resolve()
    try:
        done = subprocess.run(
            [str(program), *FLAGS, "--version"],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={"PATH": os.defpath},
            timeout=_ASKING,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None, f"{program} does not run."
    if done.returncode:
        return None, f"{program} is older than Node.js {NEEDED}."
    return program, None


def install(settings: Settings, *, stop: threading.Event) -> str | None:
    """Have npm bring the locked packages into the folder where they are wanted; why it could not, or None.

    As npm is configured on this machine; no script of any package is run, and hashes are checked. One process of this
    host at a time; a folder takes its place whole.
    """
    target = packages_folder(settings)
    if not _lacking(target):
        return None
    npm = shutil.which("npm")
    if npm is None:
        return "Its packages are not installed, nor is npm, which would do that."
    part = target.parent / f".{new_id()}.part"
    try:
        with _alone(target.parent, stop) as alone:
            if not alone:
                return "Another process is still installing its packages."
            _sweep(target.parent)
            return _brought(npm, part, target, stop) if _lacking(target) else None
    except OSError as error:
        return f"Its packages could not be installed ({error.strerror or type(error).__name__})."
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _brought(npm: str, part: Path, target: Path, stop: threading.Event) -> str | None:
    part.mkdir(parents=True, mode=0o700)
    for name in _LOCK_FILES:
        shutil.copyfile(SCRIPTS / name, part / name)
    command = [npm, "ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--no-progress"]
    nice = shutil.which("nice")
    log = part / "npm.log"
    with log.open("wb") as printed:
        running = subprocess.Popen(
            [nice, "-n", "15", *command] if nice else command,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            cwd=part,
            env=_environment(),
            start_new_session=True,
        )
        try:
            code = _ended(running, stop)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
            running.wait()
    if code is None:
        return "npm took too long to install its packages." if not stop.is_set() else "The worker ended meanwhile."
    if code or _lacking(part):
        return f"npm could not install its packages: {_last_words(log)}"
    log.unlink()
    shutil.rmtree(target, ignore_errors=True)  # damaged
    part.replace(target)
    return None


def _sweep(folder: Path) -> None:
    """Remove halves that killed workers left: nobody else installs now."""
    for half in folder.glob(".*.part"):
        shutil.rmtree(half, ignore_errors=True)


def _ended(running: subprocess.Popen[bytes], stop: threading.Event) -> int | None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and not stop.wait(_LOOK_EVERY):
        code = running.poll()
        if code is not None:
            return code
    return None


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_KEPT_TOO)}


def _last_words(log: Path) -> str:
    """The code that npm has for what went wrong; the rest of its words name hosts."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    codes = [line.split()[-1] for line in lines if " code " in line or " errno " in line]
    return codes[0] if codes else "no reason given"


def _lacking(packages: Path) -> list[str]:
    """Packages of ours that are not there in the version that our lock names."""
    wanted = json.loads((SCRIPTS / "package.json").read_text())["dependencies"]
    lacking = []
    for name, version in wanted.items():
        try:
            said = json.loads((packages / "node_modules" / name / "package.json").read_text())
        except (OSError, ValueError):
            lacking.append(name)
            continue
        if said.get("version") != version:
            lacking.append(name)
    return lacking


@contextmanager
def _alone(folder: Path, stop: threading.Event) -> Iterator[bool]:
    """Whether this process is the only one of the host that installs."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    until = time.monotonic() + _PATIENCE
    with (folder / ".lock").open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if stop.wait(_LOOK_EVERY) or time.monotonic() > until:
                    yield False
                    return
            else:
                yield True
                return
