"""Pages are shared among parts without one left out or taken twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents.ranges import parts_for, slice_of
from jobs.model import MAX_PARTS, Part


@given(st.integers(0, 3000), st.integers(1, MAX_PARTS))
def test_slice__each_page_is_in_one_part(count, parts):
    """All parts together are all pages in order, and no part has two more than another."""
    pages = range(1, count + 1)
    shares = [slice_of(pages, Part(number, parts)) for number in range(parts)]
    assert [page for share in shares for page in share] == list(pages)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize(
    ("count", "each", "parts"), [(0, 10, 1), (1, 10, 1), (10, 10, 1), (11, 10, 2), (100_000, 10, MAX_PARTS)]
)
def test_parts__are_bounded(count, each, parts):
    """Never none, never more than a step may have."""
    assert parts_for(count, each) == parts
