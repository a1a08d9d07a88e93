"""Steps that read 3D models in a sandbox."""

from jobs.context import StepContext
from jobs.model import UPLOAD


def read(ctx: StepContext) -> None:
    """Say how many triangles the model has, and which library read it."""
    from parsers import model

    found = model.normal(ctx.path(UPLOAD), ctx.kind)
    ctx.summary(triangles=sum(len(part.faces) for part in found.parts), reader=found.reader)
