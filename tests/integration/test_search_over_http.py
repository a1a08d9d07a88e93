"""Search over HTTP on a real index: thousands of random and adversarial queries, and an index that breaks and is mended."""

import asyncio
import random
import shutil
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.search_desk import SearchDesk, row, search_desk

from search.asking import Asking
from search.breaker import FAILURES, REST, Breaker, Line
from search.port import Asked
from search.query import parse
from search.tantivy_engine import reading, writing
from search.tantivy_folder import CURRENT
from wiring.asking import InLedger

QUERIES = 5_000
SLOWEST = 1.0  # seconds, as promised; usual are a few milliseconds
CODES = {"search.query", "search.cursor", "request.malformed"}

WORDS = ("brick", "turquoise", "3001", "dark red", "falcon", "żółw", "積木", "2x4", "a", "instructions", "0190abcd")
SYNTAX = (
    '"',
    "-",
    "*",
    ":",
    "..",
    ">",
    "<=",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "^",
    "~",
    "\\",
    "/",
    "'",
    "|",
    "&",
    "+",
    "!",
)
FIELDS = (
    "name:",
    "title:",
    "part:",
    "color:",
    "kind:",
    "id:",
    "sha256:",
    "size:",
    "pieces:",
    "owner:",
    "_all:",
    ":",
    "a:b:",
)
ATTACKS = (
    "' OR '1'='1",
    "[* TO *]",
    "title:{a TO z}",
    ".*.*.*.*.*x",
    "(a|aa)+$",
    "%' ESCAPE '",
    "\0brick\0",
    "\ud7ff\uffff\U0010ffff",
    "e" + "\u0301" * 400,
    "\u202egnirts",
    "a" * 1_000,
    "ab* " * 32,
    "abcdefghi " * 32,
    '"' + "brick " * 60 + '"',
    "-a " * 32,
    "size:1e309 pieces:..",
    "pieces:999999999999999999..",
    "size:>0.000000001b",
    "ﷺ" * 30,
    "ﬁ" * 40,
    "\U0001d7db\U0001d7d8\U0001d7d8\U0001d7d9",
    "x" * 79 + "*",
    "$(reboot) `id` <script>",
    "../../etc/passwd",
    "{{7*7}} ${x}",
)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[SearchDesk]:
    with search_desk(tmp_path / "desk", engine=writing(tmp_path / "index")) as made:
        yield made


def filled(desk: SearchDesk, jobs: int) -> list[str]:
    """Lists with rows that share words."""
    rng, ids = random.Random(1), []
    for n in range(jobs):
        ids.append(desk.submit(f"falcon {n} żółw.xml", tags=["new", f"tag{n}"]))
        texts = (" ".join(rng.choices(WORDS, k=12)) for _ in range(100))
        desk.index(ids[-1], *(row(i, t, t[::-1], color="Dark Red", parts=(f"300{i}",)) for i, t in enumerate(texts)))
    return ids


def asked(rng: random.Random, cursors: list[str]) -> dict[str, Any]:
    """A question of any kind."""
    made = {"q": _typed(rng)}
    if rng.random() < 0.3:
        made["sort"] = rng.choice(("newest", "oldest", "name", "relevance", _typed(rng)))
    if rng.random() < 0.3:
        made["facet"] = rng.choice(("kind,color,tag", "kind,pipeline,status,tag,color", _typed(rng)))
    for name in rng.sample(
        ("kind", "tag", "color", "part", "status", "created_from", "pieces_min", "size_max", "limit"), 2
    ):
        if rng.random() < 0.2:
            made[name] = rng.choice((_typed(rng), "100", "2026-01-01", "Dark Red", "-1", "1e400"))
    if rng.random() < 0.2 and cursors:
        cursor = list(rng.choice(cursors))
        for _ in range(rng.choice((0, 1, 3))):
            cursor[rng.randrange(len(cursor))] = rng.choice("aZ0_-.=\n%")
        made["cursor"] = "".join(cursor)[: rng.choice((5, 5_000))]
    return made


