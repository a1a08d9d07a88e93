"""A process that writes batches to an index until it is killed, and says of each when it was acknowledged.

`python search_writer.py WHERE FIRST`: batch N makes job 1000 + N with three places and takes job N % 7 to version N.
WHERE is a folder of tantivy's, or `postgresql://...#schema`.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

from jobs.context import Place
from ledger.database import Database
from search.port import Engine, JobFacts, Put
from search.postgres import opened
from search.tantivy_engine import writing

REWRITTEN = 7  # jobs that each batch takes one of to its own number as version
_MADE = datetime(2026, 1, 1, tzinfo=UTC)


def main(where: str, first: int) -> None:
    engine = engine_in(where)
    print("open", flush=True)
    number = first
    while True:
        rows = tuple(
            Place("records.jsonl", f"row {n}", f"Batch{number} row{n}", "lorem ipsum " * 20) for n in (1, 2, 3)
        )
        again = (Place("records.jsonl", "row 1", f"Version{number}", ""),)
        engine.write([_put(1_000 + number, 1, rows), _put(number % REWRITTEN, number, again)])
        print(number, flush=True)
        number += 1


def engine_in(where: str) -> Engine:
    """The engine of what is named so."""
    url, sign, schema = where.partition("#")
    return opened(Database(url, db_schema=schema, pool_size=2)) if sign else writing(Path(where))


def _put(number: int, version: int, places: tuple[Place, ...]) -> Put:
    job_id = f"{number:08x}-0000-7000-8000-{number:012x}"
    job = JobFacts(
        job_id=job_id,
        owner="me",
        version=version,
        name="a.xml",
        kind="bricklink-xml",
        pipeline="parts-list",
        status="succeeded",
        sha256="",
        created_at=_MADE,
    )
    return Put(job=job, places=places)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
