"""One run under supervision: its sockets, its clock, and what is heard from it until its last process is dead."""

import contextlib
import os
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from workers.sandbox import collect
from workers.sandbox.call import Call
from workers.sandbox.frames import BrokenFrame, FrameReader, encode
from workers.sandbox.gpus import ON_CPU, Place
from workers.sandbox.process import Process
from workers.sandbox.report import BrokenReport, Report, checked
from workers.sandbox.resident import Resident
from workers.sandbox.verdict import Ending, Why

_TICK = 0.05  # seconds between looks at `stop`, the clock and the disk
_DISK_EVERY = 1.0  # seconds
_PATIENCE = 5.0  # seconds that a killed run gets to be gone, before its whole template goes
_LINGER = 1.0  # seconds that a run may live on after its report
_TAIL = 4096  # bytes kept of what it prints
_CHATTY = 1 << 20  # bytes printed, after which it is read slowly
_SLOWLY = 0.01  # seconds between reads then
_CHUNK = 65536
_FRAMES, _FRAMES_PER_SECOND = 500, 100  # five times what progress can come to
_FRAME_BYTES, _FRAME_BYTES_PER_SECOND = 16 << 20, 1 << 16


class NotStarted(Exception):
    """The template was gone before a child began with this run's step; it may be run on another one."""


class Refused(Exception):
    """The template is there, but the kernel would not give it a child; carries the kernel's words."""


