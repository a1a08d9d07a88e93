"""The Khronos validator in its confined process: what it says of good and broken files, and what becomes of it under faults."""

import base64
import json
import os
import resource
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import model_files, models
from support.gltf_tools import absent, compressed, gltf_tools
from support.sandbox_runs import alive, descendants_of_session

from models.conformance import Conformance, Conformity
from parsers.gltf_tools import FLAGS, SCRIPTS, GltfTools
from workers import gltf_checker
from workers.gltf_checker import NodeChecker
from workers.sandbox import become

ROOT = Path(__file__).resolve().parents[2]
ABSENT = absent()
pytestmark = pytest.mark.skipif(ABSENT is not None, reason=ABSENT or "here")


@pytest.fixture
def checker(tmp_path: Path) -> Iterator[NodeChecker]:
    """A checker of the tools of this machine."""
    found = NodeChecker(lambda _patience: gltf_tools(), scratch=tmp_path / "scratch", patience=5.0)
    yield found
    found.close()


@pytest.fixture
def ask(checker: NodeChecker, tmp_path: Path) -> Callable[..., Conformance]:
    """Asks about a file with this content."""

    def asked(content: bytes, kind: str = "glb") -> Conformance:
        upload = tmp_path / "upload"
        upload.write_bytes(content)
        return checker.check(upload, kind)

    return asked


def bent(change: Callable[[dict[str, Any]], None]) -> bytes:
    """A GLB of ours whose document was changed."""
    doc, binary = model_files.gltf_doc(model_files.POINTS, model_files.FACES)
    change(doc)
    return models.glb(doc, binary=binary)


def _shifted_bounds(doc: dict[str, Any]) -> None:
    doc["accessors"][0]["max"][0] += 1.0


BROKEN = {
    "node loop": (bent(lambda doc: doc["nodes"][0].update(children=[0])), "NODE_LOOP"),
    "accessor too long": (bent(lambda doc: doc["accessors"][0].update(count=1000)), "ACCESSOR_TOO_LONG"),
    "bounds that are not so": (bent(_shifted_bounds), "ACCESSOR_MAX_MISMATCH"),
    "bad magic": (b"glTX" + model_files.glb()[4:], "GLB_INVALID_MAGIC"),
    "too short": (model_files.glb()[:30], "GLB_UNEXPECTED_END_OF_CHUNK_DATA"),
    "empty": (b"", "GLB_UNEXPECTED_END_OF_HEADER"),
    "no version": (bent(lambda doc: doc["asset"].pop("version")), "UNDEFINED_PROPERTY"),
}


@pytest.mark.parametrize("kind", ["glb", "gltf"])
def test_checker__a_good_file_passes(ask: Callable[..., Conformance], kind: str) -> None:
    """A file without errors passes, and the checker is named with its version."""
    found = ask(model_files.glb() if kind == "glb" else model_files.gltf(), kind)
    assert found.verdict is Conformity.PASSED
    assert found.by == "gltf-validator 2.0.0-dev.3.10"
    assert found.reason is None


@pytest.mark.parametrize("case", BROKEN)
def test_checker__broken_files_fail_by_their_codes(ask: Callable[..., Conformance], case: str) -> None:
    """Each rule that is broken is told by the validator's code, with the place."""
    content, code = BROKEN[case]
    found = ask(content)
    assert found.verdict is Conformity.FAILED
    assert code in {message.code for message in found.messages}
    assert found.findings[0].count == found.errors


@pytest.mark.parametrize("text", [b"", b"[]", b"\xff\xfe", b"{}"])
def test_checker__what_is_no_gltf_fails(ask: Callable[..., Conformance], text: bytes) -> None:
    """Bytes over which the validator throws are an error like any other, and the process lives on."""
    assert ask(text, "gltf").verdict is Conformity.FAILED
    assert ask(model_files.glb()).verdict is Conformity.PASSED


@pytest.mark.parametrize("way", ["meshopt", "meshopt-khr", "draco"])
def test_checker__compressed_files_are_judged_unpacked(
    ask: Callable[..., Conformance], tmp_path: Path, way: str
) -> None:
    """What is compressed is looked at unpacked too, so that no extension is left unseen."""
    found = ask(compressed(model_files.glb(), way, tmp_path))
    assert found.verdict is Conformity.PASSED
    assert found.reason is None
    assert "UNSUPPORTED_EXTENSION" not in {message.code for message in found.messages}


