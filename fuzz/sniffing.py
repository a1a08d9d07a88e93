"""A step that tells what kind of file it was given, as the API does, so that a sniffer that hangs or crashes is seen."""

from jobs.context import StepContext
from jobs.model import UPLOAD
from parsers.encoding import HEAD
from parsers.sniff import sniff


def tell(ctx: StepContext) -> None:
    """The kind goes into the summary; null where it is unknown."""
    path = ctx.path(UPLOAD)
    with path.open("rb") as file:
        found = sniff(file.read(HEAD), size=path.stat().st_size, name=ctx.file_name)
    ctx.summary(kind=found.name if found else None)
