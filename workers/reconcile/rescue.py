"""Rescue: messages, leases and deadlines. The dispatchers do most of this each second; here is the backup."""

from broker import depths
from jobs.errors import HeavyliftError
from workers.dead_messages import settle_dead_messages
from workers.dispatcher import take_from_dead_workers
from workers.reconcile.findings import Findings, Sides

_SILENT = 60.0  # seconds without a sign of life, of which workers give one every ten


def outbox(sides: Sides) -> Findings:
    """Send what the publishers and dispatchers left."""
    due = sides.ledger.take_due(limit=1000)
    sides.wake(due)
    found = Findings(checked=len(due))
    if due:
        found.repair(f"{len(due)} unsent messages were sent", n=len(due))
    return found


def leases(sides: Sides) -> Findings:
    """Take claims away from workers that went silent, and close the attempts that they will not close."""
    over = take_from_dead_workers(sides.ledger, sides.wake)
    closed = sides.ledger.close_attempts(silent=_SILENT)
    found = Findings(checked=over + closed)
    if over:
        found.repair(f"{over} step runs were taken from silent workers", n=over)
    if closed:
        found.repair(f"{closed} attempts of ended jobs were closed for silent workers", n=closed)
    return found


def deadlines(sides: Sides) -> Findings:
    """End jobs whose deadline has passed."""
    found = Findings()
    for job_id in sides.ledger.past_deadline():
        found.checked += 1
        sides.ledger.expire(job_id)
        found.repair(f"job {job_id}: its deadline had passed")
    return found


def lost_messages(sides: Sides) -> Findings:
    """Send queued step runs again whose message the broker no longer has."""
    seen = depths(sides.broker)
    found = Findings(checked=sum(seen.values()))
    mended = sides.ledger.resend_lost(seen, older_than=sides.lost_after)
    if mended:
        found.repair(f"{mended} messages were gone from the broker", n=mended)
        sides.wake(sides.ledger.take_due(limit=1000))
    return found


def dead_messages(sides: Sides) -> Findings:
    """Send again, or keep as a letter, what RabbitMQ gave up delivering."""
    settled = settle_dead_messages(sides.ledger, sides.broker, sides.wake)
    found = Findings(checked=settled.taken)
    if settled.sent_again:
        found.repair(f"{settled.sent_again} messages came back and were sent again", n=settled.sent_again)
    for _ in range(settled.kept):
        found.leave("a message that nobody can read was kept as a dead letter")
    return found


def reason(error: HeavyliftError) -> str:
    """In one line, for a run's notes."""
    return (str(error) or type(error).__name__)[:300]
