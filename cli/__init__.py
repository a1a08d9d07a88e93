"""The command line, and the supervisor that runs the whole platform on one machine."""

VERSION = "0.1.0"  # of the program; pyproject.toml says the same
