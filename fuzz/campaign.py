"""Runs inputs as a worker would: sniffed, then read by the real step in the real sandbox, one after the other."""

import itertools
import json
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.sample import sample_catalog
from fuzz.inputs import PASSWORD, Input, form_of, make
from fuzz.soundness import complaint
from fuzz.verdict import LIMIT, How, Run, Tally, judged
from jobs.errors import Fault
from jobs.model import UPLOAD
from jobs.queues import PARSING
from parsers.lists import LISTS
from pipelines.parts_list import PIPELINE
from workers.sandbox import Call, Result, Sandbox, remove

STEP = PIPELINE.step("parse")
_SNIFFER = "fuzz.sniffing"
_MOST_OUTPUT = 512 * 1024 * 1024  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a campaign is to do."""

    count: int
    seed: int
    kinds: Collection[str] = ()  # none: all
    only: int | None = None  # this input alone
    keep: Path | None = None  # where inputs that ended wrongly are kept
    target: str = STEP.target
    extra_path: tuple[Path, ...] = ()  # where that is to be found, if not among our own packages
    limit: float = LIMIT

    def numbers(self) -> Iterator[int]:
        """The numbers of its inputs."""
        if self.only is not None:
            return iter((self.only,))
        all_of_them = (n for n in itertools.count() if not self.kinds or form_of(n).kind in self.kinds)
        return itertools.islice(all_of_them, self.count)


def run(
    order: Order, *, progress: Callable[[Tally], None] = lambda _: None, said: Callable[[Run], None] = lambda _: None
) -> Tally:
    """The whole campaign; `progress` hears how it stands after each input, `said` of each run that is wrong or asked for."""
    began = time.monotonic()
    tally = Tally(seed=order.seed)
    with tempfile.TemporaryDirectory(prefix="heavylift-fuzz-") as made:
        bench = _Bench(Path(made), order)
        try:
            for number in order.numbers():
                found = make(number, seed=order.seed)
                for one in bench.runs(found, tally):
                    tally.add(one)
                    if one.how is How.WRONG or order.only is not None:
                        said(one)
                    if one.how is How.WRONG and order.keep:
                        keep(order.keep, found, one)
                tally.inputs += 1
                tally.seconds = time.monotonic() - began
                progress(tally)
        finally:
            bench.close()
    return tally


def keep(folder: Path, found: Input, one: Run) -> None:
    """The input, and beside it what is known of it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{found.name}"
    path.write_bytes(found.body)
    facts = one.to_json() | {"seed": found.seed, "options": dict(found.options)}
    path.with_name(f"{path.name}.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


class _Bench:
    """A sandbox and what its runs are given."""

    def __init__(self, folder: Path, order: Order) -> None:
        self._folder, self._order = folder, order
        self._catalog = sample_catalog(folder / "catalog")
        self._sandbox = Sandbox(name="fuzz", preload=(*PARSING.preload, _SNIFFER), extra_path=order.extra_path)
        self._sandbox.warm()
        self._template = self._sandbox.template_pid

    def close(self) -> None:
        self._sandbox.close()

    def runs(self, found: Input, tally: Tally) -> Iterator[Run]:
        """The input as what it looks like and, where that is something else, as what it was made from."""
        sniffed = self._call(found, kind="unknown", target=f"{_SNIFFER}:tell")
        if sniffed.fault is not None or sniffed.usage.cpu_seconds > self._order.limit / 5:
            yield self._judged(
                found, None, sniffed, how=How.WRONG, wrong=f"while it was sniffed: {_words(sniffed.fault)}"
            )
        kind = sniffed.summary.get("kind")
        if kind not in LISTS:
            tally.unsniffed += 1
        for read_as in dict.fromkeys((kind, found.form.kind)):
            if read_as in LISTS:
                yield self._read(found, read_as, tally)

    def _read(self, found: Input, kind: str, tally: Tally) -> Run:
        folder = self._folder / "attempt"
        result = self._call(found, kind=kind, target=self._order.target, options=found.options)
        # A lower one ends the step itself, which says so.
        limit = max(LIMIT, self._order.limit)
        how, wrong = judged(result.fault, result.summary, cpu_seconds=result.usage.cpu_seconds, limit=limit)
        if result.fault is None and (unsound := complaint(result.outputs, result.summary)):
            how, wrong = How.WRONG, unsound
        if self._sandbox.template_pid != self._template:
            how, wrong = How.WRONG, f"the pool's template was lost; {wrong or how.value}"
            tally.templates += 1
            self._sandbox.warm()
            self._template = self._sandbox.template_pid
        remove(folder)
        return self._judged(found, kind, result, how=how, wrong=wrong)

    def _judged(self, found: Input, kind: str | None, result: Result, *, how: How, wrong: str) -> Run:
        return Run(
            number=found.number,
            form=found.form.name,
            kind=kind,
            size=len(found.body),
            attacks=found.attacks,
            how=how,
            code=result.fault.code if result.fault else None,
            complaint=wrong,
            seconds=result.usage.seconds,
            cpu_seconds=result.usage.cpu_seconds,
            peak_memory=result.usage.peak_memory,
        )

    def _call(self, found: Input, *, kind: str, target: str, options: Mapping[str, Any] = {}) -> Result:
        folder = self._folder / "attempt"
        remove(folder)
        (folder / "in").mkdir(parents=True)
        upload, reading = folder / "in" / UPLOAD, folder / "in" / "reading.json"
        upload.write_bytes(found.body)
        reading.write_text(json.dumps({"studio_password": PASSWORD}), encoding="utf-8")
        call = Call(
            target=target,
            step=STEP.name,
            scratch=folder,
            inputs={UPLOAD: upload},
            resources={"catalog": self._catalog, "reading": reading},
            options=options,
            file_name=found.name,
            kind=kind,
            timeout=3 * self._order.limit,
            cpu_seconds=self._order.limit,
            memory=STEP.memory,
            max_output=_MOST_OUTPUT,
            max_outputs=100,
        )
        return self._sandbox.run(call, on_progress=lambda _share, _message: None, stop=threading.Event())


def _words(fault: Fault | None) -> str:
    return f"{fault.code}, {fault.actor.value} to act: {fault.message}" if fault else "too slow"
