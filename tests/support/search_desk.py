"""The API over a search engine of the test's choice, with the indexing that a worker would do, done on demand."""

import threading
from collections.abc import Iterable
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import Request
from support.faces import Caller, Rooms

from jobs.context import Place
from search.breaker import Breaker, Line
from search.memory import MemoryEngine
from search.port import Asked, Engine, Found, Hit, Suggestion
from wiring.search import facts_in
from workers.indexing import Indexer, JobIndex, Writer


class ByHeader:
    """Owners for tests: a request says whose it is."""

    def owner_of(self, request: Request) -> str:
        return request.headers.get("x-owner", "local")


class Broken(MemoryEngine):
    """Does whatever a test puts in `fault` before each question; it may raise, or wait.

    What the API asks at its start is nobody's, and neither counted nor spoiled: it may come at any time.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fault = lambda: None
        self.asked = 0

    def find(self, asked: Asked) -> Found:
        if asked.owner:
            self.asked += 1
            self.fault()
        return super().find(asked)

    def suggest(self, owner: str, text: str, *, limit: int = 10) -> list[Suggestion]:
        self.fault()
        return super().suggest(owner, text, limit=limit)

    def similar(self, owner: str, job_id: str, *, limit: int = 10) -> list[Hit]:
        self.fault()
        return super().similar(owner, job_id, limit=limit)


class SearchDesk:
    """Submits, indexes and asks."""

    def __init__(self, folder: Path, *, engine: Engine | None = None, patience: float = 20.0, clock=None) -> None:
        self.breaker = Breaker(clock=clock) if clock else Breaker()
        line = Line(breaker=self.breaker, patience=patience)
        self.rooms = Rooms(folder, engine=engine, owners=ByHeader(), line=line)
        self.caller = Caller(self.rooms)
        self.ledger = self.rooms.ledger
        self.writer = Writer(lambda: self.rooms.engine, partial(facts_in, self.ledger))
        self.indexer = Indexer(self.ledger, self.writer)
        self.writer.start()

    def close(self) -> None:
        self.writer.close()
        self.caller.close()
        self.rooms.close()

    def submit(self, name: str, *, owner: str = "local", tags: Iterable[str] = (), content: bytes | None = None) -> str:
        """A job's id."""
        more = {"content": content} if content else {}
        params = {"filename": name, "tags": ",".join(tags)} if tags else {"filename": name}
        return self.caller.submit(params=params, headers={"x-owner": owner}, **more)["id"]

    def index(self, job_id: str, *places: Place) -> None:
        """As an indexing step would."""
        JobIndex(self.writer.put, job_id=job_id, stop=threading.Event(), moved=self.writer.moved).index(places)
        self.catch_up()

    def catch_up(self) -> None:
        """Tell the index of all that the ledger has noted."""
        while self.indexer.look():
            pass

    def ask(self, q: str | None = None, *, owner: str = "local", path: str = "/v1/search", **params: Any):
        """The answer, as HTTP gave it."""
        asked = ({"q": q} if q is not None else {}) | params
        return self.caller.get(path, params=asked, headers={"x-owner": owner})

    def find(self, q: str | None = None, **more: Any) -> dict[str, Any]:
        """The body of an answer that must be well."""
        answer = self.ask(q, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def places(self, q: str | None = None, **more: Any) -> list[tuple[str, str]]:
        """Jobs and places of the hits, in order."""
        return [(one["job_id"], one["place"]) for one in self.find(q, **more)["items"]]


@contextmanager
def search_desk(folder: Path, **more: Any):
    made = SearchDesk(folder, **more)
    try:
        yield made
    finally:
        made.close()


def row(number: int, title: str, text: str = "", **more: Any) -> Place:
    return Place(artifact="records.jsonl", place=f"row {number}", title=title, text=text, **more)
