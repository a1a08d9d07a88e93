"""Reads the text of a picture of a page with tesseract: upright whichever way it was scanned, each word with its box."""

import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.errors import InputError
from jobs.issues import Issue, Severity
from parsers import ocr_program
from parsers.ocr_picture import Upright, grey, straightened
from parsers.ocr_program import Failed
from parsers.ocr_words import Page, Reading, page_of, reading_of

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["PAGE", "UNAVAILABLE", "Page", "available", "checked_language", "languages", "longest", "read"]

UNAVAILABLE = "ocr.unavailable"  # for whoever finds that `available()` is None
PAGE = "ocr.page"
LANGUAGE = "ocr.language"
DPI = 200  # more takes longer and reads no better
MAX_PIXELS = 4096  # of a picture's longest side; larger ones are read smaller
_POINTS = 72  # per inch
_SURE = 75.0  # mean confidence from which on nobody looks whether the page is turned
_FEW = 3  # words; of fewer, nobody can tell whether they are upright
_TURNS = (0, 180, 90, 270)  # degrees clockwise, the likelier first
_MAX_LANGUAGES = 5  # each is a model in memory
_NAME = ocr_program.NAME


def available() -> str | None:
    """The version of the tesseract on this machine, as `5.3.0`; None where there is none that runs."""
    program = ocr_program.found()
    return _version(program) if program else None


def languages() -> frozenset[str]:
    """The languages that can be read here, as tesseract calls them: `eng`, `chi_sim`."""
    return frozenset(name for name in _models() if name not in {ocr_program.ORIENTATION, "equ"})


def checked_language(text: str) -> str:
    """The same without repeats: one name, or up to five with `+` between; whether they are installed, `read` sees.

    Raises `InputError` (`ocr.language`) for whatever else, since names become names of files.
    """
    names = list(dict.fromkeys(text.split("+")))
    if len(names) > _MAX_LANGUAGES or not all(_NAME.fullmatch(name) for name in names):
        message = f"{text[:80]!r} is no language of a text."
        hint = f"Name one as tesseract does (eng, deu, chi_sim), or up to {_MAX_LANGUAGES} with + between them."
        raise InputError(LANGUAGE, message, hint=hint)
    return "+".join(names)


def longest(width: float, height: float) -> int:
    """How many pixels the longer side of a page of so many points should have to be read well, within `MAX_PIXELS`."""
    return max(1, min(MAX_PIXELS, round(max(width, height) * DPI / _POINTS)))


def read(
    picture: "Image",
    *,
    language: str = "eng",
    timeout: float = 60.0,
    scratch: Path,
    page: int = 1,
    turn: int = 0,
) -> Page | Issue:
    """What stands on the picture; an `Issue` (`ocr.page`) where tesseract crashed, or ran out of `timeout` seconds or memory.

    `page` is the number that the issue names. `turn` (0, 90, 180, 270) is tried first: the page before tells its own,
    and a scan that lies upside down as a whole is read in a third of the time. Files are made in `scratch` and removed. Raises `InputError`
    (`ocr.language`) where that language is not installed. Who has not asked `available()` gets an issue too.
    """
    language = _installed(language)
    run = ocr_program.Run(language=language, scratch=scratch, deadline=time.monotonic() + timeout)
    base, scale = grey(picture, longest=MAX_PIXELS)
    try:
        upright, reading = _best(base, run, first=turn)
    except Failed as failed:
        return Issue(
            row=page,
            line=None,
            column=None,
            code=PAGE,
            severity=Severity.WARNING,
            message=f"Page {page} could not be read by OCR: {failed}.",
        )
    return page_of(reading, upright=upright, picture=picture.size, scale=scale)


def _best(base: "Image", run: ocr_program.Run, *, first: int) -> tuple[Upright, Reading]:
    """The picture turned as said, or otherwise where it seems not to stand upright then and reads better."""
    best = _read_turned(base, run, turn=first)
    if (best[1].confidence >= _SURE and not best[1].sideways) or len(best[1].words) < _FEW:
        return best
    for turn in _turns_to_try(base, run):
        if turn == first:
            continue
        try:
            other = _read_turned(base, run, turn=turn)
        except Failed:
            continue  # what was read first stands
        if other[1].worth > best[1].worth:
            best = other
        if best[1].confidence >= _SURE and not best[1].sideways:
            break
    return best


def _read_turned(base: "Image", run: ocr_program.Run, *, turn: int) -> tuple[Upright, Reading]:
    upright = straightened(base, turn=turn)
    return upright, reading_of(run.words(upright.picture))


def _turns_to_try(base: "Image", run: ocr_program.Run) -> tuple[int, ...]:
    """What tesseract says of the page's orientation; all turns where it can't say."""
    if ocr_program.ORIENTATION not in _models():
        return _TURNS
    try:
        turn = run.orientation(base)
    except Failed:
        return _TURNS
    return (turn,)


def _installed(language: str) -> str:
    language = checked_language(language)
    known = languages()
    missing = [name for name in language.split("+") if name not in known]
    if known and missing:
        message = f"Texts in {', '.join(missing)} can not be read here."
        raise InputError(LANGUAGE, message, hint=f"Installed: {', '.join(sorted(known))}.")
    return language


def _models() -> frozenset[str]:
    program = ocr_program.found()
    return _models_of(program) if program else frozenset()


@cache
def _version(program: str) -> str | None:
    return ocr_program.version(program)


@cache
def _models_of(program: str) -> frozenset[str]:
    return ocr_program.models(program)
