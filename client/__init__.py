"""The Python SDK: what the command line itself uses to speak to a Heavylift server.

from client import Client

with Client() as heavylift:
    job = heavylift.submit(Path("wanted-list.xml"))
    job = heavylift.wait(job.id)
    print(job.status, job.summary)
"""

from client.calls import Client
from client.catalog_calls import Catalog, CatalogVersion, ColumnMapping, Correction
from client.errors import (
    ClientError,
    CorruptDownload,
    NotFound,
    NotReachable,
    Problem,
    Rejected,
    ServerFault,
    ServerUnavailable,
    StillRunning,
    WrongState,
)
from client.ops_values import Attempt, IndexStatus, Letter, Queue, Reconciler, Replayed, Run
from client.price_calls import Price, PriceTable
from client.search_calls import FoundPage, Hit, Suggestion
from client.values import ENDED, Artifact, Fault, Job, Similar, Step, Waiting, Warned

__all__ = [
    "ENDED",
    "Artifact",
    "Attempt",
    "Catalog",
    "CatalogVersion",
    "Client",
    "ClientError",
    "ColumnMapping",
    "Correction",
    "CorruptDownload",
    "Fault",
    "FoundPage",
    "Hit",
    "IndexStatus",
    "Job",
    "Letter",
    "NotFound",
    "NotReachable",
    "Price",
    "PriceTable",
    "Problem",
    "Queue",
    "Reconciler",
    "Rejected",
    "Replayed",
    "Run",
    "ServerFault",
    "ServerUnavailable",
    "Similar",
    "Step",
    "StillRunning",
    "Suggestion",
    "Waiting",
    "Warned",
    "WrongState",
]
