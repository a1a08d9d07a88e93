"""All checks, one area after the other; what seems wrong is looked at twice before it is reported."""

import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from audit.areas import Accepted, Area, Content, Jobs
from audit.findable import Findable
from audit.lines import Queues
from audit.messages import Messages
from audit.reading import look_around
from audit.report import Finding, Report
from audit.stored import Stored
from broker import BrokerOptions
from ledger import Ledger
from search.port import Engine
from storage.port import ObjectStore

AT_ONCE = 1000  # suspicious findings that are looked at again together
LOST_AFTER = 60.0  # seconds; the platform's own default


def audit(
    ledger: Ledger,
    *,
    store: ObjectStore,
    broker: BrokerOptions | None,
    index: Engine | None = None,
    deep: bool,
    lost_after: float = LOST_AFTER,
    pause: float = 1.0,
) -> Report:
    """Look at everything; a platform may run meanwhile.

    `broker` None leaves the queues out, `index` None the search index. `deep` also hashes every stored object and, where all workers are stopped,
    takes every message in hand. What seems wrong is looked at again after `pause` seconds. What is overdue by less
    than `lost_after` seconds is not yet wrong. Raises `LedgerUnavailable`, `StoreUnavailable`, `BrokerUnavailable`.
    """
    scene = look_around(ledger, lost_after=lost_after)
    areas: list[Area] = [
        Jobs(ledger=ledger, scene=scene),
        Accepted(ledger=ledger),
        Content(ledger=ledger),
        Stored(ledger=ledger, store=store, deep=deep),
    ]
    if index is not None:
        areas.append(Findable(ledger=ledger, engine=index))
    if broker is not None:
        areas.append(Queues(ledger=ledger, broker=broker, scene=scene))
        areas += [Messages(ledger=ledger, broker=broker)] if deep else []
    findings = [finding for area in areas for finding in _confirmed(area, pause=pause)]
    checked: Counter[str] = Counter()
    for area in areas:
        checked.update(area.checked)
    return Report(checked={str(name): n for name, n in checked.items()}, findings=tuple(findings))


def _confirmed(area: Area, *, pause: float) -> Iterator[Finding]:
    """What is wrong twice, `pause` seconds apart."""
    looking = area.look()
    while suspicious := list(islice(looking, AT_ONCE)):
        time.sleep(pause)
        seen = {(finding.check, finding.subject) for finding in suspicious}
        yield from (finding for finding in area.again(suspicious) if (finding.check, finding.subject) in seen)
