"""What the ledger promises, checked over all of its rows at one moment and over the change since the moment before."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from support.ledger_rows import Message, Rows, Run

from jobs.errors import Actor
from jobs.lifecycle import TRANSITIONS
from jobs.model import Status
from jobs.policy import ESCALATED_CODES
from jobs.replay import Logged, replay
from ledger import Dispatch, Ledger
from ledger.rows import select_jobs, whole

ENDED = frozenset(status for status in Status if status.ended)
BROKEN = frozenset({Status.FAILED, Status.CANCELLED})
OF_JOBS_ALONE = {(Status.QUEUED, Status.SUCCEEDED), (Status.SUCCEEDED, Status.QUEUED)}  # transitions
DEADLINE = "job.deadline"
REOPENINGS = frozenset({"job.retried", "job.replayed"})
ENDINGS = frozenset({"file-processing.completed", "file-processing.failed", "job.cancelled"})


@dataclass(slots=True, kw_only=True)
class Known:
    """What the test knows beside the ledger."""

    accepted: list[str] = field(default_factory=list)  # jobs that were submitted and not deleted
    broker: list[Dispatch] = field(default_factory=list)  # in any order
    lost: set[Message] = field(default_factory=set)  # messages that the test itself took away
    claimed: dict[Message, int] = field(default_factory=dict)  # what each led to: the claim's fence
    committed: set[tuple[Run, int]] = field(default_factory=set)  # run and fence whose finish was accepted
    offered: dict[tuple[Run, int], dict[str, str]] = field(default_factory=dict)  # run and fence: artifacts' hashes


def reachable(status: str, moves: int, *, of_job: bool) -> set[Status]:
    """Where a status may lead to in at most so many transitions; a step run that succeeded has done so for good."""
    found = {Status(status)}
    for _ in range(moves):
        pairs = {(before, after) for before in found for after in TRANSITIONS[before]}
        found |= {after for _, after in (pairs if of_job else pairs - OF_JOBS_ALONE)}
    return found


def changes(before: Rows, after: Rows, *, moves: int) -> Iterator[str]:
    """Statuses follow the table, numbers only grow, a success is for good, a budget is fresh only when asked for."""
    for job_id, new in after.jobs.items():
        old = before.jobs.get(job_id, new)
        if new["status"] not in reachable(old["status"], moves, of_job=True):
            yield f"job: {old['status']} -> {new['status']}"
        if new["version"] < old["version"]:
            yield "job: its version went back"
    for run, new in after.steps.items():
        old = before.steps.get(run, new)
        if new["status"] not in reachable(old["status"], moves, of_job=False):
            yield f"{run.step}: {old['status']} -> {new['status']}"
        if any(new[name] < old[name] for name in ("fence", "dispatch", "budget")):
            yield f"{run.step}: fence, dispatch or budget went back"
        asked = [e for e in after.events[run.job_id][len(before.events[run.job_id]) :] if e["type"] in REOPENINGS]
        if new["budget"] != old["budget"] and not asked:
            yield f"{run.step}: a fresh budget that nobody asked for"


def statuses(rows: Rows) -> Iterator[str]:
    """A job has ended exactly when all its step runs have, and as they say."""
    for job_id, job in rows.jobs.items():
        status, fault, steps = job["status"], job["fault"], rows.of_job(job_id).values()
        live = [step["name"] for step in steps if step["status"] not in ENDED]
        if (status in ENDED) == bool(live) or (status in ENDED) != (job["finished_at"] is not None):
            yield f"job: {status}, with {live} not ended and {job['finished_at']} as its end"
        if status == Status.QUEUED and any(step["status"] == Status.RUNNING for step in steps):
            yield "job: queued while a step runs"
        if status == Status.SUCCEEDED and any(s["required"] and s["status"] != Status.SUCCEEDED for s in steps):
            yield f"job: succeeded, with {[(s['name'], s['status']) for s in steps]}"
        if (status == Status.FAILED) != (fault is not None):
            yield f"job: {status}, with the fault {fault}"
        if status == Status.FAILED and fault["code"] != DEADLINE:
            blamed = [s for s in steps if s["name"] == fault["step"] and s["status"] == Status.FAILED and s["required"]]
            if not blamed or not fault["message"] or fault["actor"] not in set(Actor):
                yield f"job: failed for {fault}"


def steps(rows: Rows) -> Iterator[str]:
    """No step runs before what it needs, none waits for what never comes, and the columns fit the status."""
    for run, row in rows.steps.items():
        status, needed = row["status"], {need["status"] for need in rows.needs(run)}
        if status in {Status.QUEUED, Status.RUNNING, Status.SUCCEEDED} and needed - {Status.SUCCEEDED}:
            yield f"{run.step}: {status} before what it needs: {needed}"
        if status == Status.WAITING and (needed <= {Status.SUCCEEDED} or needed & BROKEN):
            yield f"{run.step}: waits for ever, since what it needs is {needed}"
        job = rows.jobs[run.job_id]
        by_caller = job["status"] == Status.CANCELLED or (job["fault"] or {}).get("code") == DEADLINE
        beside = {other["status"] for key, other in rows.steps.items() if key[:2] == run[:2] and key != run}
        if status == Status.CANCELLED and not by_caller and not needed & BROKEN and Status.FAILED not in beside:
            yield f"{run.step}: cancelled in a job that is {job['status']}, and what it needs is {needed}"
        if status == Status.FAILED and not (row["fault"] and row["fault"]["code"] and row["fault"]["message"]):
            yield f"{run.step}: failed without a reason"
        if (status in ENDED) != (row["finished_at"] is not None):
            yield f"{run.step}: {status}, with {row['finished_at']} as its end"
        is_held = row["lease_until"] is not None and row["worker"] is not None
        if status == Status.RUNNING and (not is_held or row["not_before"] is not None):
            yield f"{run.step}: runs with lease {row['lease_until']}, worker {row['worker']}, {row['not_before']}"
        if status != Status.RUNNING and row["lease_until"] is not None:
            yield f"{run.step}: {status} with a lease"


def attempts_kept(rows: Rows, known: Known) -> Iterator[str]:
    """Each claim left one attempt, those not given back were counted, the budget holds, and outcomes are those told."""
    for run, row in rows.steps.items():
        tried = rows.attempts[run]
        if [one["fence"] for one in tried] != list(range(1, row["fence"] + 1)):
            yield f"{run.step}: fence {row['fence']}, attempts {[one['fence'] for one in tried]}"
        charged = sum(one["outcome"] != "released" for one in tried)
        if charged != row["attempt"] or not row["attempt"] <= row["budget"] <= row["attempt"] + row["attempts"]:
            yield f"{run.step}: {charged} charged, attempt {row['attempt']} of {row['budget']}"
        died = [one for one in tried if one["outcome"] == "failed" and one["fault"]["code"] in ESCALATED_CODES]
        times = sum(one["number"] > row["budget"] - row["attempts"] for one in died)  # since its budget was fresh
        if row["status"] != Status.FAILED and times != row["escalations"]:
            yield f"{run.step}: {row['status']}, died {times} times, went up {row['escalations']} classes"
        yield from _outcomes(rows, known, run)


def _outcomes(rows: Rows, known: Known, run: Run) -> Iterator[str]:
    """An attempt is open while its claim counts, and in a job that was ended over its head; else it says how it ended."""
    over_its_head = any(
        event["type"] == "job.cancelled" or event["data"].get("code") == DEADLINE for event in rows.events[run.job_id]
    )
    for one in rows.attempts[run]:
        runs = rows.steps[run]["status"] == Status.RUNNING and rows.steps[run]["fence"] == one["fence"]
        if (one["outcome"] is None) != runs and not (one["outcome"] is None and over_its_head):
            yield f"{run.step}: the claim of fence {one['fence']} counts: {runs}, its attempt: {one['outcome']}"
        was_told = (run, one["fence"]) in known.committed
        if was_told != (one["outcome"] in {"succeeded", "failed", "released"}):
            yield f"{run.step}: attempt {one['fence']} {one['outcome']}, finish was accepted: {was_told}"


def effects(rows: Rows, known: Known) -> Iterator[str]:
    """What a step made is there once, from the one attempt that succeeded, and nothing of any other."""
    for job_id, job in rows.jobs.items():
        due: dict[str, str] = {}
        facts: dict[str, int] = {}
        for run, row in rows.of_job(job_id).items():
            won = [one["fence"] for one in rows.attempts[run] if one["outcome"] == "succeeded"]
            if len(won) != (row["status"] == Status.SUCCEEDED) or len(rows.told(run, "step.succeeded")) != len(won):
                yield f"{run.step}: {row['status']}, succeeded under the fences {won}"
            for fence in won[:1]:
                due |= known.offered[run, fence]
                facts[f"{run.step}.{run.part}"] = fence
        found = {name: row["sha256"] for name, row in rows.artifacts.get(job_id, {}).items()}
        if (found, job["summary"]) != (due, facts):
            yield f"job: artifacts {found} and summary {job['summary']}, due are {due} and {facts}"
        if any(row["blob_state"] != "live" for row in rows.artifacts.get(job_id, {}).values()):
            yield "job: an artifact without live bytes"


def given_up(rows: Rows, known: Known) -> Iterator[str]:
    """A letter for each time that the platform gave a step run up; open ones only while it stays given up."""
    for run, row in rows.steps.items():
        letters = rows.letters_of(run)
        times = [e for e in rows.told(run, "step.failed") if e["data"]["fault"]["actor"] != Actor.SUBMITTER]
        states = Counter(letter["state"] for letter in letters)
        is_ours = row["status"] == Status.FAILED and row["fault"]["actor"] != Actor.SUBMITTER
        if len(letters) != len(times):
            yield f"{run.step}: given up {len(times)} times, {len(letters)} letters"
        if states["open"] > is_ours or (is_ours and not states["open"] + states["discarded"]):
            yield f"{run.step}: {row['status']} for {row['fault']}, letters {dict(states)}"
        warned = sum(warning["step"] == run.step for warning in rows.jobs[run.job_id]["warnings"])
        if warned != (row["status"] == Status.FAILED and not row["required"]):
            yield f"{run.step}: {row['status']}, required: {row['required']}, with {warned} warnings"
    for letter in rows.letters.values():
        if letter["state"] == "open" and letter["job_id"] not in known.accepted:
            yield "a letter of a deleted job is open"


def messages(rows: Rows, known: Known) -> Iterator[str]:
    """No message of a queued step run is missing, but for those that the test itself took away."""
    on_its_way = {Message.of(dispatch) for dispatch in known.broker}
    for run, row in rows.steps.items():
        message = Message(*run, row["dispatch"])
        if message in rows.outbox or message in on_its_way:
            known.lost.discard(message)
        elif row["status"] == Status.QUEUED and message not in known.lost:
            yield f"{run.step}: queued, but the message of dispatch {row['dispatch']} is nowhere"


def endings(rows: Rows, known: Known) -> Iterator[str]:
    """Every accepted job is there, and tells its end once, until somebody asks for it again."""
    if set(rows.jobs) != set(known.accepted):
        yield f"jobs lost or too many: {set(rows.jobs) ^ set(known.accepted)}"
    for job_id, job in rows.jobs.items():
        types = [event["type"] for event in rows.events[job_id]]
        last = max((n for n, type_ in enumerate(types) if type_ in REOPENINGS), default=0)
        told = sum(type_ in ENDINGS for type_ in types[last:])
        if told != (job["status"] in ENDED):
            yield f"job: {job['status']}, its end was told {told} times: {types[last:]}"


def broken_promises(before: Rows, after: Rows, *, known: Known, moves: int) -> list[str]:
    """All that is wrong at the later moment."""
    return [
        *changes(before, after, moves=moves),
        *statuses(after),
        *steps(after),
        *attempts_kept(after, known),
        *effects(after, known),
        *given_up(after, known),
        *messages(after, known),
        *endings(after, known),
    ]


def retold(ledger: Ledger, rows: Rows) -> Iterator[str]:
    """The event log, replayed through the rules, gives the rows."""
    with ledger.database.reading() as tx:
        found = whole(tx, tx.execute(select_jobs()).mappings().all())
    for job in found:
        names = Logged.__slots__
        log = [Logged(**{name: event[name] for name in names}) for event in rows.events[job.id]]
        told = replay(job, log)
        if told.illegal or not told.complete:
            yield f"the log is illegal: {told.illegal}"
        for step in job.steps:
            said = told.job.step(step.key)
            if (said.status, said.attempt, said.fence) != (step.status, step.attempt, step.fence):
                yield f"{step.name}: the log says {said.status}, {said.attempt}, {said.fence}; the row {step.status}"
        if told.job.status is not job.status:
            yield f"the log says the job is {told.job.status}, the row {job.status}"
