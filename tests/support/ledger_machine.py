"""A Hypothesis machine that drives the ledger through whatever callers, workers, publishers and faults may do to it.

No rule has a precondition and none draws from what the ledger answered: what to act on is picked by number, so that a
race which ends otherwise the next time changes what a rule does, never what Hypothesis draws. A rule that finds
nothing to act on does nothing.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from support import ledger_acts as acts
from support.ledger_outcomes import OUTCOMES
from support.ledger_plans import PLANS
from support.ledger_promises import ENDED
from support.ledger_rows import Message, Row, Run
from support.ledger_world import Act, Place, World, demand

from jobs.model import Status
from jobs.queues import INDEXING, PARSING, THUMBNAILS, VALIDATION
from jobs.verbs import MAX_RETURNS
from ledger import Claim, Dispatch

T = TypeVar("T")
JOBS = 3  # in one example
ROUNDS = 25  # until everything has ended once the faults are over; a plan is four steps deep
SHAPES = st.sampled_from(list(PLANS))
LINES = st.sampled_from([queue.name for queue in (PARSING, VALIDATION, THUMBNAILS, INDEXING)])
PICKS = st.integers(0, 23)
SIDES = st.integers(0, 1)
KINDS = st.sampled_from(["success", "success", "limit", "limit", *OUTCOMES])


class LedgerMachine(RuleBasedStateMachine):
    """Any interleaving; `World` checks the promises after each step, `teardown` that everything ends."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.world = World.fresh(place)

    # --- callers and ops ---------------------------------------------------------------------------------------------

    @initialize(shape=SHAPES, kinds=st.lists(KINDS, max_size=9), is_late=st.booleans())
    def begin(self, shape: str, kinds: list[str], *, is_late: bool) -> None:
        acts.new_job(self.world, PLANS[shape], is_late=is_late, side=0)
        for kind in kinds:
            self.work(0, 0, kind)

    @rule(shape=SHAPES, side=SIDES)
    def submit(self, shape: str, side: int) -> None:
        if len(self.world.accepted) < JOBS:
            acts.new_job(self.world, PLANS[shape], is_late=False, side=side)

    @rule(verb=st.sampled_from([acts.cancel, acts.retry, acts.retry, acts.delete, acts.expire]), pick=PICKS, side=SIDES)
    def change_job(self, verb: Callable[[World, str], Act], pick: int, side: int) -> None:
        self.act(verb, self.world.accepted, pick, side)

    @rule(verb=st.sampled_from([acts.replay, acts.replay, acts.replay_later, acts.discard]), pick=PICKS, side=SIDES)
    def settle_letter(self, verb: Callable[[World, Row], Act], pick: int, side: int) -> None:
        self.act(verb, self.letters(), pick, side)

    @rule(verb=st.sampled_from([acts.pause, acts.resume]), queue=LINES, side=SIDES)
    def control_queue(self, verb: Callable[[World, str], Act], queue: str, side: int) -> None:
        self.world.alone(verb(self.world, queue), side=side)

    # --- publishers, the broker, workers -----------------------------------------------------------------------------

    @rule(how=st.sampled_from(["confirmed", "sent", "broker away", "killed"]))
    def publish(self, how: str) -> None:
        """What hands hold is sent and confirmed, sent alone, not sent, or forgotten with their publisher."""
        hands, self.world.hands = self.world.hands, []
        if how in {"confirmed", "sent"}:
            self.world.broker += hands
        if how == "sent":
            self.world.untold += hands
        elif how == "confirmed" and hands:
            self.world.alone(acts.sent(hands))
        elif how == "broker away" and hands:
            self.world.alone(acts.unsent(hands))

    @rule()
    def confirm_late(self) -> None:
        """A publisher tells of messages that it sent long ago; what became of them since is not its business."""
        untold, self.world.untold = self.world.untold, []
        self.world.lost |= {Message.of(one) for one in untold} - {Message.of(one) for one in self.world.broker}
        if untold:
            self.world.alone(acts.sent(untold))

    @rule(pick=PICKS, side=SIDES, lease=st.sampled_from([acts.LEASE, acts.LEASE, -30.0]))
    def deliver(self, pick: int, side: int, lease: float) -> None:
        message = self.taken_message(pick)
        if message is not None:
            self.world.alone(acts.claim(self.world, Message.of(message), lease=lease), side=side)

    @rule(fate=st.sampled_from(["doubled", "lost", "returned", "never deliverable"]), pick=PICKS, side=SIDES)
    def misdeliver(self, fate: str, pick: int, side: int) -> None:
        message = self.taken_message(pick)
        if message is None:
            return
        if fate == "doubled":
            self.world.broker += [message, message]
        elif fate == "lost":
            self.world.lost.add(Message.of(message))
        else:
            for _ in range(1 if fate == "returned" else MAX_RETURNS):
                self.world.alone(acts.message_died(self.world, Message.of(message)), side=side)

    @rule(pick=PICKS, side=SIDES, ago=st.integers(-1, 2))
    def deliver_early_or_stale(self, pick: int, side: int, ago: int) -> None:
        for run in some(self.runs(), pick):
            message = Message(*run, self.world.rows.steps[run]["dispatch"] - ago)
            self.world.alone(acts.claim(self.world, message), side=side)

    @rule(pick=PICKS, side=SIDES, kind=KINDS)
    def finish(self, pick: int, side: int, kind: str) -> None:
        if not self.world.claims:
            self.deliver(pick, side, acts.LEASE)
        for claimed in some(self.world.claims, pick):
            self.world.alone(acts.finish(self.world, claimed, kind), side=side)

    @rule(pick=PICKS, side=SIDES, kind=KINDS)
    def work(self, pick: int, side: int, kind: str) -> None:
        """A message is delivered and worked on."""
        held = len(self.world.ever)
        self.deliver(pick, side, acts.LEASE)
        for claimed in self.world.ever[held:]:
            self.world.alone(acts.finish(self.world, claimed, kind), side=side)

    @rule(pick=PICKS, side=SIDES, kind=KINDS)
    def finish_late_or_again(self, pick: int, side: int, kind: str) -> None:
        for claimed in some(self.given(), pick):
            self.world.alone(acts.finish(self.world, claimed, kind), side=side)

    @rule(pick=PICKS, side=SIDES)
    def heartbeat(self, pick: int, side: int) -> None:
        self.act(acts.heartbeat, self.given(), pick, side)

    @rule(pick=PICKS)
    def vanish(self, pick: int) -> None:
        taken(self.world.claims, pick)

    # --- the platform's own ------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([6.0, 15.0, 42.0]), dispatchers=st.integers(1, 2))
    def pass_time(self, seconds: float, dispatchers: int) -> None:
        self.world.pass_time(seconds)
        if dispatchers == 1:
            self.world.alone(acts.sweep(self.world))
        else:
            self.world.at_once(*[acts.sweep(self.world) for _ in range(2)])

    @rule(pick=PICKS, side=SIDES)
    def stop_worker_past_its_lease(self, pick: int, side: int) -> None:
        """A worker is stopped until another one works on its step; it still believes that it holds its claim."""
        held = len(self.world.claims)
        self.deliver(pick, side, acts.LEASE)
        for claimed in self.world.claims[held:]:
            self.world.pass_time(42.0)  # past the lease
            self.world.alone(acts.take_away(self.world, claimed.held), side=side)
            self.world.pass_time(42.0)  # past the backoff
            self.world.alone(acts.sweep(self.world), side=side)
            self.deliver(pick, 1 - side, acts.LEASE)

    @rule(pick=PICKS, side=SIDES)
    def take_away(self, pick: int, side: int) -> None:
        self.act(acts.take_away, [one.held for one in self.given()], pick, side)

    @rule(seconds=st.sampled_from([6.0, 42.0]), pick=PICKS, side=SIDES)
    def be_silent(self, seconds: float, pick: int, side: int) -> None:
        """The ledger is away for a while; whoever finds leases over then takes nothing, until time has passed."""
        self.world.be_silent(seconds)
        self.take_away(pick, side)
        self.world.alone(acts.sweep(self.world), side=side)
        self.take_away(pick, 1 - side)
        self.heartbeat(pick, side)

    @rule(side=SIDES)
    def close_attempts(self, side: int) -> None:
        self.world.alone(acts.close_attempts(self.world), side=side)

    @rule(side=SIDES)
    def resend_lost(self, side: int) -> None:
        self.world.alone(acts.resend_lost(self.world), side=side)

    # --- two at the same moment --------------------------------------------------------------------------------------

    @rule(pick=PICKS, first=PICKS, second=PICKS, kind=KINDS)
    def at_once(self, pick: int, first: int, second: int, kind: str) -> None:
        """Any two acts on one job."""
        for job_id in some(self.world.accepted, pick):
            found = self.acts_on(job_id, kind)
            self.world.at_once(found[first % len(found)], found[second % len(found)])

    @rule(pick=PICKS, kinds=st.tuples(KINDS, KINDS))
    def siblings_finish_at_once(self, pick: int, kinds: tuple[str, str]) -> None:
        for _ in range(2):
            self.deliver(pick, 0, acts.LEASE)
        ours = [one for one in self.world.claims if self.world.rows.grants(one.held)]
        for first in some(ours, pick):
            for second in [one for one in ours if one.job.id == first.job.id and one is not first][:1]:
                pair = [acts.finish(self.world, one, kind) for one, kind in zip((first, second), kinds, strict=True)]
                self.world.at_once(*pair)

    @rule(pick=PICKS, kind=KINDS)
    def finish_while_taken_away(self, pick: int, kind: str) -> None:
        self.deliver(pick, 0, -30.0)
        for claimed in self.world.claims[-1:]:
            self.world.at_once(acts.finish(self.world, claimed, kind), acts.take_away(self.world, claimed.held))

    @rule(pick=PICKS)
    def deliver_twice_at_once(self, pick: int) -> None:
        message = self.taken_message(pick)
        if message is not None:
            self.world.at_once(*[acts.claim(self.world, Message.of(message)) for _ in range(2)])

    def acts_on(self, job_id: str, kind: str) -> list[Act]:
        """All acts on one job, as the world is now."""
        world, rows = self.world, self.world.rows
        found = [act(world, job_id) for act in (acts.cancel, acts.retry, acts.expire, acts.delete)]
        found += [acts.sweep(world), acts.resend_lost(world)]
        queued = [run for run in self.runs() if run.job_id == job_id and rows.steps[run]["status"] == Status.QUEUED]
        for run in queued:
            message = Message(*run, rows.steps[run]["dispatch"])
            found += [acts.claim(world, message), acts.message_died(world, message)]
            found += [acts.pause(world, rows.steps[run]["queue"]), acts.resume(world, rows.steps[run]["queue"])]
        for claimed in [one for one in world.ever if one.job.id == job_id and rows.grants(one.held)]:
            found += [acts.finish(world, claimed, kind), acts.finish(world, claimed, "success")]
            found += [acts.take_away(world, claimed.held), acts.heartbeat(world, claimed)]
        for letter in [one for one in self.letters() if one["job_id"] == job_id and one["state"] == "open"]:
            found += [acts.replay(world, letter), acts.discard(world, letter)]
        return found

    # --- the end -----------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        """Without faults, and with all queues open, every job ends; latecomers change nothing any more."""
        world = self.world
        if world.is_acting:  # it failed
            return
        for queue in sorted(world.rows.paused):
            world.alone(acts.resume(world, queue))
        world.claims.clear()
        for number in range(ROUNDS):
            if all(job["status"] in ENDED for job in world.rows.jobs.values()):
                break
            world.pass_time(61.0)
            world.alone(acts.sweep(world), side=number % 2)
            world.alone(acts.resend_lost(world), side=number % 2)
            while world.hands or world.broker:
                self.work(0, 0, "success")
        left = [f"{run.step} is {row['status']}" for run, row in world.rows.steps.items() if row["status"] not in ENDED]
        demand(left, after="all faults were over for long")
        world.retold()
        for message in list(world.claimed)[-3:]:
            world.alone(acts.claim(world, message))
        for claimed in world.ever[-3:]:
            world.alone(acts.finish(world, claimed, "success"))

    # --- what to act on ----------------------------------------------------------------------------------------------

    def act(self, make: Callable[[World, T], Act], things: Sequence[T], pick: int, side: int) -> None:
        for thing in some(things, pick):
            self.world.alone(make(self.world, thing), side=side)

    def given(self) -> list[Claim]:
        """All claims that were given; more than once those that living workers hold, or whose step another one runs."""
        fences = {run: row["fence"] for run, row in self.world.rows.steps.items() if row["status"] == Status.RUNNING}
        fenced = [one for one in self.world.ever if fences.get(acts.run_of(one.held), 0) > one.held.fence]
        return [*self.world.claims, *fenced, *self.world.ever, *self.world.claims, *fenced]

    def taken_message(self, pick: int) -> Dispatch | None:
        """One from the broker; where it holds none, publishers send what they have."""
        if not self.world.broker:
            self.publish("confirmed")
        return taken(self.world.broker, pick)

    def runs(self) -> list[Run]:
        """All step runs, by job and place in its plan."""
        order = {job_id: n for n, job_id in enumerate(self.world.accepted)}
        return sorted(
            self.world.rows.steps, key=lambda run: (order[run.job_id], self.world.rows.steps[run]["position"], run)
        )

    def letters(self) -> list[Row]:
        """All letters, the oldest first."""
        return sorted(self.world.rows.letters.values(), key=lambda row: (row["created_at"], row["step"], row["part"]))


def some(things: Sequence[T], pick: int) -> list[T]:
    """One of `things`; none where there are none."""
    return [things[pick % len(things)]] if things else []


def taken(things: list[T], pick: int) -> T | None:
    """The same, taken out of the list."""
    return things.pop(pick % len(things)) if things else None
