"""Node and its packages for the validation pool: set up in the background when its worker starts, then told to steps."""

import shutil
import threading
import time
from pathlib import Path

import structlog

from config.settings import Settings
from jobs.model import Job
from parsers.gltf_tools import GltfTools
from wiring.node import cache_folder, found, install, node, packages_folder

log = structlog.get_logger(__name__)
_LOOK_AGAIN = 30.0  # seconds after which a machine without them is looked at anew: somebody may have cured it
_LOOK_EVERY = 0.05  # seconds, while somebody waits for the set-up


class ToolsKeeper:
    """Knows what runs our JavaScript; as a provider, writes it down for a step. Thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._setting_up: threading.Thread | None = None
        self._known: GltfTools | None = None
        self._looked_at = 0.0  # monotonic
        self._refused: str | None = None  # why set-up did not succeed

    def start(self) -> None:
        """Begin to install what is missing; returns at once, and nobody ever waits long for it."""
        self._setting_up = threading.Thread(target=self._set_up, name="gltf-set-up", daemon=True)
        self._setting_up.start()

    def close(self) -> None:
        """End a set-up that is under way."""
        self._stop.set()
        if self._setting_up is not None:
            self._setting_up.join()

    def __call__(self, _job: Job, place: Path) -> Path:
        """The resource `gltf`: a file that `parsers.gltf_tools.read_tools` reads."""
        path = place / "gltf.json"
        self.tools().write(path)
        return path

    def tools(self, patience: float = 0.0) -> GltfTools:
        """What there is; a set-up that is under way is waited for so many seconds."""
        until = time.monotonic() + patience
        while self._is_setting_up() and time.monotonic() < until and not self._stop.is_set():
            time.sleep(_LOOK_EVERY)
        with self._lock:
            known = self._known
            if known is None or (known.program is None and time.monotonic() - self._looked_at > _LOOK_AGAIN):
                known = self._known = self._look()
            if known.program is None and self._is_setting_up():
                self._known = None
                return GltfTools(reason="Its packages are just being installed.", passing=True)
            return known

    def _look(self) -> GltfTools:
        self._looked_at = time.monotonic()
        there = found(self._settings)
        return GltfTools(reason=self._refused) if there.program is None and self._refused else there

    def _is_setting_up(self) -> bool:
        return self._setting_up is not None and self._setting_up.is_alive()

    def _set_up(self) -> None:
        began = time.monotonic()
        program, _ = node(self._settings)
        if program is None or not self._settings.node.install or self._settings.node.packages is not None:
            return  # whoever asks is told why
        self._refused = install(self._settings, stop=self._stop)
        if self._refused:
            log.warning("gltf.not_set_up", reason=self._refused)
        else:
            log.info("gltf.set_up", seconds=round(time.monotonic() - began, 1))


def readable(settings: Settings) -> tuple[Path, ...]:
    """What a step's child has to be able to read and run, beside our code; made where it is not there yet."""
    cache = cache_folder(settings)
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    packages = packages_folder(settings)
    own = (cache,) if packages.is_relative_to(cache) else (cache, packages)
    return (*own, *_program(settings))


def _program(settings: Settings) -> tuple[Path, ...]:
    named = shutil.which(settings.node.program)
    return () if named is None else (Path(named).resolve(),)
