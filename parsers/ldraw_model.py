"""The models of an LDraw file and what each of them places, read line by line; parsers/ldraw_count.py adds it up.

A line of type 1 places a file: `1 color x y z a b c d e f g h i file`. A file of many models (MPD) holds each between
`0 FILE name` and the next one, or `0 NOFILE`. Source: the LDraw.org file format and MPD specifications; meta commands
of LPub (parts lists), MLCad (BUFEXCHG), LSynth (SYNTH) and Studio (BL_Item_No, IsSubModel, lines of type 11).
"""

from collections.abc import Iterable, Iterator

from jobs.errors import InputError
from jobs.issues import Issue
from parsers.codes import issue
from parsers.ldraw_lines import blocks

MAX_PLACED = 200_000  # different (model, color, file), and different (part, color): real models have some thousands
MAX_MODELS = 200_000
MAX_TITLE = 200  # characters
_REMEMBERED = 300  # bytes of a name
_STUDIO_FIELDS = 17  # of a line of type 11, before the file
_BOM = b"\xef\xbb\xbf"
_DRAWN = {b"2": 8, b"3": 11, b"4": 14, b"5": 14}  # types of lines that draw something, and how many words each has
_PART_TYPES = frozenset(
    {"part", "unofficial_part", "shortcut", "unofficial_shortcut", "subpart", "unofficial_subpart"}
    | {"primitive", "unofficial_primitive", "8_primitive", "48_primitive"}
)
_LISTS = frozenset({b"PLI", b"PART", b"BOM"})  # what `0 !LPUB … BEGIN IGN` keeps a part off
_WORDS = frozenset(  # first words of a comment that are no title
    {b"FILE", b"NAME:", b"AUTHOR:", b"STEP", b"WRITE", b"PRINT", b"CLEAR", b"PAUSE", b"SAVE", b"ROTSTEP", b"BFC"}
    | {b"CUSTOMBRICK", b"LDRAW_ORG", b"MLCAD", b"GHOST", b"ROTATION", b"BACKGROUND", b"GROUP"}
    | {b"LPUB", b"LSYNTH", b"NUMOFBRICKS", b"NUMOFBRICKS:"}
)

Placed = dict[tuple[bytes, bytes], list[int]]  # (color, file) as spelled -> [times, line where it first stands]


class Model:
    """One model or part of the file."""

    __slots__ = ("drawing", "drawn", "item_no", "journal", "line", "name", "part", "placed", "stores", "title")

    def __init__(self, name: str, line: int) -> None:
        self.name = name  # as a reference finds it: lower case, `/` between folders; empty: not named
        self.line = line  # where it begins
        self.title: str | None = None  # its first comment
        self.part = False  # its header says that it is the drawing of one part
        self.drawn = False  # it has lines and faces of its own
        self.drawing = dict.fromkeys(_DRAWN, 0)  # how many of them, by type of line
        self.item_no: str | None = None  # BrickLink's number of the part, where Studio states it
        self.placed: Placed = {}
        self.journal: list[list[int]] | None = None  # of `placed`, what was placed since the first BUFEXCHG STORE
        self.stores: dict[bytes, int] = {}  # lengths of the journal, by buffer

    @property
    def is_part(self) -> bool:
        """Whether it counts as one piece, whatever it is drawn with."""
        return self.part or (self.drawn and self.name.endswith(".dat"))


class Names:
    """File names as a reference finds them, remembered; tells where the first text stands that is not UTF-8."""

    def __init__(self) -> None:
        self._known: dict[bytes, str] = {}
        self.guessed_line: int | None = None

    def of(self, spelled: bytes, line: int) -> str:
        """The name in lower case, with `/` between folders."""
        if (known := self._known.get(spelled)) is not None:
            return known
        name = " ".join(self.text(spelled, line).lower().replace("\\", "/").split())
        if len(self._known) < MAX_PLACED and len(spelled) <= _REMEMBERED:
            self._known[spelled] = name
        return name

    def text(self, spelled: bytes, line: int) -> str:
        """The bytes as text: UTF-8, else Windows-1252."""
        try:
            return spelled.decode().strip()
        except UnicodeDecodeError:
            self.guessed_line = min(line, self.guessed_line or line)
            return spelled.decode("cp1252", "replace").strip()


