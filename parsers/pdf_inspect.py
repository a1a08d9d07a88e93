"""What a PDF says of itself: pages, sizes, outline, fonts, encryption, files and actions inside, pages without text."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from parsers.pdf_letters import letters
from parsers.pdf_open import last_readable, opened, page_by_page
from parsers.pdf_sweep import sweep

MAX_OUTLINE = 5_000  # entries
MAX_DEPTH = 15  # levels of the outline
MAX_TITLE = 300  # characters of an entry of the outline
MAX_VALUE = 1_000  # characters of a metadata value
MAX_SIZES = 500  # runs of pages of the same size
MIN_VISIBLE = 3  # characters that make a text layer: a page number alone is none
_SAMPLE = 400  # characters of a page that are looked at for visible ones
_DATES = {"CreationDate": "created", "ModDate": "modified"}
_NAMES = {
    "Title": "title",
    "Author": "author",
    "Subject": "subject",
    "Keywords": "keywords",
    "Creator": "creator",
    "Producer": "producer",
}
_FORMS = {0: None, 1: "acroform", 2: "xfa", 3: "xfa"}  # FPDF_GetFormType
# PDF 32000-1, section 7.9.4: D:YYYYMMDDHHmmSSOHH'mm', all but the year optional, O one of + - Z.
_DATE = re.compile(r"(?:D:)?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:([-+Z])(?:(\d\d)'?(?:(\d\d)'?)?)?)?")

Warnings = list[tuple[str, str]]  # code, message


def inspect(
    path: Path, *, password: str | None = None, watch: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """JSON facts about the file; `warnings` among them holds (code, message) for what could not be told.

    `pages`, `claimed_pages` where the file claims more, `sizes` (runs of `pages`, `width`, `height` in points),
    `metadata`, `outline` (`title`, `page` from 1 or None, `level` from 1), `fonts`, `files`, `actions` (how many of
    each kind; none is ever run), `encryption`, `version`, `tagged`, `form`, `signatures`, `text_pages` and
    `pages_without_text` (ranges [first, last]). Raises as `opened` does; `watch` is told (page, pages).
    """
    warnings: Warnings = []
    with opened(path, password=password) as document:
        facts = _facts(document)
        facts["outline"] = _outline(document, warnings)
        pages = facts["pages"]
        claimed = len(document)
    if claimed > pages:
        facts["claimed_pages"] = claimed
        warnings.append(("pdf.page", f"Pages {pages + 1} to {claimed} can not be read."))
    facts |= _text_layers(path, password, pages, watch)
    facts |= _structure(path, password, facts["version"], warnings)
    return facts | {"warnings": warnings}


def _facts(document: Any) -> dict[str, Any]:
    from pypdfium2 import raw

    pages = last_readable(document)
    version = document.get_version()
    return {
        "pages": pages,
        "sizes": _sizes(document, pages),
        "metadata": _metadata(document),
        "version": f"{version // 10}.{version % 10}" if version else None,
        "tagged": bool(document.is_tagged()),
        "form": _FORMS.get(document.get_formtype()),
        "signatures": max(0, raw.FPDF_GetSignatureCount(document.raw)),
    }


def _sizes(document: Any, pages: int) -> list[dict[str, Any]]:
    from pypdfium2 import raw

    runs: list[dict[str, Any]] = []
    size = raw.FS_SIZEF()
    for index in range(pages):
        there = raw.FPDF_GetPageSizeByIndexF(document.raw, index, size)
        width, height = (round(size.width, 2), round(size.height, 2)) if there else (None, None)
        if runs and (runs[-1]["width"], runs[-1]["height"]) == (width, height):
            runs[-1]["pages"] += 1
        elif len(runs) < MAX_SIZES:
            runs.append({"pages": 1, "width": width, "height": height})
        else:
            break
    return runs


def _metadata(document: Any) -> dict[str, str]:
    found = {}
    for key, name in (_NAMES | _DATES).items():
        value = _shown(document.get_metadata_value(key), MAX_VALUE)
        if key in _DATES:
            value = rfc3339(value) or value
        if value:
            found[name] = value
    return found


def rfc3339(date: str) -> str | None:
    """A PDF's date (`D:20240131120000+01'00'`) as RFC 3339; None where it is none. Without a zone it counts as UTC."""
    match = _DATE.fullmatch(date.strip())
    if not match:
        return None
    year, month, day, hour, minute, second = (int(part) if part else None for part in match.groups()[:6])
    sign, hours, minutes = match.groups()[6:]
    try:
        offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        zone = UTC if sign in {None, "Z"} or not offset else timezone(-offset if sign == "-" else offset)
        moment = datetime(year or 0, month or 1, day or 1, hour or 0, minute or 0, second or 0, tzinfo=zone)
    except ValueError:
        return None
    return moment.isoformat().replace("+00:00", "Z")


