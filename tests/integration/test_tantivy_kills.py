"""A process that writes a tantivy index is killed in the middle of commits: what it acknowledged stays, whole and once."""

import random
from contextlib import closing

import pytest
from support.search_engines import ask, job_id, places
from support.search_kills import acknowledged, started
from support.search_writer import REWRITTEN

from search.port import IndexLocked
from search.tantivy_engine import reading, writing

KILLS = 25


@pytest.mark.timeout(280)
def test_writer__killed_while_it_commits_loses_nothing_that_it_acknowledged(tmp_path):
    """25 kills: each acknowledged batch is there, whole and once; at most the next one is there too, whole as well."""
    seen, rng = 0, random.Random(7)
    for _kill in range(KILLS):
        told = acknowledged(started(tmp_path, seen + 1), after=rng.random() * 0.3)
        assert told == list(range(seen + 1, seen + 1 + len(told)))
        with closing(reading(tmp_path)) as reader:
            versions = {one: (version, count) for one, version, count in reader.versions(limit=100_000)}
            last = max(version for version, _count in versions.values())
            assert last in (told[-1], told[-1] + 1)
            for number in range(1, last + 1):
                assert versions.pop(job_id(1_000 + number)) == (1, 3), number
            newest = {n % REWRITTEN: n for n in range(1, last + 1)}
            assert versions == {job_id(one): (n, 1) for one, n in newest.items()}
            assert reader.stats().documents == 4 * last + 2 * len(newest)
            rows = [(1_000 + last, f"row {n}") for n in (1, 2, 3)]
            assert sorted(places(ask(reader, f"batch{last}", edits=0))) == rows
        seen = last
    assert seen > KILLS


def test_writer__of_another_process_is_named_to_the_second(tmp_path):
    """The second writer's error says which process holds the index; once that is killed the index is free."""
    child = started(tmp_path, 1)
    try:
        assert child.stdout is not None
        child.stdout.readline()
        with pytest.raises(IndexLocked, match=rf"written by process {child.pid} on "):
            writing(tmp_path)
    finally:
        child.kill()
        child.wait()
    with closing(writing(tmp_path)) as engine:
        assert engine.stats().engine == "tantivy"
