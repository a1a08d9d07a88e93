"""OCR: how many part numbers of skewed, turned, blurred and noisy pages are read right, how fast, in how much memory."""

import tempfile
import threading
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from bench import Unmeasurable
from bench.files import MB
from bench.result import Report, Target
from bench.scans import FONTS, Sheet, scanned, sheet
from jobs.issues import Issue
from parsers import ocr
from parsers.ocr_picture import straightened
from parsers.ocr_program import Run
from parsers.ocr_words import reading_of

if TYPE_CHECKING:
    from PIL.Image import Image

RECALL = Target(limit=0.98, at_least=True)
_MODES = (3, 4, 6, 11)  # by itself; one column; one block; scattered words
_TIMEOUT = 60.0  # seconds for a page
_LOOK_EVERY = 0.01  # seconds
# What scanners do: skew and turn in degrees, blur in pixels, noise in shades, quality of the JPEG.
_SCANS: Mapping[str, Mapping[str, Any]] = {
    "clean": {},
    "fair": {"skew": 0.6, "blur": 0.5, "noise": 8.0, "quality": 75},
    "skewed right": {"skew": 2.0, "blur": 0.7, "noise": 10.0, "quality": 60},
    "skewed left": {"skew": -1.7, "blur": 0.7, "noise": 10.0, "quality": 60},
    "noisy": {"skew": -0.4, "noise": 18.0},
    "blurred": {"skew": 1.1, "blur": 1.0, "quality": 50},
    "on its right side": {"skew": 0.8, "turn": 90, "blur": 0.5, "noise": 8.0, "quality": 75},
    "upside down": {"skew": -1.2, "turn": 180, "blur": 0.5, "noise": 8.0, "quality": 75},
    "on its left side": {"skew": 0.5, "turn": 270, "blur": 0.5, "noise": 8.0, "quality": 75},
}


class _Scan(NamedTuple):
    """A scanned page, and the clean one that it was made from."""

    name: str
    sheet: Sheet
    picture: "Image"

    @property
    def turned(self) -> bool:
        """Whether it does not lie upright."""
        return "turn" in _SCANS[self.name]


def arguments(parser: ArgumentParser) -> None:
    """Options of this bench."""
    parser.add_argument("--pages", type=int, default=9, help="scanned pages, of as many kinds and fonts as there are")
    parser.add_argument("--modes", type=int, default=4, help="pages that the other modes read, too")


def measure(report: Report, chosen: Namespace) -> None:
    """Our reading first, then tesseract's modes on the same pages as they are and straightened."""
    if ocr.available() is None:
        raise Unmeasurable("there is no tesseract: apt-get install tesseract-ocr")
    with tempfile.TemporaryDirectory(prefix="heavylift-bench-ocr-") as made:
        folder = Path(made)
        scans = list(_scans(folder, chosen.pages))
        _ours(report, scans, folder)
        level = [scan for scan in scans if not scan.turned][: chosen.modes]
        for mode in _MODES:
            _mode(report, f"psm-{mode}", level, partial(_bare, folder=folder, mode=mode))
        _mode(
            report,
            "psm-3-straightened",
            level,
            lambda page: _bare(straightened(page, turn=0).picture, folder=folder, mode=3),
        )


def _scans(folder: Path, count: int) -> Iterator[_Scan]:
    names = list(_SCANS)
    for seed in range(count):
        name = names[seed % len(names)]
        clean = sheet(seed, folder, font=FONTS[seed % len(FONTS)])
        yield _Scan(name, clean, scanned(clean.picture, seed=seed, **_SCANS[name]))


def _ours(report: Report, scans: list[_Scan], folder: Path) -> None:
    found = wanted = 0
    spent: dict[bool, list[float]] = {False: [], True: []}
    with _Memory() as memory:
        for scan in scans:
            began = time.perf_counter()
            page = ocr.read(scan.picture, scratch=folder, timeout=_TIMEOUT)
            spent[scan.turned].append(time.perf_counter() - began)
            words = set() if isinstance(page, Issue) else {word.text for word in page.words}
            right = sum(number in words for number in scan.sheet.numbers)
            found, wanted = found + right, wanted + len(scan.sheet.numbers)
            told = page.message if isinstance(page, Issue) else f"turned by {page.rotation:g}, sure {page.confidence:g}"
            report.say(f"  {scan.name}: {right} of {len(scan.sheet.numbers)} part numbers, {told}")
    report.add("part-number-recall", found / wanted, unit="share", target=RECALL, n=wanted)
    for turned, variant in ((False, "pages-per-second"), (True, "turned-pages-per-second")):
        if seconds := spent[turned]:
            report.add(variant, len(seconds) / sum(seconds), unit="pages/s", n=len(seconds))
    report.add("tesseract-peak-rss", memory.peak / MB, unit="MB", n=len(scans))


def _mode(report: Report, variant: str, scans: list[_Scan], read: Callable[["Image"], set[str]]) -> None:
    found = wanted = 0
    began = time.perf_counter()
    for scan in scans:
        words = read(scan.picture)
        found += sum(number in words for number in scan.sheet.numbers)
        wanted += len(scan.sheet.numbers)
    if wanted:
        report.say(f"  {variant}: {len(scans) / (time.perf_counter() - began):.2f} pages/s")
        report.add(f"{variant}-recall", found / wanted, unit="share", n=wanted)


def _bare(picture: "Image", *, folder: Path, mode: int) -> set[str]:
    run = Run(language="eng", scratch=folder, deadline=time.monotonic() + _TIMEOUT)
    return {word.text for word in reading_of(run.words(picture, mode=mode)).words}


class _Memory:
    """Looks at the tesseracts that this process has started; the most that one had resident, in bytes."""

    def __init__(self) -> None:
        self.peak = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="bench-memory", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        import psutil

        own = psutil.Process()
        while not self._over.wait(_LOOK_EVERY):
            for child in own.children():
                try:
                    if child.name() == "tesseract":
                        self.peak = max(self.peak, child.memory_info().rss)
                except psutil.Error:
                    continue  # it has ended
