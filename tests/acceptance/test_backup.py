"""Backup and restore: from a copy taken while work goes on, every job ends, and the audit proves the bytes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from support.children import ROOT
from support.house import House
from support.servers import MissingBinary
from support.services import Services, fresh_database
from support.waiting import wait_until

from bench.files import parts_list
from drill.servers import postgres_programs


def work_under_way(house: House) -> tuple[list[str], list[str]]:
    """Three jobs that ended and two that wait in a paused queue."""
    ended = [house.submit(f"{n}.xml", parts_list(3_000))["id"] for n in range(3)]
    for job_id in ended:
        assert house.wait_ended(job_id)["status"] == "succeeded"
    assert house.client.post("/v1/queues/parsing/pause").status_code == 200
    return ended, [house.submit(f"w{n}.xml", parts_list(3_000))["id"] for n in range(2)]


def heavylift(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "cli", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)


def goes_on(house: House, *, ended: list[str], waiting: list[str]) -> None:
    """What had ended is there with its artifacts; what waited runs once its queue is resumed."""
    for job_id in ended:
        assert house.job(job_id)["status"] == "succeeded"
        assert house.artifact(job_id, "records.jsonl").startswith(b"{")
    assert house.client.post("/v1/queues/parsing/resume").status_code == 200
    assert {house.wait_ended(job_id, within=90)["status"] for job_id in waiting} == {"succeeded"}


def test_backup__of_the_embedded_default_is_a_data_folder(build, tmp_path):
    """`heavylift backup` of a running platform gives a folder that the audit finds whole, and that goes on by itself."""
    house: House = build("embedded").start("parsing", "indexing")
    ended, waiting = work_under_way(house)
    copy = tmp_path / "copy"
    env = house.env | {"HEAVYLIFT_BROKER_URL": "", "HEAVYLIFT_DATA_DIR": str(house.data_dir)}
    made = heavylift("backup", str(copy), env=env)
    assert (made.returncode, made.stdout.strip()) == (0, str(copy)), made.stderr
    assert heavylift("backup", str(copy), env=env).returncode == 2
    house.close()
    env["HEAVYLIFT_DATA_DIR"] = str(copy)
    audited = heavylift("audit", "--deep", env=env)
    assert audited.returncode == 0, audited.stdout + audited.stderr
    with_up(copy, ended=ended, waiting=waiting)


def with_up(folder: Path, *, ended: list[str], waiting: list[str]) -> None:
    """Start the copy as a user would, and let it finish what waited."""
    from support.servers import free_port

    port = free_port()
    env = {name: value for name, value in os.environ.items() if not name.startswith("HEAVYLIFT_")}
    command = [sys.executable, "-P", "-m", "cli", "up", "--port", str(port), "--data-dir", str(folder)]
    with (folder.parent / "up.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)
    try:
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)
        wait_until(lambda: answers(client), within=90, what="the copy to be ready", every=0.2)
        assert {client.get(f"/v1/jobs/{job_id}").json()["status"] for job_id in ended} == {"succeeded"}
        assert client.post("/v1/queues/parsing/resume").status_code == 200
        for job_id in waiting:
            wait_until(
                lambda job_id=job_id: client.get(f"/v1/jobs/{job_id}").json()["status"] == "succeeded",
                within=90,
                what="a job of the copy to end",
                every=0.2,
            )
        wait_until(lambda: ended[0] in found(client), within=60, what="rows of the copy to be findable", every=0.2)
    finally:
        process.terminate()
        assert process.wait(60) == 0


def found(client: httpx.Client) -> set[str]:
    """Jobs with rows that a search finds: the copy has come without an index."""
    hits = client.get("/v1/search", params={"q": "drawer", "limit": 100}).json()["items"]
    return {hit["job_id"] for hit in hits if hit["place"].startswith("row")}


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/ready").status_code == 200
    except httpx.TransportError:
        return False


def test_backup__of_a_deployment_by_dump_and_copy(build, services: Services, tmp_path):
    """The store's copy and a dump of PostgreSQL, in the order that docs/operations.md gives, restore to a whole platform."""
    try:
        programs = postgres_programs()
    except MissingBinary as absent:
        pytest.skip(f"no pg_dump: {absent}")
    house: House = build("real").start("parsing", "indexing")
    ended, waiting = work_under_way(house)
    dump, objects = tmp_path / "ledger.dump", tmp_path / "store"
    run(programs / "pg_dump", "--format=custom", f"--file={dump}", house.env["HEAVYLIFT_LEDGER_URL"])
    shutil.copytree(house.data_dir / "store", objects)
    house.close()
    with fresh_database(services.database().url) as url:
        run(programs / "pg_restore", f"--dbname={url}", "--no-owner", str(dump))
        restored: House = build("real", HEAVYLIFT_LEDGER_URL=url)
        shutil.copytree(objects, restored.data_dir / "store")
        # The dump's workers were seen seconds ago, so what they should have done by now has production's patience.
        audited = heavylift("audit", "--deep", env=restored.env | {"HEAVYLIFT_WORKER_LOST_AFTER": "60"})
        assert audited.returncode == 0, audited.stdout + audited.stderr
        restored.start("parsing", "indexing", "housekeeping")
        goes_on(restored, ended=ended, waiting=waiting)
        restored.close()


def run(program: Path, *arguments: str) -> None:
    done = subprocess.run([str(program), *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
