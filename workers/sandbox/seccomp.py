"""The system call filter, assembled by hand as classic BPF: what a child may never ask of the kernel."""

import errno
import struct
from collections.abc import Iterable, Mapping
from functools import cache

from workers.sandbox import kernel
from workers.sandbox.syscalls import BECOMING, OFFERED, OFFERING, REFUSED, RULES, Rule, machine, number

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000  # x86_64 numbers from here on are a second way to ask for the same things

_LOAD, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _RETURN, _AND = 0x20, 0x15, 0x35, 0x06, 0x54
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_OFFSET_NUMBER, _OFFSET_ARCH, _OFFSET_ARGUMENTS = 0, 4, 16

_Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, operand


def available() -> bool:
    """Whether kernel and machine can do what `install_shared()` and `install_rest()` do."""
    return machine() in _AUDIT_ARCH and kernel.seccomp_filters()


def install_shared(*, gpus: bool = False) -> None:
    """Filter the template, and with it all its children: everything but what it takes to become a child."""
    kernel.seccomp_filter(shared_part(machine(), gpus=gpus))


def install_rest(extra: tuple[Rule, ...] = (), *, gpus: bool = False, gpu: bool = False) -> None:
    """Filter this child, and all that it starts, from the rest too: of several filters the strictest answer holds."""
    kernel.seccomp_filter(rest_part(machine(), extra, gpus=gpus, gpu=gpu))
    if gpu:
        kernel.seccomp_filter(offered_part(machine()))


@cache
def shared_part(machine: str, *, gpus: bool = False) -> bytes:
    """What the template can do without: nearly all, so that a child need not have it translated again.

    `gpus`: some of its children use GPUs.
    """
    later = BECOMING | OFFERING if gpus else BECOMING
    refused = {call: error for call, error in REFUSED.items() if call not in later}
    return _program(machine, refused, tuple(rule for rule in RULES if rule.call not in BECOMING))


@cache  # made once in the template; a program that names a child's pid is made in that child and ends with it
def rest_part(machine: str, extra: tuple[Rule, ...], *, gpus: bool = False, gpu: bool = False) -> bytes:
    """What the template itself has to be allowed, and what holds for one child alone: `gpu`, for one that uses a GPU."""
    now = BECOMING | OFFERING if gpus and not gpu else BECOMING
    refused = {call: error for call, error in REFUSED.items() if call in now}
    rules = (*(rule for rule in RULES if rule.call in BECOMING), *extra, *(OFFERED[:1] if gpu else ()))
    return _program(machine, refused, rules)


@cache
def offered_part(machine: str) -> bytes:
    """What is left to say of the sockets that CUDA's driver offers."""
    return _program(machine, {}, OFFERED[1:])


def _program(machine: str, refused: Mapping[str, int], rules: Iterable[Rule]) -> bytes:
    """An array of `struct sock_filter`."""
    program: list[_Instruction] = [
        (_LOAD, 0, 0, _OFFSET_ARCH),
        (_JUMP_EQUAL, 1, 0, _AUDIT_ARCH[machine]),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _OFFSET_NUMBER),
    ]
    if machine == "x86_64":
        program += [(_JUMP_GREATER_EQUAL, 0, 1, _X32), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]
    program += _refusals(machine, refused)
    for rule in rules:
        program += _conditional(rule, machine)
    program.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _refusals(machine: str, refused: Mapping[str, int]) -> Iterable[_Instruction]:
    for call, error in refused.items():
        nr = number(call, machine)
        if nr is not None:
            yield (_JUMP_EQUAL, 0, 1, nr)
            yield (_RETURN, 0, 0, _ERRNO | error)


def _conditional(rule: Rule, machine: str) -> list[_Instruction]:
    nr = number(rule.call, machine)
    if nr is None:
        return []
    refuse = _ERRNO | errno.EPERM
    matched, other = (_ALLOW, refuse) if rule.allow else (refuse, _ALLOW)
    # Pids, commands and flags are 32 bits wide to the kernel: the low half (little endian) is all it sees.
    block: list[_Instruction] = [(_LOAD, 0, 0, _OFFSET_ARGUMENTS + 8 * rule.argument), (_AND, 0, 0, rule.mask)]
    for value in rule.values:
        block += [(_JUMP_EQUAL, 0, 1, value & 0xFFFFFFFF), (_RETURN, 0, 0, matched)]
    block.append((_RETURN, 0, 0, other))
    return [(_JUMP_EQUAL, 0, len(block), nr), *block]
