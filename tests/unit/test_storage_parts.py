"""The pure pieces of the stores: ranges, keys, link headers, part sizes, the factory's refusals."""

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import ConfigurationError
from jobs.ids import new_id
from storage import open_store
from storage.disk import open_regular
from storage.links import disposition
from storage.local import LocalStore
from storage.port import StoreError, checked_key
from storage.ranges import FileRange, cut
from storage.s3_writing import PART, part_size


@given(st.integers(0, 50), st.integers(0, 60), st.none() | st.integers(0, 60))
def test_cut__is_a_slice(size: int, offset: int, length: int | None):
    """A range cut to a size picks the same bytes as a Python slice does."""
    content = bytes(range(size))
    start, end = cut(size, offset=offset, length=length)
    assert content[start:end] == content[offset : None if length is None else offset + length]
    assert 0 <= start <= size


def test_checked_key__takes_ids_only():
    """A fresh id passes unchanged, a path does not."""
    key = new_id()
    assert checked_key(key) == key
    with pytest.raises(ValueError, match="no object key"):
        checked_key("../" + key)


@given(st.text(max_size=300), st.booleans())
def test_disposition__is_one_safe_header(name: str, attachment: bool):  # noqa: FBT001 - hypothesis fills by position
    """Whatever a file is called, the header stays one line of ASCII with its quotes in pairs."""
    header = disposition(name, attachment=attachment)
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
    assert "\\" not in header
    assert header.startswith("attachment; " if attachment else "inline; ")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plan.pdf", "attachment; filename=\"plan.pdf\"; filename*=UTF-8''plan.pdf"),
        ("Größe 1.pdf", "attachment; filename=\"Gr__e 1.pdf\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%201.pdf"),
        ('a"; x="b\r\nY: z', "attachment; filename=\"a_; x=_bY: z\"; filename*=UTF-8''a%22%3B%20x%3D%22bY%3A%20z"),
        ("", "attachment; filename=\"file\"; filename*=UTF-8''file"),
    ],
)
def test_disposition__carries_the_name(name: str, expected: str):
    """Old clients get the name in ASCII, others exactly; nothing in it ends the header."""
    assert disposition(name, attachment=True) == expected


def test_part_size__keeps_to_the_limits_of_s3():
    """Whatever is expected fits twice into ten thousand parts, and none is smaller than 16 MiB."""
    assert part_size(None) == part_size(1) == PART
    for expected in (10**9, 10**11, 10**12):
        assert part_size(expected) * 10_000 >= 2 * expected


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """A file of ten bytes."""
    path = tmp_path / "digits"
    path.write_bytes(b"0123456789")
    return path


def test_file_range__reads_and_seeks_within_its_bounds(digits: Path):
    """A range shows its own bytes only, wherever one seeks, and two of one descriptor do not disturb each other."""
    with FileRange.of(open_regular(digits)) as whole:
        one, two = whole.part(2, 6), whole.part(6, 99)
        assert one.read(2) == b"23"
        assert two.read() == b"6789"
        assert one.read() == b"45"
        assert (one.seek(-1, io.SEEK_END), one.read()) == (3, b"5")
        assert (one.seek(-9, io.SEEK_CUR), one.read(1)) == (0, b"2")
        assert (one.seek(50), one.read()) == (50, b"")
        one.close()
        assert whole.readall() == b"0123456789"


def test_file_range__fails_in_the_ports_words(digits: Path):
    """A disk that fails under a reader raises what the store makes of it."""
    descriptor = open_regular(digits)
    found = FileRange(descriptor, start=0, end=10, owned=False, translate=lambda error: StoreError(str(error)))
    os.close(descriptor)
    with pytest.raises(StoreError, match=os.strerror(errno.EBADF)):
        found.read()


@pytest.mark.timeout(10)
def test_open_regular__takes_plain_files_only(tmp_path: Path, digits: Path):
    """A link, a folder or a pipe in place of a file is refused, without waiting for a writer."""
    (tmp_path / "link").symlink_to(digits)
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe", ".", "absent"):
        with pytest.raises(OSError, match=r".+"):
            open_regular(tmp_path / name)


@pytest.mark.parametrize(
    ("settings", "cure"),
    [
        ({"kind": "tape"}, "HEAVYLIFT_STORE_KIND"),
        ({"kind": "local"}, "HEAVYLIFT_STORE_PATH"),
        ({"kind": "local", "path": Path("x"), "prefix": "a/../../b"}, "HEAVYLIFT_STORE_PREFIX"),
        ({"kind": "s3"}, "HEAVYLIFT_STORE_BUCKET"),
        ({"kind": "s3", "bucket": "b", "checksums": "never"}, "HEAVYLIFT_STORE_CHECKSUMS"),
    ],
)
def test_open_store__names_the_cure(settings: dict[str, object], cure: str):
    """Settings that cannot work are refused at start, and the message names the variable to set."""
    with pytest.raises(ConfigurationError, match=cure):
        open_store(**settings)  # type: ignore[arg-type]  # wrong on purpose


def test_open_store__imports_no_boto3():
    """The API starts light: boto3 is imported on the first use of a bucket, not before."""
    program = "import sys, storage; storage.open_store(kind='s3', bucket='b'); sys.exit('boto3' in sys.modules)"
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", program], cwd=root, timeout=30, check=False).returncode == 0


def test_local__copies_where_the_kernel_cannot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Where the kernel copies nothing, or stops half way, the bytes arrive all the same."""
    content = os.urandom(100_000)
    real = os.copy_file_range

    def half_way(source: int, target: int, count: int) -> int:
        if os.lseek(source, 0, os.SEEK_CUR) >= 50_000:
            raise OSError(errno.EXDEV, "other disk")
        return real(source, target, min(count, 50_000))

    store = LocalStore(tmp_path / "store")
    (tmp_path / "source").write_bytes(content)
    for copier in (real, half_way, None):
        if copier is None:
            monkeypatch.delattr(os, "copy_file_range")
        else:
            monkeypatch.setattr(os, "copy_file_range", copier)
        key = new_id()
        store.put_file(key, tmp_path / "source")
        store.fetch(key, tmp_path / "fetched")
        assert (tmp_path / "fetched").read_bytes() == content
