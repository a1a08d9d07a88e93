"""The audit: proves from ledger, object store and broker that no job was lost and nothing was done twice."""

from audit.report import Check, Finding, Report
from audit.run import audit

__all__ = ["Check", "Finding", "Report", "audit"]
