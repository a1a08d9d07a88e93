"""Search: engines side by side, bare and over HTTP; how good answers are; and how soon new files are found."""

import tempfile
from argparse import ArgumentParser, Namespace
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from bench import Unmeasurable
from bench.result import Report, Target
from bench.search_contenders import Bare, Contender, Postgres, Tantivy, answer, asked, filled
from bench.search_corpus import Corpus
from bench.search_http import measure_http
from bench.search_labels import ndcg, recall
from bench.search_lag import measure_lag
from bench.search_questions import labelled_question, questions
from bench.services import borrowed_database
from bench.stats import Spread
from bench.upload import require_disk

FULL, PER_PLACE = 1_000_000, 6_000  # places; bytes of disk that all indexes together take, roughly
TYPO_RECALL = Target(limit=0.95, at_least=True)

Opened = Callable[[ExitStack, Path], Contender]


def arguments(parser: ArgumentParser) -> None:
    """Options of this bench."""
    parser.add_argument("--places", type=int, default=50_000, help="places in a tenth as many files")
    parser.add_argument("--full", action="store_true", help=f"{FULL:,} places in 100,000 files")
    parser.add_argument("-n", type=int, default=96, help="questions of each class")
    parser.add_argument("--fuzz", type=int, default=500, help="strings that nobody means; `--full`: 5,000")
    parser.add_argument("--lists", type=int, default=60, help="parts lists whose rows are waited for; 0: none")
    parser.add_argument("--engines", default=",".join(_ENGINES), help="which ones; over HTTP tantivy alone is asked")


def measure(report: Report, chosen: Namespace) -> None:
    """Each engine with the same files, one after the other."""
    corpus = Corpus(places=FULL if chosen.full else chosen.places)
    wanted = [name for name in chosen.engines.split(",") if name]
    if unknown := set(wanted) - set(_ENGINES):
        raise Unmeasurable(f"there is no engine {min(unknown)!r}; there are {', '.join(_ENGINES)}")
    with tempfile.TemporaryDirectory(prefix="heavylift-bench-search-") as made:
        folder = Path(made)
        require_disk(folder, corpus.places * PER_PLACE)
        for name in wanted:
            _engine(report, name, folder / name, corpus, each=chosen.n)
        if "tantivy" in wanted:
            fuzz = 5_000 if chosen.full else chosen.fuzz
            measure_http(report, folder / "tantivy", corpus.changes(), questions(corpus, chosen.n), fuzz=fuzz)
    if chosen.lists:
        measure_lag(report, lists=chosen.lists)


def _engine(report: Report, name: str, folder: Path, corpus: Corpus, *, each: int) -> None:
    with ExitStack() as closing:
        try:
            contender = _ENGINES[name](closing, folder)
        except Unmeasurable as error:
            report.say(f"  {name}: left out, {error}")
            return
        closing.callback(contender.close)
        seconds, documents = filled(contender, corpus.changes())
        report.add(f"{name}-building", documents / seconds, unit="documents/s", n=documents)
        size = contender.size()
        if size is not None:
            report.add(f"{name}-size", size / documents, unit="bytes/document", n=documents)
        for of, asked_for in questions(corpus, each).items():
            if of not in contender.lacks:
                told = asked(contender, asked_for)
                spread = Spread.of(told.milliseconds)
                report.add(f"{name}-{of}-p50", spread.p50, unit="ms", n=spread.n)
                report.add(f"{name}-{of}-p95", spread.p95, unit="ms", n=spread.n)
                if told.given_up:
                    report.add(f"{name}-{of}-given-up", told.given_up, unit="questions", n=spread.n)
        _judge(report, contender, corpus)


def _judge(report: Report, contender: Contender, corpus: Corpus) -> None:
    """How good the first ten hits of each labelled query are, by class."""
    gains, recalls = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)
    for labelled in corpus.queries:
        hits = answer(contender, labelled_question(labelled)) or []
        for of in (labelled.of, "all"):
            gains[of].append(ndcg(labelled, hits))
            recalls[of].append(recall(labelled, hits))
    typos = [found for of, values in recalls.items() if of.endswith(("typo", "typos")) for found in values]
    told = (f"{of} {_mean(gains[of]):.3f}/{_mean(recalls[of]):.3f}" for of in gains)
    report.say(f"  {contender.name}, nDCG@10/recall@10: {', '.join(told)}")
    report.add(f"{contender.name}-ndcg", _mean(gains["all"]), unit="nDCG@10", n=len(gains["all"]))
    report.add(f"{contender.name}-recall", _mean(recalls["all"]), unit="recall@10", n=len(recalls["all"]))
    if "typo" not in contender.lacks:
        report.add(f"{contender.name}-typo-recall", _mean(typos), unit="recall@10", target=TYPO_RECALL, n=len(typos))


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _tantivy(_closing: ExitStack, folder: Path) -> Contender:
    return Tantivy(folder)


def _postgresql(closing: ExitStack, _folder: Path) -> Contender:
    from ledger import Ledger
    from ledger.database import Database
    from search.postgres import opened

    url, schema = closing.enter_context(borrowed_database())
    ledger = Ledger(url, db_schema=schema)
    ledger.migrate()
    ledger.close()
    return Postgres(opened(Database(url, db_schema=schema, pool_size=2)), url=url, schema=schema)


def _fts5(_closing: ExitStack, folder: Path) -> Contender:
    return Bare(folder)


_ENGINES: Mapping[str, Opened] = {"tantivy": _tantivy, "postgresql": _postgresql, "fts5": _fts5}
