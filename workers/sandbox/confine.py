"""How a child is confined: files by Landlock, system calls by seccomp, network by namespace, sizes by rlimits.

Every layer stands alone: where the kernel lacks one, the others still hold, and `Capabilities` says so.
"""

import glob
import os
import resource
import signal
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from workers.sandbox import kernel, seccomp
from workers.sandbox.syscalls import NO_TRUNCATE, Rule, machine, own_signals_only

_OPEN_FILES = 512
_PROCESSES = 512  # with threads; counted where a user namespace makes the count our own
_LIMITED = (
    resource.RLIMIT_AS, resource.RLIMIT_DATA, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC,
)  # fmt: skip
_REPORTING = 32 * 1024 * 1024  # bytes of address space beyond the limit, to be able to say that it was hit

_READ = kernel.READ_FILE | kernel.READ_DIR
_RUN = _READ | kernel.EXECUTE
_WRITE = (
    _READ | kernel.WRITE_FILE | kernel.TRUNCATE | kernel.REFER | kernel.REMOVE_DIR | kernel.REMOVE_FILE
    | kernel.MAKE_DIR | kernel.MAKE_REG | kernel.MAKE_SYM | kernel.MAKE_FIFO | kernel.MAKE_SOCK
)  # fmt: skip
_DEVICE = kernel.READ_FILE | kernel.WRITE_FILE | kernel.IOCTL_DEV
_COMMENT = _READ | kernel.WRITE_FILE | kernel.TRUNCATE  # the driver opens it as a shell does with `>`
_NO_TCP = 0b11  # LANDLOCK_ACCESS_NET_BIND_TCP, _CONNECT_TCP
_KEPT_IN = 0b11  # LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET, _SIGNAL

# Libraries, fonts and time zones. Nothing below /home, /root, /var, /tmp, /run, and of /proc two harmless files.
_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/sbin")
_SYSTEM_READ = (
    "/etc/fonts", "/etc/ld.so.cache", "/etc/localtime", "/etc/mime.types", "/var/cache/fontconfig",
    "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu",
)  # fmt: skip
_SYSTEM_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
# What CUDA's driver opens beyond that. All GPUs: which one a step sees is said in its environment.
_GPU_DEVICES = ("/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia[0-9]*")
_GPU_READ = (
    "/proc/driver/nvidia", "/proc/devices", "/proc/modules", "/proc/self", "/proc/sys/vm", "/sys/bus/pci",
    "/sys/devices", "/sys/module/nvidia", "/sys/module/nvidia_uvm",
)  # fmt: skip
_GPU_WRITE = ("/proc/self/task",)  # it names its threads, and does not start where it can't


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What this kernel offers to confine a child."""

    landlock: int  # ABI version; 0: none
    seccomp: bool
    netns: bool  # a network namespace, as root or in a user namespace

    @property
    def mode(self) -> str:
        """In words, for `/ready` and `heavylift doctor`."""
        if self.landlock and self.seccomp:
            return "full"
        if self.landlock:
            return "files and limits only" if not self.netns else "files, network and limits only"
        if self.seccomp or self.netns:
            return "network and limits only"
        return "limits only"


@cache
def capabilities() -> Capabilities:
    """What there is on this machine; looked at once, in a process of its own."""
    tried = subprocess.run(
        [sys.executable, "-I", "-S", kernel.__file__], capture_output=True, timeout=20, check=False, env={}
    )
    return Capabilities(
        landlock=kernel.landlock_abi(),
        seccomp=seccomp.available(),
        netns=tried.stdout in {b"netns", b"userns"},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one child may use."""

    memory: int  # bytes beyond the template's: of address space, or, on a GPU, of memory that is its own
    cpu_seconds: int
    file_size: int  # bytes
    gpu: bool = False  # with the devices of the GPUs


# Our own packages that steps import, and the sandbox itself.
ROOMS = ("catalog", "documents", "gltf", "jobs", "lists", "models", "parsers", "pictures", "pipelines", "workers")


