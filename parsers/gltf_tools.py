"""The JavaScript that unpacks glTF, as a step is told of it: Node, our scripts, and the packages that set-up installed."""

import json
from dataclasses import dataclass
from pathlib import Path

from jobs.errors import InputError, TransientError

SCRIPTS = Path(__file__).resolve().parents[1] / "gltf"
# V8 reserves address space by the gigabyte for each WebAssembly memory, which limits on address space do not go with:
# without its trap handler, at 256 MiB each, and with one thread of its own, 2 GiB are enough.
FLAGS = (
    "--disable-wasm-trap-handler",
    "--wasm-max-mem-pages=4096",
    "--v8-pool-size=1",
    "--max-old-space-size=512",
    "--openssl-config=/dev/null",  # its own is below /etc, where a sandbox lets nobody look
)
_SOON = 20.0  # seconds after which a step looks again whether set-up has ended


@dataclass(frozen=True, slots=True, kw_only=True)
class GltfTools:
    """What runs our scripts, or why there is nothing that does."""

    program: Path | None = None  # Node
    packages: Path | None = None  # the folder that holds `node_modules`
    reason: str | None = None  # a sentence, where these are None
    passing: bool = False  # they are being installed

    def command(self, script: str, *arguments: str) -> list[str]:
        """The command line of one of our scripts; raises `InputError` (`model.needs_node`) and `TransientError`."""
        if self.program is None or self.packages is None:
            raise self._missing()
        return [str(self.program), *FLAGS, str(SCRIPTS / script), str(self.packages), *arguments]

    def write(self, path: Path) -> None:
        """Tell a step of them, by a file."""
        said = {"program": self.program, "packages": self.packages, "reason": self.reason, "passing": self.passing}
        path.write_text(json.dumps(said, default=str))

    def _missing(self) -> InputError | TransientError:
        message = f"The model is compressed in a way that only Node.js unpacks here. {self.reason}"
        if self.passing:
            return TransientError("model.needs_node", message, delay=_SOON)
        hint = "Export it again without mesh compression; or operators: `heavylift doctor` says what is missing."
        return InputError("model.needs_node", message, hint=hint)


def read_tools(path: Path) -> GltfTools:
    """The inverse of `GltfTools.write`."""
    said = json.loads(path.read_text())
    program, packages = (Path(said[name]) if said[name] else None for name in ("program", "packages"))
    return GltfTools(program=program, packages=packages, reason=said["reason"], passing=said["passing"])
