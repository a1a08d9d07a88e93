"""A child's last words are checked field by field."""

from typing import Any

import pytest

from jobs.likeness import Family, Fingerprint
from jobs.model import MAX_PARTS
from workers.sandbox.report import MAX_SUBMISSIONS, BrokenReport, Trouble, checked, plain, saved

GOOD: dict[str, Any] = {
    "saved": [{"name": "pages/1.webp", "path": "a/b", "media_type": "image/webp"}],
    "summary": {"pages": 3, "ratio": 0.5, "ok": True, "none": None, "list": [1, "x"]},
    "warnings": [{"code": "page.empty", "message": "Page 2 is empty."}],
    "counts": {"pages": 3},
    "splits": {"text": 3},
    "submissions": [{"artifact": "t.csv", "pipeline": "parts-list", "options": {"a": [1]}, "file_name": "t.csv"}],
    "fingerprints": [{"family": "image", "exact": "ab" * 32, "near": "0123456789abcdef"}],
    "fault": None,
    "delay": None,
    "trouble": None,
    "detail": "",
}


def test_good_report__is_taken_as_it_is() -> None:
    """Everything a step may say passes unchanged."""
    report = checked(GOOD, "text")

    assert report.summary == GOOD["summary"]
    assert report.counts == {"pages": 3}
    assert [(w.code, w.step) for w in report.warnings] == [("page.empty", "text")]
    assert report.fault is None
    assert report.splits == {"text": 3}
    assert [(one.artifact, one.pipeline, one.options) for one in report.submissions] == [
        ("t.csv", "parts-list", {"a": [1]})
    ]
    assert report.fingerprints == (Fingerprint(family=Family.IMAGE, exact="ab" * 32, near="0123456789abcdef"),)


@pytest.mark.parametrize(
    "change",
    [
        {"saved": None},
        {"saved": [{"name": "a", "path": "x", "media_type": "t/t"}, {"name": "a", "path": "y", "media_type": "t/t"}]},
        {"saved": [{"name": "a", "path": "/etc/passwd", "media_type": "t/t"}]},
        {"saved": [{"name": "a", "path": "x/../../y", "media_type": "t/t"}]},
        {"saved": [{"name": "../a", "path": "x", "media_type": "t/t"}]},
        {"saved": [{"name": "a\nb", "path": "x", "media_type": "t/t"}]},
        {"saved": [{"name": "a", "path": "x\x00", "media_type": "t/t"}]},
        {"saved": [{"name": "a", "path": "x", "media_type": "text/html\r\nX: y"}]},
        {"summary": [1]},
        {"summary": 5},
        {"warnings": [{"code": "Not A Code", "message": "x"}]},
        {"counts": {str(n): 1 for n in range(1001)}},
        {"counts": {"a": "many"}},
        {"counts": {"a": 1 << 70}},
        {"splits": [1]},
        {"splits": {str(n): 2 for n in range(21)}},
        {"splits": {"text": "many"}},
        {"submissions": 5},
        {"submissions": [{"artifact": "t.csv"}]},
        {"submissions": [GOOD["submissions"][0] | {"file_name": "a\nb"}]},
        {"submissions": [GOOD["submissions"][0] | {"options": {"a": 1 << 70}}]},
        {"fingerprints": [{"family": "song", "exact": "ab", "near": "cd"}]},
        {"fingerprints": [{"family": "image", "exact": "AB", "near": "0123456789abcdef"}]},
        {"fingerprints": [{"family": "image", "exact": "ab", "near": "0123"}]},
        {"fingerprints": [{"family": "model", "exact": "ab", "near": 5}]},
        {"fault": {"code": "x.y", "message": "m", "actor": "the pope"}},
        {"fault": {"code": 5, "message": "m", "actor": "nobody"}},
        {"trouble": "unheard of"},
        {"delay": "soon"},
    ],
)
def test_bad_report__is_refused_whole(change: dict[str, Any]) -> None:
    """One field that cannot be, and nothing of the report is believed."""
    with pytest.raises(BrokenReport):
        checked(GOOD | change, "text")


def test_incomplete_report__is_refused() -> None:
    """A missing field is no default."""
    for name in GOOD:
        with pytest.raises(BrokenReport):
            checked({key: value for key, value in GOOD.items() if key != name}, "text")


def test_texts__are_made_fit_for_any_database() -> None:
    """NUL and lone surrogates, which PostgreSQL refuses, never reach the ledger; long sentences are cut."""
    fault = {"code": "a.b", "message": "x\x00\ud800" + "y" * 5000, "actor": "submitter", "place": {"line": 1}}
    report = checked(GOOD | {"fault": fault, "summary": {"k\x00": "\udfff"}}, "text")

    assert report.fault is not None
    assert report.fault.message.startswith("x\ufffd?")
    assert len(report.fault.message) == 2000
    assert report.summary == {"k\ufffd": "?"}
    assert report.fault.step == "text"
    assert report.fault.place == {"line": 1}


def test_delay__stays_within_a_day() -> None:
    """A child cannot put its next try off for ever, or into the past."""
    assert checked(GOOD | {"delay": 1e12}, "s").delay == 86_400
    assert checked(GOOD | {"delay": -4}, "s").delay == 0
    assert checked(GOOD | {"trouble": "memory", "detail": "Memory Error\n"}, "s").trouble is Trouble.MEMORY
    assert checked(GOOD | {"trouble": "error", "detail": "KeyError: 'secret'"}, "s").detail == "KeyError"


def test_plain__refuses_what_no_json_can_say() -> None:
    """Depth, size of numbers and foreign types are bounded."""
    nested: Any = 0
    for _ in range(40):
        nested = [nested]
    for value in (nested, 1 << 64, float("nan"), float("inf"), object(), {1: 2}):
        with pytest.raises((BrokenReport, AttributeError)):
            plain(value)


def test_saved__takes_names_with_folders() -> None:
    """An artifact may be called `thumbs/page-1.webp`."""
    assert saved("thumbs/page-1.webp", "x", media_type="image/webp; q=1").name == "thumbs/page-1.webp"


def test_splits__are_kept_within_bounds() -> None:
    """A step can ask for neither no part nor for thousands of them, and for a bounded number of jobs."""
    asked = checked(GOOD | {"splits": {"a": 0, "b": 10_000}, "submissions": GOOD["submissions"] * 500}, "text")
    assert asked.splits == {"a": 1, "b": MAX_PARTS}
    assert len(asked.submissions) == MAX_SUBMISSIONS
