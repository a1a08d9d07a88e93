"""Which system calls a sandbox child is refused, and their numbers on the machines we know."""

import errno
import platform
import sys
from dataclasses import dataclass
from functools import cache

# name -> number on x86_64, number on aarch64; None: does not exist there. From 424 on they are the same everywhere.
_NUMBERS: dict[str, tuple[int | None, int | None]] = {
    "accept": (43, 202), "accept4": (288, 242), "acct": (163, 89), "add_key": (248, 217),
    "adjtimex": (159, 171), "bind": (49, 200), "bpf": (321, 280), "chmod": (90, None),
    "chown": (92, None), "chroot": (161, 51), "clock_adjtime": (305, 266), "clock_settime": (227, 112),
    "clone": (56, 220), "clone3": (435, 435), "connect": (42, 203), "delete_module": (176, 106),
    "fanotify_init": (300, 262), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "fchown": (93, 55), "fchownat": (260, 54), "fcntl": (72, 25), "file_setattr": (469, 469),
    "finit_module": (313, 273), "fremovexattr": (199, 16), "fsconfig": (431, 431), "fsetxattr": (190, 7),
    "fsmount": (432, 432), "fsopen": (430, 430), "fspick": (433, 433), "futimesat": (261, None),
    "init_module": (175, 105), "inotify_init": (253, None), "inotify_init1": (294, 26), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "io_uring_setup": (425, 425), "ioctl": (16, 29), "ioperm": (173, None),
    "iopl": (172, None), "ioprio_set": (251, 30), "kcmp": (312, 272), "kexec_file_load": (320, 294),
    "kexec_load": (246, 104), "keyctl": (250, 219), "kill": (62, 129), "lchown": (94, None),
    "listen": (50, 201), "lookup_dcookie": (212, 18), "lremovexattr": (198, 15), "lsetxattr": (189, 6),
    "migrate_pages": (256, 238), "modify_ldt": (154, None), "mount": (165, 40), "mount_setattr": (442, 442),
    "move_mount": (429, 429), "move_pages": (279, 239), "mq_open": (240, 180), "mq_unlink": (241, 181),
    "msgctl": (71, 187), "msgget": (68, 186), "msgrcv": (70, 188), "msgsnd": (69, 189),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "open_tree": (428, 428),
    "open_tree_attr": (467, 467), "perf_event_open": (298, 241), "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424), "pivot_root": (155, 41), "prctl": (157, 167), "prlimit64": (302, 261),
    "process_madvise": (440, 440), "process_mrelease": (448, 448), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "ptrace": (101, 117), "quotactl": (179, 60), "quotactl_fd": (443, 443),
    "reboot": (169, 142), "removexattr": (197, 14), "removexattrat": (466, 466), "request_key": (249, 218),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274), "sched_setparam": (142, 118), "sched_setscheduler": (144, 119),
    "semctl": (66, 191), "semget": (64, 190), "semop": (65, 193), "semtimedop": (220, 192),
    "setdomainname": (171, 162), "sethostname": (170, 161), "setns": (308, 268), "setpgid": (109, 154),
    "setpriority": (141, 140), "setsid": (112, 157), "settimeofday": (164, 170), "setxattr": (188, 5),
    "setxattrat": (463, 463), "shmat": (30, 196), "shmctl": (31, 195), "shmget": (29, 194),
    "socket": (41, 198), "socketpair": (53, 199), "swapoff": (168, 225), "swapon": (167, 224),
    "syslog": (103, 116), "tgkill": (234, 131), "tkill": (200, 130), "truncate": (76, 45),
    "umount2": (166, 39), "unshare": (272, 97), "userfaultfd": (323, 282), "utime": (132, None),
    "utimensat": (280, 88), "utimes": (235, None), "vhangup": (153, 58),
}  # fmt: skip

_SOCKETS = ("socket", "connect", "bind", "listen", "accept", "accept4")
_OTHER_PROCESSES = (
    "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp", "process_madvise",
    "process_mrelease", "migrate_pages", "move_pages",
)  # fmt: skip
# Whoever leaves the process group would outlive the kill.
_LEAVING = ("setsid", "setpgid", "unshare", "setns", "chroot", "pivot_root")
_SHARED_OBJECTS = (
    "shmget", "shmat", "shmctl", "semget", "semop", "semctl", "semtimedop", "msgget", "msgsnd", "msgrcv", "msgctl",
    "mq_open", "mq_unlink", "add_key", "request_key", "keyctl", "inotify_init", "inotify_init1", "fanotify_init",
)  # fmt: skip
# io_uring does sockets and files behind a filter's back; handles open files behind Landlock's.
_WAYS_AROUND = (
    "io_uring_setup", "io_uring_enter", "io_uring_register", "bpf", "perf_event_open", "userfaultfd",
    "name_to_handle_at", "open_by_handle_at", "lookup_dcookie",
)  # fmt: skip
_MACHINE = (
    "mount", "umount2", "open_tree", "open_tree_attr", "move_mount", "fsopen", "fsconfig", "fsmount", "fspick",
    "mount_setattr", "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "reboot",
    "swapon", "swapoff", "settimeofday", "clock_settime", "adjtimex", "clock_adjtime", "sethostname",
    "setdomainname", "quotactl", "quotactl_fd", "acct", "iopl", "ioperm", "modify_ldt", "syslog", "vhangup",
)  # fmt: skip
# Landlock does not watch over modes, owners and times, and we own the ledger's files too. These pretend to
# have worked, since shutil.copy() and its like call them on files of their own and would fail otherwise.
_PRETENDED = (
    "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat", "utime", "utimes",
    "utimensat", "futimesat",
)  # fmt: skip
_ATTRIBUTES = (
    "setxattr", "lsetxattr", "fsetxattr", "setxattrat", "removexattr", "lremovexattr", "fremovexattr",
    "removexattrat", "file_setattr",
)  # fmt: skip

