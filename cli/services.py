"""What the supervisor starts: the children's names, commands and environment."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.queues import QUEUES

ROOT = Path(__file__).resolve().parent.parent
MIGRATE = ("migrate",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be run, and where it listens."""

    host: str = "127.0.0.1"
    port: int = 8000
    flower: bool = False
    flower_port: int = 5555
    pools: Sequence[str] = tuple(QUEUES)
    gpu: bool = False  # for the pools that can use one

    @property
    def url(self) -> str:
        """Where the API will be."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def flower_url(self) -> str:
        """Where Flower will be."""
        return f"http://127.0.0.1:{self.flower_port}"

    def services(self) -> dict[str, tuple[str, ...]]:
        """Name of each child and the arguments of its command."""
        services: dict[str, tuple[str, ...]] = {"api": ("api",)}
        for pool in self.pools:
            services[f"worker-{pool}"] = ("worker", pool, *(["--gpu"] if self.gpu and QUEUES[pool].gpu else []))
        services["beat"] = ("beat",)
        if self.flower:
            services["flower"] = ("flower",)
        return services

    def environment(self, data_dir: Path) -> dict[str, str]:
        """The children's environment: ours, and where things are."""
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        return {
            **os.environ,
            "PYTHONPATH": path,
            "PYTHONUNBUFFERED": "1",
            "HEAVYLIFT_DATA_DIR": str(data_dir),
            "HEAVYLIFT_API_HOST": self.host,
            "HEAVYLIFT_API_PORT": str(self.port),
            "HEAVYLIFT_FLOWER_PORT": str(self.flower_port),
        }


def command(arguments: Sequence[str]) -> list[str]:
    """The command line of a child that is one of our own commands."""
    # -P: the folder that the user stands in must not shadow our modules or theirs.
    return [sys.executable, "-P", "-m", "cli", *arguments]
