"""The drill's own file system: it is full when it was filled, also where others write meanwhile."""

import errno

import pytest

from drill import disk
from drill.disk import PrivateDisk


@pytest.fixture
def mounted(tmp_path):
    """One that was never mounted: what it would ask of the kernel is in `sizes`."""
    made = object.__new__(PrivateDisk)
    made.folder = tmp_path
    return made


@pytest.mark.parametrize("grown", [0, 1, 5])
def test_fill__is_tried_again_where_more_was_written(mounted, monkeypatch, grown):
    """Linux refuses a size below what is used (EINVAL): the disk is measured again then."""
    sizes = []

    def resize(_self, size):
        sizes.append(size)
        if len(sizes) <= grown:
            raise OSError(errno.EINVAL, "mount")

    monkeypatch.setattr(PrivateDisk, "_resize", resize)
    mounted.fill()
    assert len(sizes) == grown + 1


@pytest.mark.parametrize(("number", "tries"), [(errno.EPERM, 1), (errno.EINVAL, disk._TRIES)])
def test_fill__ends_with_what_does_not_pass(mounted, monkeypatch, number, tries):
    """Whatever else is wrong is told at once, and that without end in the end."""
    sizes = []

    def resize(_self, size):
        sizes.append(size)
        raise OSError(number, "mount")

    monkeypatch.setattr(PrivateDisk, "_resize", resize)
    with pytest.raises(OSError, match="mount"):
        mounted.fill()
    assert len(sizes) == tries
