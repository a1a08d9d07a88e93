"""Runs one claimed step: inputs into scratch, the step in a sandbox child or in here, outputs to the store."""

import secrets
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import structlog

from jobs.context import Place
from jobs.errors import Actor, Cancelled, ConfigurationError, Fault, HeavyliftError, StepError
from jobs.model import Job
from jobs.outcomes import ChildJob, Failed, Outcome, RetryLater, Succeeded
from jobs.pipeline import Pipeline, Step
from ledger import Claim, Held, Ledger
from storage.port import ObjectMissing, ObjectStore
from workers.away import AWAY, away
from workers.children import named, planned_children
from workers.context import InProcessContext
from workers.heartbeat import Hold
from workers.indexing.job_index import until_told_to_end
from workers.inputs import Inputs
from workers.outputs import Keeper
from workers.room import AWAY_SECONDS, NO_ROOM, disk_full, excused
from workers.sandbox import Call, Output, Sandbox, Submission, remove

log = structlog.get_logger(__name__)
PortMaker = Callable[[Job, threading.Event], Any]  # gives a trusted step its port: for its job, and until it is to end
Provider = Callable[[Job, Path], Path]  # gives a step reference data: a file of its own, or one made in that folder
NO_RESOURCES: Mapping[str, Provider] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What outputs may cost."""

    max_output: int  # bytes of one artifact
    max_outputs: int  # artifacts of one attempt
    disk_share: int = 512 * 1024 * 1024  # bytes that a step can count on, in scratch and in the store


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What an attempt has to work on, and with."""

    folder: Path  # the attempt's own
    inputs: Mapping[str, Path]  # what the step reads
    resources: Mapping[str, Path]  # reference data


