"""Archives that strangers made: bombs, thousands of entries, odd names, lies, ciphers; each is refused by its name."""

import io
import struct
import warnings
import zipfile

import pytest
from cad_lists import encrypted, zipped
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.errors import InputError
from parsers.zip_guard import LIMITS, MEBI, Cipher, ZipLimits, open_zip


@pytest.fixture
def archive(tmp_path):
    """Writes bytes to a file and gives its path."""

    def written(content):
        path = tmp_path / "a.zip"
        path.write_bytes(content)
        return path

    return written


def refused(path, *, limits=None, password=None):
    """The code with which reading everything in the archive ends."""
    with pytest.raises(InputError) as caught:
        read_all(path, limits=limits or LIMITS, password=password)
    return caught.value.fault.code


def read_all(path, *, limits=LIMITS, password=None):
    with open_zip(path, limits=limits) as opened:
        return [b"".join(opened.chunks(entry, password=password)) for entry in opened.entries]


def test_read__gives_what_was_packed(archive, tmp_path):
    """Entries are found whatever their case, with `/` between folders, and read whole, in chunks or into a file."""
    with open_zip(archive(zipped({"a/B.txt": "hello", "empty": "", "folder/": ""}))) as opened:
        assert [(entry.name, entry.size, entry.cipher) for entry in opened.entries] == [
            ("a/B.txt", 5, Cipher.NONE),
            ("empty", 0, Cipher.NONE),
        ]
        entry = opened.find("A/b.TXT")
        assert opened.read(entry, most=5) == b"hello"
        opened.unpack(entry, tmp_path / "out")
        assert opened.find("b.txt") is None
        assert opened.weigh() == 5
    assert (tmp_path / "out").read_bytes() == b"hello"


def test_open__says_what_is_no_archive(archive):
    """An empty file, a text and half an archive are three different things."""
    whole = zipped({"a": "x" * 1000})
    assert refused(archive(b"")) == "format.empty"
    assert refused(archive(b"hello")) == "format.unknown"
    assert refused(archive(whole[:-30])) == "zip.damaged"
    assert refused(archive(b"PK\x03\x04" + bytes(500))) == "zip.damaged"


def test_bomb__is_stopped_by_its_ratio(archive):
    """An entry that unpacks to a thousand times its size is stopped long before its end."""
    path = archive(zipped({"zeros": bytes(200 * MEBI)}))
    with open_zip(path) as opened:
        with pytest.raises(InputError) as caught:
            opened.weigh()
        assert caught.value.fault.code == "zip.ratio"
        assert opened.read_so_far < 60 * MEBI


def test_bomb__many_small_entries_add_up(archive):
    """What is read from one archive counts as a whole, so that a thousand half-bombs are one bomb."""
    path = archive(zipped({f"z{number}": bytes(MEBI) for number in range(20)}))
    assert refused(path, limits=ZipLimits(unzipped=10 * MEBI)) == "zip.too_large"


def test_read__no_more_than_was_asked_for(archive):
    """A small entry that is not small is refused."""
    with open_zip(archive(zipped({"a": "x" * 1000}))) as opened, pytest.raises(InputError) as caught:
        opened.read(opened.find("a"), most=999)
    assert caught.value.fault.code == "zip.too_large"


def test_entries__a_hundred_thousand_are_refused_before_they_are_listed(archive):
    """The directory is not even read where it is larger than the allowed entries could need."""
    path = archive(zipped({f"f{number}": b"" for number in range(100_000)}, method=zipfile.ZIP_STORED))
    assert refused(path) == "zip.entries"
    assert refused(archive(zipped({f"f{number}": b"" for number in range(11)})), limits=ZipLimits(entries=10)) == (
        "zip.entries"
    )


@pytest.mark.parametrize("name", ["../a", "a/../../b", "/etc/passwd", "C:\\a", "..\\a", "x" * 600])
def test_names__that_lead_out_or_on_are_refused(archive, name):
    """No tool writes such names; whoever does is up to something."""
    assert refused(archive(zipped({name: "x"}))) == "zip.name"


