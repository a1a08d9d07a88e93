"""`heavylift demo`: a platform of its own, three real files through it, every result shown."""

import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from cli.data_folder import DataFolder
from cli.exits import CommandError, Exit
from cli.follow import follow
from cli.platform_commands import running
from cli.ports import free_port
from cli.results import all_well, fetch, issues, outcome, outline
from cli.screen import emit, say, styled
from cli.server import server
from cli.services import ROOT, Plan
from cli.supervisor import Platform, StopAsked
from client import Job

FILES = ("wanted-list.xml", "instructions.pdf", "brick.glb")


def run(*, keep: bool) -> Exit:
    """Run it; the exit code says whether all jobs succeeded. Results stay, the data folder only with `keep`."""
    files = [ROOT / "examples" / name for name in FILES]
    missing = [str(file) for file in files if not file.exists()]
    if missing:
        raise CommandError(f"the checkout is not whole: {', '.join(missing)} missing")
    began = time.monotonic()
    data = Path(tempfile.mkdtemp(prefix="heavylift-demo-"))
    results = Path(tempfile.mkdtemp(prefix="heavylift-demo-results-"))
    try:
        with DataFolder(data) as folder, running(folder, Plan(port=free_port()), say=say) as platform:
            say(f"ready in {time.monotonic() - began:.1f} s")
            jobs = _through(platform, files, results=results)
    except StopAsked:
        return Exit.INTERRUPTED
    finally:
        if not any(results.iterdir()):
            results.rmdir()
        if keep:
            say(f"the data folder is kept: {data}")
        else:
            shutil.rmtree(data, ignore_errors=True)
    emit(f"results are kept in {results}")
    say(f"{len(jobs)} jobs in {time.monotonic() - began:.1f} s, start and end of the platform included")
    return Exit.WELL if all_well(jobs) else Exit.FAILED


def _through(platform: Platform, files: Sequence[Path], *, results: Path) -> list[Job]:
    """Submit the files, follow their jobs, print and fetch what came out."""
    with server(platform.url) as client:
        jobs = follow(client, [client.submit(file) for file in files], between=platform.check)
        for job in jobs:
            fetched = fetch(client, job, into=results / job.file_name)
            emit("")
            outline(job, _print)
            outcome(job, _print, fetched=fetched)
            if "issues.jsonl" in fetched:
                issues(fetched["issues.jsonl"], _print)
    emit("")
    return jobs


def _print(text: str, style: str) -> None:
    import sys

    emit(styled(text, style, sys.stdout))
