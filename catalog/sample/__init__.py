"""The sample catalog: about 200 parts in 40 colors that we wrote ourselves, so that a fresh installation knows some."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from catalog.compile import compile_catalog
from catalog.schema import FORMAT

FOLDER = Path(__file__).resolve().parent
_MADE = datetime(2026, 1, 1, tzinfo=UTC)  # the same bytes wherever it is compiled


def sample_version() -> str:
    """`sample-1-` and the start of a digest of what the files say."""
    digest = hashlib.sha256()
    for path in sorted([*FOLDER.glob("*.csv"), *FOLDER.glob("*.json")]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return f"sample-1-{digest.hexdigest()[:12]}"


def sample_catalog(cache: Path) -> Path:
    """The compiled sample in the folder `cache`, made on first use.

    Two callers at once are no trouble: each compiles a file of its own, the last to finish puts the same bytes again.
    """
    version = sample_version()
    path = cache / f"{version}-f{FORMAT}.sqlite"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        compile_catalog(FOLDER, path, version=version, made_at=_MADE)
    return path
