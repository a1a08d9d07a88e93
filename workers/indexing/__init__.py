"""Indexing: one thread per process commits what steps and the ledger have for the search index, together."""

from workers.indexing.indexer import Indexer
from workers.indexing.job_index import JobIndex
from workers.indexing.owed import Owed
from workers.indexing.writer import Writer

__all__ = ["Indexer", "JobIndex", "Owed", "Writer"]
