"""From a field's text to its value, remembered: lists say the same few things over and over.

A `Field` says how the text of one column is read. `Known` is its memory, bounded, and answers in the shape that a row
is built from: `(name, value)`, `DROPPED` where the text states nothing, `(WRONG, code)` where something is wrong.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from parsers.xml_head import local_name

Reading = tuple[Any, str | None]  # a field's value (None: it states nothing), and the code of what is wrong with it
NOTHING: Reading = (None, None)

WRONG = "!"  # the name under which a row shows that one of its fields needs the slow path
DROPPED: tuple[str, Any] = ("", None)

_KNOWN = 8192  # texts remembered per field
_LENGTH = 40  # characters of a text worth remembering
_SHAPES = 256  # sequences of tags remembered
_TAGS = 64  # of one sequence


class Field(NamedTuple):
    """How one column is read."""

    name: str  # in the record
    read: Callable[[str], Reading]  # takes the stripped text, never empty
    empty: str | None = None  # the code of an issue where it says nothing


class Known(dict[str | None, tuple[str, Any]]):
    """What each text of one field comes to."""

    __slots__ = ("field",)

    def __init__(self, field: Field) -> None:
        super().__init__()
        self.field = field

    def __missing__(self, text: str | None) -> tuple[str, Any]:
        value, code = reading(self.field, text)
        found = (WRONG, code) if code else DROPPED if value is None else (self.field.name, value)
        if text is None or len(text) <= _LENGTH:
            if len(self) >= _KNOWN:
                self.clear()
            self[text] = found
        return found


class Unread(Known):
    """Stands for fields that no record holds."""

    def __init__(self) -> None:
        super().__init__(Field("", lambda _: NOTHING))

    def __missing__(self, text: str | None) -> tuple[str, Any]:
        return DROPPED


Memos = tuple[Known, ...]


class Shapes(dict[tuple[str, ...], Memos | None]):
    """The memories that an item's tags stand for, in order; None where an item of that shape takes the slow path."""

    def __init__(self, fields: Mapping[str, Field], *, slow: Collection[str] = ()) -> None:
        """`fields` by upper-case local name; an item that holds one of `slow` takes the slow path."""
        super().__init__()
        self._known = {name: Known(field) for name, field in fields.items()}
        self._ignored = Unread()
        self._slow = frozenset(slow)

    def __missing__(self, tags: tuple[str, ...]) -> Memos | None:
        names = [local_name(tag) for tag in tags]
        stated = [name for name in names if name in self._known]
        odd = len(stated) != len(set(stated)) or not self._slow.isdisjoint(names)
        found = None if odd else tuple(self._known.get(name, self._ignored) for name in names)
        if len(tags) <= _TAGS:
            if len(self) >= _SHAPES:
                self.clear()
            self[tags] = found
        return found


def reading(field: Field, text: str | None) -> Reading:
    """What `text` says, where it says anything."""
    return field.read(stripped) if text and (stripped := text.strip()) else (None, field.empty)
