"""The few kernel calls that Python has no name for: Landlock, seccomp, namespaces, capabilities, prctl.

Standard library only: also run as a script, to try namespaces in a process of its own.
"""

import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from functools import cache

_libc = ctypes.CDLL(None, use_errno=True)
_libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
_libc.syscall.restype = ctypes.c_long
_libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_libc.signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
_libc.signal.restype = ctypes.c_void_p

_ARM = os.uname().machine == "aarch64"
_SYS_CAPGET, _SYS_CAPSET = (90, 91) if _ARM else (125, 126)
_SYS_SECCOMP = 277 if _ARM else 317
_SYS_LANDLOCK_CREATE, _SYS_LANDLOCK_ADD, _SYS_LANDLOCK_RESTRICT = 444, 445, 446

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_CHILD_SUBREAPER = 1, 4, 22, 36
_PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 38, 47, 4
_SECCOMP_MODE_FILTER, _SECCOMP_GET_ACTION_AVAIL, _SECCOMP_RET_ERRNO = 2, 2, 0x00050000
_CLONE_NEWIPC, _CLONE_NEWUSER, _CLONE_NEWNET = 0x08000000, 0x10000000, 0x40000000
_CAPABILITY_VERSION_3 = 0x20080522
_CAP_DAC_READ_SEARCH = 1 << 2
_MADV_COLLAPSE = 25

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE = (1 << bit for bit in range(6))
MAKE_CHAR, MAKE_DIR, MAKE_REG, MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK, MAKE_SYM = (1 << bit for bit in range(6, 13))
REFER, TRUNCATE, IOCTL_DEV = (1 << bit for bit in range(13, 16))
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV  # the others make sense for folders only


def _checked(result: int, what: str) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")
    return result


def _syscall(what: str, *arguments: object) -> int:
    return _checked(_libc.syscall(*arguments), what)


def _prctl(what: str, option: int, *arguments: int) -> None:
    _checked(_libc.prctl(option, *arguments, *[0] * (4 - len(arguments))), what)


def die_with_parent(signal: int) -> None:
    """Have the kernel send `signal` to this process when the thread that forked it ends."""
    _prctl("PR_SET_PDEATHSIG", _PR_SET_PDEATHSIG, signal)


def default_action(signal: int) -> None:
    """Handle a signal as the kernel does; `signal.signal()` goes a long way about it for a child just forked."""
    _libc.signal(signal, None)


def collapse_pages(start: int, size: int) -> None:
    """Put this stretch of memory into huge pages, as far as it holds whole ones; `OSError` where it cannot be."""
    _checked(_libc.madvise(start, size, _MADV_COLLAPSE), "MADV_COLLAPSE")


def not_dumpable() -> None:
    """No core dumps, and nobody else may look into this process."""
    _prctl("PR_SET_DUMPABLE", _PR_SET_DUMPABLE, 0)


def no_new_privileges() -> None:
    """Nothing that this process starts gains rights by set-uid bits."""
    _prctl("PR_SET_NO_NEW_PRIVS", _PR_SET_NO_NEW_PRIVS, 1)


def adopt_orphans() -> None:
    """Descendants whose parent has ended become children of this process, instead of init's."""
    _prctl("PR_SET_CHILD_SUBREAPER", _PR_SET_CHILD_SUBREAPER, 1)


def drop_capabilities(*, keep_reading: bool) -> None:
    """Give up root's rights; `keep_reading`: but not the one to read what Landlock lets through, whoever owns it."""
    _libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)  # absent on old kernels, and then not needed
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    held = ctypes.create_string_buffer(24)
    _syscall("capget", _SYS_CAPGET, header, held)
    permitted = struct.unpack_from("=I", held, 4)[0] & (_CAP_DAC_READ_SEARCH if keep_reading else 0)
    _syscall("capset", _SYS_CAPSET, header, struct.pack("=6I", permitted, permitted, 0, 0, 0, 0))


def landlock_abi() -> int:
    """Version of Landlock that the running kernel offers; 0 where there is none."""
    return max(0, int(_libc.syscall(_SYS_LANDLOCK_CREATE, None, 0, 1)))


def landlock_ruleset(files: int, *, network: int, scoped: int, abi: int) -> int:
    """A ruleset that forbids these accesses except where a rule grants them; returns its descriptor."""
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    attributes = struct.pack("=QQQ", files, network, scoped)[:size]
    return _syscall("landlock_create_ruleset", _SYS_LANDLOCK_CREATE, attributes, ctypes.c_size_t(size), 0)


def landlock_rule(fd: int, *, access: int) -> bytes:
    """A rule that grants `access` on the file or folder that `fd` stands for, and all below."""
    return struct.pack("=Qi", access, fd)


def landlock_add(ruleset: int, rules: Iterable[bytes]) -> None:
    """Put rules into a ruleset."""
    call = _libc.syscall
    for rule in rules:
        if call(_SYS_LANDLOCK_ADD, ruleset, 1, rule, 0) < 0:
            _checked(-1, "landlock_add_rule")


def landlock_restrict(ruleset: int) -> None:
    """Hold this process and all that it starts to the ruleset, for good."""
    _syscall("landlock_restrict_self", _SYS_LANDLOCK_RESTRICT, ruleset, 0)


def seccomp_filters() -> bool:
    """Whether the kernel takes system call filters that answer with an errno."""
    action = struct.pack("=I", _SECCOMP_RET_ERRNO)
    return bool(_libc.syscall(_SYS_SECCOMP, _SECCOMP_GET_ACTION_AVAIL, 0, action) == 0)


@cache
def seccomp_program(program: bytes) -> tuple[int, object]:
    """A BPF program laid out for the kernel: its address, and what has to stay alive for it."""
    buffer = ctypes.create_string_buffer(program, len(program))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer)))
    return ctypes.addressof(header), (header, buffer)


def seccomp_filter(program: bytes) -> None:
    """Put every system call of this process, and of all that it starts, through a BPF program."""
    address, _ = seccomp_program(program)
    _prctl("PR_SET_SECCOMP", _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, address)


def cut_network(*, in_user_namespace: bool) -> None:
    """Move to an empty network of one's own; `OSError` where the kernel refuses.

    In a user namespace an ordinary user may do so too. When that fails half-way the process is of no
    more use, so `network_cut()` tries it out in a process of its own first.
    """
    if not in_user_namespace:
        _checked(_libc.unshare(_CLONE_NEWNET | _CLONE_NEWIPC), "unshare")
        return
    user, group = os.geteuid(), os.getegid()
    _checked(_libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET | _CLONE_NEWIPC), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:  # noqa: PTH123 - pathlib costs a start
            file.write(text)
    os.listdir("/")  # noqa: PTH208 - pathlib costs a start; an AppArmor profile for user namespaces may take even this away


def network_cut() -> str:
    """How a child's network can be cut here: `netns` (as we are), `userns` (in a user namespace), or `none`.

    Forks, so only for processes without threads.
    """
    for name, in_user_namespace in (("netns", False), ("userns", True)):
        pid = os.fork()
        if pid == 0:
            try:
                cut_network(in_user_namespace=in_user_namespace)
                os._exit(0)
            finally:
                os._exit(1)
        if os.waitpid(pid, 0)[1] == 0:
            return name
    return "none"


if __name__ == "__main__":
    sys.stdout.write(network_cut())
