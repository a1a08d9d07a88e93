"""Fetches a catalog's tables over HTTP or from a folder: conditionally, within size and time, and never elsewhere."""

import contextlib
import errno
import hashlib
import os
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from catalog.allowed import LOOPBACK, Allowed, Place
from catalog.ports import FetchedFile, Watch
from catalog.sources import MiB
from jobs.errors import InputError, TransientError

if TYPE_CHECKING:
    import httpx

# Rebrickable's names; the first two have to be there.
TABLES = ("parts.csv.gz", "colors.csv.gz", "elements.csv.gz", "part_relationships.csv.gz", "part_categories.csv.gz")
MAPS = ("part_ids.csv.gz", "color_ids.csv.gz", "ldraw2bl.txt", "LDConfig.ldr", "colors.json.gz", "parts.json.gz")
_ENDINGS = (".csv", ".csv.gz", ".txt", ".txt.gz", ".json", ".json.gz", ".ldr")  # of files taken from a folder
_NOT_THERE = frozenset({403, 404, 410})  # object stores say 403 for what is not there
_ELSEWHERE = frozenset({301, 302, 303, 307, 308})
_HOPS = 5
_CHUNK = 256 * 1024
_MOST_FILES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a fetch may cost."""

    file: int = 64 * MiB  # bytes of one file as it comes; the largest real table has 1
    total: int = 256 * MiB  # of all of them
    seconds: float = 240.0  # for everything
    silence: float = 10.0  # seconds without a byte


class TableFetcher:
    """Fetches for one job; `known` are the files of the version in force, by URL."""

    def __init__(
        self, *, version: str, allowed: Allowed, known: Mapping[str, FetchedFile], bounds: Bounds | None = None
    ) -> None:
        self.version = version
        self._allowed = allowed
        self._known = known
        self._bounds = bounds or Bounds()

    def fetch(self, source: str, into: Path, *, anew: bool, watch: Watch) -> Mapping[str, FetchedFile] | None:
        """See `catalog.ports.Fetcher`."""
        folders = self._allowed.folders(source)
        into.mkdir(parents=True, exist_ok=True)
        with _Visit(self._allowed, self._bounds, watch) as visit:
            wanted = [(name, url) for folder in folders for name, url in visit.names(folder)]
            known = {} if anew else {url: self._known[url] for _, url in wanted if url in self._known}
            # Where what is in force came from these very files, it is asked first whether any of them has changed.
            if known and known.keys() == self._known.keys() and not visit.has_news(wanted, known):
                return None
            found = self._bring(visit, wanted, into)
        # A server that knows no conditions sends the same again.
        same = not anew and {one.url: one.sha256 for one in found.values()} == {
            url: one.sha256 for url, one in self._known.items()
        }
        return None if same else found

    def _bring(self, visit: "_Visit", wanted: list[tuple[str, str]], into: Path) -> dict[str, FetchedFile]:
        found: dict[str, FetchedFile] = {}
        for number, (name, url) in enumerate(wanted):
            visit.watch(number, len(wanted), f"fetches {name}")
            if name not in found and (file := visit.take(url, into / name)) is not None:
                found[name] = file
        missing = [table for table in ("parts", "colors") if not any(name.startswith(f"{table}.csv") for name in found)]
        if missing:
            raise InputError(
                "catalog.missing",
                f"The source has no {missing[0]}.csv.gz.",
                hint="A source is the folder that the tables lie in, by the names that Rebrickable gives them.",
            )
        return found


class _Visit:
    """One round over all folders: its connections, its clock, what it may still take."""

    def __init__(self, allowed: Allowed, bounds: Bounds, watch: Watch) -> None:
        self.watch = watch
        self._allowed = allowed
        self._bounds = bounds
        self._left = bounds.total
        self._clock = _Clock(bounds.seconds)
        self._clients: dict[bool, httpx.Client] = {}  # by whether it is for our own loopback

    def __enter__(self) -> Self:
        self._clock.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._clock.stop()
        for client in self._clients.values():
            client.close()

    def names(self, folder: str) -> Iterator[tuple[str, str]]:
        """(file name, URL) of what may lie in a folder: all tables of one on this machine, else the usual names."""
        place = self._allowed.require(folder)
        if place.scheme != "file":
            yield from ((name, f"{folder}/{name}") for name in (*TABLES, *MAPS))
            return
        try:
            names = sorted(entry.name for entry in os.scandir(place.path) if entry.name.isprintable())
        except OSError as error:
            raise InputError("catalog.missing", f"{folder} can not be read: {error.strerror}.") from error
        tables = [name for name in names if name.lower().endswith(_ENDINGS)]
        if len(tables) > _MOST_FILES:
            raise InputError("catalog.too_large", f"{folder} holds more than {_MOST_FILES} tables.")
        yield from ((name, f"{folder}/{quote(name)}") for name in tables)

    def has_news(self, wanted: list[tuple[str, str]], known: Mapping[str, FetchedFile]) -> bool:
        """Whether anything is not as it was, without taking it."""
        for number, (_, url) in enumerate(wanted):
            self.watch(number, len(wanted), "asks for news")
            if url.startswith("file:"):
                if self._local_mark(url) != (known[url].etag if url in known else None):
                    return True
                continue
            with self._get(url, known.get(url)) as answer:
                if answer.status_code == 304 and url in known:
                    continue
                if answer.status_code not in _NOT_THERE or url in known:
                    return True
        return False

    def take(self, url: str, path: Path) -> FetchedFile | None:
        """One file; None where there is none of that name."""
        if url.startswith("file:"):
            return self._copy(url, path)
        with self._get(url, None) as answer:
            if answer.status_code in _NOT_THERE:
                return None
            if answer.status_code != 200:
                raise InputError("catalog.source_answer", f"{url} answered {answer.status_code}.")
            announced = answer.headers.get("content-length", "")
            if announced.isdigit():
                self._require(url, int(announced))
            size, digest = self._save(url, answer.iter_raw(_CHUNK), path)
            marks = {"etag": answer.headers.get("etag"), "last_modified": answer.headers.get("last-modified")}
            return FetchedFile(url=url, size=size, sha256=digest, **marks)

    def _copy(self, url: str, path: Path) -> FetchedFile:
        mark = self._local_mark(url)
        try:
            # Not blocking: a pipe in the place of a file would wait for a writer.
            descriptor = os.open(self._allowed.require(url).path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise InputError("catalog.missing", f"{url} is no file.")
                size, digest = self._save(url, iter(lambda: file.read(_CHUNK), b""), path)
        except FileNotFoundError as error:
            raise InputError("catalog.missing", f"{url} is gone.") from error
        except PermissionError as error:
            raise InputError("catalog.missing", f"{url} can not be read: {error.strerror}.") from error
        return FetchedFile(url=url, size=size, sha256=digest, etag=mark)

    def _local_mark(self, url: str) -> str | None:
        try:
            found = Path(self._allowed.require(url).path).stat()
        except OSError:
            return None
        return f"{found.st_size}-{found.st_mtime_ns}"

    def _save(self, url: str, chunks: Iterator[bytes], path: Path) -> tuple[int, str]:
        size, digest = 0, hashlib.sha256()
        with path.open("wb") as out, _room_for(path):
            for chunk in chunks:
                size += len(chunk)
                self._require(url, size)
                self._clock.check()
                digest.update(chunk)
                out.write(chunk)
                self.watch(0, 0, f"fetches {path.name}")
            out.flush()
        self._left -= size
        return size, digest.hexdigest()

    def _require(self, url: str, size: int) -> None:
        if size > min(self._bounds.file, self._left):
            most = f"{self._bounds.file // MiB} MiB, all of them {self._bounds.total // MiB}"
            raise InputError("catalog.too_large", f"{url} is too large: a table may have {most}.")

    @contextmanager
    def _get(self, url: str, known: FetchedFile | None) -> Iterator["httpx.Response"]:
        """The answer, after redirects within what is allowed; its body is not read yet."""
        import httpx

        headers = {"If-None-Match": known.etag} if known and known.etag else {}
        if known and known.last_modified:
            headers["If-Modified-Since"] = known.last_modified
        at = url
        try:
            for _ in range(_HOPS):
                place = self._allowed.require(at, is_target=at != url)
                if place.scheme == "file":
                    raise InputError("catalog.source_answer", f"{url} leads to a file of this machine.")
                self._clock.check()
                with self._client(place).stream(
                    "GET", at, headers=headers, extensions=self._clock.extensions
                ) as answer:
                    if answer.status_code in _ELSEWHERE:
                        at = str(answer.url.join(answer.headers.get("location", "")))
                        continue
                    if answer.status_code == 429 or answer.status_code >= 500:
                        raise _away(url, f"it answered {answer.status_code}", after=answer.headers.get("retry-after"))
                    yield answer
                    return
        except httpx.InvalidURL as error:
            raise InputError("catalog.source_answer", f"{url} leads to something that is no address.") from error
        except httpx.TransportError as error:
            self._clock.check()
            raise _away(url, str(error) or type(error).__name__) from error
        raise InputError("catalog.source_answer", f"{url} leads to more than {_HOPS} other addresses.")

    def _client(self, place: Place) -> "httpx.Client":
        import httpx

        near = place.host in LOOPBACK
        if near not in self._clients:
            self._clients[near] = httpx.Client(
                timeout=httpx.Timeout(self._bounds.silence, connect=min(5.0, self._bounds.silence)),
                # As it lies there: a table stays gzipped, and nothing unpacks in this process.
                headers={"User-Agent": "heavylift-catalog", "Accept-Encoding": "identity"},
                trust_env=not near,  # a proxy for the world outside has no way to our own loopback
            )
        return self._clients[near]


class _Clock:
    """Ends a fetch on time, also one whose server says a byte now and then: its connections are shut from here."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until = time.monotonic() + seconds
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._shut)
        self._timer.daemon = True

    def start(self) -> None:
        self._until = time.monotonic() + self._seconds
        self._timer.start()

    def stop(self) -> None:
        self._timer.cancel()

    def check(self) -> None:
        """Raise where time is up."""
        if time.monotonic() >= self._until:
            raise TransientError(
                "catalog.source_slow", f"The source did not give all tables within {self._seconds:.0f} s."
            )

    @property
    def extensions(self) -> dict[str, Callable[[str, dict[str, Any]], None]]:
        """For a request: httpx tells of each connection that is made for it."""
        return {"trace": self._noted}

    def _noted(self, event: str, told: dict[str, Any]) -> None:
        if event in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            self._sockets.append(told["return_value"].get_extra_info("socket"))
            if time.monotonic() >= self._until:
                self._shut()

    def _shut(self) -> None:
        for one in self._sockets:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(one, socket.SHUT_RDWR)  # not TLS's own, which would wait for the other side


@contextmanager
def _room_for(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise TransientError("catalog.no_room", f"This worker's disk has no room for {path.name}.") from error
        raise


def _away(url: str, why: str, *, after: str | None = None) -> TransientError:
    delay = min(float(after), 3600.0) if after and after.isdigit() else None
    return TransientError("catalog.source_unavailable", f"{url} does not answer as it should: {why}.", delay=delay)
