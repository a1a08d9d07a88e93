"""One suite for all search engines: what a query finds and in which order. Each gets its engine from `OPENERS`."""

import pytest
from support.search_engines import ask, facts, job_id, jobs, places, put, row

from search.analysis import tokens
from search.port import Drop, Put


@pytest.fixture
def filled(engine):
    """Two lists, a document and a model of mine."""
    engine.write(
        [
            put(
                1,
                row(
                    1,
                    "3001 Dark Turquoise",
                    "remark spare",
                    parts=("3001", "300126"),
                    color="Dark Turquoise",
                    name="Brick 2 x 4",
                ),
                row(2, "973c01 Red", "torso", parts=("973c01",), color="Red", name="Torso with dark arms"),
                name="Falcon wanted.xml",
                tags=("urgent", "For Sale"),
                numbers={"pieces": 120, "lots": 2, "size": 4_000},
            ),
            put(
                2,
                row(1, "3001 Red", "", parts=("3001",), color="Red", name="Brick 2 x 4"),
                row(2, "10.5 3070b", "", parts=("3070b",), color="Trans-Red", name="Tile 1 x 1 with Groove"),
                name="castle.csv",
                kind="rebrickable-csv",
                tags=("For Sale",),
                status="failed",
                numbers={"pieces": 80, "lots": 2, "size": 900},
            ),
            put(
                3,
                row(1, "Chapter One", "A falcon flies over the dark turquoise sea. The plate is red"),
                row(2, "Chapter Two", "brick by brick and plate by plate; the sea is dark, and turquoise it is not"),
                name="story.pdf",
                kind="pdf",
                pipeline="document",
                numbers={"pages": 2},
            ),
            put(4, name="spaceship.stl", kind="stl", pipeline="model-3d", numbers={"triangles": 5000, "size": 90_000}),
        ]
    )
    return engine


FOUND = {
    "falcon": {(1, "file"), (3, "row 1")},
    "FALCON sea": {(3, "row 1")},
    "dark turquoise": {(1, "row 1"), (3, "row 1"), (3, "row 2")},
    '"dark turquoise"': {(1, "row 1"), (3, "row 1")},
    '"turquoise dark"': set(),
    '"one a falcon"': set(),  # a phrase does not go on from the title into the text
    '"3001 300126"': set(),  # nor from one part id to the next
    "turquoise -falcon": {(1, "row 1"), (3, "row 2")},
    'sea -"dark turquoise"': {(3, "row 2")},
    "turq*": {(1, "row 1"), (3, "row 1"), (3, "row 2")},
    '"dark tur"*': {(1, "row 1"), (3, "row 1")},
    "30*": {(1, "row 1"), (2, "row 1"), (2, "row 2")},
    "2x4": {(1, "row 1"), (2, "row 1")},
    "brick 2 x 4 red": {(2, "row 1")},
    "10.5": {(2, "row 2")},
    "973c01": {(1, "row 2")},
    "urgent": {(1, "file")},
    "stl": {(4, "file")},
    job_id(2): {(2, "file")},
    f"{4:064x}": {(4, "file")},
    "name:falcon": {(1, "file")},
    "name:falcon red": {(1, "row 2")},
    "title:red": {(1, "row 2"), (2, "row 1")},
    "title:falcon": {(1, "file")},
    "text:red": {(3, "row 1")},
    "text:falcon": {(3, "row 1")},
    "part:3001": {(1, "row 1"), (2, "row 1")},
    "part:300*": {(1, "row 1"), (2, "row 1")},
    "color:red": {(1, "row 2"), (2, "row 1"), (2, "row 2")},
    'color:"dark turquoise"': {(1, "row 1")},
    "-color:red part:3001": {(1, "row 1")},
    "tag:urgent": {(1, "file")},
    'tag:"for sale" brick': {(1, "row 1"), (2, "row 1")},
    "kind:pdf": {(3, "file")},
    "kind:bricklink-xml torso": {(1, "row 2")},
    "pipeline:document": {(3, "file")},
    "pipeline:document brick": {(3, "row 2")},
    "status:failed": {(2, "file")},
    f"id:{job_id(3)}": {(3, "file")},
    f"id:{job_id(3)[:10]}*": {(3, "file")},
    "7000": set(),  # a piece of an id is no word
    f"sha256:{1:064x}": {(1, "file")},
    "sha256:00*": {(1, "file"), (2, "file"), (3, "file"), (4, "file")},
    "pieces:100..200": {(1, "file")},
    "pieces:>=80 -kind:bricklink-xml": {(2, "file")},
    "pieces:>80": {(1, "file")},
    "pieces:<120": {(2, "file")},
    "triangles:<=5k": {(4, "file")},
    "pages:2 brick": {(3, "row 2")},
    "size:>1kb size:<50kb": {(1, "file")},
    "-pieces:..100": {(1, "file"), (3, "file"), (4, "file")},
    "-kind:pdf -kind:stl": {(1, "file"), (2, "file")},
    "": {(1, "file"), (2, "file"), (3, "file"), (4, "file")},
}


