"""Steps that lay out parts, join them, and submit what they made as jobs of their own."""

import json
from typing import Any

TABLE = "Part,Color,Quantity\n3001,4,2\n3020,0,5\n"


def inspect(ctx) -> None:
    """Lays out as many parts as the upload has lines."""
    lines = ctx.path("upload").read_text().splitlines()
    (ctx.scratch / "lines.json").write_text(json.dumps(lines))
    ctx.save(ctx.scratch / "lines.json", name="lines.json", media_type="application/json")
    ctx.split("slice_", len(lines))


def slice_(ctx) -> None:
    """Its own line, in an artifact of its own."""
    line = json.loads(ctx.path("lines.json").read_text())[ctx.part.number]
    if ctx.part.number:
        ctx.warn("line.odd", f"Line {ctx.part.number} of {ctx.part.of}.")
    name = f"line-{ctx.part.number + 1:03}.txt"
    (ctx.scratch / name).write_text(line.upper())
    ctx.save(ctx.scratch / name, name=name, media_type="text/plain")


def join(ctx) -> None:
    """All lines in order."""
    names = ctx.names("line-*.txt")
    ctx.summary(names=list(names), joined=" ".join(ctx.path(name).read_text() for name in names))


def submit(ctx) -> None:
    """Saves a table and submits it as `options` say; by themselves they say what is allowed."""
    asked: dict[str, Any] = {"artifact": "table.csv", "pipeline": "parts-list", "options": {}} | dict(
        ctx.options["ask"]
    )
    (ctx.scratch / "t").write_text(ctx.options.get("text", TABLE))
    ctx.save(ctx.scratch / "t", name="table.csv", media_type="text/csv")
    ctx.submit(asked["artifact"], pipeline=asked["pipeline"], options=asked["options"], file_name="Table 1.csv")
