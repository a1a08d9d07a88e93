"""The query language: what is understood, and what is refused with a position and a cure."""

import math
import random

import pytest

from search.query import FIELDS, MAX_CLAUSES, MAX_QUERY, NUMBERS, MalformedQuery, Query, Range, Words, parse


def word(typed, **more):
    """The clause of a single word."""
    return Words(tokens=(typed.lower(),), typed=typed, **more)


UNDERSTOOD = {
    "": Query(),
    "   ": Query(),
    "Dark turquoise": Query(must=(word("Dark"), word("turquoise"))),
    '"Dark  Turquoise" brick': Query(
        must=(Words(tokens=("dark", "turquoise"), typed="Dark  Turquoise"), word("brick"))
    ),
    "\u201cdark red\u201d": Query(must=(Words(tokens=("dark", "red"), typed="dark red"),)),
    "-red brick": Query(must=(word("brick"),), never=(word("red"),)),
    '-"dark red" x': Query(must=(word("x"),), never=(Words(tokens=("dark", "red"), typed="dark red"),)),
    "turq*": Query(must=(word("turq", prefix=True),)),
    '"dark tur"*': Query(must=(Words(tokens=("dark", "tur"), typed="dark tur", prefix=True),)),
    "日*": Query(must=(word("日", prefix=True),)),
    "2x4": Query(must=(Words(tokens=("2", "x", "4"), typed="2x4"),)),
    "3001-1": Query(must=(Words(tokens=("3001", "1"), typed="3001-1"),)),
    "id:0190abcd-12*": Query(must=(Words(tokens=("0190abcd12",), field="id", typed="0190abcd-12", prefix=True),)),
    "12:30": Query(must=(Words(tokens=("12", "30"), typed="12:30"),)),
    "nuts & bolts": Query(must=(word("nuts"), word("bolts"))),
    "COLOR:Red": Query(must=(word("Red", field="color"),)),
    'color:"Dark Red"': Query(must=(Words(tokens=("dark", "red"), field="color", typed="Dark Red"),)),
    "kind:bricklink-xml": Query(must=(Words(tokens=("bricklink", "xml"), field="kind", typed="bricklink-xml"),)),
    "-tag:old a": Query(must=(word("a"),), never=(word("old", field="tag"),)),
    "part:3001*": Query(must=(word("3001", field="part", prefix=True),)),
    "red red": Query(must=(word("red"),)),
    'red"dark"': Query(must=(word("red"), word("dark"))),
    "pieces:100..500": Query(must=(Range(field="pieces", least=100, most=500),)),
    "pieces:..500 lots:7..": Query(must=(Range(field="pieces", most=500), Range(field="lots", least=7))),
    "pages:3": Query(must=(Range(field="pages", least=3, most=3),)),
    "size:>=1.5MB": Query(must=(Range(field="size", least=1_500_000),)),
    "-triangles:<=2k": Query(never=(Range(field="triangles", most=2000),)),
    "width:>10": Query(must=(Range(field="width", least=math.nextafter(10, 11)),)),
    "width:<10": Query(must=(Range(field="width", most=math.nextafter(10, 9)),)),
}

REFUSED = {
    'brick "dark red': (6, 'another "'),
    "farbe:red": (0, "Fields are"),
    "colour:red": (0, "Did you mean color:"),
    "http://a": (0, '"quotes"'),
    "a - b": (2, "right before"),
    "-": (0, "right before"),
    "red color:": (10, "color:value"),
    "color: red": (6, "behind the colon"),
    "pieces:": (7, "100..500"),
    'tag:""': (5, "behind the colon"),
    "tag:++": (4, "Type a word"),
    "-&": (1, "Type a word"),
    "& ? !": (0, "Type a word"),
    '""': (0, "Type a word"),
    "br*ck": (2, "at the end"),
    "*": (0, "more of the word"),
    "b*": (0, "more of the word"),
    "color:*": (6, "more of the word"),
    "pieces:many": (7, "pieces:100"),
    "pieces:..": (7, "pieces:100"),
    "pieces:1*": (7, "pieces:100"),
    "pieces:-5": (7, "pieces:100"),
    "pieces:1e400": (7, "pieces:100"),
    "pieces:500..100": (7, "pieces:100..500"),
    "a" * (MAX_QUERY + 1): (MAX_QUERY, "Leave some"),
    " ".join(f"w{n}" for n in range(MAX_CLAUSES + 1)): (118, "Leave some"),
    f'"{"a b " * 40}"': (0, "Leave some"),
}


@pytest.mark.parametrize("q", UNDERSTOOD, ids=ascii)
def test_parse__takes_a_query_apart(q):
    """Words, phrases, signs, stars, fields and ranges become clauses, in the order they were typed."""
    assert parse(q) == UNDERSTOOD[q]


@pytest.mark.parametrize("q", REFUSED, ids=lambda q: ascii(q[:30]))
def test_parse__refuses_with_position_and_cure(q):
    """What can't be meant is refused: where it stands, what is wrong, and what to type instead."""
    with pytest.raises(MalformedQuery) as caught:
        parse(q)
    position, cure = REFUSED[q]
    assert caught.value.position == position
    assert cure in caught.value.cure
    assert caught.value.code == "search.query"
    assert str(caught.value) == f"{caught.value.message}, at character {position + 1}. {caught.value.cure}"


@pytest.mark.parametrize("field", [*FIELDS, *NUMBERS])
def test_parse__knows_every_field(field):
    """Each field takes a value, and each is offered for a name close to it."""
    (clause,) = parse(f"{field}:100").must
    assert clause.field == field


def test_parse__never_fails_otherwise():
    """Whatever is typed is understood or refused; no text makes anything else happen."""
    rng = random.Random(11)
    pieces = [
        '"',
        "-",
        "*",
        ":",
        "..",
        " ",
        "\0",
        "\ud800",
        "color:",
        "pieces:",
        ">",
        "9" * 30,
        "a",
        "日",
        "\u0301",
        "(",
        "\\",
    ]
    refused = []
    for _ in range(5000):
        q = "".join(rng.choice(pieces) for _ in range(rng.randrange(30)))
        try:
            assert isinstance(parse(q), Query)
        except MalformedQuery as error:
            refused.append((error, len(q)))
    assert len(refused) > 100
    assert all(0 <= error.position <= length for error, length in refused)
    assert all(error.message.isprintable() and error.cure.isprintable() for error, _length in refused)
