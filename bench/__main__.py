"""`python -m bench NAME [--json] [--check] ...`."""

import sys

from bench import run

name, *rest = sys.argv[1:] or ["list"]
sys.exit(run(name, rest))
