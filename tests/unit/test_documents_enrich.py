# ruff: noqa: RUF001 - the letters that look like Latin ones are Cyrillic, and meant
"""Enrichment: languages, dates and part numbers against labelled sentences with traps, keywords, and bounds of all of it."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sample_sentences import SENTENCES

from documents import enrich as enrich_module
from documents.dates import dates
from documents.enrich import MAX_DATES, enrich
from documents.keywords import MAX_KEYWORDS, MAX_PAGES, MAX_PART_NUMBERS
from documents.languages import judge
from documents.part_numbers import is_part_number

DATED = {
    "Delivered on 2024-03-12.": ["2024-03-12"],
    "at 2024-03-12T10:15:00Z sharp": ["2024-03-12"],
    "2024/03/12 and 2024.03.12": ["2024-03-12", "2024-03-12"],
    "Stand: 12.03.2024": ["2024-03-12"],
    "vom 1.2.2024 bis 12. 3. 2024.": ["2024-02-01", "2024-03-12"],
    "(25/12/2024)": ["2024-12-25"],
    "due 12/25/2024,": ["2024-12-25"],
    "op 25-12-2024": ["2024-12-25"],
    "05/05/2024": ["2024-05-05"],
    "on 03/04/2024": ["2024-04-03?2024-03-04"],
    "March 12, 2024 and Sept. 3rd 2023": ["2024-03-12", "2023-09-03"],
    "the 12th of March 2024; 12 Mar 2024": ["2024-03-12", "2024-03-12"],
    "am 12. März 2024": ["2024-03-12"],
    "le 1er mars 2024, puis le 12 févr. 2024": ["2024-03-01", "2024-02-12"],
    "el 12 de marzo de 2024": ["2024-03-12"],
    "il 12 dicembre 2024": ["2024-12-12"],
    "12 mei 2024": ["2024-05-12"],
    "12 de março de 2024": ["2024-03-12"],
    "12 stycznia 2024 r.": ["2024-01-12"],
    "den 12 augusti 2024": ["2024-08-12"],
    "den 12. marts 2024": ["2024-03-12"],
    "12. února 2024": ["2024-02-12"],
    "12 марта 2024 г.": ["2024-03-12"],
    "2024年3月12日、2024년 3월 12일": ["2024-03-12", "2024-03-12"],
    "printed in March 2024": ["2024-03"],
    "12 March\n2024": ["2024-03-12"],
    # traps
    "set 10265-1, part 3001-2024-01": [],
    "version 1.2.2024 and v12.03.2024": [],
    "firmware 3.4.2021.7": [],
    "10.3.2.2024": [],
    "call +49 12.03.2024 or 0170/12-03-2024": ["2024-03-12"],
    "phone 555-12-2024": [],
    "30.02.2024, 31/04/2024, 2023-02-29, 2024-13-01": [],
    "12.03.3001, 3001-03-12, 12/03/24": [],
    "20240312": [],
    "https://example.com/2024/03/12/news": [],
    "may 2024 be better": [],
    "12 Bricks 2024": [],
    "1/2/2024/5": [],
    "ratio 3/4 2024": [],
}
NUMBERS = ["3001", "32064a", "973pb0001", "3068bpb0123", "973pr0001c02", "970c00", "x123c01", "4073", "300121", "6141", "10265-1", "STM32F103C8T6", "CRCW0603-10K", "LM358N", "2780"]  # fmt: skip
WORDS = ["2024", "1999", "12", "3.14", "500g", "100nF", "10k", "230V", "1920x1080", "12h30", "2019-12", "brick", "A4", "covid19", "0123", "MP3", "1500kg", "12345678901", "3001-", "café99999"]  # fmt: skip


def pages(*texts):
    """Pages as `text.jsonl` has them."""
    return [{"page": number, "text": text} for number, text in enumerate(texts, 1)]


@pytest.mark.parametrize("language", SENTENCES)
def test_language__of_a_paragraph_is_told(language):
    """Five or six sentences are enough for every language, with confidence."""
    found = enrich(pages(" ".join(SENTENCES[language])))
    assert found["language"] == language
    assert found["languages"][0]["share"] == 1.0
    assert found["languages"][0]["confidence"] > 0.5


def test_language__of_a_sentence_is_told_or_left_open():
    """Of single sentences nine in ten are told, and none is taken for another language."""
    judged = [(language, judge(text).language) for language, those in SENTENCES.items() for text in those]
    assert [pair for pair in judged if pair[1] not in (pair[0], None)] == []
    assert sum(told is not None for _, told in judged) >= 0.9 * len(judged)


def test_language__shares_add_up():
    """A document in two languages has both, with the share of each; pages of numbers have none."""
    german, english = " ".join(SENTENCES["de"]), " ".join(SENTENCES["en"])
    found = enrich(pages(english * 3, german, "3001 12\n" * 100))["languages"]
    assert [one["language"] for one in found] == ["en", "de"]
    assert 0.6 < found[0]["share"] < 0.9
    assert sum(one["share"] for one in found) == pytest.approx(1.0, abs=0.01)
    assert enrich(pages("3001 12\n" * 100))["language"] is None


@pytest.mark.parametrize("text", DATED)
def test_dates__are_read_and_traps_left_alone(text):
    """Each notation becomes ISO; versions, part numbers, telephone numbers and impossible days are no dates."""
    found = [one.date + (f"?{one.other}" if one.other else "") for one in dates(text)]
    assert found == DATED[text]


def test_dates__are_listed_once_with_their_pages():
    """A date has its first page, its text there, all pages, and says where it may be read in two ways."""
    found = enrich(pages("On March 12,\n2024.", "2024-03-12, 2024-03-12", "03/04/2024"))["dates"]
    first = {"date": "2024-03-12", "other": None, "ambiguous": False, "text": "March 12, 2024", "page": 1}
    second = {"date": "2024-04-03", "other": "2024-03-04", "ambiguous": True, "text": "03/04/2024", "page": 3}
    assert found == [first | {"pages": [1, 2], "count": 3}, second | {"pages": [3], "count": 1}]


@pytest.mark.parametrize("word", NUMBERS)
def test_part_number__is_told(word):
    """Numbers of parts, prints, sets and makers are."""
    assert is_part_number(word)


@pytest.mark.parametrize("word", WORDS)
def test_part_number__is_no_year_weight_or_size(word):
    """Years, amounts with units, sizes, times and words are none."""
    assert not is_part_number(word)


def test_part_numbers__are_counted_apart_from_words():
    """They have pages and counts; prices, telephone numbers and dates beside them are none, nor are they keywords."""
    first = "Use 3001, 3001 and 973pb0001. Price $1250, tel. 030 4561234, +49 1701 234567, of 12 March 2024.\n"
    found = enrich(pages(first, "Parts: 3001.\n4073 12,3456 1234.50 5000%"))
    assert found["part_numbers"] == [
        {"number": "3001", "count": 3, "pages": [1, 2]},
        {"number": "4073", "count": 1, "pages": [2]},
        {"number": "973pb0001", "count": 1, "pages": [1]},
    ]
    assert not any(char.isdigit() for one in found["keywords"] for char in one["keyword"])


def test_keywords__say_what_it_is_about():
    """Frequent words and pairs lead; small words of the language, and words that a pair covers, are left out."""
    text = "The parking brake holds the wheel. Check the parking brake often, and the parking brake cable too. "
    filler = "It is what we have, and that is all there is to be said about it here. "
    found = [one["keyword"] for one in enrich(pages(text * 4 + filler * 10))["keywords"]]
    assert found[0] == "parking brake"
    assert not {"parking", "the", "and", "what", "have"} & set(found)


def test_keywords__leave_out_small_words_of_every_language():
    """A page in two languages has small words of neither among its keywords."""
    text = " ".join(" ".join(pair) for pair in zip(SENTENCES["en"] * 2, SENTENCES["de"] * 2, strict=True))
    more = " ".join(SENTENCES["de"])
    found = {one["keyword"].casefold() for one in enrich(pages(text, more))["keywords"]}
    assert not {"the", "when", "sie", "und", "nach", "eine"} & found


def test_keywords__count_more_in_titles():
    """A word of the outline comes before one that comes as often."""
    text = "Wheels turn. Axles bend. " * 3
    plain = enrich(pages("x", text))["keywords"]
    titled = enrich(pages("x", text), outline=[{"title": "Axles", "page": 1, "level": 0}])["keywords"]
    assert plain[0]["keyword"] == "Axles bend"
    assert (titled[0]["keyword"], titled[0]["count"]) == ("Axles", 3)


def test_counts__of_words_and_sentences():
    """Words, sentences, characters and pages are counted over the whole document."""
    found = enrich(pages("One two. Three!", "Vier 5"))
    assert [found[name] for name in ("pages", "characters", "words", "sentences", "cut")] == [2, 21, 5, 2, False]


def test_bounds__hold_for_endless_documents(monkeypatch):
    """Lists, and the pages of each entry, stay short; text behind the limit is left out, and that is said."""
    many = [
        f"{3000 + number} on {1 + number % 28}.{1 + number // 28 % 12}.2024 word{chr(97 + number % 26) * 3}"
        for number in range(600)
    ]
    found = enrich(pages(" ".join(many), *["3001 Brick brick. On 2024-03-12."] * 50))
    assert len(found["keywords"]) <= MAX_KEYWORDS
    assert len(found["part_numbers"]) == MAX_PART_NUMBERS
    assert found["part_numbers_left_out"] > 0
    assert len(found["dates"]) == MAX_DATES
    assert found["dates_left_out"] > 0
    assert max(len(one["pages"]) for name in ("keywords", "part_numbers", "dates") for one in found[name]) <= MAX_PAGES
    monkeypatch.setattr(enrich_module, "MAX_CHARACTERS", 10)
    assert enrich(pages("One two.", "Three four."))["cut"] is True


@given(st.lists(st.text(max_size=200) | st.sampled_from([*DATED, *NUMBERS, "漢字 かな", "\0"]), max_size=8))
@settings(max_examples=100, deadline=None)
def test_enrich__takes_any_text(texts):
    """Whatever the pages hold, the facts are JSON, and dates lie within the text that shows them."""
    found = enrich(pages(*texts))
    assert json.loads(json.dumps(found)) == found
    for text in texts:
        places = [(one.start, one.end) for one in dates(text)]
        assert places == sorted(places)
        assert all(0 <= start < end <= len(text) for start, end in places)


HOSTILE = {
    "one word": "x" * 1_000_000,
    "words of one letter": "a " * 80_000,
    "spaces": "12" + " " * 500_000 + "March",
    "digits": "1" * 1_000_000,
    "dots": "1." * 200_000,
    "hyphens": "a-" * 200_000,
    "years": "2024 " * 30_000,
    "dates": "1.2.2024 " * 20_000,
    "line breaks": "\n" * 1_000_000,
    "signs": "漢" * 300_000,
    "different words": " ".join(
        f"w{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}{chr(97 + n // 676 % 26)}{chr(97 + n // 17576)}"
        for n in range(30_000)
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_time__grows_with_the_text_and_no_faster(name):
    """No text makes it slow: at most 10 microseconds of CPU per character, whatever it is."""
    before = time.process_time()
    enrich(pages(HOSTILE[name]))
    assert time.process_time() - before < 0.5 + len(HOSTILE[name]) * 1e-5


def test_pages__are_read_one_at_a_time():
    """A stream of pages is enough, and a page without text is one all the same."""
    assert enrich({"page": number, "text": None} for number in range(1, 4))["pages"] == 3