REFUSED: dict[str, int] = (
    dict.fromkeys((*_SOCKETS, *_OTHER_PROCESSES, *_LEAVING, *_SHARED_OBJECTS, *_WAYS_AROUND, *_MACHINE), errno.EPERM)
    | dict.fromkeys(_PRETENDED, 0)
    | dict.fromkeys(_ATTRIBUTES, errno.ENOTSUP)
    # Its flags stand in memory, where a filter cannot look; libc falls back to clone.
    | {"clone3": errno.ENOSYS}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Allow a call by one of its arguments: `allow` says whether `values` are those allowed or those refused."""

    call: str
    argument: int  # index
    values: tuple[int, ...]
    allow: bool = True
    mask: int = 0xFFFFFFFF  # looked at


_NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS, CGROUP, UTS, IPC, USER, PID, NET
_SOCK_STREAM, _SOCK_TYPE_MASK = 1, 0xF
_F_SETOWN, _F_SETSIG, _F_SETOWN_EX = 8, 10, 15
_FIOSETOWN, _SIOCSPGRP, _TIOCSTI = 0x8901, 0x8902, 0x5412
_PR_SET_PDEATHSIG = 1

RULES: tuple[Rule, ...] = (
    Rule(call="clone", argument=0, values=(0,), mask=_NEW_NAMESPACES),
    # A datagram pair could be pointed at any socket file afterwards.
    Rule(call="socketpair", argument=1, values=(_SOCK_STREAM,), mask=_SOCK_TYPE_MASK),
    # Limits and scheduling: one's own only.
    Rule(call="prlimit64", argument=0, values=(0,)),
    Rule(call="sched_setaffinity", argument=0, values=(0,)),
    Rule(call="sched_setscheduler", argument=0, values=(0,)),
    Rule(call="sched_setparam", argument=0, values=(0,)),
    Rule(call="sched_setattr", argument=0, values=(0,)),
    Rule(call="setpriority", argument=1, values=(0,)),
    Rule(call="ioprio_set", argument=1, values=(0,)),
    # Ways to have the kernel send a signal to somebody else, and a terminal typed into.
    Rule(call="fcntl", argument=1, values=(_F_SETOWN, _F_SETSIG, _F_SETOWN_EX), allow=False),
    Rule(call="ioctl", argument=1, values=(_FIOSETOWN, _SIOCSPGRP, _TIOCSTI), allow=False),
    Rule(call="prctl", argument=0, values=(_PR_SET_PDEATHSIG,), allow=False),
)

# CUDA's driver does not start where it can't offer a socket, for programs that share its memory; nobody may connect to
# one. One call, two arguments, so two filters. https://man7.org/linux/man-pages/man7/unix.7.html
_AF_UNIX, _SOCK_SEQPACKET = 1, 5
OFFERING = frozenset({"socket", "bind", "listen"})
OFFERED: tuple[Rule, ...] = (
    Rule(call="socket", argument=0, values=(_AF_UNIX,)),
    Rule(call="socket", argument=1, values=(_SOCK_SEQPACKET,), mask=_SOCK_TYPE_MASK),
)

# Calls that a fresh child of the template makes while it settles in: filtered in the child, as its last act.
BECOMING = frozenset({"setpgid", "prctl"})


def own_signals_only(pid: int) -> tuple[Rule, ...]:
    """Rules for kernels whose Landlock cannot keep signals in: only to itself, so not to children of its own either."""
    own = (pid,)
    return (
        Rule(call="kill", argument=0, values=(pid, 0)),
        Rule(call="tkill", argument=0, values=own),
        Rule(call="tgkill", argument=0, values=own),
        Rule(call="rt_sigqueueinfo", argument=0, values=own),
        Rule(call="rt_tgsigqueueinfo", argument=0, values=own),
        Rule(call="pidfd_send_signal", argument=0, values=()),
    )


# For kernels whose Landlock does not yet know truncation: by path it would reach any file.
NO_TRUNCATE = Rule(call="truncate", argument=0, values=())


@cache
def machine() -> str:
    """The machine whose numbers hold for this process: a 32-bit process on a 64-bit kernel has none here."""
    return platform.machine() if sys.maxsize > 2**32 else ""


def number(call: str, machine: str) -> int | None:
    """The number of a call on `x86_64` or `aarch64`; None where it does not exist there."""
    return _NUMBERS[call][0 if machine == "x86_64" else 1]
