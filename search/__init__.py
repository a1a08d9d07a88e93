"""Search: the index port's engine on plain SQL tables of the ledger."""

from search.sql import Hit, JobIndex, SqlSearch

__all__ = ["Hit", "JobIndex", "SqlSearch"]
