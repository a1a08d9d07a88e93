"""Node and our packages for tests, or why they are not here: installed once, beside the packages of Python."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path

from config.settings import Settings
from parsers.gltf_tools import GltfTools
from wiring.node import found, install

SCRIPT = Path(__file__).with_name("compress_gltf.mjs")
# Names of `compress_gltf.mjs`, and whether positions come back to the bit where they lie on the grid.
WAYS = ("meshopt", "meshopt-khr", "meshopt-quantized", "quantized", "normalized", "draco")


@cache
def gltf_tools() -> GltfTools:
    """What there is, after an attempt to install it."""
    settings = Settings(Path(os.environ.get("HEAVYLIFT_TEST_NODE") or Path(sys.prefix) / "heavylift-gltf"))
    os.environ.setdefault("npm_config_fetch_retries", "0")  # away is away: a run of tests does not wait for it
    reason = install(settings, stop=threading.Event())
    tools = found(settings)
    return tools if tools.program else GltfTools(reason=reason or tools.reason)


def absent() -> str | None:
    """For a skip: why nothing can be compressed here."""
    tools = gltf_tools()
    return None if tools.program else f"glTF's JavaScript is not here: {tools.reason}"


def compressed(content: bytes, way: str, folder: Path) -> bytes:
    """A GLB of ours, compressed."""
    tools = gltf_tools()
    source, target = folder / "plain.glb", folder / f"{way}.glb"
    source.write_bytes(content)
    command = [str(tools.program), str(SCRIPT), str(tools.packages), str(source), str(target), way]
    subprocess.run(command, check=True, capture_output=True)
    return target.read_bytes()


def finder(tools: GltfTools) -> Callable[[], GltfTools]:
    """For `model.load`."""
    return lambda: tools