class Attempt:
    """Used once, by one thread."""

    def __init__(
        self,
        call: Call,
        template: Process,
        *,
        on_progress: Callable[[float, str], None],
        stop: threading.Event,
        place: Place = ON_CPU,
    ) -> None:
        self._call = call
        self._place = place
        self._memory = Resident(call.memory + template.hello["inherited"]) if place.gpu else None
        self._template = template
        self._on_progress = on_progress
        self._stop = stop
        self._reader = FrameReader()
        self._statuses = FrameReader()
        self._frames = self._bytes = self._printed = 0
        self._tail = b""
        self._started_at = time.monotonic()
        self._deadline = self._started_at + call.timeout
        self._disk_at = self._started_at + _DISK_EVERY
        self._progress_at = 0.0
        self._ready = False
        self._report: Report | None = None
        self._why: Why | None = None
        self._ended: dict[str, Any] | None = None
        self._lost = False

    def run(self) -> Ending:
        """Until every process of the run is dead; `NotStarted` or `Refused` where it never began."""
        with contextlib.ExitStack() as stack:
            self._line, their_line = self._pair(stack)
            self._status, their_status = self._pair(stack)
            self._print, their_print = os.pipe()
            stack.callback(os.close, self._print)
            stack.callback(self._make_sure)
            try:
                self._template.launch([their_line.fileno(), their_status.fileno(), their_print])
            finally:
                their_line.close()
                their_status.close()
                os.close(their_print)
            self._send_order()
            os.set_blocking(self._print, False)
            self._line.setblocking(False)
            self._status.setblocking(False)
            self._supervise()
            return self._ending()

    def _pair(self, stack: contextlib.ExitStack) -> tuple[socket.socket, socket.socket]:
        ours, theirs = socket.socketpair()
        stack.enter_context(ours)
        stack.enter_context(theirs)
        return ours, theirs

    def _send_order(self) -> None:
        call = self._call
        order = {
            "target": call.target,
            "options": dict(call.options),
            "file_name": call.file_name,
            "kind": call.kind,
            "inputs": {name: str(path) for name, path in call.inputs.items()},
            "resources": {name: str(path) for name, path in call.resources.items()},
            "out": str(call.scratch / "out"),
            "tmp": str(call.scratch / "tmp"),
            "reads": [str(call.scratch / "in"), *(str(path) for path in call.resources.values())],
            "writes": [str(call.scratch / "out"), str(call.scratch / "tmp")],
            "memory": call.memory,
            "cpu_seconds": call.cpu_limit,
            "nice": call.nice,
            "max_output": call.max_output,
            "max_outputs": call.max_outputs,
            "part": list(call.part),
            "gpu": None,
        }
        if self._place.gpu:
            order["gpu"] = {"name": self._place.gpu.name, "vram": self._place.vram}
            order["gpu_uuid"] = self._place.gpu.uuid
        self._line.settimeout(_PATIENCE)
        with contextlib.suppress(OSError):  # it is dead already: the status line says how
            self._line.sendall(encode(order))

    def _supervise(self) -> None:
        poller = select.poll()
        for fd in (self._line.fileno(), self._status.fileno(), self._print):
            poller.register(fd, select.POLLIN)
        listening_to_print = True
        while self._ended is None and not self._lost:
            chatty = self._printed > _CHATTY
            if chatty and listening_to_print:
                poller.unregister(self._print)
                listening_to_print = False
            for fd, _ in poller.poll((_SLOWLY if chatty else _TICK) * 1000):
                if fd == self._status.fileno():
                    self._hear_status()
                elif not (self._hear_line() if fd == self._line.fileno() else self._hear_print()):
                    poller.unregister(fd)  # closed
            if chatty:
                self._hear_print()
            self._watch(time.monotonic())
        # All writers are dead; what they said last may still stand in the sockets.
        while self._report is None and self._why is None and self._hear_line():
            pass
        self._hear_print()

    def _hear_status(self) -> None:
        try:
            received = self._status.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            self._lost = True
        for word in self._statuses.feed(received):
            if "refused" in word:
                raise Refused(word["refused"])
            if "pid" not in word:
                self._ended = word
            elif self._memory:
                self._memory.watch(word["pid"])

    def _hear_line(self) -> bool:
        """Take what the child says; False where there is no more to come for now."""
        try:
            received = self._line.recv(_CHUNK)
        except OSError:
            return False
        if not received:
            return False
        self._bytes += len(received)
        try:
            for frame in self._reader.feed(received):
                self._take(frame)
        except (BrokenFrame, BrokenReport):
            self._kill(Why.BROKEN)
        return True

    def _take(self, frame: Any) -> None:
        now = time.monotonic()
        age = now - self._started_at
        self._frames += 1
        if (
            self._frames > _FRAMES + _FRAMES_PER_SECOND * age
            or self._bytes > _FRAME_BYTES + _FRAME_BYTES_PER_SECOND * age
        ):
            self._kill(Why.FLOOD)
        if self._why is not None or self._report is not None:
            return
        if not isinstance(frame, dict):
            raise BrokenReport("not an object")
        if "ready" in frame:
            self._ready = True
        elif "progress" in frame:
            share, message = frame["progress"], str(frame.get("message", ""))
            if not isinstance(share, int | float):
                raise BrokenReport("progress is no number")
            if now >= self._progress_at or share == 1.0:
                self._progress_at = now + _TICK
                self._on_progress(min(1.0, max(0.0, float(share))), message.replace("\x00", "")[:200])
        else:
            self._report = checked(frame, self._call.step)
            if len(self._report.saved) > self._call.max_outputs:
                self._report = None
                self._kill(Why.FLOOD)
            self._deadline = now + _LINGER

    def _hear_print(self) -> bool:
        """Drain what the child prints; a flood is read slowly, so that it costs the child's time and not ours."""
        try:
            printed = os.read(self._print, _CHUNK)
        except OSError:
            return True
        self._printed += len(printed)
        self._tail = (self._tail + printed)[-_TAIL:]
        return bool(printed)

    def _watch(self, now: float) -> None:
        if self._why is not None:
            if now > self._deadline:  # set by the kill
                self._template.destroy()
                self._lost = True
            return
        if self._report is not None:
            if now > self._deadline:
                self._kill(Why.DONE)
        elif self._stop.is_set():
            self._kill(Why.STOP)
        elif now > self._deadline:
            self._kill(Why.TIMEOUT)
        elif self._memory and self._memory.exceeded():
            self._kill(Why.MEMORY)
        elif now > self._disk_at:
            self._disk_at = now + _DISK_EVERY
            files = 2 * self._call.max_outputs + 10_000
            if not collect.within(self._call.scratch, max_bytes=2 * self._call.total + (64 << 20), max_files=files):
                self._kill(Why.DISK)

    def _kill(self, why: Why) -> None:
        """Have the template kill the group; it alone can do so without hitting somebody else's process."""
        if self._why is None:
            self._why = why
            self._deadline = time.monotonic() + _PATIENCE
            with contextlib.suppress(OSError):
                self._status.send(b"K")

    def _make_sure(self) -> None:
        """However this run ends here, it ends there: closing the status line kills it."""
        if self._ended is None and not self._lost:
            with contextlib.suppress(OSError):
                self._status.shutdown(socket.SHUT_RDWR)

    def _ending(self) -> Ending:
        if self._lost:
            if not self._ready and self._why is None:
                raise NotStarted
            self._template.destroy()  # its children, too, before anybody touches their scratch folders
        ended = self._ended or {}
        return Ending(
            ready=self._ready,
            report=self._report,
            why=self._why,
            status=ended.get("status"),
            seconds=time.monotonic() - self._started_at,
            cpu_seconds=ended.get("cpu", 0.0),
            peak=ended.get("peak", 0),
            base=self._template.hello["inherited"],
            tail=self._tail,
        )
