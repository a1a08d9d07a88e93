"""The Python SDK: what the command line itself uses to speak to a Heavylift server.

from client import Client

with Client() as heavylift:
    job = heavylift.submit(Path("wanted-list.xml"))
    job = heavylift.wait(job.id)
    print(job.status, job.summary)
"""

from client.calls import Client
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
from client.values import ENDED, Artifact, Fault, Job, Step, Warned

__all__ = [
    "ENDED",
    "Artifact",
    "Client",
    "ClientError",
    "CorruptDownload",
    "Fault",
    "Job",
    "NotFound",
    "NotReachable",
    "Problem",
    "Rejected",
    "ServerFault",
    "ServerUnavailable",
    "Step",
    "StillRunning",
    "Warned",
    "WrongState",
]
