"""The set-up of glTF's JavaScript: npm by the lock, in the background, whole or not at all, and never a fault of the platform."""

import json
import os
import threading
import time
from pathlib import Path

import pytest
from support.gltf_tools import absent, gltf_tools

from config.settings import Settings
from jobs.queues import VALIDATION
from parsers.gltf_tools import SCRIPTS, GltfTools, read_tools
from wiring.node import cache_folder, found, install, node, packages_folder
from workers.gltf_tools import ToolsKeeper, readable

ABSENT = absent()
needs_node = pytest.mark.skipif(ABSENT is not None, reason=ABSENT or "here")
INSTALLS = """#!/bin/sh
for name in @gltf-transform/core @gltf-transform/extensions draco3dgltf gltf-validator meshoptimizer; do
  mkdir -p node_modules/$name
done
python3 - <<'EOF'
import json, pathlib
for name, version in json.loads(pathlib.Path("package.json").read_text())["dependencies"].items():
    (pathlib.Path("node_modules") / name / "package.json").write_text(json.dumps({"version": version}))
EOF
echo "$@" >> LOG
env >> LOG
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Of a data folder in which nothing is set up, with npm under our control."""
    monkeypatch.delenv("HEAVYLIFT_NODE_PACKAGES", raising=False)
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return Settings(tmp_path / "data")


def npm(settings: Settings, script: str) -> Path:
    """An npm that does as the script says; where it writes."""
    log = settings.data_dir.parent / "log"
    program = settings.data_dir.parent / "bin" / "npm"
    program.write_text(script.replace("LOG", str(log)))
    program.chmod(0o755)
    return log


def settled(keeper: ToolsKeeper) -> GltfTools:
    """The keeper's word once its set-up is over."""
    return keeper.tools(20.0)


def leftovers(settings: Settings) -> list[str]:
    """What lies beside the packages, but for the lock."""
    target = packages_folder(settings)
    return [path.name for path in cache_folder(settings).iterdir() if path != target and path.name != ".lock"]


@needs_node
def test_set_up__installs_by_the_lock_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first worker has npm install exactly the lock, without scripts and secrets; the next one finds it done."""
    monkeypatch.setenv("HEAVYLIFT_LEDGER_URL", "postgresql://user:swordfish@db/heavylift")
    monkeypatch.setenv("npm_config_cache", "/somewhere")
    log = npm(settings, INSTALLS)
    half = cache_folder(settings) / ".left-by-a-killed-worker.part"
    half.mkdir(parents=True)
    keeper = ToolsKeeper(settings)
    keeper.start()
    tools = settled(keeper)
    assert tools.packages == packages_folder(settings)
    told = log.read_text()
    assert "ci --ignore-scripts --omit=dev" in told.splitlines()[0]
    assert "npm_config_cache=/somewhere" in told
    assert "swordfish" not in told
    assert json.loads((tools.packages / "package-lock.json").read_text()) == json.loads(
        (SCRIPTS / "package-lock.json").read_text()
    )
    log.unlink()
    assert install(settings, stop=threading.Event()) is None
    assert not log.exists()
    assert leftovers(settings) == []
    keeper.close()


@needs_node
def test_set_up__damaged_packages_are_replaced(settings: Settings) -> None:
    """A package of another version than the lock's is none, and the folder is made anew."""
    npm(settings, INSTALLS)
    assert install(settings, stop=threading.Event()) is None
    package = packages_folder(settings) / "node_modules" / "gltf-validator" / "package.json"
    package.write_text('{"version": "1.0.0"}')
    assert found(settings).reason
    assert install(settings, stop=threading.Event()) is None
    assert found(settings).program


FAILURES = {
    "registry away": ("#!/bin/sh\necho 'npm error code ENOTFOUND' >&2\nexit 1\n", "ENOTFOUND"),
    "says nothing": ("#!/bin/sh\nexit 7\n", "no reason given"),
    "installs nothing": ("#!/bin/sh\nexit 0\n", "npm could not install"),
}


@needs_node
@pytest.mark.parametrize("case", FAILURES)
def test_set_up__a_failure_is_told_and_nothing_is_left(settings: Settings, case: str) -> None:
    """Where npm fails, the reason reaches whoever asks, and no half of anything stays."""
    script, word = FAILURES[case]
    npm(settings, script)
    keeper = ToolsKeeper(settings)
    keeper.start()
    tools = settled(keeper)
    assert tools.program is None
    assert not tools.passing
    assert word in (tools.reason or "")
    assert leftovers(settings) == []
    keeper.close()


@needs_node
def test_set_up__under_way_is_told_apart_and_ends_with_the_worker(settings: Settings, tmp_path: Path) -> None:
    """While npm hangs, steps are told that it passes, nobody waits, and the end of the worker is npm's end."""
    log = npm(settings, "#!/bin/sh\necho $$ > LOG\nsleep 300\n")
    keeper = ToolsKeeper(settings)
    keeper.start()
    assert keeper.tools().passing
    assert read_tools(keeper(None, tmp_path)).passing  # type: ignore[arg-type] # the job is not looked at
    while not log.exists() or not log.read_text():
        time.sleep(0.01)
    keeper.close()
    assert not Path(f"/proc/{log.read_text().strip()}").exists()
    assert leftovers(settings) == []


@needs_node
def test_set_up__can_be_switched_off(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is installed where the settings say so, and the reason names what is missing."""
    log = npm(settings, INSTALLS)
    monkeypatch.setenv("HEAVYLIFT_NODE_INSTALL", "0")
    keeper = ToolsKeeper(Settings(settings.data_dir))
    keeper.start()
    assert "gltf-validator" in (settled(keeper).reason or "")
    assert not log.exists()
    keeper.close()


@needs_node
def test_set_up__an_existing_folder_is_used(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that the settings name is used as it is, and made readable for the pool's children."""
    tools = gltf_tools()
    monkeypatch.setenv("HEAVYLIFT_NODE_PACKAGES", str(tools.packages))
    named = Settings(settings.data_dir)
    assert ToolsKeeper(named).tools() == tools
    assert tools.packages in readable(named)
    assert tools.program in readable(named)


@pytest.mark.parametrize(
    ("program", "word"), [("/nothing/such", "not installed"), ("false", "older"), ("/dev/null", "not installed")]
)
def test_set_up__without_node_nothing_is_installed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, program: str, word: str
) -> None:
    """Where Node is missing or too old npm is not even asked, and the reason says so."""
    log = npm(settings, INSTALLS)
    monkeypatch.setenv("HEAVYLIFT_NODE_PROGRAM", program)
    bare = Settings(settings.data_dir)
    keeper = ToolsKeeper(bare)
    keeper.start()
    assert word in (settled(keeper).reason or "")
    assert not log.exists()
    assert node(bare)[0] is None
    keeper.close()


def test_set_up__the_pool_that_needs_it_exists(settings: Settings) -> None:
    """The cache folder is there before the template of the validation pool is, so that children can read it later."""
    assert VALIDATION.name == "validation"
    assert cache_folder(settings) in readable(settings)
    assert cache_folder(settings).is_dir()
