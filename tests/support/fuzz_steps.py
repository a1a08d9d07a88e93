"""Steps that end as no step should, so that a campaign can show that it notices."""

import os
import time
from pathlib import Path

from jobs.errors import InputError, StepError

MiB = 1 << 20


def crash(_ctx):
    """Ends by a signal, as native code does that reads where it must not."""
    os.abort()


def raise_unforeseen(_ctx):
    """Lets an exception out that nobody named."""
    raise KeyError("x")


def blame_the_platform(_ctx):
    """Names a fault that no submitter can mend."""
    raise StepError("list.strange", "Something is strange.")


def blame_without_name(_ctx):
    """Refuses the file, but has no name for why."""
    raise InputError("strange", "Something is strange.")


def eat_memory(_ctx):
    """Takes more memory than any step has."""
    kept = []
    while True:
        kept.append(bytearray(64 * MiB))


def spin(_ctx):
    """Computes without end."""
    while True:
        pass


def sleep(_ctx):
    """Waits without end."""
    time.sleep(600)


def miscount(ctx):
    """Says that it accepted more rows than there are."""
    ctx.summary(lots=3, rows_total=2, rows_rejected=0)


def promise_rows(ctx):
    """Says that it accepted a row that is in no file."""
    path = Path(ctx.scratch) / "records.jsonl"
    path.write_text("")
    ctx.save(path, name="records.jsonl", media_type="application/x-ndjson")
    ctx.summary(lots=1, rows_total=1, rows_rejected=0, issues={"error": 0})


def invent_a_code(ctx):
    """Writes an issue whose code is in no table."""
    path = Path(ctx.scratch) / "issues.jsonl"
    path.write_text('{"row": 1, "code": "part.strange"}\n')
    ctx.save(path, name="issues.jsonl", media_type="application/x-ndjson")
    ctx.summary(lots=0, rows_total=1, rows_rejected=1, issues={"error": 1})
