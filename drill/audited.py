"""The audit after a drill, over a platform whose processes have ended and whose broker and database still run."""

from audit import Check, audit
from drill.look import Look
from drill.platform import Platform
from drill.verdict import AuditSeen

TWICE = frozenset({Check.SUCCESSES, Check.ENDINGS, Check.PLACES})  # findings of effects that were committed twice


def audited(platform: Platform) -> AuditSeen:
    """Every check, the deep ones too."""
    ledger = platform.open_ledger()
    try:
        for name in Look(ledger).workers():  # those that were killed could not say goodbye, and would seem to live
            ledger.unregister(name)
        store, index = platform.open_store(), platform.open_index()
        report = audit(ledger, store=store, broker=platform.options, index=index, deep=True)
    finally:
        ledger.close()
    return AuditSeen(
        well=report.well,
        checked=report.checked,
        findings=tuple((one.check.value, one.subject, one.detail) for one in report.findings),
        doubled={one.subject: one.detail for one in report.findings if one.check in TWICE},
    )
