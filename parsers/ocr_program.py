"""Runs tesseract on one picture at a time: in bounded memory, time and output, with an environment of its own."""

import mmap
import os
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from parsers import held_program

if TYPE_CHECKING:
    from PIL.Image import Image

ORIENTATION = "osd"  # the model that tells which way is up
NAME = re.compile(r"[A-Za-z_]{2,20}")  # of a language: becomes a file's name, so nothing that leads elsewhere
MEMORY = 384 << 20  # bytes of address space; a page takes less than 128 MiB, pure noise of 4096 x 4096 about 300
_LEAST_MEMORY = 112 << 20  # bytes below which it can't load its model
_SHARE = 8 << 20  # bytes of the steps in which room is looked for
_MAX_OUTPUT = 8 << 20  # bytes; a dense page has 100 KB
_ASKING = 20.0  # seconds that it gets to tell its version
_TURN = re.compile(rb"^Rotate: (90|180|270)$", re.MULTILINE)


class Failed(Exception):
    """Tesseract gave no answer for this picture; the message says why, for people."""


class Run:
    """Tesseract on the pictures of one page, which share their time."""

    def __init__(self, *, language: str, scratch: Path, deadline: float) -> None:
        """`deadline` is a reading of `time.monotonic()`."""
        self._language = language
        self._scratch = scratch
        self._deadline = deadline

    def words(self, picture: "Image", *, mode: int = 3) -> bytes:
        """Tesseract's table of words (TSV); `mode` says how it divides the page (its `--psm`, 3: by itself)."""
        return self._run(picture, "-l", self._language, "--psm", str(mode), "tsv")

    def orientation(self, picture: "Image") -> int:
        """By how many degrees clockwise (0, 90, 180, 270) the picture has to be turned to be upright."""
        found = _TURN.search(self._run(picture, "-l", ORIENTATION, "--psm", "0"))
        return int(found[1]) if found else 0

    def _run(self, picture: "Image", *options: str) -> bytes:
        program = found()
        if program is None:
            raise Failed("tesseract is not installed")
        asked, answer = self._scratch / "ocr-page.pgm", self._scratch / "ocr-page.out"
        try:
            # Written in no time, and read without a decoder that could be attacked.
            picture.save(asked, "PPM")
            argv = [program, str(asked), "-", "--dpi", "200", *options]
            left = self._deadline - time.monotonic()
            with answer.open("wb") as out:
                code = self._ended(argv, out=out.fileno(), seconds=left)
            if code != 0:
                raise Failed(_reason(code))
            with answer.open("rb") as result:
                return result.read(_MAX_OUTPUT)
        finally:
            asked.unlink(missing_ok=True)
            answer.unlink(missing_ok=True)

    def _ended(self, argv: Sequence[str], *, out: int, seconds: float) -> int | None:
        room = _room()
        if room < _LEAST_MEMORY:
            raise Failed("the step has too little memory left")
        limits = {"as": room, "fsize": _MAX_OUTPUT}
        env = _environment(self._scratch)
        return held_program.ended(argv, limits=limits, out=out, seconds=seconds, folder=self._scratch, env=env)


def found() -> str | None:
    """Where tesseract is."""
    return shutil.which("tesseract")


def version(program: str) -> str | None:
    """What it calls itself; None where it does not run."""
    words = _asked(program, "--version").split(maxsplit=2)
    return words[1] if len(words) > 1 and words[0] == "tesseract" else None


def models(program: str) -> frozenset[str]:
    """Languages and other models that it finds; those in folders of their own are left out."""
    _, *names = _asked(program, "--list-langs").splitlines() or [""]
    return frozenset(name for name in names if NAME.fullmatch(name))


def _asked(program: str, question: str) -> str:
    try:
        done = subprocess.run(
            [program, question],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_environment(None),
            timeout=_ASKING,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""


def _room() -> int:
    """Bytes that tesseract may take: what this process has left of its own limit, so that both together keep to it.

    Found by asking for address space that is never touched, since a sandbox has no /proc to look it up in.
    """
    room = MEMORY
    while room >= _LEAST_MEMORY:
        try:
            mmap.mmap(-1, room, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ).close()
        except (OSError, MemoryError):
            room -= _SHARE
        else:
            break
    return room


def _environment(scratch: Path | None) -> dict[str, str]:
    """Nothing of ours but where its models are. One thread: more take longer on pages of text."""
    made = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "OMP_THREAD_LIMIT": "1", "OMP_NUM_THREADS": "1"}
    if scratch is not None:
        made |= {"HOME": str(scratch), "TMPDIR": str(scratch)}
    models_at = os.environ.get("TESSDATA_PREFIX")
    return made | ({"TESSDATA_PREFIX": models_at} if models_at else {})


def _reason(code: int | None) -> str:
    if code is None:
        return "it took too long"
    if code < 0:
        return f"tesseract was ended by signal {-code}, as it is where it takes too much memory or time"
    return f"tesseract gave up with exit code {code}"
