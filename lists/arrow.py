"""Arrow without pandas, which it would import (a second, 60 MB) just to ask whether a list is one of its series."""

import sys
import warnings
from types import ModuleType

import pyarrow as pa
from pyarrow import parquet

__all__ = ["pa", "parquet"]


def _ask_once() -> None:
    """Let Arrow look for pandas while there is but one that is too old; it remembers, and nobody else is told."""
    if "pandas" in sys.modules:
        return
    too_old = ModuleType("pandas")
    too_old.__version__ = "0"  # type: ignore[attr-defined]  # what Arrow looks at
    sys.modules["pandas"] = too_old
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pa.array([1])
    finally:
        del sys.modules["pandas"]


_ask_once()
if (
    "jemalloc" in pa.supported_memory_backends()
):  # gives back what a thread beside ours used: 10 MB less for a long list
    pa.set_memory_pool(pa.jemalloc_memory_pool())
