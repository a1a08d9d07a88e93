"""How many parts the pages of a document are worth, and which of them a part has."""

import math
from collections.abc import Sequence
from typing import TypeVar

from jobs.model import MAX_PARTS, Part

Item = TypeVar("Item")


def parts_for(count: int, each: int) -> int:
    """Parts of about `each` out of `count`, one at least and `MAX_PARTS` at most."""
    return min(MAX_PARTS, max(1, math.ceil(count / each)))


def slice_of(items: Sequence[Item], part: Part) -> Sequence[Item]:
    """The part's own share: contiguous, in order, sizes differing by one at most; all of it where nothing was split."""
    whole, more = divmod(len(items), part.of)
    begin = part.number * whole + min(part.number, more)
    return items[begin : begin + whole + (part.number < more)]
