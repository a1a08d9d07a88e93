"""The sandbox: each step computes in a confined child of a warm template; whatever it does ends as a Result."""

from workers.sandbox.admission import Admission
from workers.sandbox.call import Call, Output, Result
from workers.sandbox.collect import remove, taken
from workers.sandbox.confine import Capabilities, capabilities
from workers.sandbox.cuda import Gpu, NoGpu, visible_gpus
from workers.sandbox.gpus import GpuPool, GpuRules, GpuState, states
from workers.sandbox.report import Submission
from workers.sandbox.sandbox import Sandbox

__all__ = [
    "Admission",
    "Call",
    "Capabilities",
    "Gpu",
    "GpuPool",
    "GpuRules",
    "GpuState",
    "NoGpu",
    "Output",
    "Result",
    "Sandbox",
    "Submission",
    "capabilities",
    "remove",
    "states",
    "taken",
    "visible_gpus",
]
