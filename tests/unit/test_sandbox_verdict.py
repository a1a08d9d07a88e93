"""Verdicts: each kind of evidence leads to its own code."""

import signal
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.errors import Actor, Fault
from workers.sandbox.call import Call
from workers.sandbox.report import Report, Trouble
from workers.sandbox.verdict import Ending, Why, judge

MiB = 1 << 20
CALL = Call(
    target="m:f",
    step="parse",
    scratch=Path("/scratch"),
    inputs={},
    file_name="f",
    kind="k",
    timeout=10,
    memory=100 * MiB,
    cpu_seconds=4.2,
    max_output=1 << 30,
    max_outputs=5,
)
RAN = Ending(ready=True, status=0)


def _code(ending: Ending) -> str | None:
    fault = judge(ending, CALL)
    return fault and fault.code


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGSEGV, "step.crashed"),
        (signal.SIGABRT, "step.crashed"),
        (signal.SIGSYS, "step.crashed"),
        (signal.SIGRTMIN + 3, "step.crashed"),
        (signal.SIGXCPU, "step.cpu_limit"),
        (signal.SIGXFSZ, "step.output_limit"),
        (signal.SIGKILL, "step.lost"),
        (signal.SIGTERM, "step.lost"),
    ],
)
def test_signal__has_its_code(number: int, code: str) -> None:
    """A signal without further evidence means what it says."""
    assert _code(replace(RAN, status=int(number))) == code


@pytest.mark.parametrize(
    "evidence",
    [
        {"status": int(signal.SIGABRT), "peak": 190 * MiB, "base": 100 * MiB},
        {"status": int(signal.SIGSEGV), "tail": b"terminate called after throwing 'std::bad_alloc'"},
        {"status": int(signal.SIGKILL), "oom_killer": True},
        {"status": int(signal.SIGKILL), "peak": 90 * MiB},
        {"status": 1 << 8, "tail": b"fatal: Out of memory"},
    ],
)
def test_memory__is_named_where_evidence_says_so(evidence: dict[str, object]) -> None:
    """A sudden end near the limit, with the words for it, or while the kernel was killing, is put down to memory."""
    assert _code(replace(RAN, **evidence)) == "step.memory"


def test_memory__is_not_blamed_without_evidence() -> None:
    """A crash far below the limit is a crash."""
    assert _code(replace(RAN, status=int(signal.SIGABRT), peak=130 * MiB, base=100 * MiB)) == "step.crashed"


def test_cpu__explains_a_kill_at_the_hard_limit() -> None:
    """A child deaf to SIGXCPU is killed by the kernel at the hard limit."""
    assert CALL.cpu_limit == 5
    assert _code(replace(RAN, status=int(signal.SIGKILL), cpu_seconds=7.0)) == "step.cpu_limit"


@pytest.mark.parametrize(
    ("why", "code", "actor"),
    [
        (Why.STOP, "step.cancelled", Actor.NOBODY),
        (Why.TIMEOUT, "step.timeout", Actor.PLATFORM),
        (Why.FLOOD, "step.output_limit", Actor.PLATFORM),
        (Why.DISK, "step.output_limit", Actor.PLATFORM),
        (Why.BROKEN, "step.output_invalid", Actor.PLATFORM),
    ],
)
def test_our_own_kill__goes_before_all_other_evidence(why: Why, code: str, actor: Actor) -> None:
    """When we killed it, that is the reason, whatever the signal."""
    fault = judge(replace(RAN, why=why, status=int(signal.SIGKILL), tail=b"bad_alloc"), CALL)

    assert fault is not None
    assert (fault.code, fault.actor) == (code, actor)


def test_report__counts_even_if_the_child_lingered() -> None:
    """What a child reported in full stands, also where it had to be killed afterwards."""
    fault = Fault(code="xml.syntax", message="Broken.", actor=Actor.SUBMITTER)
    assert _code(replace(RAN, report=Report(), why=Why.DONE, status=9)) is None
    assert judge(replace(RAN, report=Report(fault=fault)), CALL) == fault


@pytest.mark.parametrize("trouble", list(Trouble))
def test_trouble__has_a_code_of_its_own(trouble: Trouble) -> None:
    """Every trouble that a child can report has a sentence, a code and a hint."""
    fault = judge(replace(RAN, report=Report(trouble=trouble, detail="KeyError")), CALL)

    assert fault is not None
    assert fault.code.startswith("step.")
    assert fault.hint
    assert ("KeyError" in fault.message) == (trouble is Trouble.ERROR)


def test_vanished__by_exit_loss_or_failed_confinement() -> None:
    """No word and no signal: it left, its template died, or it never got to begin."""
    assert _code(replace(RAN, status=3 << 8)) == "step.exited"
    assert _code(replace(RAN, status=None)) == "step.lost"
    assert _code(replace(RAN, ready=False, status=70 << 8)) == "sandbox.unavailable"


@pytest.mark.parametrize(
    ("size", "shown"), [(512 * MiB, "512 MiB"), (3 << 29, "1.5 GiB"), (2048, "2 KiB"), (7, "7 bytes")]
)
def test_sizes__are_shown_as_people_write_them(size: int, shown: str) -> None:
    """Limits stand in messages in round units."""
    fault = judge(replace(RAN, report=Report(trouble=Trouble.MEMORY)), replace(CALL, memory=size))

    assert fault is not None
    assert f"more than {shown} of memory" in fault.message
