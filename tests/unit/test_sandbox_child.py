"""What a child does around the step, run here without a fork: the context, and how failures become reports."""

import errno
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs.context import StepContext
from jobs.errors import StepError, TransientError, UnreadableFile
from workers.sandbox import child
from workers.sandbox.context import ChildContext
from workers.sandbox.frames import BrokenFrame
from workers.sandbox.report import BrokenReport, checked


def _order(folder: Path, **changes: Any) -> dict[str, Any]:
    (folder / "out").mkdir(exist_ok=True)
    (folder / "upload").write_bytes(b"hello")
    return {
        "target": f"{__name__}:step_that_works",
        "options": {"depth": 1},
        "file_name": "a.txt",
        "kind": "text",
        "inputs": {"upload": str(folder / "upload")},
        "resources": {"colors": str(folder / "upload")},
        "out": str(folder / "out"),
        "max_outputs": 2,
        "part": [1, 3],
    } | changes


def _context(folder: Path, said: list[dict[str, Any]]) -> ChildContext:
    return ChildContext(_order(folder), tell=said.append)


def test_context__is_a_step_context(tmp_path: Path) -> None:
    """It gives what a step may touch, and gathers what the step says."""
    context: StepContext = _context(tmp_path, [])

    assert (context.options, context.file_name, context.kind) == ({"depth": 1}, "a.txt", "text")
    assert context.scratch == tmp_path / "out"
    assert context.path("upload").read_bytes() == context.open("upload").read() == b"hello"
    assert context.resource("colors") == tmp_path / "upload"
    with pytest.raises(KeyError):
        context.resource("shapes")


def test_context__knows_its_part_and_asks_for_more(tmp_path: Path) -> None:
    """A run knows which slice it is, finds inputs by pattern, and asks for parts and jobs to come."""
    inputs = {name: str(tmp_path / "upload") for name in ("text-2.jsonl", "text-1.jsonl", "ocr-1.jsonl")}
    context = ChildContext(_order(tmp_path, inputs=inputs), tell=[].append)
    context.split("text", 4)
    context.submit("t.csv", pipeline="parts-list", options={"a": 1}, file_name="t.csv")

    assert (context.part.number, context.part.of) == (1, 3)
    assert context.names("text-*.jsonl") == ("text-1.jsonl", "text-2.jsonl")
    assert context.gathered()["splits"] == {"text": 4}
    wanted = {"artifact": "t.csv", "pipeline": "parts-list", "options": {"a": 1}, "file_name": "t.csv"}
    assert context.gathered()["submissions"] == [wanted]
    with pytest.raises(BrokenReport):
        context.submit("t.csv", pipeline="parts-list", options={}, file_name="a\nb")


def test_save__takes_files_below_scratch_once(tmp_path: Path) -> None:
    """Relative and absolute paths are the same; a second file of the name, or one too many, is an error."""
    context = _context(tmp_path, [])
    context.save(Path("a/b.txt"), name="one", media_type="text/plain")
    context.save(tmp_path / "out/c.txt", name="two", media_type="text/plain")

    assert [file["path"] for file in context.gathered()["saved"]] == ["a/b.txt", "c.txt"]
    with pytest.raises(ValueError, match="saved already"):
        context.save(Path("d"), name="one", media_type="text/plain")
    with pytest.raises(StepError) as caught:
        context.save(Path("d"), name="three", media_type="text/plain")
    assert caught.value.fault.code == "step.output_limit"


@pytest.mark.parametrize(
    ("path", "name", "media_type"),
    [
        ("../upload", "x", "text/plain"),
        ("/etc/passwd", "x", "text/plain"),
        ("x", "../x", "text/plain"),
        ("x", "", "t/p"),
        ("x", "x", "plain"),
    ],
)
def test_save__refuses_what_is_not_its_own(tmp_path: Path, path: str, name: str, media_type: str) -> None:
    """A path outside, a bad name or type are told at once, where the step's author sees it."""
    with pytest.raises(StepError) as caught:
        _context(tmp_path, []).save(Path(path), name=name, media_type=media_type)
    assert caught.value.fault.code == "step.output_invalid"


def test_summary_and_counts__add_up(tmp_path: Path) -> None:
    """Facts are merged, counters added; what is no JSON is refused where it is said."""
    context = _context(tmp_path, [])
    context.summary(a=1, b=[1])
    context.summary(a=2)
    for _ in range(3):
        context.count("rows", 2)

    assert context.gathered()["summary"] == {"a": 2, "b": [1]}
    assert context.gathered()["counts"] == {"rows": 6}
    with pytest.raises(BrokenReport):
        context.summary(c=object())


