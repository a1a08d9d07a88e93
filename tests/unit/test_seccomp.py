"""The call filter, judged by running its program as the kernel would."""

import errno
import struct

import pytest

from workers.sandbox.seccomp import offered_part, rest_part, shared_part
from workers.sandbox.syscalls import _NUMBERS, NO_TRUNCATE, OFFERING, REFUSED, Rule, number, own_signals_only

ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
BOTH = pytest.mark.parametrize("machine", ["x86_64", "aarch64"])


def _verdict(program: bytes, *, machine: str, nr: int, arguments: tuple[int, ...] = ()) -> int:
    """Interpret classic BPF over `struct seccomp_data`."""
    padded = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=IIQ6Q", nr, ARCH[machine], 0, *(a & (2**64 - 1) for a in padded))
    instructions = list(struct.iter_unpack("=HBBI", program))
    at = accumulator = 0
    while True:
        code, jump_true, jump_false, operand = instructions[at]
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, operand)
        elif code == 0x54:
            accumulator &= operand
        elif code == 0x06:
            return int(operand)
        else:
            holds = accumulator == operand if code == 0x15 else accumulator >= operand
            assert code in {0x15, 0x35}
            at += jump_true if holds else jump_false


def _together(
    built_for: str, nr: int, *, machine: str, arguments: tuple[int, ...] = (), extra: tuple[Rule, ...] = ()
) -> int:
    """What the kernel makes of a child's two filters: the stricter of their answers."""
    programs = (shared_part(built_for), rest_part(built_for, extra))
    verdicts = [_verdict(program, machine=machine, nr=nr, arguments=arguments) for program in programs]
    return KILL if KILL in verdicts else min(verdicts)


def _on(call: str, *arguments: int, machine: str = "x86_64", extra: tuple[Rule, ...] = ()) -> int:
    nr = number(call, machine)
    assert nr is not None
    return _together(machine, nr, machine=machine, arguments=arguments, extra=extra)


@BOTH
def test_refused_calls__are_refused(machine: str) -> None:
    """Each call on the list answers with its errno on both machines, where it exists."""
    for call, error in REFUSED.items():
        if number(call, machine) is not None:
            assert _on(call, machine=machine) == ERRNO | error, call


@BOTH
def test_shared_part__lets_the_template_make_a_child(machine: str) -> None:
    """The filter of the template alone lets a child found its group and bind itself to its parent; the rest does not."""
    for call, arguments in (("setpgid", (0, 0)), ("prctl", (1, 9))):
        nr = number(call, machine)
        assert nr is not None
        assert _verdict(shared_part(machine), machine=machine, nr=nr, arguments=arguments) == ALLOW
        assert _on(call, *arguments, machine=machine) == ERRNO | errno.EPERM


@BOTH
def test_everyday_calls__are_allowed(machine: str) -> None:
    """read, write, openat, mmap, futex, exit_group and execve pass."""
    everyday = {"x86_64": (0, 1, 257, 9, 202, 231, 59), "aarch64": (63, 64, 56, 222, 98, 94, 221)}
    for nr in everyday[machine]:
        assert _together(machine, nr, machine=machine) == ALLOW


def test_foreign_ways_of_calling__end_or_fail() -> None:
    """32-bit calls on a 64-bit kernel end the process; the x32 numbers do not exist."""
    assert _together("x86_64", 0, machine="aarch64") == KILL
    assert _together("x86_64", 0x40000000 | 41, machine="x86_64") == ERRNO | errno.ENOSYS


@BOTH
def test_clone__makes_threads_and_children_but_no_namespaces(machine: str) -> None:
    """Only the namespace flags are refused."""
    threads = 0x3D0F00
    assert _on("clone", threads, machine=machine) == ALLOW
    assert _on("clone", 17, machine=machine) == ALLOW
    for flag in (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        assert _on("clone", 17 | flag, machine=machine) == ERRNO | errno.EPERM


def test_arguments__are_looked_at() -> None:
    """Stream pairs, own limits and harmless commands pass; their dangerous siblings do not."""
    cloexec = 0o2000000
    assert _on("socketpair", 1, 1 | cloexec) == ALLOW
    assert _on("socketpair", 1, 2 | cloexec) == ERRNO | errno.EPERM
    assert _on("prlimit64", 0, 7) == ALLOW
    assert _on("prlimit64", 1234, 7) == ERRNO | errno.EPERM
    assert _on("fcntl", 3, 1) == ALLOW
    assert _on("fcntl", 3, 8) == ERRNO | errno.EPERM
    assert _on("ioctl", 0, 0x5401) == ALLOW
    assert _on("ioctl", 0, 0x5412) == ERRNO | errno.EPERM
    assert _on("ioctl", 0, 0x5412 | (1 << 32)) == ERRNO | errno.EPERM
    assert _on("kill", 1, 9) == ALLOW


def test_own_signals_only__on_older_kernels() -> None:
    """There, signals go to oneself only, and files are cut through descriptors only."""
    extra = (*own_signals_only(77), NO_TRUNCATE)
    for target, verdict in ((77, ALLOW), (0, ALLOW), (1, ERRNO | 1), (-1, ERRNO | 1)):
        assert _on("kill", target, 9, extra=extra) == verdict
    assert _on("tgkill", 77, 80, 6, extra=extra) == ALLOW
    assert _on("tgkill", 78, 78, 6, extra=extra) == ERRNO | 1
    assert _on("pidfd_send_signal", 5, 9, extra=extra) == ERRNO | 1
    assert _on("truncate", 1, 0, extra=extra) == ERRNO | 1


def test_numbers__are_unique_on_each_machine() -> None:
    """No two calls share a number: a slip in the table would refuse the wrong one."""
    for column in (0, 1):
        known = [numbers[column] for numbers in _NUMBERS.values() if numbers[column] is not None]
        assert len(known) == len(set(known))


@BOTH
def test_gpu__a_socket_may_be_offered(machine: str) -> None:
    """In a pool with GPUs a child on one may offer a socket of one kind; one that is on none, nothing of the sort."""
    on_gpu = (shared_part(machine, gpus=True), rest_part(machine, (), gpus=True, gpu=True), offered_part(machine))
    off_gpu = (shared_part(machine, gpus=True), rest_part(machine, (), gpus=True))

    def asked(programs: tuple[bytes, ...], call: str, *arguments: int) -> int:
        nr = number(call, machine)
        assert nr is not None
        return min(_verdict(program, machine=machine, nr=nr, arguments=arguments) for program in programs)

    kinds = {(1, 5), (1, 5 | 0x80000), (1, 1), (1, 2), (2, 5), (2, 1), (40, 5)}
    assert {kind for kind in kinds if asked(on_gpu, "socket", *kind) == ALLOW} == {(1, 5), (1, 5 | 0x80000)}
    assert {asked(on_gpu, call) for call in ("bind", "listen")} == {ALLOW}
    for call, error in REFUSED.items():
        if number(call, machine) is not None:
            assert asked(off_gpu, call) == ERRNO | error, call
            assert call in OFFERING or asked(on_gpu, call) == ERRNO | error, call