def readable_code(packages_root: Path, extra: Iterable[Path]) -> list[Path]:
    """Folders that hold code and libraries: interpreter, site-packages, our own packages one by one.

    Never `packages_root` itself: the data folder may lie in it.
    """
    own = [packages_root / name for name in ROOMS]
    libraries = [
        Path(sys.prefix),
        Path(sys.base_prefix),
        *(Path(sysconfig.get_path(p)) for p in ("purelib", "platlib")),
    ]
    on_path = [Path(entry) for entry in sys.path if entry and Path(entry) != packages_root]
    found = [path.resolve() for path in (*own, *libraries, *on_path, *extra) if path.exists()]
    wanted = {path for path in found if path != packages_root.resolve() and path != Path("/")}
    return sorted(path for path in wanted if wanted.isdisjoint(path.parents))


class Confinement:
    """Made once in the template; `apply()` runs in each child and has to be cheap."""

    def __init__(self, code: Sequence[Path], *, without: Iterable[str] = (), gpus: bool = False) -> None:
        """`without` names kernel features to leave alone, as if the kernel were older: for tests and for debugging.

        `gpus`: some of the children use GPUs.
        """
        missing = frozenset(without)
        self._gpus = gpus
        self.landlock = 0 if "landlock" in missing else kernel.landlock_abi()
        if self.landlock > 5 and "scopes" in missing:
            self.landlock = 5
        self.seccomp = "seccomp" not in missing and seccomp.available()
        self.network = self._cut_network(missing)
        if self.seccomp:
            kernel.seccomp_program(seccomp.rest_part(machine(), (), gpus=gpus))
        handled_by = {1: kernel.REFER - 1, 2: kernel.TRUNCATE - 1, 3: kernel.IOCTL_DEV - 1, 4: kernel.IOCTL_DEV - 1}
        self._handled = handled_by.get(self.landlock, 2 * kernel.IOCTL_DEV - 1)
        self._open_to_all = (*_SYSTEM, *map(str, code))
        self._ceilings = {which: _ceiling(which) for which in _LIMITED}
        self._rules: tuple[bytes, ...] = ()
        if self.landlock:
            self._rules = tuple(self._open())

    def share(self) -> None:
        """Lock the template itself into what holds for it and for all its children; no child has to do it again."""
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        kernel.drop_capabilities(keep_reading=self.landlock > 0 and os.geteuid() == 0)
        kernel.no_new_privileges()
        if self.seccomp:
            seccomp.install_shared(gpus=self._gpus)

    def rehearse(self) -> None:
        """Go through the motions of `apply()`: Python is quicker, and copies less after a fork, in code that has run."""
        if self.landlock:
            os.close(self._ruleset(("/",), ("/", "/")))
        for which in _LIMITED:
            self._limit(which, *resource.getrlimit(which))
        kernel.die_with_parent(0)

    def apply(self, *, reads: Iterable[str], writes: Iterable[str], limits: Limits, mapped: int) -> None:
        """Confine this process for good, beyond what `share()` did. `mapped` is the address space that it has from its template, in bytes."""
        # CUDA reserves far more address space than a machine has memory. There, private memory is counted instead;
        # what is shared, or is the driver's, is watched from outside (`resident`).
        which, before = (resource.RLIMIT_DATA, _data()) if limits.gpu else (resource.RLIMIT_AS, mapped)
        self._limit(which, before + limits.memory, before + limits.memory + _REPORTING)
        # A child that catches SIGXCPU gets two seconds to live.
        self._limit(resource.RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 2)
        self._limit(resource.RLIMIT_FSIZE, limits.file_size, limits.file_size)
        self._limit(resource.RLIMIT_NOFILE, _OPEN_FILES, _OPEN_FILES)
        if self.network == "userns":
            self._limit(resource.RLIMIT_NPROC, _PROCESSES, _PROCESSES)
        if self.landlock:
            ruleset = self._ruleset(reads, writes, gpu=limits.gpu)
            kernel.landlock_restrict(ruleset)
            os.close(ruleset)

    def filter_calls(self, *, gpu: bool = False) -> None:
        """The last lock: after it the process can no longer set up the others."""
        if not self.seccomp:
            return
        extra: tuple[Rule, ...] = ()
        if self.landlock < 6:
            extra += own_signals_only(os.getpid())
        if self.landlock < 3:
            extra += (NO_TRUNCATE,)
        seccomp.install_rest(extra, gpus=self._gpus, gpu=gpu)

    def describe(self) -> dict[str, Any]:
        """Which layers this template's children get, and the folders that all of them may read."""
        layers = {"landlock": self.landlock, "seccomp": self.seccomp, "network": self.network}
        return layers | {"open": self._open_to_all}

    def _limit(self, which: int, soft: int, hard: int) -> None:
        """Lower a limit; never raise it above what we were given."""
        ceiling = self._ceilings[which]
        resource.setrlimit(which, (min(soft, ceiling), min(hard, ceiling)))

    def _cut_network(self, missing: frozenset[str]) -> str:
        how = "none" if "netns" in missing else "userns" if "root" in missing else kernel.network_cut()
        if how != "none":
            kernel.cut_network(in_user_namespace=how == "userns")
        return how

    def _open(self) -> Iterator[bytes]:
        """Rules for what all children may do; their descriptors stay open."""
        grants: dict[str, int] = dict.fromkeys(self._open_to_all, _RUN)
        grants |= dict.fromkeys(_SYSTEM_READ, _READ) | dict.fromkeys(_SYSTEM_DEVICES, _DEVICE)
        granted: dict[tuple[int, int], int] = {}
        for path, access in grants.items():
            fd = _opened(path)
            if fd is None:
                continue
            facts = os.fstat(fd)
            if granted.get((facts.st_dev, facts.st_ino)) == access:  # /lib is a link to /usr/lib, and the like
                os.close(fd)
                continue
            granted[facts.st_dev, facts.st_ino] = access
            yield kernel.landlock_rule(fd, access=self._fitting(fd, access))

    def _ruleset(self, reads: Iterable[str], writes: Iterable[str], *, gpu: bool = False) -> int:
        ruleset = kernel.landlock_ruleset(
            self._handled,
            network=_NO_TCP if self.landlock >= 4 else 0,
            scoped=_KEPT_IN if self.landlock >= 6 else 0,
            abi=self.landlock,
        )
        kernel.landlock_add(ruleset, self._rules)
        grants = [(reads, _READ), (writes, _WRITE)]
        if gpu:
            grants += [(_gpu_devices(), _DEVICE), (filter(os.path.exists, _GPU_READ), _READ), (_GPU_WRITE, _COMMENT)]
        for paths, access in grants:
            for path in paths:
                fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
                kernel.landlock_add(ruleset, (kernel.landlock_rule(fd, access=self._fitting(fd, access)),))
                os.close(fd)
        return ruleset

    def _fitting(self, fd: int, access: int) -> int:
        """What of `access` this kernel knows, and makes sense for the file or folder."""
        is_folder = stat.S_ISDIR(os.fstat(fd).st_mode)
        return access & self._handled & (-1 if is_folder else kernel.OF_FILES)


