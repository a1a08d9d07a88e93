"""What `heavylift fuzz` has found and is mended: each is told here by the smallest input that showed it."""

import pytest

from parsers.table_cells import price


@pytest.mark.parametrize("text", ["\u0663\u0664", "\uff11\uff12", "5\u0663", "\u0966.5"])
def test_price__digits_of_other_scripts(text: str):
    """An amount in other digits than 0 to 9 is no number here, and nothing that ends the step."""
    assert price(text) == (None, None, "price.not_number")
