"""`python -m cli`, which the launcher runs."""

from cli.app import main

main()
