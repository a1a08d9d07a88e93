"""What a step's resources are in tests: the compiled sample catalog, and what an owner has said."""

import functools
import json
import tempfile
from pathlib import Path

from catalog.sample import sample_catalog


@functools.cache
def sample():
    """The compiled sample, made once per process."""
    return sample_catalog(Path(tempfile.mkdtemp(prefix="heavylift-test-catalog-")))


def resources(folder, *, catalog=None, **said):
    """Paths by name, for a context in `folder`; `said` goes into `reading`."""
    reading = folder / "reading.json"
    reading.write_text(json.dumps({"corrections": [], "mappings": {}, "studio_password": None} | said))
    return {"catalog": catalog or sample(), "reading": reading}


# What a parts list becomes: sorted names of the artifacts of a list of up to 100,000 rows.
LIST_ARTIFACTS = (
    "bricklink.xml",
    "issues.csv",
    "issues.jsonl",
    "lots.jsonl",
    "lots.parquet",
    "rebrickable.csv",
    "records.jsonl",
    "summary.json",
)