class Reading:
    """One pass over a file; afterwards `models` has all of it."""

    def __init__(self) -> None:
        self.names = Names()
        self.models: dict[str, Model] = {}  # in the order of the file
        self.rejected = 0  # rows so far
        self._at: Model | None = Model("", 1)  # None: lines that belong to nothing
        self._unnamed = self._at
        self._different = 0
        self._opened = 0  # models, those of one name counted each
        self._left_out: list[int] | None = None  # [line, lines left out so far]: inside a block that is not to count
        self._until = b""  # what ends that block

    def lines(self, chunks: Iterable[bytes]) -> Iterator[Issue]:
        """Read everything; what is wrong with a line comes at once.

        Raises `InputError` (`limit.rows`, `limit.models`).
        """
        for number, lines in blocks(chunks):
            for at, line in enumerate(lines, number):
                if line is None:
                    yield self._reject("row.too_long", None, at)
                    continue
                if not line or (line[:2] == b"1 " and self._place(line, at)):
                    continue
                yield from self._other(line, at)
        if self._unnamed.placed or not self.models:
            self.models = {"": self._unnamed, **self.models}

    def _place(self, line: bytes, at: int) -> bool:
        """Take one line of type 1; False where there is more to be said about it."""
        model = self._at
        if model is None or model.part or self._left_out:
            return False
        fields = line.split(None, 14)
        try:
            for number in fields[2:14]:
                float(number)
            key = (fields[1], fields[14])
        except (ValueError, IndexError):
            return False
        found = model.placed.get(key)
        if found is None:
            self._different += 1
            if self._different > MAX_PLACED:
                raise InputError("limit.rows", f"The model places more than {MAX_PLACED} different parts and colors.")
            found = model.placed[key] = [0, at]
        found[0] += 1
        if model.journal is not None:
            model.journal.append(found)
        return True

    def _other(self, line: bytes, at: int) -> Iterator[Issue]:
        """Any line that the fast path did not take."""
        line = (line.removeprefix(_BOM) if at == 1 else line).strip()
        if not line:
            return
        kind, model = line[:2].rstrip(), self._at
        if kind == b"0":
            yield from self._meta(line, at)
        elif model is None:
            return
        elif kind in _DRAWN:
            model.drawn = True
            model.drawing[kind] += len(line.split(None, _DRAWN[kind])) == _DRAWN[kind]
        elif model.part:
            return
        elif kind not in {b"1", b"11"}:
            yield self._reject("ldraw.line", line, at)
        elif self._left_out:
            self._left_out[1] += 1
        elif not self._place(_plain(line) if kind == b"11" else line, at):
            yield self._reject("ldraw.line", line, at)

    def _reject(self, code: str, line: bytes | None, at: int) -> Issue:
        self.rejected += 1
        return issue(code, self.names.text(line[:1000], at) if line else None, row=self.rejected, line=at)

    def _meta(self, line: bytes, at: int) -> Iterator[Issue]:
        """A comment or a meta command."""
        words = line.split(None, 5)
        word = words[1].upper() if len(words) > 1 else b""
        if word == b"FILE" and len(words) > 2:
            yield from self._end_block()
            yield from self._open(line.split(None, 2)[2], at)
        elif word == b"NOFILE":
            yield from self._end_block()
            self._at = None
        elif self._at is None or not word:
            return
        elif word in {b"!LDRAW_ORG", b"LDRAW_ORG", b"OFFICIAL", b"UNOFFICIAL"}:
            self._typed(self._at, b" ".join(words[1:4]).decode("latin-1").lower())
        elif word == b"BL_ITEM_NO" and len(words) > 2:
            self._at.item_no = self.names.text(words[2], at)
            self._to_part(self._at)
        elif word == b"ISSUBMODEL" and words[2:3] == [b"False"]:
            self._to_part(self._at)
        elif word in {b"!LPUB", b"LPUB", b"SYNTH"} and len(words) > 2:
            yield from self._block(words, at)
        elif word == b"BUFEXCHG" and len(words) > 3:
            yield from self._exchange(self._at, words[2].upper(), words[3].upper(), at)
        elif self._at.title is None and word not in _WORDS and word[:1] not in b"!/":
            self._at.title = self.names.text(line.split(None, 1)[1], at)[:MAX_TITLE]

    def _open(self, spelled: bytes, at: int) -> Iterator[Issue]:
        name = self.names.of(spelled, at)
        self._opened += 1
        if self._opened > MAX_MODELS:  # those of one name, too: each is told
            raise InputError("limit.models", f"The file holds more than {MAX_MODELS} models.")
        if (first := self.models.get(name)) is None:
            self._at = self.models[name] = Model(name, at)
            return
        self._at = None
        if not first.is_part:
            yield issue("ldraw.duplicate_model", self.names.text(spelled, at), row=None, line=at)

    def _typed(self, model: Model, said: str) -> None:
        """What `0 !LDRAW_ORG Unofficial_Part …` and its forerunners say of the file that they stand in."""
        kind = said.split()[1] if said.split()[1:] else ""
        if kind in _PART_TYPES or said.startswith(("official lcad part", "unofficial part", "unofficial lcad part")):
            self._to_part(model)

    def _to_part(self, model: Model) -> None:
        """Count the file as one piece; what it is drawn with does not matter."""
        model.part = True
        self._different -= len(model.placed)
        model.placed = {}

    def _block(self, words: list[bytes], at: int) -> Iterator[Issue]:
        """A block that is not to count: kept off the list by its author, or a hose drawn as a row of small pieces."""
        said = [word.upper() for word in words[1:]]
        if said[0] == b"SYNTH":
            begins, ends = said[1:3] == [b"SYNTHESIZED", b"BEGIN"], said[1:3] == [b"SYNTHESIZED", b"END"]
            until = b"SYNTH"
        else:
            begins = said[1] in _LISTS and said[2:4] == [b"BEGIN", b"IGN"]
            ends, until = said[2:3] == [b"END"], said[1]
        if begins and self._left_out is None:
            self._left_out, self._until = [at, 0], until
        elif ends and until == self._until:
            yield from self._end_block()

    def _end_block(self) -> Iterator[Issue]:
        if self._left_out and self._left_out[1]:
            line, count = self._left_out
            code = "ldraw.synthesized" if self._until == b"SYNTH" else "ldraw.left_out"
            yield issue(code, f"{count} lines", row=None, line=line)
        self._left_out, self._until = None, b""

    def _exchange(self, model: Model, buffer: bytes, verb: bytes, at: int) -> Iterator[Issue]:
        """MLCad's buffers: RETRIEVE brings the model back to what it was at STORE, so what came between is gone."""
        if verb == b"STORE":
            if model.journal is None:
                model.journal = []
            model.stores[buffer[:8]] = len(model.journal)
        elif verb == b"RETRIEVE":
            journal, stored = model.journal, model.stores.get(buffer[:8])
            if journal is None or stored is None or stored > len(journal):
                yield issue("ldraw.buffer", self.names.text(buffer[:100], at), row=None, line=at)
                return
            for found in journal[stored:]:
                found[0] -= 1
            del journal[stored:]


def _plain(line: bytes) -> bytes:
    """Studio's `11 color number flag number x y z a … i file` as a line of type 1."""
    fields = line.split(None, _STUDIO_FIELDS)
    return b" ".join([b"1", fields[1], *fields[5:]]) if len(fields) > _STUDIO_FIELDS else b""
