"""The rehearsal reads what real lists are made of, and leaves nothing behind."""

import tempfile

from jobs.queues import PARSING
from lists import rehearsal
from lists.assembly import assemble


def test_rehearsal__goes_through_rows_of_every_sort(tmp_path, monkeypatch):
    """Both formats of long lists; rows that are well and resolved, of unknown parts, and rejected ones."""
    summaries = {}

    def watched(source, *, kind, **more):
        made = assemble(source, kind=kind, **more)
        summaries[kind] = made.summary
        return made

    monkeypatch.setattr(rehearsal, "assemble", watched)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    rehearsal.rehearse()
    assert set(summaries) == {"bricklink-xml", "rebrickable-csv"}
    for summary in summaries.values():
        assert summary["verdict"] == "errors"
        assert (summary["rows_total"], summary["rows_rejected"]) == (300, 3)
        assert summary["issue_codes"]["part.unknown"] == summary["unresolved"]["lots"] == 42
        assert summary["distinct_parts"] == 5
    assert list(tmp_path.iterdir()) == []


def test_rehearsal__is_run_by_the_pool_that_reads_lists():
    """Nobody notices where it is not: lists are as right without, and slower."""
    assert f"{rehearsal.__name__}:{rehearsal.rehearse.__name__}" in PARSING.preload