def lift_memory_limit() -> None:
    """A little room beyond the memory limit, to be able to report that it was hit."""
    for which in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        _, hard = resource.getrlimit(which)
        resource.setrlimit(which, (hard, hard))


def _gpu_devices() -> list[str]:
    return [path for pattern in _GPU_DEVICES for path in sorted(glob.glob(pattern))]  # noqa: PTH207 - absolute patterns


def shut_devices() -> bool:
    """Open no device any more in this process but the harmless ones; False where this kernel can't do that."""
    abi = kernel.landlock_abi()
    if not abi:
        return False
    ruleset = kernel.landlock_ruleset(kernel.READ_FILE | kernel.WRITE_FILE, network=0, scoped=0, abi=abi)
    paths = [f"/{name}" for name in os.listdir("/") if name != "dev"]  # noqa: PTH208 - strings are what is wanted
    for path in (*paths, *_SYSTEM_DEVICES):
        fd = _opened(path)
        if fd is not None:
            kernel.landlock_add(ruleset, (kernel.landlock_rule(fd, access=kernel.READ_FILE | kernel.WRITE_FILE),))
            os.close(fd)
    kernel.no_new_privileges()
    kernel.landlock_restrict(ruleset)
    os.close(ruleset)
    return True


def bind_to_parent(parent: int, *, open_to_self: bool = False) -> None:
    """Die when the template dies, even if it just has.

    `open_to_self`: its own files in /proc stay its own, whoever it runs as, which opens them to processes beside it as
    well; only where Landlock keeps these off.
    """
    kernel.die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    if not open_to_self:
        kernel.not_dumpable()


def _data() -> int:
    """Bytes of private writable memory that this process has mapped, as RLIMIT_DATA counts them."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5]) * os.sysconf("SC_PAGE_SIZE")


def _ceiling(which: int) -> int:
    _, hard = resource.getrlimit(which)
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard


def _opened(path: str) -> int | None:
    try:
        return os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # not on this machine
        return None