class Runner:
    """Everything between a claim and its Outcome."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        store: ObjectStore,
        sandbox: Sandbox,
        pipelines: Mapping[str, Pipeline],
        ports: Mapping[str, PortMaker],
        scratch: Path,
        limits: Limits,
        resources: Mapping[str, Provider] = NO_RESOURCES,
    ) -> None:
        _check_resources(pipelines, resources)
        self._ledger = ledger
        self._store = store
        self._sandbox = sandbox
        self._pipelines = pipelines
        self._ports = ports
        self._scratch = scratch
        self._limits = limits
        self._keeper = Keeper(store=store, reserve=ledger.reserve_blobs, share=limits.disk_share)
        self._resources = resources

    def run(self, claim: Claim, hold: Hold) -> Outcome:
        """Run the step; raises what `Executor._attempt` turns into a Failed."""
        step = self._step(claim.job, claim.step.name)
        if step is None:
            return Failed(fault=_unknown(claim))
        folder = self._scratch / f"{claim.job.id}-{claim.step.name}-{claim.step.part}-{claim.step.fence}"
        try:
            inputs = Inputs(self._store, claim.job, step, folder / "in")
            given = Given(folder=folder, inputs=inputs, resources=self._provide(claim.job, step, folder / "given"))
            return (self._isolated if step.isolated else self._trusted)(claim, step, hold, given=given)
        except ObjectMissing:
            return Failed(fault=_bytes_missing())
        except AWAY as error:
            log.warning("step.postponed", reason=str(error))
            return RetryLater(fault=away(error), delay=AWAY_SECONDS)  # the step is not to blame: nothing is charged
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            return self._excused(Failed(fault=disk_full(claim.step.name)), folder)
        finally:
            remove(folder)

    def places_of(self, job: Job, name: str, *, stop: threading.Event | None = None) -> list[Place]:
        """What a step that has succeeded makes findable, made from the artifacts.

        Raises `StepError` where it can't be made at all, `Cancelled` where `stop` is set, the store's errors and `OSError`.
        """
        step = self._step(job, name)
        if step is None or step.isolated:
            raise StepError("step.unknown", f"This worker does not know step {name} of pipeline {job.pipeline}.")
        folder = self._scratch / f"{job.id}-{name}-again-{secrets.token_hex(4)}"
        hold = Hold(held=Held(job.id, name, 0, 0), stop=stop or threading.Event())
        kept = _Kept(hold.stop)
        try:
            inputs = Inputs(self._store, job, step, folder / "in")
            resources = self._provide(job, step, folder / "given")
            context = InProcessContext(job, step=name, folder=folder, inputs=inputs, resources=resources, hold=hold)
            ports = {port: kept if port == "search" else self._ports[port](job, hold.stop) for port in step.ports}
            step.run(context, **ports)
        except (HeavyliftError, OSError):
            raise
        except Exception as error:  # artifacts of another release, say
            log.exception("step.error", job_id=job.id, step=name)
            raise StepError("step.error", f"Step {name} failed with an unexpected {type(error).__name__}.") from error
        finally:
            remove(folder)
        return kept.places

    def _step(self, job: Job, name: str) -> Step | None:
        """The code for the planned step; None where this release does not have it (version skew)."""
        pipeline = self._pipelines.get(job.pipeline)
        try:
            return pipeline.step(name) if pipeline else None
        except KeyError:
            return None

    def _provide(self, job: Job, step: Step, folder: Path) -> dict[str, Path]:
        """The reference data that the step asks for, as files to read."""
        if step.resources:
            folder.mkdir(mode=0o700)
        return {name: self._resources[name](job, folder) for name in step.resources}

    def _isolated(self, claim: Claim, step: Step, hold: Hold, *, given: Given) -> Outcome:
        result = self._sandbox.run(
            Call(
                target=step.target,
                step=step.name,
                scratch=given.folder,
                inputs=dict(given.inputs),
                resources=given.resources,
                options=claim.job.options,
                file_name=claim.job.file.name,
                kind=claim.job.file.kind,
                part=claim.job.part(claim.step.key),
                timeout=claim.step.timeout,
                memory=int(claim.step.memory),
                nice=step.nice,
                vram=step.vram.claim(claim.job.summary) if step.vram else 0,
                alone=claim.step.alone,
                max_output=self._limits.max_output,
                max_outputs=self._limits.max_outputs,
            ),
            on_progress=hold.tell,
            stop=hold.stop,
        )
        if result.cancelled:
            raise Cancelled
        if result.fault is not None:
            return self._excused(Failed(fault=result.fault, delay=result.delay, usage=result.usage), given.folder)
        children = self._children(claim, step, result.submissions, outputs=result.outputs)
        return Succeeded(
            artifacts=self._keeper.keep(result.outputs, step=claim.step.name),
            summary=result.summary | named(children),
            warnings=result.warnings,
            counts=result.counts,
            splits=result.splits,
            children=children,
            fingerprints=result.fingerprints,
            usage=result.usage,
        )

    def _children(
        self, claim: Claim, step: Step, wanted: Sequence[Submission], *, outputs: Sequence[Output]
    ) -> tuple[ChildJob, ...]:
        return planned_children(claim.job, step, wanted, outputs=outputs, pipelines=self._pipelines)

    def _excused(self, failed: Failed, folder: Path) -> Outcome:
        """The same, or put off where its disk is full by no doing of its own."""
        outcome = excused(failed, folder, share=self._limits.disk_share)
        if outcome is not failed:
            log.warning("step.postponed", reason="the disk is full", code=failed.fault.code)
        return outcome

    def _trusted(self, claim: Claim, step: Step, hold: Hold, *, given: Given) -> Outcome:
        """Run our own code in this process, with its ports; it touches no uploaded bytes with native code."""
        context = InProcessContext(
            claim.job,
            step=step.name,
            folder=given.folder,
            inputs=given.inputs,
            resources=given.resources,
            hold=hold,
            part=claim.job.part(claim.step.key),
        )
        ports = {name: self._ports[name](claim.job, hold.stop) for name in step.ports}
        step.run(context, **ports)
        children = self._children(claim, step, context.submissions, outputs=context.outputs)
        return Succeeded(
            artifacts=self._keeper.keep(context.outputs, step=claim.step.name),
            summary=context.facts | named(children),
            warnings=tuple(context.warnings),
            counts=context.counts,
            splits=context.splits,
            children=children,
            fingerprints=tuple(context.fingerprints.values()),
            usage=context.usage(),
        )


class _Kept:
    """A `jobs.context.SearchIndex` that keeps what it is told."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self.places: list[Place] = []

    def index(self, places: Iterable[Place]) -> None:
        self.places = list(until_told_to_end(places, self._stop))


def _check_resources(pipelines: Mapping[str, Pipeline], resources: Mapping[str, Provider]) -> None:
    """Refuse, at start, a step that asks for reference data which nobody provides."""
    for pipeline in pipelines.values():
        for step in pipeline.steps:
            if missing := sorted(set(step.resources) - set(resources)):
                known = ", ".join(sorted(resources)) or "none"
                message = f"step {pipeline.name}.{step.name} asks for the resource {missing[0]!r}; "
                raise ConfigurationError(f"{message}add a provider in workers/wiring.py or use one of: {known}")


def _unknown(claim: Claim) -> Fault:
    return Fault(
        code="step.unknown",
        message=f"This worker does not know step {claim.step.name} of pipeline {claim.job.pipeline}.",
        actor=Actor.NOBODY,
        hint="Workers of two releases run side by side; the step is tried again until the upgrade is over.",
    )


def _bytes_missing() -> Fault:
    return Fault(
        code="store.missing",
        message="The store does not have the bytes that the step reads.",
        actor=Actor.PLATFORM,
        hint="Restore the object from a backup and retry the job.",
    )
