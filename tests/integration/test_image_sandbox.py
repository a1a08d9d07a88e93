"""Hostile pictures in the real sandbox: each ends with a named code, within its memory class, and the next job succeeds."""

import struct
import threading
import zlib
from pathlib import Path

import pytest
from support.image_files import chunk, in_form, lying, many_scans, png, text_bomb
from support.sandbox_runs import Bench, MiB

from jobs.model import Memory
from jobs.queues import THUMBNAILS
from pipelines import pipeline_named

PIPELINE = pipeline_named("image")
OPTIONS = PIPELINE.validated_options({})


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    found = Bench(tmp_path_factory.mktemp("pictures"), name="pictures", preload=THUMBNAILS.preload, extra_path=[])
    yield found
    found.sandbox.close()


def run(bench: Bench, content: bytes, step: str = "inspect"):
    """One step of the pipeline on an upload, as a worker runs it."""
    asked = PIPELINE.step(step)
    call = bench.call(
        step,
        target=asked.target,
        kind="png",
        file_name="picture",
        options=OPTIONS,
        memory=int(asked.memory),
        timeout=60.0,
        max_output=64 * MiB,
    )
    Path(call.inputs["upload"]).write_bytes(content)
    return bench.sandbox.run(call, on_progress=lambda _share, _message: None, stop=threading.Event())


def zeros(count):
    """That many zero bytes, deflated without ever holding them."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(MiB)) for _ in range(count // MiB)) + packer.flush()


def largest_png():
    """118 million pixels, of which the file says the truth: 30 kB that unpack to 355 MB."""
    width, height = 11_000, 10_766
    return png(width, height, [(b"IDAT", zeros((width * 3 + 1) * height + MiB))])


HOSTILE = {
    **lying(),
    "png-text": text_bomb(),
    "png-largest": largest_png(),
    "png-profile": in_form("png")[:33] + chunk(b"iCCP", b"p\0\0" + zeros(300 * MiB)) + in_form("png")[33:],
    "jpeg-scans-many": many_scans(20_000),
    "gif-comments": in_form("gif")[:-1] + b"!\xfe" + (b"\xff" + bytes(255)) * 40_000 + b"\0;",
    "avif-boxes": in_form("avif") + struct.pack(">I4s", 8, b"free") * 400_000,
    "nothing": b"",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile__has_its_code_within_its_memory(bench, name):
    """Each ends as a picture or with a code of ours, below its memory class; what comes next succeeds."""
    result = run(bench, HOSTILE[name])
    assert result.fault is None or result.fault.code.startswith("image."), result.fault
    assert result.usage.peak_memory < Memory.MEDIUM
    if result.fault is None:
        thumbnails = run(bench, HOSTILE[name], "thumbnails")
        assert thumbnails.fault is None
        assert thumbnails.usage.peak_memory < Memory.MEDIUM
    after = run(bench, in_form("png"))
    assert after.fault is None
    assert [output.name for output in after.outputs] == ["report.json"]
