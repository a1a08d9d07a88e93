"""OCR in real sandboxes: tesseract is found, starts, reads and writes there, keeps to the step's limits and dies with it."""

import contextlib
import resource
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from PIL import Image
from support.sandbox_runs import Bench, MiB, descendants_of_session, nothing_said
from support.waiting import wait_until

from bench.scans import scanned, sheet
from parsers import ocr
from workers.sandbox import Result

pytestmark = pytest.mark.skipif(ocr.available() is None, reason="no tesseract (apt-get install tesseract-ocr)")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    found = Bench(tmp_path_factory.mktemp("ocr"), preload=["scans", "numpy"])
    found.sandbox.warm()
    yield found
    found.sandbox.close()


def _read(
    bench: Bench, picture: Image.Image, *, step: str = "read", stop: threading.Event | None = None, **changes: Any
) -> Result:
    call = bench.call(step, target=f"scans:{step}", max_output=64 * MiB, **changes)
    picture.save(call.inputs["upload"], "PNG", compress_level=1)
    return bench.sandbox.run(call, on_progress=nothing_said, stop=stop or threading.Event())


def _dots(side: int = 4096) -> Image.Image:
    """A checkerboard of small squares: two hundred thousand specks, over which tesseract broods for minutes."""
    return Image.fromarray(((np.indices((side, side)).sum(0) // 3) % 2 * 255).astype(np.uint8))


def _name(pid: int) -> str:
    """A process's name; empty where it has gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def _programs(session: int) -> list[str]:
    """Names of the session's processes."""
    return [_name(pid) for pid in descendants_of_session(session)]


def test_step__reads_a_scan_in_the_sandbox(bench: Bench) -> None:
    """A confined step finds tesseract and its models, reads a skewed scan and leaves no file of the way behind."""
    page = sheet(1, bench.folder, rows=6)
    result = _read(bench, scanned(page.picture, skew=1.0, noise=8), memory=512 * MiB)

    assert result.fault is None, result.fault
    assert result.summary["version"] == ocr.available()
    assert "eng" in result.summary["languages"]
    assert result.summary["left"] == []
    found = set(result.summary["text"].split())
    assert len(found & set(page.numbers)) >= 5


def test_stopped_step__leaves_no_tesseract_behind(bench: Bench) -> None:
    """A step that is stopped while tesseract computes takes it along."""
    template = bench.sandbox.template_pid
    assert template is not None
    stop, seen = threading.Event(), threading.Event()

    def stop_it() -> None:
        wait_until(lambda: "tesseract" in _programs(template), within=20, what="tesseract")
        seen.set()
        stop.set()

    watching = threading.Thread(target=stop_it)
    watching.start()
    result = _read(bench, _dots(), memory=512 * MiB, stop=stop)
    watching.join()

    assert seen.is_set()
    assert result.cancelled
    assert descendants_of_session(template) == [template]


def test_page_that_takes_too_long__is_an_issue(bench: Bench) -> None:
    """Tesseract is ended when the page's time is over; the step goes on and says so."""
    result = _read(bench, _dots(), memory=512 * MiB, options={"timeout": 1.0})

    assert result.fault is None, result.fault
    assert result.summary["code"] == "ocr.page"
    assert "too long" in result.summary["message"]
    assert result.summary["left"] == []
    assert result.usage.seconds < 10


def test_page_that_takes_too_long__ends_where_nobody_may_be_signalled(tmp_path: Path) -> None:
    """On a kernel whose sandbox lets a step signal nobody, its processor time ends tesseract."""
    bench = Bench(tmp_path, preload=["scans", "numpy"], without=["scopes"])
    try:
        result = _read(bench, _dots(), memory=512 * MiB, options={"timeout": 1.0})
    finally:
        bench.sandbox.close()

    assert result.fault is None, result.fault
    assert result.summary["code"] == "ocr.page"
    assert result.usage.seconds < 20


class _Watch:
    """Looks at a session's address space while a step runs; the most that step and tesseract had together."""

    def __init__(self, template: int) -> None:
        self._template = template
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.most = self.looks = 0  # bytes beyond the template; times that tesseract was seen

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        shared = _mapped(self._template)
        while not self._over.wait(0.002):
            pids = [pid for pid in descendants_of_session(self._template) if pid != self._template]
            named = [(_name(pid), _mapped(pid)) for pid in pids]
            programs = sum(size for name, size in named if name == "tesseract")
            steps = max((size - shared for name, size in named if name.startswith("python")), default=0)
            if programs:
                self.looks += 1
                self.most = max(self.most, programs + steps)


def _mapped(pid: int) -> int:
    """Bytes of a process's address space; 0 where it has gone."""
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
    return 0


@pytest.mark.parametrize("taken", [0, 64 * MiB])
def test_picture_bomb__keeps_step_and_tesseract_within_the_memory_class(bench: Bench, taken: int) -> None:
    """What the step has taken itself, tesseract may no longer take; the page is an issue, the step succeeds."""
    memory = 256 * MiB
    template = bench.sandbox.template_pid
    assert template is not None
    with _Watch(template) as watch:
        result = _read(bench, _dots(), step="hog", memory=memory, options={"bytes": taken})

    assert result.fault is None, result.fault
    assert result.summary["code"] == "ocr.page"
    assert watch.looks > 0
    assert memory / 2 < watch.most <= memory


def test_step_without_memory_left__says_so(bench: Bench) -> None:
    """Where the step itself has taken nearly everything, tesseract is not even started."""
    result = _read(
        bench, sheet(1, bench.folder, rows=1).picture, step="hog", memory=256 * MiB, options={"bytes": 180 * MiB}
    )

    assert result.fault is None, result.fault
    assert "too little memory" in result.summary["message"]


def test_neighbor__reads_on_beside_a_bomb(bench: Bench) -> None:
    """A page of the same pool is read while a bomb fails beside it."""
    ended: list[Result] = []
    bomb = threading.Thread(target=lambda: ended.append(_read(bench, _dots(), memory=224 * MiB)))
    bomb.start()
    result = _read(bench, sheet(2, bench.folder, rows=3).picture, memory=512 * MiB)
    bomb.join()

    assert "materials" in result.summary["text"]
    assert [one.summary["code"] for one in ended] == ["ocr.page"]