def _outline(document: Any, warnings: Warnings) -> list[dict[str, Any]]:
    import pypdfium2

    found: list[dict[str, Any]] = []
    for entry in _entries(document):
        if len(found) == MAX_OUTLINE:
            warnings.append(("pdf.outline", f"Only the first {MAX_OUTLINE} entries of the outline were read."))
            break
        try:
            title = _shown(entry.get_title(), MAX_TITLE)
            target = entry.get_dest()
            index = target.get_index() if target else None
        except (pypdfium2.PdfiumError, UnicodeDecodeError):
            continue
        page = index + 1 if index is not None and 0 <= index < len(document) else None
        if title:
            found.append({"title": title, "page": page, "level": entry.level + 1})
    return found


def _entries(document: Any) -> Iterator[Any]:
    # It knows the entries that it has been to, and stops at the second time.
    yield from document.get_toc(max_depth=MAX_DEPTH)


def _text_layers(
    path: Path, password: str | None, pages: int, watch: Callable[[int, int], None] | None
) -> dict[str, list[list[int]]]:
    with_text: list[list[int]] = []
    without: list[list[int]] = []
    for number, page in page_by_page(path, password=password):
        runs = with_text if page is not None and has_text(page) else without
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
        if watch:
            watch(number, pages)
    return {"text_pages": with_text, "pages_without_text": without}


def has_text(page: Any) -> bool:
    """Whether an open page has a text layer: `MIN_VISIBLE` visible characters."""
    import pypdfium2

    try:
        text_page = page.get_textpage()
    except pypdfium2.PdfiumError:
        return False
    try:
        count = text_page.count_chars()
        text = text_page.get_text_range(0, min(count, _SAMPLE)) if count > 0 else ""
        return visible(text) or (count > _SAMPLE and visible(text_page.get_text_range()))
    finally:
        text_page.close()


def visible(text: str) -> bool:
    """Whether `text` shows something: at least `MIN_VISIBLE` characters."""
    return len("".join(letters(text).split())) >= MIN_VISIBLE


def _structure(path: Path, password: str | None, version: str | None, warnings: Warnings) -> dict[str, Any]:
    """What only qpdf tells; where it can't, a warning and no facts."""
    import pikepdf

    try:
        found = sweep(path, password=password)
    except (pikepdf.PdfError, pikepdf.PasswordError, ValueError, TypeError, RuntimeError, MemoryError):
        message = "Fonts, embedded files and actions could not be told: the structure is damaged, or too large."
        warnings.append(("pdf.partly_inspected", message))
        return {"fonts": None, "files": None, "actions": None, "encryption": None, "version": version}
    warnings += found.warnings
    facts = {"fonts": found.fonts, "files": found.files, "actions": found.actions}
    return facts | {"encryption": found.encryption, "version": found.version or version}


def _shown(text: str, limit: int) -> str:
    return " ".join(letters(text[: 4 * limit]).split())[:limit]