@pytest.mark.parametrize("q", FOUND, ids=ascii)
def test_find__means_what_was_typed(filled, q):
    """Words all hold, phrases in order and within one field, fields and ranges narrow, -not excludes.

    What asks nothing of a place is answered with jobs.
    """
    found = ask(filled, q, edits=0)
    assert set(places(found)) == FOUND[q]
    assert found.total == len(found.hits) == len(FOUND[q])
    assert found.corrected == ()
    assert found.following is None


FILTERED = [
    ({"kinds": ("pdf", "stl")}, "", {(3, "file"), (4, "file")}),
    ({"kinds": ("PDF",)}, "brick", {(3, "row 2")}),
    ({"pipelines": ("parts-list",)}, "", {(1, "file"), (2, "file")}),
    ({"statuses": ("failed",)}, "brick", {(2, "row 1")}),
    ({"tags": ("For Sale",)}, "", {(1, "file"), (2, "file")}),
    ({"tags": ("for sale", "urgent")}, "", {(1, "file")}),
    ({"tags": ("sale",)}, "", set()),
    ({"colors": ("red",)}, "", {(1, "row 2"), (2, "row 1")}),
    ({"colors": ("Red", "Dark Turquoise")}, "brick", {(1, "row 1"), (2, "row 1")}),
    ({"parts": ("3001",)}, "", {(1, "row 1"), (2, "row 1")}),
    ({"parts": ("300126", "3070B")}, "", {(1, "row 1"), (2, "row 2")}),
    ({"parts": ("300",)}, "", set()),
    ({"parts": ("3001",), "colors": ("Red",)}, "", {(2, "row 1")}),
    ({"created_from": facts(2).created_at, "created_to": facts(4).created_at}, "", {(2, "file"), (3, "file")}),
    ({"created_to": facts(2).created_at}, "red", {(1, "row 2")}),
    ({"ranges": {"pieces": (80, None)}}, "", {(1, "file"), (2, "file")}),
    ({"ranges": {"pieces": (None, 119.5), "size": (900, 900)}}, "", {(2, "file")}),
    ({"job_ids": (job_id(3), job_id(9))}, "", {(3, "file")}),
    ({"job_ids": (job_id(1), job_id(2))}, "falcon", {(1, "file")}),
    ({"job_ids": ()}, "", set()),
    ({"kinds": ("none",)}, "", set()),
]


@pytest.mark.parametrize(("filters", "q", "expected"), FILTERED)
def test_find__is_narrowed_down_by_filters(filled, filters, q, expected):
    """Each filter holds, any of its values does, of tags all; colors and parts are asked of places."""
    found = ask(filled, q, filters=filters, edits=0)
    assert set(places(found)) == expected
    assert found.total == len(expected)


def test_find__puts_names_above_bodies(engine):
    """A word in a title, a file's name or a part's name weighs more than the same word in a text."""
    filler = "lorem ipsum dolor sit amet consectetur"
    engine.write(
        [
            put(1, row(1, "Something", f"wing {filler}"), name="a.pdf"),
            put(2, row(1, "Wing", filler), name="b.pdf"),
            put(3, name="wing.stl"),
            put(4, row(1, "3001", filler, name="Wing"), name="c.pdf"),
            put(5, *(row(n, f"Row {n}", filler, name="Plate") for n in range(1, 40)), name="d.pdf"),
        ]
    )
    assert places(ask(engine, "wing"))[-1] == (1, "row 1")
    assert set(jobs(ask(engine, "wing"))) == {1, 2, 3, 4}


def test_find__weighs_rare_words_more(engine):
    """Of two places that hold two words equally often in sum, that with more of the rarer one comes first."""
    common = [row(n, "Row", "plate lorem ipsum") for n in range(1, 60)]
    both = [row(60, "Row", "plate plate plate wedge"), row(61, "Row", "plate wedge wedge wedge")]
    engine.write([put(1, *common, *both)])
    assert places(ask(engine, "plate wedge")) == [(1, "row 61"), (1, "row 60")]


def test_find__scores_fall(filled):
    """Hits come best first, and their scores say so."""
    scores = [hit.score for hit in ask(filled, "brick").hits]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) > 0


TYPOS = {
    "turqoise": "turquoise",  # a letter missing
    "turqouise": "turquoise",  # neighbours swapped
    "turquoisse": "turquoise",  # one too many
    "torquoize": "turquoise",  # two wrong
    "uqtrouise": None,  # three
    "birck": "brick",  # a swap counts once: five letters forgive one
    "brikcs": None,  # two in six letters
    "bick": "brick",
    "3010": "3001",
    "sae": None,  # three letters forgive none
    "973c0l": "973c01",
}


