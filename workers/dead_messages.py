"""The sweep over RabbitMQ's dead-letter line: what a step run waits for is sent again, what nobody can read is kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from broker import BrokerOptions
from broker.dead_messages import DeadMessage, drain
from ledger import Dispatch, Ledger

log = structlog.get_logger(__name__)
_TICKS = "housekeeping."  # the clock's tasks: a dead one is void, since the next is on its way


@dataclass(slots=True, kw_only=True)
class Settled:
    """What became of the messages of one round."""

    taken: int = 0
    sent_again: int = 0  # their step runs still waited for them
    kept: int = 0  # as letters, since nobody could read them
    void: int = 0  # stale, the last return of its step run, or a tick of the clock


def settle_dead_messages(ledger: Ledger, options: BrokerOptions, wake: Callable[[Sequence[Dispatch]], None]) -> Settled:
    """Settle what is in the line now. Raises `BrokerUnavailable` and `LedgerUnavailable`; nothing is lost then."""
    settled = Settled()

    def settle(message: DeadMessage) -> None:
        if message.step is None and message.task.startswith(_TICKS):
            settled.void += 1
            return
        if message.step is None or not message.readable:
            letter = ledger.keep_message(
                body=message.body, headers=message.headers, reason=message.reason, queue=message.queue
            )
            settled.kept += 1
            log.error("message.kept", letter=letter, reason=message.reason, queue=message.queue)
        again = None
        if message.step is not None:
            step = message.step
            again = ledger.message_died(step.job_id, step.key, dispatch=step.dispatch, reason=message.reason)
            settled.sent_again += again is not None
            settled.void += again is None and message.readable
            log.warning(
                "message.died", job_id=step.job_id, step=step.key.name, reason=message.reason, again=bool(again)
            )
        if again is not None:
            wake([again])

    settled.taken = drain(options, settle)
    return settled
