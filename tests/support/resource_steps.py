"""Steps that use, and misuse, the reference data that they are given."""

import json
import os
import sqlite3
from pathlib import Path


def look_up(ctx) -> None:
    """Opens the catalog as the resolver does, and tells what came."""
    path = ctx.resource("catalog")
    with sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True) as file:
        (parts,) = file.execute("SELECT count(*) FROM parts").fetchone()
    said = json.loads(ctx.resource("reading").read_text())
    ctx.summary(parts=parts, corrections=len(said["corrections"]), password=said["studio_password"])


def misuse(ctx) -> None:
    """Tries to change the catalog for everybody; tells each way that worked."""
    path = ctx.resource("catalog")
    worked = []
    for name, way in {
        "open": lambda: path.open("r+b").close(),
        "append": lambda: path.open("ab").close(),
        "truncate": lambda: os.truncate(path, 0),
        "unlink": path.unlink,
        "replace": lambda: made(ctx).replace(path),
        "new file beside it": lambda: path.with_name("other.sqlite").write_text("x"),
        "list the folder": lambda: list(path.parent.iterdir()),
    }.items():
        try:
            way()
        except OSError:
            continue
        worked.append(name)
    ctx.summary(worked=worked, has_others=can_ask_for_more(ctx))


def made(ctx) -> Path:
    path = ctx.scratch / "mine"
    path.write_text("x")
    return path


def can_ask_for_more(ctx) -> bool:
    """Whether a resource that the step did not declare is given."""
    try:
        ctx.resource("reading")
    except KeyError:
        return False
    return True
