"""A pytest plugin: what was skipped, and why, stands in the last lines, and in a file for `./heavylift test`."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

REPORT_VARIABLE = "HEAVYLIFT_TEST_REPORT"  # path of the file to write; unset: none is written
_PASSED, _FAILED, _SKIPPED = ("passed",), ("failed", "error", "xpassed"), ("skipped", "xfailed")


def reason_of(report: Any) -> str:
    """Why a test was skipped, or is expected to fail."""
    if isinstance(report.longrepr, tuple):  # path, line, `Skipped: reason`
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    return str(getattr(report, "wasxfail", "") or report.longrepr)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print each reason once, with the number of tests that it cost."""
    stats = terminalreporter.stats
    counts = {
        kind: sum(len(stats.get(name, ())) for name in names)
        for kind, names in (("passed", _PASSED), ("failed", _FAILED), ("skipped", _SKIPPED))
    }
    reasons = Counter(reason_of(report) for name in _SKIPPED for report in stats.get(name, ()))
    for reason, times in reasons.most_common():
        terminalreporter.write_line(f"not run ({times}): {reason}")
    path = os.environ.get(REPORT_VARIABLE)
    if path and "PYTEST_XDIST_WORKER" not in os.environ:
        Path(path).write_text(json.dumps({**counts, "reasons": reasons}))