def test_progress__tells_first_and_last_and_little_between(tmp_path: Path) -> None:
    """Twenty words a second at most, but the end is always told, once."""
    said: list[dict[str, Any]] = []
    context = _context(tmp_path, said)
    for n in range(1, 1001):
        context.progress(n, 1000, "row")
    context.progress(1, 1)

    assert said[0] == {"progress": 0.001, "message": "row"}
    assert said[-1]["progress"] == 1.0
    assert len(said) < 10
    context.progress(5, 0)


def step_that_works(context: StepContext) -> None:
    """Saves and warns."""
    context.save(Path("x"), name="x", media_type="text/plain")
    context.warn("odd", "odd")


def _raising(error: BaseException) -> Callable[[StepContext], None]:
    def step(_context: StepContext) -> None:
        raise error

    return step


def step_that_fails(context: StepContext) -> None:
    """Raises what the test put into FAILURE."""
    context.warn("odd", "seen before")
    raise FAILURE[0]


FAILURE: list[BaseException] = []


def _perform(folder: Path, **changes: Any) -> dict[str, Any]:
    return child.perform(_order(folder, **changes), tell=lambda _: None)


def test_perform__reports_success(tmp_path: Path) -> None:
    """A step that returns has its words in the report, and the report passes the check."""
    report = checked(_perform(tmp_path), "s")

    assert report.fault is None
    assert report.trouble is None
    assert [file.name for file in report.saved] == ["x"]


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (ValueError("a secret"), "error"),
        (MemoryError(), "memory"),
        (OSError(errno.ENOMEM, "x"), "memory"),
        (OSError(errno.EFBIG, "x"), "file_size"),
        (OSError(errno.ENOSPC, "x"), "disk_full"),
        (SystemExit(0), "exit"),
        (KeyboardInterrupt(), "error"),
        (BrokenReport("x"), "report"),
        (ModuleNotFoundError("no f3d", name="f3d"), "error"),
    ],
)
def test_perform__turns_any_exception_into_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, trouble: str
) -> None:
    """Whatever a step raises ends as a word and its type; messages stay out of the report."""
    monkeypatch.setattr(child, "lift_memory_limit", lambda: None)  # the test process keeps its own limits
    FAILURE[:] = [error]
    report = _perform(tmp_path, target=f"{__name__}:step_that_fails")

    assert report["trouble"] == trouble
    assert "secret" not in f"{report}"
    assert [w["code"] for w in report["warnings"]] == ["odd"]
    checked(report, "s")


@pytest.mark.parametrize(
    ("error", "delay"),
    [(UnreadableFile("xml.syntax", "Broken.", line=3), None), (TransientError("a.b", "Away.", delay=3.0), 3.0)],
)
def test_perform__keeps_a_step_errors_own_words(tmp_path: Path, error: StepError, delay: float | None) -> None:
    """Errors that the step chose arrive whole."""
    FAILURE[:] = [error]
    report = checked(_perform(tmp_path, target=f"{__name__}:step_that_fails"), "s")

    assert report.fault is not None
    assert (report.fault.code, report.fault.actor, report.delay) == (error.fault.code, error.actor, delay)


@pytest.mark.parametrize("target", [f"{__name__}:nowhere", "no_such_module:f", "no_such.module:f"])
def test_perform__names_a_target_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    """A plan of another version's is told apart from a step that fails."""
    monkeypatch.setattr(child, "lift_memory_limit", lambda: None)
    assert _perform(tmp_path, target=target)["trouble"] == "missing"


def test_tell_end__says_so_when_the_report_is_too_large() -> None:
    """A report that cannot be sent is replaced by one that can."""
    said: list[dict[str, Any]] = []

    def tell(report: dict[str, Any]) -> None:
        if len(f"{report}") > 1000:
            raise BrokenFrame("too long")
        said.append(report)

    child.tell_end({"summary": "x" * 2000, "fault": None, "delay": None, "detail": ""}, tell=tell)

    assert said[0]["trouble"] == "report"
    checked(said[0], "s")


def test_limits__of_this_process_are_untouched() -> None:
    """The tests above must not have changed the limits they run under."""
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY
