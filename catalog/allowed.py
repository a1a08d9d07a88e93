"""From where a catalog may be fetched: folders that the operator named, and nothing else, whoever asks.

A source is a folder, `https://host/path` or `file:///path` (`http://` on loopback alone), or several between blanks.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from jobs.errors import InputError

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
MAX_SOURCE = 2000  # characters of one order
MAX_FOLDERS = 8
_PORTS = {"https": 443, "http": 80, "file": None}
REFUSED = "catalog.source_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An address, taken apart so that two can be compared."""

    scheme: str
    host: str  # lower case; empty for a file
    port: int | None
    parts: tuple[str, ...]  # of the path, decoded

    def holds(self, other: "Place") -> bool:
        """Whether `other` lies in this folder, or is it."""
        same = (self.scheme, self.host, self.port) == (other.scheme, other.host, other.port)
        return same and other.parts[: len(self.parts)] == self.parts

    @property
    def path(self) -> str:
        """The path of a file."""
        return "/" + "/".join(self.parts)


class Allowed:
    """The folders that the operator named."""

    def __init__(self, folders: Iterable[str]) -> None:
        """Raises `InputError` where one of them is no folder that could be fetched from."""
        self._places = tuple(place_of(folder) for folder in folders)

    def folders(self, source: str) -> tuple[str, ...]:
        """The folders of a source, without a slash at their ends. `InputError` where one is not allowed."""
        found = tuple(folder.rstrip("/") for folder in source.split())
        if not found or len(found) > MAX_FOLDERS or len(source) > MAX_SOURCE:
            raise _refused(source, f"a source is one folder, or up to {MAX_FOLDERS} between blanks")
        for folder in found:
            self.require(folder)
        return found

    def require(self, url: str, *, is_target: bool = False) -> Place:
        """The place that `url` names, which lies in an allowed folder; else `InputError`.

        `is_target`: of a redirect, which may have a query (signed links do).
        """
        place = place_of(url.partition("?")[0] if is_target else url)
        if not any(folder.holds(place) for folder in self._places):
            raise _refused(url, "it lies in none of the folders that are allowed")
        return place


def place_of(url: str) -> Place:
    """`url` taken apart; `InputError` where it is none that a catalog could be fetched from."""
    try:
        split = urlsplit(url)
        host, port = (split.hostname or "").lower(), split.port
    except ValueError as wrong:
        raise _refused(url, "it is no address") from wrong
    if split.scheme not in _PORTS or (split.scheme == "http" and host not in LOOPBACK):
        raise _refused(url, "only https:// and file:/// are fetched (http:// on loopback)")
    if split.scheme == "file":
        if host not in {"", "localhost"} or not split.path.startswith("/"):
            raise _refused(url, "a folder on this machine is file:///path")
        host = ""
    elif not host or not host.isascii():
        raise _refused(url, "it names no host")
    if "@" in split.netloc or split.query or split.fragment or "?" in url or "#" in url or not url.isascii():
        raise _refused(url, "names, passwords, queries and fragments are not for a folder")
    try:
        parts = tuple(unquote(part, errors="strict") for part in split.path.split("/") if part)
    except UnicodeDecodeError as wrong:
        raise _refused(url, "its path is no UTF-8") from wrong
    if any(part in {".", ".."} or any(sign in part for sign in "/\\\0") for part in parts):
        raise _refused(url, "its path leads up or is no path")
    return Place(scheme=split.scheme, host=host, port=port or _PORTS[split.scheme], parts=parts)


def _refused(url: str, why: str) -> InputError:
    return InputError(
        REFUSED,
        f"No catalog is fetched from {url[:200]!r}: {why}.",
        hint="Operators allow folders by HEAVYLIFT_CATALOG_URL and HEAVYLIFT_CATALOG_SOURCES.",
    )
