"""The Khronos glTF validator in a long-lived Node process of its own: confined, asked one file at a time, replaced when it ails."""

import contextlib
import json
import os
import queue
import re
import select
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from jobs.errors import InputError
from jobs.ids import new_id
from models.conformance import Conformance, no_check_for
from models.gltf_conformance import ISSUES, KINDS, conformance_of, silent
from parsers.gltf_tools import SCRIPTS, GltfTools
from parsers.model_folder import lay_out
from workers.room import NO_ROOM
from workers.sandbox import become
from workers.sandbox.process import kill_session

log = structlog.get_logger(__name__)
PATIENCE = 20.0  # seconds for one file; a million triangles take less than one
SET_UP = 2.0  # seconds that a job waits for packages that are just being installed
MEMORY = 1 << 30  # bytes that the process may write to
_MOST = 256 << 20  # bytes that a compressed file may unpack to
_TIRED = 400 << 20  # bytes of memory in use after a file, above which a process is replaced
_FILES = 200  # after which it is, too
_CPU_SECONDS = 3600  # of one process
_ANSWER = 4 << 20  # bytes of one answer
_ERROR = re.compile(r"\b(\w*Error|FATAL ERROR|RangeError): ")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    folder: str  # below the exchange folder
    line: bytes
    tools: GltfTools
    answer: Future[Any]


class Unanswered(Exception):
    """The process gave no answer; the message says why, for people."""


