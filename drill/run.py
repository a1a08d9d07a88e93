"""Runs a drill: platform up, jobs in while faults are injected, all lifted, all waited for, all counted."""

import json
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from drill.audited import audited
from drill.caller import Caller
from drill.faults import FAULTS
from drill.faults.base import CannotInject, Fault
from drill.look import Look
from drill.platform import Platform
from drill.schedule import Injection, schedule
from drill.stage import Stage
from drill.tally import Tally
from drill.traffic import Traffic
from drill.verdict import Fates, Injected, Job, Verdict, doubled, fates_of
from ledger.errors import LedgerUnavailable

MiB = 1024 * 1024
_WATCH_EVERY = 0.1  # seconds between two looks whether something has recovered
_TELL_EVERY = 15.0  # seconds between two words about waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be drilled."""

    jobs: int
    faults: tuple[str, ...]
    seed: int
    real: bool
    lease: float
    keep: bool = False

    @property
    def room(self) -> int:
        """Bytes that the store may need: small files, and bait of some ten MB for many a fault."""
        return 384 * MiB + self.jobs * MiB // 2

    @property
    def settling(self) -> float:
        """Seconds that the last jobs may take to end once everything is lifted."""
        return 150.0 + 0.6 * self.jobs + 3 * self.lease


def drill(order: Order, *, say: Callable[[str], None]) -> Verdict:
    """Run it. Raises `MissingBinary` or `NotStarted` where there is no platform to drill."""
    platform = Platform(real=order.real, lease=order.lease, room=order.room)
    try:
        say(f"drill: {'RabbitMQ and PostgreSQL' if order.real else 'embedded'}, seed {order.seed}, {platform.folder}")
        platform.start()
        verdict = _Drill(order, platform, say).run()
        if order.keep or not verdict.well:
            platform.keep()
            say(f"kept for a look: {platform.folder}")
        return verdict
    finally:
        platform.close()


@dataclass(slots=True)
class _Watch:
    """A fault whose recovery is waited for."""

    fault: Fault
    record: Injected
    looked: float = 0.0  # monotonic


@dataclass(slots=True)
class _Drill:
    order: Order
    platform: Platform
    say: Callable[[str], None]
    began: float = field(default_factory=time.monotonic)
    records: list[Injected] = field(default_factory=list)
    watches: list[_Watch] = field(default_factory=list)

    def run(self) -> Verdict:
        ledger = self.platform.open_ledger()
        traffic = Traffic(self._caller, jobs=self.order.jobs, seed=self.order.seed)
        stage = Stage(platform=self.platform, look=Look(ledger), traffic=traffic, between=lambda: self._between(stage))
        try:
            traffic.start()
            self._inject_all(stage)
            self._settle(stage)
            told = self._told(stage)
            traffic.close()
            self.platform.quiet()
            return self._judge(stage, told)
        finally:
            traffic.close()
            ledger.close()

    def _caller(self, tally: Tally, closing: threading.Event) -> Caller:
        away, full = self.platform.api_away, self.platform.disk_full
        return Caller(self.platform.base_url, tally, closing=closing, api_away=away, disk_full=full)

    def _inject_all(self, stage: Stage) -> None:
        order = self.order
        planned = schedule(order.faults, jobs=order.jobs, seed=order.seed, lease=order.lease)
        lasting = []
        for number, injection in enumerate(planned, 1):
            fault = FAULTS[injection.fault](random.Random(injection.seed), lease=order.lease)
            over = injection.calm + fault.seconds + fault.leases * order.lease
            stage.traffic.pace.spread(until=number / (len(planned) + 1), over=over)
            stage.pause(injection.calm)
            self._inject(fault, injection, stage)
            if fault.lasting:
                lasting.append(fault)
        stage.traffic.pace.spread(until=1.0, over=2.0)
        for fault in lasting:
            fault.lift(stage)

    def _inject(self, fault: Fault, injection: Injection, stage: Stage) -> None:
        record = Injected(fault=fault.name, at=time.monotonic() - self.began)
        self.records.append(record)
        try:
            fault.inject(stage)
        except CannotInject as why:
            record.skipped = str(why)
            self._tell(f"{fault.name}: skipped, {why}")
            return
        if not fault.lasting:
            stage.pause(injection.hold)
            fault.lift(stage)
        record.note = fault.note
        watch = _Watch(fault=fault, record=record)
        self.watches.append(watch)
        stage.until(lambda: watch not in self.watches, within=fault.patience)
        when = "not recovered yet" if record.recovery is None else f"recovered after {record.recovery:.1f} s"
        self._tell(f"{fault.name}: {fault.note}; {when}")

    def _between(self, stage: Stage) -> None:
        """What goes on while the drill waits."""
        self.platform.tend()
        now = time.monotonic()
        for watch in [watch for watch in self.watches if now - watch.looked >= _WATCH_EVERY]:
            watch.looked = now
            try:
                over = watch.fault.is_over(stage)
            except LedgerUnavailable:
                continue
            if over:
                watch.record.recovery = (datetime.now(UTC) - watch.fault.since).total_seconds()
                self.watches.remove(watch)

    def _settle(self, stage: Stage) -> None:
        """Wait until every job has ended and everything has recovered."""
        told = time.monotonic()

        def settled() -> bool:
            nonlocal told
            if not stage.traffic.all_submitted:
                return False
            left = stage.look.unended()
            if left and time.monotonic() - told > _TELL_EVERY:
                told = time.monotonic()
                self._tell(f"waiting for {len(left)} jobs")
            return not left and not self.watches

        self._tell("all faults are lifted")
        stage.until(settled, within=self.order.settling)

    def _told(self, stage: Stage) -> dict[str, Job | None]:
        """Every accepted job as the API tells it."""
        caller = self._caller(Tally(), threading.Event())
        told: dict[str, Job | None] = {}
        try:
            for job_id in stage.traffic.tally.ids():
                stage.between()
                told[job_id] = caller.job(job_id)
        finally:
            caller.close()
        return told

    def _judge(self, stage: Stage, told: Mapping[str, Job | None]) -> Verdict:
        by_number = stage.look.jobs_by_number()
        tally = stage.traffic.tally
        fates = fates_of(list(tally.accepted.values()), told, {one for ids in by_number.values() for one in ids})
        audit = audited(self.platform)
        twice = doubled(by_number, {**stage.look.done_twice(), **audit.doubled}, tally)
        self._keep_evidence(stage, fates, twice)
        return Verdict(
            seed=self.order.seed,
            backend="real" if self.order.real else "embedded",
            lease=self.order.lease,
            seconds=time.monotonic() - self.began,
            tally=tally,
            fates=fates,
            doubled=twice,
            faults=self.records,
            audit=audit,
            crashes=[str(crash) for crash in self.platform.keeper.crashes],
        )

    def _keep_evidence(self, stage: Stage, fates: Fates, twice: Mapping[str, str]) -> None:
        """What the ledger has about each job that went wrong, for whoever looks into the kept folder."""
        ids = {*fates.stuck, *fates.without_reason, *fates.misjudged, *twice}
        found = {job_id: stage.look.evidence(job_id) for job_id in sorted(ids)[:50]}
        if found:
            (self.platform.folder / "evidence.json").write_text(json.dumps(found, default=str, indent=1))

    def _tell(self, text: str) -> None:
        self.say(f"{time.monotonic() - self.began:6.1f} s  {text}")