@pytest.mark.parametrize("typed", TYPOS)
def test_typos__are_forgiven_by_length(engine, typed):
    """One from four letters, two from eight, one in words with digits; the answer says which words were forgiven."""
    engine.write([put(1, row(1, "turquoise brick 3001 973c01 sea", "lorem"), name="a.xml")])
    found = ask(engine, typed)
    if TYPOS[typed] is None:
        assert (found.hits, found.corrected) == ((), ())
    else:
        assert places(found) == [(1, "row 1")]
        assert found.corrected == (typed,)
    assert ask(engine, typed, edits=0).hits == ()


def test_typos__are_forgiven_where_exact_words_give_few(engine):
    """Three exact hits are enough; with fewer, look-alike words are found as well, behind those that are exact."""
    places_of = [row(n, f"Wheel {n}", "lorem") for n in (1, 2, 3)]
    engine.write([put(1, *places_of[:2], row(9, "Wheal", "lorem"), name="a.xml")])
    few = ask(engine, "wheel")
    assert places(few)[-1] == (1, "row 9")
    assert (few.total, few.corrected) == (3, ("wheel",))
    engine.write([put(1, *places_of, row(9, "Wheal", "lorem"), name="a.xml", version=2)])
    enough = ask(engine, "wheel")
    assert (enough.total, enough.corrected) == (3, ())
    assert ask(engine, "wheel", edits=1).total == 4


def test_typos__in_part_ids_are_forgiven_where_the_id_is_unknown(engine):
    """One exact hit is enough for a word with digits: the parts beside it are others."""
    engine.write([put(1, *(row(n, f"{n}", "", parts=(str(n),)) for n in (3001, 3002, 3010)))])
    assert (places(ask(engine, "3001")), ask(engine, "3001").corrected) == ([(1, "row 3001")], ())
    assert set(places(ask(engine, "3000"))) == {(1, "row 3001"), (1, "row 3002"), (1, "row 3010")}


def test_typos__are_forgiven_in_single_words_alone(engine):
    """Phrases, prefixes, excluded words, kinds and ids mean exactly what was typed; several words each forgive their own."""
    engine.write([put(1, row(1, "Dark Turquoise", "wheel plate"), name="a.pdf", kind="mesh", status="failed")])
    for q in ('"drak turquoise"', "turqio*", "kind:mehs", "status:faild", f"id:{job_id(1)[:-1]}2"):
        assert (ask(engine, q).hits, ask(engine, q).corrected) == ((), ())
    assert places(ask(engine, "turqoise -whele")) == [(1, "row 1")]
    assert places(ask(engine, "trquoise plaet title:drak")) == [(1, "row 1")]


def test_typos__never_make_an_answer_smaller(engine):
    """Where forgiving finds nothing more the exact answer stands, and nothing is said to be corrected."""
    engine.write([put(1, row(1, "Wheel", ""))])
    assert ask(engine, "wheel").corrected == ()
    assert ask(engine, "wheel").total == 1


def test_facets__count_jobs_not_places(filled):
    """Each facet counts the distinct jobs of all hits by value, whatever the page's size; colors as places have them."""
    found = ask(filled, "", facets=("kind", "pipeline", "status", "tag", "color"), limit=1)
    assert dict(found.facets["kind"]) == {"bricklink-xml": 1, "rebrickable-csv": 1, "pdf": 1, "stl": 1}
    assert dict(found.facets["pipeline"]) == {"parts-list": 2, "document": 1, "model-3d": 1}
    assert dict(found.facets["status"]) == {"succeeded": 3, "failed": 1}
    assert dict(found.facets["tag"]) == {"For Sale": 2, "urgent": 1}
    assert dict(found.facets["color"]) == {"Red": 2, "Dark Turquoise": 1, "Trans-Red": 1}


def test_facets__count_what_matches(filled):
    """With words the facets count the jobs and the colors of the places found; none were asked for, none are told."""
    found = ask(filled, "brick", facets=("kind", "color"))
    assert dict(found.facets["kind"]) == {"bricklink-xml": 1, "rebrickable-csv": 1, "pdf": 1}
    assert dict(found.facets["color"]) == {"Dark Turquoise": 1, "Red": 1}
    assert dict(ask(filled, "absent", facets=("kind",)).facets["kind"]) == {}
    assert dict(ask(filled, "brick").facets) == {}