class NodeChecker:
    """Asks the validator. Thread-safe; questions wait for each other. Nothing runs before the first question."""

    def __init__(self, tools: Callable[[float], GltfTools], *, scratch: Path, patience: float = PATIENCE) -> None:
        """`tools` says what there is, after so many seconds of waiting for it at most; files are exchanged below `scratch`."""
        self._tools = tools
        self._scratch = scratch
        self._patience = patience
        self._questions: queue.SimpleQueue[_Question | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._exchange: Path | None = None
        self._asked: _Asked | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Process id of the validator, where it runs."""
        asked = self._asked
        return None if asked is None else asked.pid

    def check(self, upload: Path, kind: str) -> Conformance:
        """See `GltfChecker`."""
        if kind not in KINDS:
            return no_check_for(kind)
        tools = self._tools(SET_UP)
        if tools.program is None:
            return silent(f"The glTF validator is not there. {tools.reason}")
        folder = self._exchange_folder() / new_id().replace("-", "")
        try:
            return self._checked(upload, kind, folder, tools)
        except Unanswered as error:
            why = str(error)
        except InputError as error:  # the archive can't be unpacked: the step that reads the model has said so
            why = error.fault.message
        except OSError as error:
            if error.errno in NO_ROOM:
                raise  # the step is put off until there is some
            why = f"The file could not be handed to the glTF validator: {error.strerror}."
        except (KeyError, TypeError, ValueError, IndexError):
            why = "The glTF validator's answer made no sense."
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return silent(why)

    def _checked(self, upload: Path, kind: str, folder: Path, tools: GltfTools) -> Conformance:
        folder.mkdir(mode=0o700)
        laid = lay_out(upload, kind, folder)
        if laid.kind not in KINDS:
            return no_check_for(laid.kind)
        order = {"folder": folder.name, "main": laid.main, "format": laid.kind, "files": laid.files}
        line = json.dumps(order | {"id": folder.name, "most": _MOST, "issues": ISSUES}).encode() + b"\n"
        return conformance_of(self._ask(_Question(folder=folder.name, line=line, tools=tools, answer=Future())))

    def close(self) -> None:
        """End the process and the thread that it hangs on."""
        with self._lock:
            self._closed = True
            thread, self._thread = self._thread, None
        if thread is not None:
            self._questions.put(None)
            asked = self._asked
            if asked is not None:
                asked.kill()
            thread.join()
        if self._exchange is not None:
            shutil.rmtree(self._exchange, ignore_errors=True)

    def _ask(self, question: _Question) -> dict[str, Any]:
        with self._lock:
            if self._closed:
                raise Unanswered("The worker is ending.")
            if self._thread is None:
                # The kernel ends the process with the thread that starts it, so that this one lives as long as we do.
                self._thread = threading.Thread(target=self._serve, name="gltf-checker", daemon=True)
                self._thread.start()
            self._questions.put(question)  # before the word that ends the thread, or it would not be answered
        said: dict[str, Any] = question.answer.result()
        return said

    def _serve(self) -> None:
        while (question := self._questions.get()) is not None:
            try:
                question.answer.set_result(self._answered(question))
            except Unanswered as error:
                said = self._asked.last_words() if self._asked else ""
                log.warning("gltf.unanswered", reason=str(error), said=said)
                self._drop()
                question.answer.set_exception(error)
            except OSError as error:
                self._drop()
                reason = error.strerror or type(error).__name__
                question.answer.set_exception(Unanswered(f"The glTF validator could not be started: {reason}."))
            except (
                ValueError,
                TypeError,
                AttributeError,
                RecursionError,
            ) as error:  # its words are no JSON, or of another form
                log.exception("gltf.unanswered")
                self._drop()
                question.answer.set_exception(Unanswered(f"The glTF validator failed ({type(error).__name__})."))
        self._drop()

    def _answered(self, question: _Question) -> dict[str, Any]:
        if self._closed:
            raise Unanswered("The worker is ending.")
        exchange = self._exchange_folder()
        if self._asked is not None and self._asked.exchange != exchange:
            self._drop()
        if self._asked is None:
            self._asked = _Asked(question.tools, exchange)
        asked = self._asked
        said: dict[str, Any] = json.loads(asked.ask(question.line, self._patience))
        if said.get("id") != question.folder:
            raise Unanswered("The glTF validator answered another question.")
        if asked.files >= _FILES or asked.resident > _TIRED:
            self._drop()
        return said

    def _drop(self) -> None:
        asked, self._asked = self._asked, None
        if asked is not None:
            asked.end()

    def _exchange_folder(self) -> Path:
        with self._lock:
            if self._exchange is None or not self._exchange.is_dir():  # what lies idle for hours is swept away
                self._scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._exchange = Path(tempfile.mkdtemp(prefix="gltf-", dir=self._scratch))
            return self._exchange


class _Asked:
    """One Node process."""

    def __init__(self, tools: GltfTools, exchange: Path) -> None:
        assert tools.program is not None
        assert tools.packages is not None
        self.exchange = exchange
        self.files = 0
        command = become.order(
            tools.command("conformance.mjs", str(exchange)),
            code=[tools.program, SCRIPTS, tools.packages],
            reads=[exchange],
            memory=MEMORY,
            cpu_seconds=_CPU_SECONDS,
        )
        self._popen = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            env={"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONPATH": str(SCRIPTS.parent)},
            start_new_session=True,
        )
        self.pid = self._popen.pid
        assert self._popen.stderr is not None
        os.set_blocking(self._popen.stderr.fileno(), False)

    def ask(self, line: bytes, patience: float) -> bytes:
        """The line that it answers; raises `Unanswered`."""
        assert self._popen.stdout is not None
        until = time.monotonic() + patience
        self._say(line, until=until, patience=patience)
        said = b""
        fd = self._popen.stdout.fileno()
        while not said.endswith(b"\n"):
            if not _is_ready(fd, select.POLLIN, until=until):
                raise _too_slow(patience)
            more = os.read(fd, 1 << 16)
            if not more:
                raise Unanswered(f"The glTF validator ended while it looked at the file{self._how()}.")
            said += more
            if len(said) > _ANSWER:
                raise Unanswered("The glTF validator said too much.")
        self.files += 1
        self.last_words()  # else they would fill their pipe one day
        return said

    def _say(self, line: bytes, *, until: float, patience: float) -> None:
        """Write the question, which may be longer than what a pipe holds, to a process that may not read."""
        assert self._popen.stdin is not None
        fd = self._popen.stdin.fileno()
        os.set_blocking(fd, False)
        while line:
            if not _is_ready(fd, select.POLLOUT, until=until):
                raise _too_slow(patience)
            try:
                line = line[os.write(fd, line) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                raise Unanswered(f"The glTF validator ended before it was asked{self._how()}.") from None

    @property
    def resident(self) -> int:
        """Bytes of memory that it has in use."""
        try:
            return int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE
        except (OSError, IndexError):
            return 0

    def last_words(self) -> str:
        """What it has complained of since somebody asked: the line that names the error, for operators."""
        assert self._popen.stderr is not None
        try:
            lines = os.read(self._popen.stderr.fileno(), 1 << 16).decode("utf-8", "replace").splitlines()
        except OSError:
            return ""
        return next((line.strip() for line in lines if _ERROR.search(line)), lines[-1] if lines else "")[:300]

    def kill(self) -> None:
        """At once; `end` clears up."""
        with contextlib.suppress(ProcessLookupError):
            self._popen.kill()

    def end(self) -> None:
        """Kill it and whatever it has started, and wait until it is gone."""
        self.kill()
        with contextlib.suppress(BrokenPipeError), self._popen:
            self._popen.wait()
        kill_session(self.pid)

    def _how(self) -> str:
        try:
            code = self._popen.wait(1.0)
        except subprocess.TimeoutExpired:
            return ""
        return f" (by signal {-code}, as where it needs too much memory)" if code < 0 else f" (exit code {code})"


def _is_ready(fd: int, event: int, *, until: float) -> bool:
    """Wait for a pipe, or its end. `select` knows the first 1024 files of a process only, and workers have more."""
    poll = select.poll()
    poll.register(fd, event)
    return bool(poll.poll(max(0.0, until - time.monotonic()) * 1000))


def _too_slow(patience: float) -> Unanswered:
    return Unanswered(f"The glTF validator took more than {patience:g} seconds.")
