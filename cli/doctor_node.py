"""What `heavylift doctor` says of Node.js and of the packages that check and unpack glTF."""

from collections.abc import Iterator

from cli.doctor import Finding
from config.settings import Settings

_COST = "glTF is not checked against its specification, and meshopt or quantized models are refused"


def javascript(settings: Settings) -> Iterator[Finding]:
    """Node itself, then the packages; nothing is installed."""
    from wiring.node import NEEDED, found, node, packages_folder

    program, reason = node(settings)
    if program is None:
        yield Finding(
            name="node",
            state="absent",
            detail=reason or "",
            cost=f"{_COST}; the tests of the web page are not run",
            cure=f"install Node.js {NEEDED} or later, and npm with it",
        )
        return
    yield Finding(name="node", state="ok", detail=str(program))
    tools = found(settings)
    if tools.program is not None:
        yield Finding(name="gltf", state="ok", detail=f"validator and decoders in {packages_folder(settings)}")
        return
    if settings.node.packages is not None:
        cure = "install what gltf/package-lock.json names into the folder HEAVYLIFT_NODE_PACKAGES"
    elif settings.node.install:
        cure = "heavylift up: a validation worker installs them when it starts, and logs gltf.not_set_up where it can't"
    else:
        cure = "HEAVYLIFT_NODE_INSTALL=1"
    yield Finding(name="gltf", state="absent", detail=tools.reason or "", cost=_COST, cure=cure)
