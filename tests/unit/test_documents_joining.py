"""Pages that were read and pages that were seen come together in order, and none is lost."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from documents.joining import joined, named_ranges


def lines(path, pages, **more):
    path.write_text("".join(json.dumps({"page": page} | more) + "\n" for page in pages))
    return path


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.integers(1, 40)), st.sets(st.integers(1, 40)), st.integers(0, 40))
def test_joined__every_page_once_and_in_order(tmp_path, read, seen, cut):
    """Whatever parts there are, each page comes once, in order, seen where it was seen, with what the text step knows."""
    first, second = (sorted(page for page in read if (page > cut) is late) for late in (False, True))
    texts = [
        lines(tmp_path / "a", first, text="read", width=9),
        lines(tmp_path / "b", second, text="read", width=9),
    ]
    found = list(joined(texts, [lines(tmp_path / "c", sorted(seen), text="seen", confidence=90)]))
    assert [page["page"] for page in found] == sorted(read | seen)
    for page in found:
        source = "ocr" if page["page"] in seen else "text"
        assert (page["source"], page["text"]) == (source, "seen" if source == "ocr" else "read")
        assert ("width" in page) is (page["page"] in read)


def test_named_ranges__in_words():
    """Single pages and ranges; of many the first ones."""
    assert named_ranges([[1, 1], [4, 7]]) == "1, 4-7"
    assert named_ranges([[n, n] for n in range(1, 99, 2)]).endswith("39, ...")
