"""The document pipeline on folders: every step of a plan in order, each part by itself, as the workers run them."""

from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from support.context import FolderContext, ListIndex

from documents.options import DocumentOptions
from jobs.model import Part
from jobs.planning import plan
from pipelines.document import PIPELINE


class Ran:
    """What all steps left, taken together."""

    def __init__(self, folder: Path, content: bytes, **options: Any) -> None:
        self.folder = folder
        self.search = ListIndex()
        self.facts: dict[str, Any] = {}
        self.warnings: list[tuple[str, str]] = []
        self.submitted: list[tuple[str, str, dict[str, Any], str]] = []
        self.parts: dict[str, int] = {}
        self.names: set[str] = set()
        upload = folder / "upload.bin"
        upload.write_bytes(content)
        said = DocumentOptions(**options).model_dump(mode="json")
        for step in plan(PIPELINE, said):
            for number in range(self.parts.get(step.name, 1)):
                self._run(step.name, upload, said, Part(number, self.parts.get(step.name, 1)))

    def _run(self, name: str, upload: Path, said: dict[str, Any], part: Part) -> None:
        ctx = FolderContext(self.folder, upload, kind="pdf", file_name="manual.pdf", options=said, part=part)
        step = PIPELINE.step(name)
        step.run(ctx, **({"search": self.search} if step.ports else {}))
        self.facts |= ctx.facts
        self.warnings += ctx.warnings
        self.submitted += ctx.submitted
        self.parts |= ctx.splits
        assert not self.names & ctx.media_types.keys(), "two parts saved one name"
        self.names |= ctx.media_types.keys()
        self.last = ctx

    def lines(self, name: str) -> list[dict[str, Any]]:
        """The artifact `name`, which holds JSON lines."""
        return self.last.lines(name)

    def path(self, name: str) -> Path:
        """The artifact `name`."""
        return self.last.path(name)


def scan(*pages: list[str], size: tuple[int, int] = (1240, 1754)) -> bytes:
    """A PDF of pictures of text, as a scanner makes it: nothing in it can be read but by looking."""
    import io

    pictures = []
    for lines in pages:
        picture = Image.new("L", size, 250)
        draw = ImageDraw.Draw(picture)
        for at, line in enumerate(lines):
            draw.text((120, 150 + 60 * at), line, fill=20, font=ImageFont.load_default(34))
        pictures.append(picture)
    out = io.BytesIO()
    pictures[0].save(out, "PDF", save_all=True, append_images=pictures[1:], resolution=150)
    return out.getvalue()
