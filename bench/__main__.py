"""`python -m bench NAME [--json] [--check] ...`."""

import sys

from bench import run

sys.exit(run(*(sys.argv[1:2] or ["list"]), args=sys.argv[2:]))
