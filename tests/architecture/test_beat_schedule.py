"""The clock: import-linter takes no root modules, so this guards beat_schedule.py."""

import sys
from pathlib import Path

from support.sources import imports_of, top

from beat_schedule import BEAT_SCHEDULE
from jobs.queues import QUEUES
from jobs.reconcilers import RECONCILERS, task_of
from workers.reconcile import RECONCILE


def test_beat_schedule__is_data():
    """It imports nothing but the standard library and the words of jobs/."""
    allowed = {"jobs", *sys.stdlib_module_names}
    assert {module for module in imports_of(Path("beat_schedule.py")) if top(module) not in allowed} == set()


def test_beat_schedule__every_tick_has_its_reconciler():
    """Each row names a task that workers register, and each reconciler has its row and its code: none is forgotten."""
    assert {row["task"] for row in BEAT_SCHEDULE.values()} == {task_of(name) for name in RECONCILERS}
    assert set(RECONCILE) == set(RECONCILERS)


def test_beat_schedule__every_queue_is_known():
    """Each row goes to a queue of jobs/queues.py."""
    assert {row["options"]["queue"] for row in BEAT_SCHEDULE.values()} <= set(QUEUES)


def test_beat_schedule__ticks_do_not_pile_up():
    """A tick is void once the next one is due, so that a dead pool does not wake to a pile of stale ones."""
    late = {name for name, row in BEAT_SCHEDULE.items() if not 0 < row["options"]["expires"] <= row["schedule"]}
    assert late == set()
