"""Side-by-side measurements, each reproducible with one command: `./heavylift bench NAME`."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

BENCHES = {
    "latency": "from submit to succeeded for a list of 1 MB, on an idle platform",
    "overhead": "jobs per second through everything, over bare Celery no-ops (needs RabbitMQ and PostgreSQL)",
    "status-under-load": "how fast status answers while 100 clients upload",
    "upload": "MB/s of a large upload, over a server that only reads, hashes, writes and syncs",
    "cancel": "from the cancel of a running job to the death of its child, native calls included",
    "recovery": "how soon work goes on after a worker was killed, and after the broker is back",
    "parts": "parts lists: parsers and the whole step over bare libraries, speed and memory in the sandbox",
    "catalog": "compiling a parts catalog of real size, and asking it, over plain dictionaries",
    "resolver": "what a row of a list costs: seen before, of a new id, of an unknown one; and the survey of a list",
    "documents": "text and pictures of PDF pages as the pipeline makes them, over bare PDFium; two workers over one",
    "images": "thumbnails of pictures over bare Pillow, and the memory that one of 100 million pixels takes",
    "models": "3D models: geometry report and pictures over bare libraries, growth, a GPU, and how soon a picture is there",
    "ocr": "scanned pages: part numbers read right, pages per second, memory; tesseract's modes side by side",
    "search": "engines side by side, bare and over HTTP; how good answers are, and how soon new files are found",
    "idle": "memory and processor time of the embedded platform while nothing happens",
}
USAGE = 2  # exit code


def run(name: str, args: Sequence[str] = ()) -> int:
    """Run the measurement `name`, or `list` them; returns the exit code.

    0: measured; 1: it could not be measured, or `--check` was given and a target is missed; 2: wrong usage.
    """
    if name == "list":
        for known, title in BENCHES.items():
            print(f"{known:18} {title}")
        return 0
    if name not in BENCHES:
        print(f"there is no measurement {name!r}; there are: {', '.join(BENCHES)}", file=sys.stderr)
        return USAGE
    return _measure(name, args)


def _measure(name: str, args: Sequence[str]) -> int:
    from bench.platform import NotStarted
    from bench.result import Report
    from bench.stats import squares

    module = import_module(f"bench.{name.replace('-', '_')}")
    parser = argparse.ArgumentParser(prog=f"heavylift bench {name}", description=BENCHES[name])
    parser.add_argument("--json", action="store_true", help="only JSON lines, no words for people")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a target is missed")
    module.arguments(parser)
    chosen = parser.parse_args(list(args))
    report = Report(bench=name, quiet=chosen.json)
    report.say(f"{name}: {BENCHES[name]}")
    report.say(f"  this machine sums a million squares in {squares() * 1000:.0f} ms")
    try:
        module.measure(report, chosen)
    except (NotStarted, Unmeasurable) as error:
        print(f"bench {name}: {error}", file=sys.stderr)
        return 1
    return 1 if chosen.check and report.missed else 0


class Unmeasurable(Exception):
    """This machine can't measure that now; the message says why."""
