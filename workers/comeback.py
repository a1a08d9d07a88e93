"""Asks, once a worker listens (again), whether the broker still has what the ledger counts as sent.

A broker that was killed comes back with its messages, one that lost its disk without. The reconciler of lost messages
would find out within a minute or two; whoever has just been cut off has reason to look at once. And again a little later:
beside new messages those that are gone do not show in their number.
"""

import time
from collections.abc import Callable, Sequence

import structlog

from broker import BrokerOptions, depths
from broker.app import BrokerUnavailable
from ledger import Dispatch, Ledger

log = structlog.get_logger(__name__)
SETTLE = 2.0  # seconds in which messages that were given back come into sight again
LOOKS = (SETTLE, 6.0, 20.0, 60.0)  # seconds after a worker began to listen


class Comeback:
    """A few looks at the line after the worker began to listen, `LOOKS`. Looked through by the dispatcher."""

    def __init__(
        self, ledger: Ledger, options: BrokerOptions, *, queue: str, wake: Callable[[Sequence[Dispatch]], None]
    ) -> None:
        self._ledger = ledger
        self._options = options
        self._queue = queue
        self._wake = wake
        self._due: list[float] = []  # monotonic, the last one first

    def listening(self) -> None:
        """The worker has begun to listen."""
        now = time.monotonic()
        self._due = [now + seconds for seconds in reversed(LOOKS)]

    def look(self) -> None:
        """Send again what is gone; a few messages that others have in hand may go out twice, which hurts nobody."""
        if not self._due or time.monotonic() < self._due[-1]:
            return
        waits = self._ledger.oldest_claimable(self._queue)
        self._due.pop()
        if waits is None:
            return  # nothing is queued, so nothing can be gone; to ask a broker takes much longer
        try:
            depth = depths(self._options)[self._queue]
        except BrokerUnavailable:
            return  # the worker notices, too, and listens again later
        sent_again = self._ledger.resend_lost({self._queue: depth}, older_than=SETTLE)
        if sent_again:
            log.warning("messages.lost", queue=self._queue, sent_again=sent_again)
            self._wake(self._ledger.take_due(limit=1000))
