"""What a checker of a format said, as a report shows it."""

import pytest

from jobs.issues import Severity
from models.conformance import MAX_MESSAGES, Conformance, Conformity, Message, checked, no_check_for


def said(severity, number=0):
    return Message(code=f"CODE_{number}", severity=severity, text="A rule is broken.")


def test_conformance__what_was_not_checked_is_not_called_good():
    """No errors and no check give `not_checked` with the reason, and no finding."""
    found = no_check_for("stl")
    assert found.verdict is Conformity.NOT_CHECKED
    assert not found.findings
    assert found.to_json() | {"verdict": "not_checked", "checked": False, "errors": 0} == found.to_json()
    assert found.reason == "There is no conformance check for stl."


@pytest.mark.parametrize(
    ("severities", "verdict", "counted"),
    [
        ([], Conformity.PASSED, 0),
        ([Severity.INFO, Severity.WARNING], Conformity.PASSED, 0),
        ([Severity.WARNING, Severity.ERROR, Severity.ERROR], Conformity.FAILED, 2),
    ],
)
def test_conformance__only_errors_fail(severities, verdict, counted):
    """Warnings and notes are shown, errors fail the check, become one finding and come first."""
    found = checked("checker 1", [said(severity) for severity in severities])
    assert found.verdict is verdict
    assert [(one.code.value, one.count) for one in found.findings] == [("model.conformance", counted)][: bool(counted)]
    assert [one.severity for one in found.messages] == sorted(severities, key=list(Severity).index)


def test_conformance__shows_the_worst():
    """Of many messages the worst are shown, all are counted, and the report says that some are left out."""
    found = checked("checker 1", [said(Severity.WARNING)] * MAX_MESSAGES + [said(Severity.ERROR, 1)] * 2)
    assert (found.errors, found.warnings, found.truncated) == (2, MAX_MESSAGES, True)
    assert [one.code for one in found.messages[:3]] == ["CODE_1", "CODE_1", "CODE_0"]
    assert len(found.to_json()["messages"]) == MAX_MESSAGES


def test_conformance__an_error_counts_without_an_end():
    """A check that was broken off after an error has failed all the same."""
    assert Conformance(checked=False, by="checker 1", errors=1).verdict is Conformity.FAILED