def _typed(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.15:
        return rng.choice(ATTACKS)
    if kind < 0.3:
        return "".join(chr(_point(rng)) for _ in range(rng.randrange(1, 60)))
    if kind < 0.4:
        return rng.choice(ATTACKS) + rng.choice(SYNTAX) + rng.choice(ATTACKS)[:50]
    pieces = []
    for _ in range(rng.randrange(1, 12)):
        word = list(rng.choice(WORDS))
        if rng.random() < 0.4:
            word[rng.randrange(len(word))] = rng.choice("xyzé9")
        pieces.append(rng.choice(("", "", "-", rng.choice(FIELDS), rng.choice(SYNTAX))) + "".join(word))
        pieces.append(rng.choice(("", "", "*", '"', rng.choice(SYNTAX))) + " ")
    return "".join(pieces)


def _point(rng: random.Random) -> int:
    point = rng.choice((rng.randrange(128), rng.randrange(0x3000), rng.randrange(0x110000)))
    return 0x20 if unicodedata.category(chr(point)) == "Cs" else point


def test_fuzz__no_query_breaks_or_stalls_the_search(desk):
    """5,000 questions: each is answered or refused with a cure, none by a 5xx, none without the index, none after a second."""
    filled(desk, 12)
    rng, cursors, refused = random.Random(20260101), [], 0
    for n in range(QUERIES):
        params = asked(rng, cursors)
        path = "/v1/suggest" if n % 10 == 0 else "/v1/search"
        answer, seconds = _timed(desk, path, params)
        if seconds > SLOWEST:  # the machine may have been busy: the same again
            answer, seconds = _timed(desk, path, params)
        assert seconds < SLOWEST, params
        body = answer.json()
        if answer.status_code == 200:
            assert body["degraded"] is False or str(params.get("cursor", "")).startswith("l."), params
            if body.get("next_cursor"):
                cursors.append(body["next_cursor"])
        else:
            refused += 1
            assert (answer.status_code, body["code"] in CODES) == (400, True), (params, answer.text)
            assert body["code"] != "search.query" or (body["cure"] and 0 <= body["position"] <= 1_000)
    assert not desk.breaker.open
    assert QUERIES * 0.1 < refused < QUERIES * 0.9


def _timed(desk: SearchDesk, path: str, params: dict[str, Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    answer = desk.caller.get(path, params=params)
    return answer, time.perf_counter() - began


@pytest.mark.parametrize("damage", ["without_files", "of_nothing"])
def test_damaged__folder_is_answered_past_and_mended(desk, tmp_path, damage):
    """An index whose files are gone: the ledger answers, and the index again once it is there and the breaker has rested."""
    (job,), folder, now = filled(desk, 1), tmp_path / "index", [0.0]
    shutil.copytree(folder, tmp_path / "aside")
    {"without_files": _without_files, "of_nothing": _of_nothing}[damage](folder)
    line = Line(breaker=Breaker(clock=lambda: now[0]))
    asking = Asking(reading(folder), InLedger(desk.ledger), line=line)
    for _ in range(FAILURES + 1):
        found = asyncio.run(asking.find(Asked(owner="local", query=parse("falcon"))))
        assert ([hit.job_id for hit, _facts in found.hits], found.degraded) == ([job], True)
    assert asking.degraded
    shutil.rmtree(folder)
    (tmp_path / "aside").rename(folder)
    now[0] += REST
    found = asyncio.run(asking.find(Asked(owner="local", query=parse("brick"))))
    assert (found.degraded, asking.degraded) == (False, False)
    assert (found.total or 0) > 10
    asking.close()


def _without_files(folder: Path) -> None:
    for path in folder.glob("gen-*/**/*"):
        if path.is_file() and path.name not in {"FORMAT", "FILLING"}:
            path.unlink()


def _of_nothing(folder: Path) -> None:
    (folder / CURRENT).write_text("gen-none\n")