def test_facets__count_a_job_once_for_many_places(engine):
    """Forty red rows of one job are one job."""
    engine.write([put(1, *(row(n, f"{n} Red", "", color="Red") for n in range(1, 41)))])
    assert dict(ask(engine, "red", facets=("color", "kind")).facets["color"]) == {"Red": 1}


def test_hits__show_where_and_why(filled):
    """A hit names job, artifact and place, and its snippet marks the words as they stand in it."""
    (hit,) = ask(filled, "falcon sea").hits
    assert (hit.job_id, hit.artifact, hit.place, hit.title) == (job_id(3), "records.jsonl", "row 1", "Chapter One")
    assert [hit.snippet[start:end] for start, end in hit.marks] == ["falcon", "sea"]
    (file,) = ask(filled, "urgent").hits
    assert (file.artifact, file.place, file.title) == (None, "file", "Falcon wanted.xml")
    assert [file.snippet[start:end] for start, end in file.marks] == ["urgent"]


@pytest.mark.parametrize(
    ("q", "marked"), [('"dark turq"*', ["dark", "turquoise"]), ("turqoise", ["turquoise"]), ("", [])]
)
def test_hits__mark_what_a_clause_found(engine, q, marked):
    """Marks fit phrases, prefixes and forgiven typos alike, however the text is spaced and spelled."""
    engine.write([put(1, row(1, "Sea", "x " * 300 + "the  dark\n turquoise sea"), name="a.pdf")])
    hit = ask(engine, q).hits[0]
    assert [hit.snippet[start:end] for start, end in hit.marks] == marked
    assert hit.place == ("row 1" if q else "file")


def test_suggest__completes_names_parts_and_tags(filled):
    """Any word of a name, part id, part name or tag may be the one begun; what most jobs hold comes first."""
    told = {one.field: (one.text, one.jobs) for one in filled.suggest("me", "fal")}
    assert told == {"name": ("Falcon wanted.xml", 1)}
    assert [one.text for one in filled.suggest("me", "wan")] == ["Falcon wanted.xml"]
    assert {(one.text, one.field, one.jobs) for one in filled.suggest("me", "300")} == {
        ("3001", "part", 2),
        ("300126", "part", 1),
    }
    assert [one.text for one in filled.suggest("me", "300")] == ["3001", "300126"]
    assert [(one.text, one.field, one.jobs) for one in filled.suggest("me", "BRI")] == [("Brick 2 x 4", "part_name", 2)]
    assert [(one.text, one.field, one.jobs) for one in filled.suggest("me", "sal")] == [("For Sale", "tag", 2)]
    assert [one.text for one in filled.suggest("me", "brick 2 x")] == ["Brick 2 x 4"]


def test_suggest__is_short_and_knows_when_to_be_silent(filled):
    """At most `limit` suggestions, each once; none for nothing, for signs, or for what nothing begins with."""
    assert len(filled.suggest("me", "t", limit=1)) == 1
    assert [filled.suggest("me", text) for text in ("", "  ", "%_*", "zzz", "\0", "\ud800")] == [[]] * 6
    everything = [(one.text, one.field) for one in filled.suggest("me", "t", limit=100)]
    assert len(everything) == len(set(everything)) == 2


def test_similar__finds_jobs_with_the_same_telling_words(engine):
    """Jobs that share rare words come first, one hit each; the job itself and strangers to it are left out."""
    common = [put(n, row(1, "Plate", f"plate and stone{n}")) for n in range(10, 30)]
    engine.write(
        [
            *common,
            put(1, row(1, "Falcon", "millennium hyperdrive plate"), row(2, "Falcon", "corellian smuggler")),
            put(2, row(1, "Ship", "hyperdrive plate"), name="b.pdf"),
            put(3, row(1, "Ship", "corellian hyperdrive"), row(2, "Ship", "millennium smuggler plate"), name="c.pdf"),
            put(4, row(1, "Garden", "rose"), name="d.pdf"),
        ]
    )
    found = engine.similar("me", job_id(1))
    assert [int(hit.job_id[:8], 16) for hit in found][:2] == [3, 2]
    assert len({hit.job_id for hit in found}) == len(found)
    assert not {job_id(1), job_id(4)} & {hit.job_id for hit in found}
    assert len(engine.similar("me", job_id(1), limit=1)) == 1
    assert engine.similar("me", job_id(99)) == []


def test_tokens__are_found_each_by_itself(engine):
    """Whatever tokens a text has, each finds it."""
    text = "Łódź Straße ﬁne 2\u00d74 日本 हिन्दी N\u0303andu 3001-1 " + "a" * 300
    engine.write([Put(job=facts(1), places=(row(1, text, ""),))])
    for token in tokens(text):
        assert (1, "row 1") in places(ask(engine, token, edits=0)), token
    engine.write([Drop(job_id=job_id(1))])
    assert ask(engine, "strasse").total == 0
