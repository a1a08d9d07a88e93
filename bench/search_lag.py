"""Index lag: small parts lists come one after the other, and a search looks for the row of each until it is there."""

import secrets
import time
from dataclasses import dataclass
from urllib.parse import quote

from bench import Unmeasurable
from bench.platform import Platform, embedded
from bench.result import Report, Target
from bench.stats import Spread
from bench.wire import Wire
from ledger import Ledger

LAG, AT_ONCE = Target(limit=1_000), Target(limit=1.0, at_least=True)
RATE, PATIENCE = 4.0, 60.0  # lists a second; seconds until a row has to be there
_WARM_UP = 3  # lists that nobody counts


@dataclass(slots=True)
class _Sent:
    """A list that was sent."""

    job_id: str
    word: str  # in the remarks of one of its rows, and nowhere else
    by_name: bool  # its file was found by name with the first search after the 202
    visible: float = 0.0  # when its row was found


def measure_lag(report: Report, *, lists: int) -> None:
    """From the end of the step that parsed a list until its rows are found, while more lists come in."""
    with embedded() as platform, platform.wire() as wire:
        sent = _stream(platform, wire, lists + _WARM_UP)[_WARM_UP:]
        ledger = Ledger(platform.ledger_url)
        try:
            lags = [1000 * (one.visible - _step_end(ledger, one.job_id, "parse")) for one in sent]
            ends = [1000 * (one.visible - _step_end(ledger, one.job_id, "index")) for one in sent]
        finally:
            ledger.close()
    report.say(f"  rows found after the parsing step's success (ms): {Spread.of(lags)}")
    report.say(f"  after the indexing step's success: {Spread.of(ends)}")
    report.add("lag-p50", Spread.of(lags).p50, unit="ms", n=len(lags))
    report.add("lag-p95", Spread.of(lags).p95, unit="ms", target=LAG, n=len(lags))
    report.add("lag-behind-indexing-p95", Spread.of(ends).p95, unit="ms", target=LAG, n=len(ends))
    report.add(
        "found-by-name-at-once", sum(one.by_name for one in sent) / len(sent), unit="share", target=AT_ONCE, n=len(sent)
    )


def _stream(platform: Platform, wire: Wire, number: int) -> list[_Sent]:
    """Send a list each 1/`RATE` seconds; look for those that are not there yet, again and again, in between."""
    sent, waiting, began = list[_Sent](), list[_Sent](), time.monotonic()
    while len(sent) < number or waiting:
        if len(sent) < number and time.monotonic() >= began + len(sent) / RATE:
            sent.append(_send(wire))
            waiting.append(sent[-1])
        waiting = [one for one in waiting if not _found(wire, one)]
        if time.monotonic() > began + number / RATE + PATIENCE:
            raise Unmeasurable(f"{len(waiting)} lists are not found after {PATIENCE:g} s\n{platform.tails()}")
        time.sleep(0.002)
    return sent


def _send(wire: Wire) -> _Sent:
    word, name = f"q{secrets.token_hex(6)}", f"w{secrets.token_hex(6)}"
    items = "".join(
        f"<ITEM><ITEMTYPE>P</ITEMTYPE><ITEMID>{part}</ITEMID><COLOR>5</COLOR><MINQTY>{n}</MINQTY>"
        f"<REMARKS>drawer {n} {word if n == 7 else ''}</REMARKS></ITEM>"
        for n, part in enumerate(("3001", "3002", "3003", "3004", "3005") * 10, 1)
    )
    body = f"<INVENTORY>{items}</INVENTORY>".encode()
    answer = wire.request("POST", f"/v1/jobs?filename={name}.xml", body=[body])
    if answer.status != 202:
        raise Unmeasurable(f"a list was not taken: {answer.status} {answer.body[:300]!r}")
    job_id = str(answer.json()["id"])
    found = wire.get(f"/v1/search?q={quote(name)}").json()["items"]
    return _Sent(job_id=job_id, word=word, by_name=any(one["job_id"] == job_id for one in found))


def _found(wire: Wire, one: _Sent) -> bool:
    items = wire.get(f"/v1/search?q={one.word}").json()["items"]
    one.visible = time.time()
    return any(hit["job_id"] == one.job_id and hit["place"].startswith("row") for hit in items)


def _step_end(ledger: Ledger, job_id: str, name: str) -> float:
    """When a step ended. The stream ends with the last row found, which is a moment before its step does."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        step = next(step for step in ledger.get(job_id, owner="local").steps if step.name == name)
        if step.finished_at is not None:
            return step.finished_at.timestamp()
        time.sleep(0.02)
    raise Unmeasurable(f"the step {name} of job {job_id} did not end")
