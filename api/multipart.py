"""Multipart bodies, streamed: file bytes come out as slices of what came in, fields are kept within bounds."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from api.problems import malformed

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FILE = "file"  # the name of the part that is the upload
MAX_FIELD = 64 * 1024  # bytes of one field
MAX_FIELDS = 100
MAX_PART_HEADERS = 16
CLOSING = len(b"\r\n--") + len(b"--\r\n")  # what stands around the last boundary


def boundary_of(content_type: str) -> bytes:
    """The boundary that a multipart Content-Type names."""
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if not 0 < len(boundary) <= 70:  # RFC 2046, section 5.1.1
        raise malformed("multipart/form-data needs a boundary of 1 to 70 characters in Content-Type")
    return boundary


class Form:
    """One multipart body on its way through; `feed` it what arrives, then `finish`."""

    files = frozenset({FILE})  # names of parts that may be files

    def __init__(self, boundary: bytes) -> None:
        self.fields: list[tuple[str, str]] = []
        self.file_name: str | None = None
        self.has_file = False
        self.file_offset: int | None = None  # where in the body the file's bytes begin
        self.complete = False  # the closing boundary has been seen
        self._name = ""
        self._fed = 0
        self._in_file = False
        self._field = bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._header_name = bytearray()
        self._header_value = bytearray()
        self._slices: list[memoryview] = []
        self._parser = MultipartParser(boundary, self._callbacks(), max_header_count=MAX_PART_HEADERS)

    def feed(self, data: bytes) -> list[memoryview]:
        """The parts of the file in `data`, without a copy. Raises `request.malformed`."""
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise malformed(f"the multipart body is broken: {error}") from error
        self._fed += len(data)
        found, self._slices = self._slices, []
        return found

    def finish(self) -> None:
        """The body has ended; refuse one that was cut off or had no file."""
        if not self.complete:
            raise malformed("the multipart body ends before its closing boundary")
        if not self.has_file:
            raise malformed("the form has no part named `file`", field=FILE)

    def _callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._headers.clear,
            "on_header_field": _into(self._header_name),
            "on_header_value": _into(self._header_value),
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_part_data": self._on_part_data,
            "on_part_end": self._on_part_end,
            "on_end": self._on_end,
        }

    def _on_header_end(self) -> None:
        self._headers[bytes(self._header_name).lower()] = bytes(self._header_value)
        self._header_name.clear()
        self._header_value.clear()

    def _on_headers_finished(self) -> None:
        kind, options = parse_options_header(self._headers.get(b"content-disposition"))
        if kind != b"form-data" or b"name" not in options:
            raise malformed("each part needs `Content-Disposition: form-data` with a name")
        encoding = self._headers.get(b"content-transfer-encoding", b"binary").strip().lower()
        if encoding not in {b"binary", b"8bit", b"7bit"}:
            raise malformed("parts are sent as they are: Content-Transfer-Encoding is not supported")
        self._name = options[b"name"].decode(errors="replace")
        self._in_file = self._is_file(has_name=b"filename" in options)
        if self._in_file:
            self._begin_file(options.get(b"filename"))
        elif b"filename" in options:
            known = " and ".join(f"`{name}`" for name in sorted(self.files))
            raise malformed(f"only {known} can be a file, not `{self._name[:50]}`", field=self._name[:50])

    def _is_file(self, *, has_name: bool) -> bool:  # noqa: ARG002 - forms whose parts may be either look at it
        return self._name in self.files

    def _begin_file(self, name: bytes | None) -> None:
        if self.has_file:
            raise malformed("one request takes one file; send a second one with a request of its own", field=FILE)
        self.has_file = True
        self.file_name = name.decode(errors="replace") if name else None

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            if self.file_offset is None:
                self.file_offset = self._fed + start
            self._slices.append(memoryview(data)[start:end])
            return
        self._field += data[start:end]
        if len(self._field) > MAX_FIELD:
            raise malformed(f"a field may have {MAX_FIELD} bytes at most", field=self._name[:50])

    def _on_part_end(self) -> None:
        if self._in_file:
            self._in_file = False
            return
        if len(self.fields) >= MAX_FIELDS:
            raise malformed(f"a form may have {MAX_FIELDS} fields at most")
        try:
            self.fields.append((self._name, self._field.decode()))
        except UnicodeDecodeError as error:
            raise malformed("fields are UTF-8 text", field=self._name[:50]) from error
        self._field.clear()

    def _on_end(self) -> None:
        self.complete = True


def _into(buffer: bytearray) -> Callable[[bytes, int, int], None]:
    def append(data: bytes, start: int, end: int) -> None:
        buffer.extend(data[start:end])

    return append
