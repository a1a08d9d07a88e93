"""`tiny_disk`, a file system small enough to be filled; `fill` fills it to the last byte and the last name."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

SIZE, NAMES = 8 * 1024 * 1024, 2000


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB and 2,000 names."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    how = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},nr_inodes={NAMES}", "tmpfs", str(folder)]
    mounted = subprocess.run(how, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no tiny disk could be mounted, which takes root: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@contextlib.contextmanager
def filled(folder: Path, *, names: bool = True) -> Iterator[None]:
    """Inside the block no byte can be written to the tiny disk, nor (`names`) a file or folder be made."""
    filling = [folder / "filling"]
    with contextlib.suppress(OSError), filling[0].open("wb", buffering=0) as file:
        for size in (65536, 512, 1):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size):
                    pass
    with contextlib.suppress(OSError):
        while names:
            filling.append(folder / f"filling-{len(filling)}")
            filling[-1].touch()
    yield
    for path in filling:
        path.unlink(missing_ok=True)
