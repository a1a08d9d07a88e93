"""The command line as a process of its own, as a person or a script starts it."""

import subprocess
import sys
from pathlib import Path

import pytest

from cli.app import main
from client import transport

ROOT = Path(__file__).resolve().parents[2]


def heavylift(*arguments: str, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `heavylift ARGUMENTS` to its end, with `env` as its settings."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "cli", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(cwd)} | env,
    )


def heavylift_here(monkeypatch: pytest.MonkeyPatch, *arguments: str, **env: str) -> int:
    """The same in this process, and without a rest between two tries to reach a server; the exit code."""
    monkeypatch.setattr(sys, "argv", ["heavylift", *arguments])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(transport, "_backoff", lambda _attempt: 0.0)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)
