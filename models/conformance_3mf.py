"""Asks lib3mf, the 3MF Consortium's own reader, whether a 3MF keeps to the specification: in strict mode, in a process apart.

It hangs on packages of some KB, so that it gets a time and a memory of its own, and only packages that our own reader,
with its limits, has read before. Its sentences are shown where they are constants of the library: others may quote files.
"""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from jobs.errors import InputError
from jobs.issues import Severity
from models.conformance import Conformance, Message, checked, not_checked
from parsers.bounded import Gone, bounded
from parsers.zip_guard import MODELS, open_zip

SECONDS = 60.0  # a million triangles take two
MEMORY = 1 << 30  # bytes; a million triangles take a few dozen MB
_MAX_WARNINGS = 20_000  # of one file that are looked at; there may be one for each triangle
_BLOCK = 16
_NOT_KNOWN = "A required extension is not supported"
_QUIET = "lib3mf refuses the file, with words that are not shown since they may quote it."


class _Said(NamedTuple):
    """What the library said in one reading."""

    version: str
    sentences: dict[str, int]  # constants of the library, with how often each was said; "" stands for all others
    refused: str | None  # the sentence with which it gave up; None: it came to the end
    more: bool  # warnings were left out


def check_3mf(path: Path, *, seconds: float = SECONDS, memory: int = MEMORY) -> Conformance:
    """What lib3mf says of a package that `parsers.model.load` has read."""
    try:
        import lib3mf as _  # noqa: F401 - whether there is a build for this kind of machine
    except (ImportError, OSError):
        return not_checked("There is no build of lib3mf for this kind of machine.")
    try:
        with open_zip(path, limits=MODELS) as archive:
            archive.weigh()  # of which our reader took but the model
    except InputError as error:
        return not_checked(f"lib3mf was not asked: {error}", by="lib3mf")
    try:
        found = bounded(lambda: _asked(str(path)), seconds=seconds, memory=memory)
    except Gone as error:
        return not_checked(f"lib3mf gave no answer: {error}.", by="lib3mf")
    return _conformance(_Said(*json.loads(found)))


def _conformance(said: _Said) -> Conformance:
    messages = [_message(sentence, count) for sentence, count in said.sentences.items()]
    if said.refused is not None and said.refused not in said.sentences:
        messages.append(_message(said.refused, 1))
    by = f"lib3mf {said.version}"
    if [one.code for one in messages] == [_code(_NOT_KNOWN)]:
        return not_checked("The file requires an extension of 3MF that lib3mf does not know.", by=by)
    return checked(by, messages, truncated=said.more)


def _message(sentence: str, count: int) -> Message:
    """Strict mode refuses whatever there is to say, so that each sentence is an error."""
    return Message(code=_code(sentence), severity=Severity.ERROR, text=sentence or _QUIET, count=count)


def _code(sentence: str) -> str:
    """The library has numbers for some of its sentences only, so that the sentence itself gives the name."""
    return re.sub(r"[^A-Z0-9]+", "_", sentence.upper()).strip("_")[:80] or "REFUSED"


def _asked(path: str) -> bytes:
    """In the process apart: what the library says, as JSON.

    Strict mode ends with the first sentence. What it refuses is read once more without it, to hear all of them.
    """
    import lib3mf

    library = lib3mf.get_wrapper()
    constants = Path(lib3mf.get_library_path()).read_bytes()
    said = _read(library, path, strict=True)
    if said[1] is not None:
        rest = _read(library, path, strict=False)
        said = rest if rest[0] or rest[1] is not None else said
    counts, refused, more = said
    shown: Counter[str] = Counter()
    for sentence, count in counts.items():
        shown[_constant(sentence, constants)] += count
    last = None if refused is None else _constant(refused, constants)
    version = ".".join(map(str, library.GetLibraryVersion()))
    return json.dumps(_Said(version, dict(shown), last, more)).encode()


def _read(library: Any, path: str, *, strict: bool) -> tuple[Counter[str], str | None, bool]:
    """Sentences with their counts, the one that ended it, and whether there were more."""
    from lib3mf import ELib3MFException

    reader = library.CreateModel().QueryReader("3mf")
    reader.SetStrictModeActive(strict)
    refused = None
    try:
        reader.ReadFromFile(path)
    except ELib3MFException as error:
        refused = str(error.get_error_message())
    number = int(reader.GetWarningCount())
    counts = Counter(str(reader.GetWarning(at)[1]).rstrip("\0") for at in range(min(number, _MAX_WARNINGS)))
    return counts, refused, number > _MAX_WARNINGS


def _constant(sentence: str, constants: bytes) -> str:
    """The sentence where it stands in the library, else nothing."""
    if sentence.encode() + b"\0" in constants:
        return sentence.strip()
    # Compilers write constants in blocks of 16 bytes, and what is left over into the code.
    head = sentence[: len(sentence) // _BLOCK * _BLOCK]
    plain = len(head) > _BLOCK and re.fullmatch(r"[A-Za-z .]*", sentence[len(head) :])
    return sentence.strip() if plain and head.encode() in constants else ""
