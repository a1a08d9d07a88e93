"""The validator's answer in our words: one verdict of two looks, and nothing called good that nobody looked at."""

import json

import pytest

from models.conformance import Conformance, Conformity
from models.gltf_conformance import conformance_of, silent

BY = "gltf-validator 2"
ERROR, WARNING, INFO, HINT = range(4)


def look(*messages, extensions=(), unsupported=(), truncated=False):
    """What `gltf/conformance.mjs` says of one look."""
    said = [{"code": code, "severity": severity, "message": "m", "place": "/a"} for code, severity in messages]
    return {"extensions": extensions, "unsupported": unsupported, "truncated": truncated, "messages": said}


def test_conformance__one_look():
    """Counts are those of the messages; hints are infos; nothing is wrong with a file that has no error."""
    found = conformance_of({"by": BY, "before": look(("A", WARNING), ("B", INFO), ("C", HINT))})
    assert (found.errors, found.warnings, found.infos) == (0, 1, 2)
    assert found.verdict is Conformity.PASSED
    assert found.by == BY


def test_conformance__both_looks_count():
    """An error inside what was compressed counts, one that both looks see counts once, and what only packing made is left out."""
    before = look(("UNSUPPORTED_EXTENSION", INFO), ("UNUSED_OBJECT", INFO), ("A", ERROR), unsupported=("X",))
    after = look(("A", ERROR), ("B", ERROR))
    found = conformance_of({"by": BY, "before": before, "undone": ["X"], "after": after})
    assert found.verdict is Conformity.FAILED
    assert [message.code for message in found.messages] == ["A", "B"]
    assert found.reason is None


@pytest.mark.parametrize(("failed", "word"), [("too large", "too much"), ("malformed", "can not be unpacked")])
def test_conformance__what_can_not_be_unpacked_is_unchecked(failed, word):
    """No error in the packed file says nothing about what is in it."""
    said = {"by": BY, "before": look(unsupported=("X",)), "undone": ["X"], "failed": failed}
    found = conformance_of(said)
    assert found.verdict is Conformity.NOT_CHECKED
    assert "X" in found.reason
    assert word in found.reason
    said["before"] = look(("A", ERROR))
    assert conformance_of(said).verdict is Conformity.FAILED


def test_conformance__extensions_that_nobody_knows_are_named():
    """They are named once each, cut short, with nothing that steers a terminal."""
    found = conformance_of({"by": BY, "before": look(unsupported=("A", "A", "B" * 999, "C\x1b[1m"))})
    assert found.reason.count("A,") == 1
    assert len(found.reason) < 200
    assert "\x1b" not in found.reason


def test_conformance__bytes_that_are_no_gltf():
    """Where the validator gave up on the bytes that is an error of ours."""
    found = conformance_of({"by": BY, "before": {"unreadable": True}})
    assert (found.verdict, found.messages[0].code) == (Conformity.FAILED, "UNREADABLE")


def test_conformance__through_json():
    """What stands in conformance.json comes back as it was."""
    for found in (conformance_of({"by": BY, "before": look(("A", ERROR), truncated=True)}), silent("It is away.")):
        assert Conformance.from_json(json.loads(json.dumps(found.to_json()))) == found
