"""Steps that misbehave on purpose, for tests of the sandbox; they run in its children."""

# ruff: noqa: PTH105, PTH208, PTH211 - plain system calls are what is tested here

import ctypes
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from jobs.errors import InputError, StepError, TransientError, UnreadableFile

_LIBC = ctypes.CDLL(None, use_errno=True)
_HOLDING_THE_GIL = ctypes.PyDLL(None)


def nothing(context: Any) -> None:
    """Does nothing, well."""


def good(context: Any) -> None:
    """Reads its input and hands over a file, a summary, a warning and counts."""
    text = context.open("upload").read().decode()
    Path("folder").mkdir()
    context.progress(1, 4, "reading")
    Path("folder/result.txt").write_text(text.upper())
    context.save(Path("folder/result.txt"), name="result.txt", media_type="text/plain")
    context.save(context.scratch / "folder/result.txt", name="again.txt", media_type="text/plain")
    context.summary(length=len(text), name=context.file_name, kind=context.kind, options=dict(context.options))
    context.warn("odd", "looks odd")
    context.count("rows", 3)
    context.count("rows")
    context.progress(4, 4, "done")


def told_nice(context: Any) -> None:
    context.summary(nice=os.nice(0))


def work_until_told(context: Any) -> None:
    """Works for `seconds` beside others' misfortune, then ends well."""
    context.progress(1, 10, "working")
    time.sleep(context.options["seconds"])
    good(context)


def look(context: Any) -> None:
    """Tries each thing that it must not be able to do, and says how it went."""
    tried = {}
    for name in context.options["tries"]:
        try:
            tried[name] = str(_TRIES[name](context, context.options))
        except BaseException as error:
            tried[name] = type(error).__name__
    context.summary(tried=tried, pid=os.getpid(), environment=dict(os.environ))


def _connect(family: int, address: Any) -> str:
    with socket.socket(family, socket.SOCK_STREAM) as found:
        found.connect(address)
    return "connected"


def _datagram(options: Any) -> str:
    one, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    one.sendto(b"x", options["unix"])
    return "sent"


def _signal(options: Any) -> str:
    os.kill(options["victim"], signal.SIGKILL)
    return "killed"


def _chmod(options: Any) -> str:
    Path(options["secret"]).chmod(0)
    return "pretended"


def _limit_other(options: Any) -> str:
    import resource

    resource.prlimit(options["victim"], resource.RLIMIT_CPU, (1, 1))
    return "limited"


def _raise_limit(_options: Any) -> str:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (1 << 20, 1 << 20))
    return "raised"


def _call(number: int, *arguments: Any) -> str:
    if _LIBC.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return "allowed"


_TRIES: dict[str, Any] = {
    "environ": lambda _, o: Path(f"/proc/{o['victim']}/environ").read_bytes(),
    "own_parent": lambda _, _o: Path(f"/proc/{os.getppid()}/environ").read_bytes(),
    "proc": lambda _, _o: os.listdir("/proc"),
    "secret": lambda _, o: Path(o["secret"]).read_text(),
    "secret_via_link": lambda _, o: (os.symlink(o["secret"], "link"), Path("link").read_text()),
    "secret_hard_link": lambda _, o: (os.link(o["secret"], "hard"), Path("hard").read_text()),
    "truncate": lambda _, o: os.truncate(o["secret"], 0),
    "write_secret": lambda _, o: Path(o["secret"]).write_text("gone"),
    "delete_secret": lambda _, o: Path(o["secret"]).unlink(),
    "list_folder": lambda _, o: os.listdir(Path(o["secret"]).parent),
    "write_input": lambda c, _: c.path("upload").write_text("changed"),
    "write_code": lambda _, _o: Path(__file__).with_name("planted.py").write_text("x = 1"),
    "passwd": lambda _, _o: Path("/etc/shadow").read_text(),
    "chmod": lambda _, o: _chmod(o),
    "tcp": lambda _, o: _connect(socket.AF_INET, ("127.0.0.1", o["port"])),
    "unix": lambda _, o: _connect(socket.AF_UNIX, o["unix"]),
    "abstract": lambda _, o: _connect(socket.AF_UNIX, "\0" + o["abstract"]),
    "datagram": lambda _, o: _datagram(o),
    "netlink": lambda _, _o: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "signal": lambda _, o: _signal(o),
    "limit_other": lambda _, o: _limit_other(o),
    "raise_limit": lambda _, o: _raise_limit(o),
    "setsid": lambda _, _o: os.setsid(),
    "setpgid": lambda _, _o: os.setpgid(0, 0),
    "io_uring": lambda _, _o: _call(425, 8, ctypes.create_string_buffer(256)),
    "unshare": lambda _, _o: _call(97 if os.uname().machine == "aarch64" else 272, 0x10000000),
    "descriptors": lambda _, _o: [fd for fd in range(3, 512) if _is_open(fd) and not _is_own_line(fd)],
    "rename": lambda _, _o: (
        Path(os.environ["TMPDIR"], "a").write_text("x"),
        os.replace(os.environ["TMPDIR"] + "/a", "b"),
    ),
    "copy": lambda c, _: __import__("shutil").copy2(c.path("upload"), "copied"),
    "subprocess": lambda _, _o: subprocess.run(["/bin/echo", "hi"], capture_output=True, check=True).stdout,
    "kill_own_child": lambda _, _o: _kill_own_child(),
    "resource": lambda c, _: c.resource("colors").read_text(),
    "tempfile": lambda _, _o: __import__("tempfile").NamedTemporaryFile().name.startswith(os.environ["TMPDIR"]),
    "lazy_import": lambda _, _o: __import__("sqlite3").sqlite_version[0],
    "threads": lambda _, _o: _thread(),
}


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _is_own_line(fd: int) -> bool:
    return fd == 3


