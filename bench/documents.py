"""Documents: text and pictures of pages as the pipeline makes them, over bare PDFium; and two workers over one."""

import shutil
import subprocess
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.pdf_files import write_manual
from bench.result import Report, Target
from bench.sandboxed import Steps
from documents.options import DocumentOptions
from jobs.model import UPLOAD, Part
from jobs.queues import THUMBNAILS

TEXT, PICTURES = Target(limit=0.6, at_least=True, of="ratio"), Target(limit=0.85, at_least=True, of="ratio")
TWO = Target(limit=1.4, at_least=True, of="ratio")
_MODULE = "pipelines.document"
_SIDES = (400, 200)


def arguments(parser: ArgumentParser) -> None:
    """Options of this bench."""
    parser.add_argument("--pages", type=int, default=400, help="of the manual whose text is read")
    parser.add_argument("--drawn", type=int, default=80, help="pages of the one that is drawn")
    parser.add_argument("--rounds", type=int, default=3, help="of the comparisons; the best of each counts")


def measure(report: Report, chosen: Namespace) -> None:
    """Everything on generated manuals, in one folder."""
    with tempfile.TemporaryDirectory(prefix="heavylift-bench-documents-") as made:
        folder = Path(made)
        with Steps(folder, THUMBNAILS.preload) as steps:
            _text(report, steps, pages=chosen.pages, rounds=chosen.rounds)
            _pictures(report, steps, pages=chosen.drawn, rounds=chosen.rounds)


def _text(report: Report, steps: Steps, *, pages: int, rounds: int) -> None:
    """The text step, whole, over `get_text_range` of every page; other readers beside it."""
    path = steps.folder / "manual.pdf"
    write_manual(path, pages)
    bare = pages / min(_timed(lambda: _bare_text(path)) for _ in range(rounds))
    inputs = _inspected(steps, path)
    ours = pages / min(_step(steps, "text", inputs) for _ in range(rounds))
    report.add("text", ours, unit="pages/s", baseline=bare, target=TEXT, n=rounds)
    words = pages / _step(steps, "text", inputs, words=True)
    report.add("text-with-words", words, unit="pages/s", baseline=bare, n=1)
    few = min(pages, 60)
    write_manual(path, few)
    for name, run in _others(path):
        report.add(name, few / _timed(run), unit="pages/s", baseline=bare, n=1)


def _pictures(report: Report, steps: Steps, *, pages: int, rounds: int) -> None:
    """Both sizes of each page with their blurhash, over PDFium and Pillow alone; one worker, then two side by side."""
    path = steps.folder / "drawn.pdf"
    write_manual(path, pages)
    inputs = _inspected(steps, path)
    bare = one = two = float("inf")
    for _ in range(rounds):
        bare = min(bare, _timed(lambda: _bare_pictures(path, steps.folder)))
        one = min(one, _step(steps, "thumbnails", inputs))
        two = min(two, _side_by_side(steps, "thumbnails", inputs))
    report.add("thumbnails", pages / one, unit="pages/s", baseline=pages / bare, target=PICTURES, n=rounds)
    report.add("two-workers", pages / two, unit="pages/s", baseline=pages / one, target=TWO, n=rounds)


def _inspected(steps: Steps, path: Path) -> dict[str, Path]:
    """What the steps behind `inspect` read."""
    made = steps.run(f"{_MODULE}:inspect", {UPLOAD: path}, kind="pdf", options=_options())
    return {UPLOAD: path, "inspect.json": made.files["inspect.json"]}


def _options(**said: Any) -> dict[str, Any]:
    return DocumentOptions(**said).model_dump(mode="json")


def _step(steps: Steps, name: str, inputs: dict[str, Path], **said: Any) -> float:
    """Seconds of execution."""
    return steps.run(f"{_MODULE}:{name}", inputs, kind="pdf", options=_options(**said)).usage.seconds


def _side_by_side(steps: Steps, name: str, inputs: dict[str, Path]) -> float:
    """Seconds until both halves are done."""

    def half(number: int) -> object:
        return steps.run(f"{_MODULE}:{name}", inputs, kind="pdf", options=_options(), part=Part(number, 2))

    with ThreadPoolExecutor(2) as workers:
        return _timed(lambda: list(workers.map(half, range(2))))


def _bare_text(path: Path) -> int:
    import pypdfium2

    document, characters = pypdfium2.PdfDocument(path), 0
    for number in range(len(document)):
        page = document[number]
        text = page.get_textpage()
        characters += len(text.get_text_range())
        text.close()
        page.close()
    document.close()
    return characters


def _bare_pictures(path: Path, folder: Path) -> None:
    import pypdfium2

    document = pypdfium2.PdfDocument(path)
    for number in range(len(document)):
        page = document[number]
        picture = page.render(scale=_SIDES[0] / max(page.get_size())).to_pil()
        for side in _SIDES:
            picture.thumbnail((side, side))
            picture.save(folder / f"bare-{number}-{side}.webp", "WEBP", quality=80)
        page.close()
    document.close()


def _others(path: Path) -> list[tuple[str, Callable[[], object]]]:
    """Readers that happen to be here."""

    def plumbed() -> object:
        import pdfplumber

        with pdfplumber.open(path) as document:
            return sum(len(page.extract_text()) for page in document.pages)

    def mined() -> object:
        from pdfminer.high_level import extract_text

        return extract_text(str(path))

    found: list[tuple[str, Callable[[], object]]] = [("pdfplumber", plumbed), ("pdfminer.six", mined)]
    if program := shutil.which("pdftotext"):
        found.append(("pdftotext", lambda: subprocess.run([program, str(path), "-"], check=True, capture_output=True)))
    return found


def _timed(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began
