"""The command line itself: what it says to mistakes, and that it starts light."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.command_line import ROOT, heavylift

from cli.services import Plan
from workers.sandbox import Gpu, GpuPool, GpuRules


def test_start__loads_nothing_heavy():
    """Every command pays for what `cli.app` imports, so that is neither HTTP, nor database, nor broker, nor rich."""
    heavy = {"httpx", "celery", "kombu", "sqlalchemy", "fastapi", "structlog", "rich", "client", "ledger", "config"}
    code = "import cli.app, sys, json; print(json.dumps(sorted(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    assert heavy.isdisjoint(json.loads(said))


def test_command__a_typo_names_the_right_one():
    """A wrong command is answered by the likely one and by all there are; exit code 2."""
    ended = heavylift("sumbit")
    assert ended.returncode == 2
    assert "Did you mean 'submit'?" in ended.stderr
    assert "demo, up, submit, status" in ended.stderr


def test_worker__a_wrong_pool_names_the_pools():
    """A wrong pool is answered by all there are; exit code 2."""
    ended = heavylift("worker", "pasring")
    assert ended.returncode == 2
    assert "pools: parsing, validation, thumbnails, indexing, pricing, housekeeping" in ended.stderr


def test_bench__a_wrong_name_names_the_measurements():
    """A wrong measurement is no traceback."""
    ended = heavylift("bench", "nothing-such")
    assert ended.returncode == 2
    assert "latency" in ended.stderr


@pytest.mark.parametrize("command", ["status", "cancel", "retry", "delete"])
def test_server__nobody_there(command: str):
    """No server is exit code 3, one line, and what to do; never a traceback."""
    ended = heavylift(command, "j1", HEAVYLIFT_URL="http://127.0.0.1:1")
    assert ended.returncode == 3
    assert "no answer from http://127.0.0.1:1" in ended.stderr
    assert "heavylift up" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


def test_submit__mistakes_are_found_before_anything_is_sent(tmp_path: Path):
    """A file that is not there and options that don't read are exit code 2, with no server needed."""
    file = tmp_path / "f.xml"
    file.write_text("<INVENTORY/>")
    for wrong, said in (
        (("nothing.xml",), "nothing.xml is not a file"),
        ((str(file), "--option", "pages"), "should read K=V"),
        ((str(file), "--metadata", "{"), "--metadata is not JSON"),
        ((str(file), "--metadata", "[1]"), "should be a JSON object"),
    ):
        ended = heavylift("submit", *wrong, HEAVYLIFT_URL="http://127.0.0.1:1")
        assert (ended.returncode, ended.stdout) == (2, "")
        assert said in ended.stderr


def test_settings__a_wrong_value_names_its_variable():
    """A setting that does not read is one line that names the variable; exit code 2."""
    ended = heavylift("migrate", HEAVYLIFT_LEDGER_POOL_SIZE="many")
    assert ended.returncode == 2
    assert "HEAVYLIFT_LEDGER_POOL_SIZE" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_up__refuses_to_let_everybody_in(tmp_path: Path):
    """Without authentication the API listens on loopback only."""
    ended = heavylift("up", "--host", "0.0.0.0", "--data-dir", str(tmp_path))
    assert ended.returncode == 2
    assert "would let anybody in" in ended.stderr
    assert [*tmp_path.iterdir()] == []


def test_debug__shows_where_it_happened():
    """HEAVYLIFT_DEBUG=1 shows the traceback that is hidden otherwise."""
    ended = heavylift("worker", "nothing", HEAVYLIFT_DEBUG="1")
    assert "Traceback" in ended.stderr


def test_doctor__speaks_json_lines(tmp_path: Path):
    """Each finding is one JSON object that says what, how, and at what cost."""
    ended = heavylift("doctor", "--json", cwd=tmp_path)
    findings = [json.loads(line) for line in ended.stdout.splitlines()]
    names = {finding["name"] for finding in findings}
    assert {
        "python",
        "redis",
        "ledger",
        "landlock",
        "network cut",
        "osmesa",
        "fbx",
        "tesseract",
        "node",
        "gcc",
        "gpu",
    } <= names
    assert all(finding["cost"] for finding in findings if finding["state"] == "absent")
    assert not (tmp_path / ".heavylift").exists()


def test_worker__a_gpu_where_no_step_uses_one():
    """--gpu is refused for a pool without such steps, and the hint names those with."""
    ended = heavylift("worker", "parsing", "--gpu")
    assert ended.returncode == 2
    assert "no step of pool parsing computes on a GPU" in ended.stderr
    assert "validation" in ended.stderr


def test_up__hands_gpus_to_the_pools_that_use_them():
    """`up --gpu` starts the validation pool with it, and no other."""
    with_gpu = {name: words for name, words in Plan(gpu=True).services().items() if "--gpu" in words}
    assert with_gpu == {"worker-validation": ("worker", "validation", "--gpu")}
    assert not any("--gpu" in words for words in Plan().services().values())


def test_doctor__tells_a_gpu_that_rests(tmp_path: Path):
    """The doctor names each GPU that a pool was let on, what is claimed of it, and that it rests."""
    gpu = Gpu(uuid="GPU-00000000-0000-0000-0000-000000000000", name="Pretended", memory=8 << 30)
    folder = tmp_path / "run" / "gpu"
    pool = GpuPool([gpu], folder, rules=GpuRules(losses=1))
    well = json.loads(heavylift("doctor", "--json", HEAVYLIFT_DATA_DIR=str(tmp_path)).stdout.splitlines()[-2])
    assert (well["name"], well["state"]) == ("gpu pool", "ok")
    assert "Pretended (GPU-00000000): 0.0 GiB of 7.5 GiB claimed, 8.0 GiB in all" in well["detail"]
    pool.tell(gpu, was_well=False)
    rests = json.loads(heavylift("doctor", "--json", HEAVYLIFT_DATA_DIR=str(tmp_path)).stdout.splitlines()[-2])
    assert (rests["name"], rests["state"]) == ("gpu pool", "limited")
    assert "lost 1 time in a row" in rests["detail"]


def test_doctor__a_database_that_is_named_and_away_counts(tmp_path: Path):
    """What the settings name has to answer: exit code 3, and the variable to correct; no password is shown."""
    url = "postgresql://me:secret@127.0.0.1:1/none"
    ended = heavylift("doctor", cwd=tmp_path, HEAVYLIFT_LEDGER_URL=url)
    assert ended.returncode == 3
    assert "HEAVYLIFT_LEDGER_URL" in ended.stdout
    assert "secret" not in ended.stdout + ended.stderr


def test_logs__where_there_are_none(tmp_path: Path):
    """No folder of logs is a clear line, not an empty page."""
    ended = heavylift("logs", "--data-dir", str(tmp_path))
    assert ended.returncode == 2
    assert "there are no logs" in ended.stderr