def test_checker__errors_inside_compressed_blocks_are_found(ask: Callable[..., Conformance], tmp_path: Path) -> None:
    """Bounds that do not fit what a meshopt block unpacks to are an error, though the validator can't read the block."""
    content = compressed(model_files.glb(), "meshopt", tmp_path)
    (length,) = struct.unpack_from("<I", content, 12)
    doc = json.loads(content[20 : 20 + length])
    next(accessor for accessor in doc["accessors"] if accessor["type"] == "VEC3")["max"][1] = 9.0
    found = ask(models.glb(doc, binary=content[28 + length :]))
    assert found.verdict is Conformity.FAILED
    assert "ACCESSOR_MAX_MISMATCH" in {message.code for message in found.messages}


def test_checker__a_block_that_can_not_be_unpacked_is_not_called_good(
    ask: Callable[..., Conformance], tmp_path: Path
) -> None:
    """Where unpacking fails nobody looked at the geometry, and the answer says so."""
    content = compressed(model_files.glb(), "meshopt", tmp_path).replace(b'"ATTRIBUTES"', b'"INDICES"   ')
    found = ask(content)
    assert found.verdict is Conformity.NOT_CHECKED
    assert found.reason is not None
    assert "EXT_meshopt_compression" in found.reason


@pytest.mark.parametrize("answer", [b"no JSON\n", b"[]\n", b"\xff\n"])
def test_checker__an_answer_that_is_none_ends_nobody_else(
    ask: Callable[..., Conformance], monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    """Where the process answers with words that make no sense, that file is not checked, and the next one is."""
    with monkeypatch.context() as patch:
        patch.setattr(gltf_checker._Asked, "ask", lambda *_: answer)
        found = ask(model_files.glb())
    assert found.verdict is Conformity.NOT_CHECKED
    assert found.reason is not None
    assert ask(model_files.glb()).verdict is Conformity.PASSED


def test_checker__unknown_extensions_are_named(ask: Callable[..., Conformance]) -> None:
    """A file passes with a reason that names what nobody looked at."""
    found = ask(bent(lambda doc: doc.update(extensionsUsed=["ACME_\u202eodd"])))
    assert found.verdict is Conformity.PASSED
    assert found.reason is not None
    assert "ACME_ odd" in found.reason


def test_checker__many_messages_are_cut(ask: Callable[..., Conformance]) -> None:
    """A file with thousands of errors gets an answer of bounded length."""
    found = ask(bent(lambda doc: doc.update(nodes=[{"mesh": 99}] * 5000)))
    assert found.verdict is Conformity.FAILED
    assert found.truncated
    assert len(found.messages) <= 100


ESCAPES = [
    "../upload", "/etc/passwd", "file:///etc/passwd", "..%2f..%2fetc%2fpasswd", "http://localhost/x", "0", "./0",
    "\\etc\\passwd", "/dev/zero", "//host/x",
]  # fmt: skip


@pytest.mark.parametrize("uri", ESCAPES)
def test_checker__no_uri_leads_out(ask: Callable[..., Conformance], uri: str) -> None:
    """A name that leads anywhere but to a file that came along can't be read."""
    doc, _ = model_files.gltf_doc(model_files.POINTS, model_files.FACES, uri=uri)
    found = ask(json.dumps(doc).encode(), "gltf")
    codes = {message.code for message in found.messages if message.severity == "error"}
    assert codes
    assert codes <= {"IO_ERROR", "INVALID_URI"}


def test_checker__files_of_a_zip(ask: Callable[..., Conformance]) -> None:
    """A ZIP's files are found by their names, as a viewer would; OBJ has no checker."""
    doc, binary = model_files.gltf_doc(model_files.POINTS, model_files.FACES, uri="my%20mesh.bin")
    found = ask(model_files.archive({"a/x.gltf": json.dumps(doc), "a/my mesh.bin": binary}), "model-zip")
    assert found.verdict is Conformity.PASSED
    found = ask(model_files.archive({"a/x.gltf": json.dumps(doc), "a/My Mesh.bin": binary}), "model-zip")
    assert [message.code for message in found.messages if message.severity == "error"] == ["IO_ERROR"]
    assert ask(model_files.obj_zip(), "model-zip").verdict is Conformity.NOT_CHECKED
    assert ask(b"PK no archive", "model-zip").verdict is Conformity.NOT_CHECKED


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV])
def test_checker__a_process_that_fails_is_replaced(
    ask: Callable[..., Conformance], checker: NodeChecker, monkeypatch: pytest.MonkeyPatch, fault: signal.Signals
) -> None:
    """Killed or frozen in the middle, the process leaves one file unchecked, with the reason; the next file is checked."""
    assert ask(model_files.glb()).verdict is Conformity.PASSED
    first = checker.pid
    assert first
    monkeypatch.setattr(checker, "_patience", 0.5)
    os.kill(first, fault)
    found = ask(model_files.glb())
    assert found.verdict is Conformity.NOT_CHECKED
    assert found.reason
    monkeypatch.undo()
    assert ask(model_files.glb()).verdict is Conformity.PASSED
    assert checker.pid != first
    assert not alive(first)
    assert descendants_of_session(first) == []