def _kill_own_child() -> str:
    child = subprocess.Popen(["/bin/sleep", "60"])
    child.kill()
    return str(child.wait())


def _thread() -> str:
    import threading

    found: list[str] = []
    thread = threading.Thread(target=found.append, args=("ran",))
    thread.start()
    thread.join()
    return found[0]


def segfault(context: Any) -> None:
    ctypes.string_at(0)


def abort(context: Any) -> None:
    os.abort()


def memory_in_python(context: Any) -> None:
    hoard = []
    while True:
        hoard.append(bytearray(8 << 20))


def memory_in_numpy(context: Any) -> None:
    import numpy as np

    np.ones(200 << 20, dtype=np.float64)


def memory_in_native(context: Any) -> None:
    """Takes what malloc gives and aborts when it gives no more, as C++ does."""
    _LIBC.malloc.restype = ctypes.c_void_p
    _LIBC.malloc.argtypes = [ctypes.c_size_t]
    while block := _LIBC.malloc(4 << 20):
        ctypes.memset(block, 1, 4 << 20)
    os.abort()


def killed_from_outside(context: Any) -> None:
    context.progress(1, 2, f"pid {os.getpid()}")
    time.sleep(60)


def spin(context: Any) -> None:
    while True:
        pass


def spin_deaf_to_the_limit(context: Any) -> None:
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    spin(context)


def forbidden_machine_call(context: Any) -> None:
    """A system call in the way of another machine, which the filter answers with the end (x86_64); else an illegal one."""
    import mmap

    code = b"\xb8\x14\x00\x00\x00\xcd\x80\xc3" if os.uname().machine == "x86_64" else b"\x00\x00\x00\x00"
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()


def hang_in_native(context: Any) -> None:
    """Sleeps in C with the GIL held."""
    _HOLDING_THE_GIL.sleep(3600)


def hang_in_regex(context: Any) -> None:
    re.match(r"(a+)+$", "a" * 60 + "b")


def sleep(context: Any) -> None:
    context.progress(1, 2, f"pid {os.getpid()}")
    time.sleep(3600)


def exit_0(context: Any) -> None:
    os._exit(0)


def exit_3(context: Any) -> None:
    os._exit(3)


def exit_politely(context: Any) -> None:
    sys.exit(0)


def chatter(context: Any) -> None:
    """Prints a great deal, then ends well, or not."""
    line = b"x" * 1023 + b"\n"
    for _ in range(context.options["kilobytes"]):
        os.write(1, line)
    os.write(2, b"the last line\n")
    if context.options["then"] == "exit":
        os._exit(1)


def flood_of_frames(context: Any) -> None:
    frame = b"\x00\x00\x00\x12" + b'{"progress":0.001}'
    while True:
        os.write(3, frame * 100)


def broken_frame(context: Any) -> None:
    os.write(3, b"\xff\xff\xff\xff")
    time.sleep(60)


def forged_report(context: Any) -> None:
    body = context.options["body"].encode()
    os.write(3, len(body).to_bytes(4, "big") + body)
    time.sleep(60)


def many_warnings(context: Any) -> None:
    for n in range(5000):
        context.warn("row.odd", f"row {n}")
    context.warn("row.odd", "\x00")


def huge_summary(context: Any) -> None:
    context.summary(text="x" * (5 << 20))


def no_json_summary(context: Any) -> None:
    context.summary(thing=object())


def too_large_file(context: Any) -> None:
    with Path("large").open("wb") as file:
        file.writelines(bytes(1 << 20) for _ in range(64))


