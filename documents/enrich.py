"""What a document's text says of itself: its languages, keywords, part numbers and dates, how many words and sentences."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from documents import sentences
from documents.dates import dates
from documents.keywords import MAX_PAGES, Keywords
from documents.languages import Languages

MAX_CHARACTERS = 10_000_000  # of a document that are looked at: some 4,000 pages
MAX_DATES = 100  # that are listed
_MAX_TITLES = 2000  # of the outline that make words count more


def enrich(pages: Iterable[Mapping[str, Any]], *, outline: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """Facts as JSON from pages (`page` from 1, `text`) in order, read one at a time; each list is bounded.

    `cut` says that the document has more than `MAX_CHARACTERS`, and that what stands behind them was left out.
    """
    languages, keywords, calendar = Languages(), Keywords(), _Calendar()
    count = characters = ended = 0
    cut = False
    for page in pages:
        count += 1
        text = page["text"] or ""
        if len(text) > MAX_CHARACTERS - characters:
            text, cut = text[: MAX_CHARACTERS - characters], True
        characters += len(text)
        found = list(dates(text))
        for one in found:
            calendar.add(text[one.start : one.end], date=one.date, other=one.other, page=page["page"])
        language = languages.add(text)
        keywords.add(text, page=page["page"], language=language, apart=[(one.start, one.end) for one in found])
        ended += sum(1 for _ in sentences.ends(text))
    told = languages.found()
    titles = [str(entry.get("title") or "") for entry in outline[:_MAX_TITLES]]
    return {
        "language": told[0].language if told else None,
        "languages": [language.to_json() for language in told],
        "keywords": keywords.keywords(languages=[one.language for one in told], titles=titles),
        "part_numbers": keywords.part_numbers(),
        "part_numbers_left_out": keywords.left_out(),
        "dates": calendar.listed(),
        "dates_left_out": calendar.left_out,
        "pages": count,
        "characters": characters,
        "words": keywords.words,
        "sentences": ended,
        "cut": cut,
    }


class _Calendar:
    """The dates of a document, each once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str | None], dict[str, Any]] = {}
        self.left_out = 0  # mentions of dates that are not listed

    def add(self, shown: str, *, date: str, other: str | None, page: int) -> None:
        """Counts a date that the page shows as `shown`."""
        found = self._found.get((date, other))
        if found is None:
            if len(self._found) >= MAX_DATES:
                self.left_out += 1
                return
            found = {"date": date, "other": other, "ambiguous": other is not None, "text": " ".join(shown.split())}
            found |= {"page": page, "pages": [], "count": 0}
            self._found[date, other] = found
        found["count"] += 1
        if len(found["pages"]) < MAX_PAGES and page not in found["pages"][-1:]:
            found["pages"].append(page)

    def listed(self) -> list[dict[str, Any]]:
        """As they come in the text, each with its first page, its text there, all pages and how often it comes."""
        return list(self._found.values())
