"""Streams the tags of uploaded XML to callbacks, for formats of which no tree may be built; no entity ever exists.

Expat takes half as long as lxml for this. It reads nothing outside the text, and a document type, which entities would
need, is refused at its first letter.
"""

from collections.abc import Callable, Iterable
from typing import NoReturn

from parsers.model_faults import entities, malformed

MAX_TOKEN = 4 * 1024 * 1024  # bytes in which the parser must get on: it reads an unended tag again with each piece
_NAMES = 500  # tags whose local names are remembered

Start = Callable[[str, list[str]], None]  # local name; names and values of the attributes in turn
End = Callable[[str], None]
Text = Callable[[str], None]


def stream(chunks: Iterable[bytes], *, start: Start, end: End, text: Text | None = None) -> None:
    """Call back for each tag, and for each piece of text.

    Raises `UnreadableFile` (`model.malformed`) and `InputError` (`xml.entity`), and what the callbacks raise.
    """
    # defusedxml would only wrap the same parser.
    from xml.parsers import expat  # document types are refused, so that there are no entities

    local = _Local()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.ordered_attributes = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = lambda tag, attributes: start(local[tag], attributes)
    parser.EndElementHandler = lambda tag: end(local[tag])
    if text is not None:
        parser.buffer_text = True
        parser.CharacterDataHandler = text
    fed = 0
    try:
        for chunk in chunks:
            parser.Parse(chunk, False)
            fed += len(chunk)
            if fed - max(parser.CurrentByteIndex, 0) > MAX_TOKEN:
                raise malformed("The file's XML has an endless tag.")
        parser.Parse(b"", True)
    except expat.ExpatError:
        raise malformed("The file's XML is broken.") from None


def by_name(attributes: list[str]) -> dict[str, str]:
    """The attributes as a dictionary; a name in a namespace keeps it before a `}`."""
    return dict(zip(attributes[::2], attributes[1::2], strict=True))


def _refuse(*_doctype: object) -> NoReturn:
    raise entities()


class _Local(dict[str, str]):
    """The local name of each tag, remembered; a file full of invented tags can not make it grow forever."""

    def __missing__(self, tag: str) -> str:
        name = tag.rpartition("}")[2]
        if len(self) < _NAMES:
            self[tag] = name
        return name