def test_names__the_same_twice_is_ambiguous(archive):
    """Readers differ in which of two equal names they take, so none is taken."""
    out = io.BytesIO()
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(out, "w") as two:
        two.writestr("model.ldr", "1")
        two.writestr("MODEL.ldr", "2")
    with open_zip(archive(out.getvalue())) as opened, pytest.raises(InputError) as caught:
        opened.find("model.ldr")
    assert caught.value.fault.code == "zip.ambiguous"


def test_names__none_at_all_is_a_name(archive):
    """An entry whose name begins with a NUL has none; it is no folder, and breaks nothing."""
    content = zipped({"zz": "nameless", "b": "x"}).replace(b"zz", b"\0z")
    with open_zip(archive(content)) as opened:
        assert [entry.name for entry in opened.entries] == ["", "b"]
        assert opened.find("b") is not None


def test_size__a_lie_is_found_out(archive):
    """An entry that claims fewer bytes than it holds does not match its check sum."""
    content = bytearray(zipped({"a": b"x" * 5000}))
    for magic, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", content, content.find(magic) + at, 10)
    assert refused(archive(bytes(content))) == "zip.damaged"


def test_method__another_than_deflate_is_refused(archive):
    """bzip2 and LZMA take memory and time of their own, and no such file is packed with them."""
    assert refused(archive(zipped({"a": "x"}, method=zipfile.ZIP_BZIP2))) == "zip.method"


def test_nested__archives_inside_are_bytes(archive):
    """An archive in an archive is not opened."""
    inner = zipped({"zeros": bytes(MEBI)})
    with open_zip(archive(zipped({"inner.zip": inner}))) as opened:
        assert opened.weigh() == len(inner)


def test_cipher__a_password_opens_the_old_one(archive):
    """ZipCrypto is read with its password, told without one, and told from a wrong one."""
    content = "a model " * 500
    path = archive(encrypted({"a": content}, "right"))
    with open_zip(path) as opened:
        (entry,) = opened.entries
        assert entry.cipher is Cipher.ZIPCRYPTO
        assert opened.read(entry, most=5000, password=b"right") == content.encode()
    assert refused(path) == "zip.encrypted"
    assert refused(path, password=b"wrong") == "zip.password"


def test_cipher__no_password_is_ever_taken_for_right(archive):
    """One wrong password in 256 passes the first check; the content's check sum catches it."""
    path = archive(encrypted({"a": "a model " * 500}, "right"))
    assert {refused(path, password=b"wrong%d" % number) for number in range(600)} == {"zip.password"}


def test_cipher__aes_is_told_and_not_read(archive):
    """A stronger cipher says so, whatever the password."""
    path = archive(encrypted({"a": "x"}, "right", aes=True))
    with open_zip(path) as opened:
        assert opened.entries[0].cipher is Cipher.AES
    assert refused(path, password=b"right") == "zip.encrypted"


def test_cipher__only_so_much_is_decrypted(archive):
    """Decrypting is slow, so a large encrypted entry is refused before it starts."""
    path = archive(encrypted({"a": "some text that is longer than ten bytes"}, "right"))
    with open_zip(path, limits=ZipLimits(decrypted=10)) as opened, pytest.raises(InputError) as caught:
        list(opened.chunks(opened.entries[0], password=b"right"))
    assert caught.value.fault.code == "limit.encrypted"


SAMPLE = zipped({"a/model.ldr": "0 a model\n" * 50, "b": "x" * 300, ".info": "{}"})
LOCKED = encrypted({"a/model.ldr": "0 a model\n" * 50, ".info": "{}"}, "right")
KNOWN = {"format.empty", "format.unknown", "zip.damaged", "zip.entries", "zip.name", "zip.method", "zip.encrypted"}
KNOWN |= {"zip.password", "zip.too_large", "zip.ratio", "limit.encrypted"}


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    source=st.sampled_from([SAMPLE, LOCKED]),
    cuts=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 8), st.binary(max_size=8)), min_size=1, max_size=4),
)
def test_open__raises_nothing_but_input_errors(tmp_path, source, cuts):
    """However an archive is damaged, it is read or refused by name."""
    content = source
    for where, length, splice in cuts:
        at = int(where * len(content))
        content = content[:at] + splice + content[at + length :]
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    code = "zip.damaged"
    try:
        read_all(path, password=b"right")
    except InputError as caught:
        code = caught.fault.code
    assert code in KNOWN