def test_checker__killed_in_the_middle_of_a_file(ask: Callable[..., Conformance], checker: NodeChecker) -> None:
    """A death while it computes is noticed at once, not at the end of its time."""
    ask(model_files.glb())
    pid = checker.pid
    assert pid
    os.kill(pid, signal.SIGSTOP)
    ending = threading.Timer(0.2, os.kill, (pid, signal.SIGKILL))
    ending.start()
    found = ask(model_files.glb())
    ending.join()
    assert found.verdict is Conformity.NOT_CHECKED
    assert "signal 9" in (found.reason or "")


def test_checker__a_file_that_eats_memory_ends_its_process_alone(
    ask: Callable[..., Conformance], checker: NodeChecker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What needs more memory than there is leaves one file unchecked; a process that has grown is replaced."""
    monkeypatch.setattr(gltf_checker, "MEMORY", 160 << 20)
    doc, _ = model_files.gltf_doc(model_files.POINTS, model_files.FACES)
    doc["extras"] = {"x": [{"a": number, "b": {}} for number in range(700_000)]}
    found = ask(models.glb(doc))
    assert found.verdict is Conformity.NOT_CHECKED
    assert "ended while it looked at the file" in (found.reason or "")
    assert ask(model_files.glb()).verdict is Conformity.PASSED
    monkeypatch.setattr(gltf_checker, "_TIRED", 1)
    assert ask(model_files.glb()).verdict is Conformity.PASSED
    assert checker.pid is None


def test_checker__a_chunk_that_lies_ends_the_validator_alone(ask: Callable[..., Conformance]) -> None:
    """The validator asks for whatever memory a chunk's header names: it ends there, within its limits, and only it."""
    content = bytearray(model_files.glb())
    (length,) = struct.unpack_from("<I", content, 12)
    struct.pack_into("<I", content, 20 + length, 0x7FFFFFF0)
    assert ask(bytes(content)).verdict is Conformity.NOT_CHECKED
    assert ask(model_files.glb()).verdict is Conformity.PASSED


def test_checker__a_swept_exchange_folder_is_made_anew(
    ask: Callable[..., Conformance], checker: NodeChecker, tmp_path: Path
) -> None:
    """Housekeeping may sweep what lay idle; the next file is checked all the same, and nothing of any file is left."""
    assert ask(model_files.glb()).verdict is Conformity.PASSED
    (exchange,) = (tmp_path / "scratch").iterdir()
    assert list(exchange.iterdir()) == []
    exchange.rmdir()
    assert ask(model_files.glb()).verdict is Conformity.PASSED
    checker.close()
    assert list((tmp_path / "scratch").iterdir()) == []
    assert ask(model_files.glb()).verdict is Conformity.NOT_CHECKED


def test_checker__a_file_that_can_not_be_handed_over_is_not_checked(checker: NodeChecker, tmp_path: Path) -> None:
    """What goes wrong on the way to the validator is told, and fails no job."""
    found = checker.check(tmp_path / "gone", "glb")
    assert (found.checked, found.errors) == (False, 0)
    assert found.reason is not None
    assert "could not be handed" in found.reason


def test_checker__in_a_worker_with_very_many_open_files(ask: Callable[..., Conformance]) -> None:
    """Pipes with high numbers are waited for like all others."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    taken = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        assert taken[-1] > 1024
        assert ask(model_files.glb()).verdict is Conformity.PASSED
    finally:
        for fd in taken:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_checker__many_threads_get_their_own_answers(checker: NodeChecker, tmp_path: Path) -> None:
    """Questions that come together are answered one by one, each asker with what it asked."""
    answers: dict[int, Conformity] = {}

    def asked(number: int) -> None:
        upload = tmp_path / f"upload-{number}"
        upload.write_bytes(model_files.glb() if number % 2 else BROKEN["node loop"][0])
        answers[number] = checker.check(upload, "glb").verdict

    threads = [threading.Thread(target=asked, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: Conformity.PASSED if number % 2 else Conformity.FAILED for number in range(8)}


@pytest.mark.parametrize("reason", ["Node.js is not installed.", "Its packages are just being installed."])
def test_checker__without_node_says_why(tmp_path: Path, reason: str) -> None:
    """Where there is nothing to ask, files are not checked, and the reason stands in the answer."""
    upload = tmp_path / "upload"
    upload.write_bytes(model_files.glb())
    found = NodeChecker(lambda _patience: GltfTools(reason=reason), scratch=tmp_path).check(upload, "glb")
    assert found.verdict is Conformity.NOT_CHECKED
    assert reason in (found.reason or "")


PROBE = """
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { createConnection } from "node:net";
const tried = {};
const attempt = (name, act) => { try { act(); tried[name] = "done"; } catch (error) { tried[name] = error.code ?? "error"; } };
const [outside, exchange] = process.argv.slice(3);
attempt("read outside", () => readFileSync(outside));
attempt("read passwd", () => readFileSync("/etc/passwd"));
attempt("list home", () => readdirSync("/root"));
attempt("write inside", () => writeFileSync(exchange + "/new", "x"));
attempt("write code", () => writeFileSync(process.argv[2] + "/new", "x"));
attempt("read inside", () => readFileSync(exchange + "/given"));
tried["environment"] = Object.keys(process.env).sort().join(" ");
createConnection({ host: "127.0.0.1", port: 9 }).on("error", (error) => {
  tried["connect"] = error.code;
  console.log(JSON.stringify(tried));
});
"""


def test_confined__reads_its_own_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process reads its code and its exchange folder, writes nothing, reaches no network, and knows no secret."""
    tools = gltf_tools()
    assert tools.program
    assert tools.packages
    code, exchange, outside = tmp_path / "code", tmp_path / "exchange", tmp_path / "outside"
    code.mkdir()
    exchange.mkdir()
    outside.write_text("secret")
    (exchange / "given").write_text("x")
    (code / "probe.mjs").write_text(PROBE)
    monkeypatch.setenv("HEAVYLIFT_SECRET", "swordfish")
    command = [str(tools.program), *FLAGS, str(code / "probe.mjs"), str(code), str(outside), str(exchange)]
    order = become.order(
        command, code=[tools.program, code], reads=[exchange], memory=gltf_checker.MEMORY, cpu_seconds=20
    )
    done = subprocess.run(order, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)}, timeout=60, check=False)
    tried = json.loads(done.stdout)
    assert tried.pop("read inside") == "done"
    assert tried.pop("environment") == "HOME LANG PATH"
    assert set(tried.values()) <= {"EACCES", "EPERM", "EFBIG", "ENETUNREACH"}, tried


