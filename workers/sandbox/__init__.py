"""The sandbox: each step computes in a confined child of a warm template; whatever it does ends as a Result."""

from workers.sandbox.admission import Admission
from workers.sandbox.call import Call, Output, Result
from workers.sandbox.collect import remove, taken
from workers.sandbox.confine import Capabilities, capabilities
from workers.sandbox.report import Submission
from workers.sandbox.sandbox import Sandbox

__all__ = [
    "Admission",
    "Call",
    "Capabilities",
    "Output",
    "Result",
    "Sandbox",
    "Submission",
    "capabilities",
    "remove",
    "taken",
]