def too_much_together(context: Any) -> None:
    for n in range(4):
        Path(f"part{n}").write_bytes(bytes(700_000))
        context.save(Path(f"part{n}"), name=f"part{n}", media_type="application/octet-stream")


def too_many_files(context: Any) -> None:
    for n in range(context.options["files"]):
        Path(f"part{n}").write_bytes(b"x")
        context.save(Path(f"part{n}"), name=f"part{n}", media_type="text/plain")


def fill_disk(context: Any) -> None:
    for n in range(100_000):
        Path(f"part{n}").write_bytes(bytes(1 << 20))


def save_symlink(context: Any) -> None:
    Path("out.txt").symlink_to(context.options["secret"])
    context.save(Path("out.txt"), name="out.txt", media_type="text/plain")


def save_through_linked_folder(context: Any) -> None:
    Path("folder").symlink_to(Path(context.options["secret"]).parent)
    context.save(Path("folder") / Path(context.options["secret"]).name, name="out.txt", media_type="text/plain")


def save_hard_link(context: Any) -> None:
    Path("one.txt").write_text("x")
    os.link("one.txt", "two.txt")
    context.save(Path("one.txt"), name="one.txt", media_type="text/plain")


def save_fifo(context: Any) -> None:
    os.mkfifo("pipe")
    context.save(Path("pipe"), name="pipe", media_type="text/plain")


def save_folder(context: Any) -> None:
    Path("folder").mkdir()
    context.save(Path("folder"), name="folder", media_type="text/plain")


def save_outside(context: Any) -> None:
    context.save(Path("/etc/hostname"), name="hostname", media_type="text/plain")


def save_above(context: Any) -> None:
    context.save(Path("../in/upload"), name="upload", media_type="text/plain")


def save_missing(context: Any) -> None:
    context.save(Path("nowhere"), name="nowhere", media_type="text/plain")


def leave_grandchildren(context: Any) -> None:
    """Leaves processes that try everything to survive, then ends as `then` says."""
    pids = []
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            for leave in (os.setsid, lambda: os.setpgid(0, 0)):
                try:
                    leave()
                except OSError:
                    continue
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            if os.fork() == 0:
                os.write(1, f"alive {os.getpid()}\n".encode())
                time.sleep(3600)
            time.sleep(0.2)
            os._exit(0)
        pids.append(pid)
    Path("pids").write_text(" ".join(map(str, pids)))
    context.progress(1, 2, " ".join(map(str, [os.getpid(), *pids])))
    time.sleep(0.3)
    if context.options["then"] == "crash":
        ctypes.string_at(0)
    if context.options["then"] == "sleep":
        time.sleep(3600)


def fork_bomb(context: Any) -> None:
    """Forks as fast as it can, without end."""
    deadline = time.monotonic() + 20
    context.progress(1, 2, f"pid {os.getpid()}")
    alive = 0
    while time.monotonic() < deadline:
        if alive < 150:
            if os.fork() == 0:
                while True:
                    time.sleep(0.05)
            alive += 1


def unreadable(context: Any) -> None:
    raise UnreadableFile("xml.syntax", "Line 3 is broken.", hint="Mend it.", line=3, column=7)


def bad_input(context: Any) -> None:
    context.warn("odd", "seen before the end")
    raise InputError("model.empty", "No triangles \x00 in it.")


def passing(context: Any) -> None:
    raise TransientError("store.away", "The store is away.", delay=7.5)


def platform_fault(context: Any) -> None:
    raise StepError("thumb.no_osmesa", "There is no OSMesa.", hint="Install it.")


def unexpected(context: Any) -> None:
    raise ValueError("the content of a secret file")


def disk_full(context: Any) -> None:
    raise OSError(28, "No space left on device")


def take_all_room(context: Any) -> None:
    """Writes until the disk is full, then fails as told: with that, or without a word about it, as a renderer does."""
    try:
        with Path("filling").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(65536))
    except OSError:
        if context.options["says_so"]:
            raise
        raise RuntimeError("the picture could not be drawn") from None


def two_outputs(context: Any) -> None:
    """Hands over two files of `size` bytes."""
    for name in ("a", "b"):
        Path(name).write_bytes(os.urandom(context.options["size"]))
        context.save(Path(name), name=name, media_type="text/plain")


def progress_storm(context: Any) -> None:
    for n in range(200_000):
        context.progress(n, 200_000, "storm")
    context.progress(200_000, 200_000, "end")


def not_here(context: Any) -> None:
    import a_library_that_nobody_has  # noqa: F401 - its absence is the point


def loaded_modules(context: Any) -> None:
    context.summary(modules=sorted({name.partition(".")[0] for name in sys.modules}))