def test_confined__dies_with_its_worker(tmp_path: Path) -> None:
    """A worker that is killed outright leaves no validator behind."""
    upload = tmp_path / "upload"
    upload.write_bytes(model_files.glb())
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom workers.gltf_checker import NodeChecker\n"
        "from parsers.gltf_tools import read_tools\n"
        "checker = NodeChecker(lambda _patience: read_tools(Path(sys.argv[1])), scratch=Path(sys.argv[2]))\n"
        "assert checker.check(Path(sys.argv[3]), 'glb').checked\nprint(checker.pid, flush=True)\ntime.sleep(60)\n"
    )
    told = tmp_path / "gltf.json"
    gltf_tools().write(told)
    command = [sys.executable, "-c", program, str(told), str(tmp_path / "scratch"), str(upload)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
    ) as run:
        assert run.stdout
        pid = int(run.stdout.readline())
        assert alive(pid)
        os.kill(pid, signal.SIGSTOP)  # it can't end by itself when its input does
        run.kill()
    until = time.monotonic() + 10
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.02)
    assert not alive(pid)


def test_scripts__are_plain_text_of_ours() -> None:
    """No script names a host or brings a package along: these come from the lock, whose entries have hashes and no address."""
    lock = json.loads((SCRIPTS / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert all("integrity" in entry and "resolved" not in entry for entry in packages.values())
    assert not any(entry.get("hasInstallScript") for entry in packages.values())
    assert base64.b64decode(packages["node_modules/gltf-validator"]["integrity"].partition("-")[2])
