"""What a caller may ask of a picture, as the API publishes it."""

from pydantic import BaseModel, ConfigDict, Field, field_validator

from jobs.pipeline import Options
from pictures.scaling import Shape
from pictures.watermark import Placement, Watermark

SIZES = (200, 400)  # pixels


class WatermarkOptions(BaseModel):
    """A line of text over every picture that is made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str = Field(min_length=1, max_length=80, description="One line; the font has Latin letters.")
    placement: Placement = Placement.BOTTOM_RIGHT
    opacity: float = Field(default=0.5, ge=0, le=1)

    @field_validator("text")
    @classmethod
    def _one_line(cls, text: str) -> str:
        if not text.isprintable() or not text.strip():
            raise ValueError("the text is one line of printable characters")
        return text.strip()

    def mark(self) -> Watermark:
        """For drawing."""
        return Watermark(self.text, self.placement, self.opacity)


class ImageOptions(Options):
    """Options of the pipeline `image`."""

    sizes: tuple[int, ...] = Field(default=SIZES, min_length=1, description="Sides of the squares: 200, 400 or both.")
    shapes: tuple[Shape, ...] = Field(
        default=(Shape.FIT, Shape.COVER),
        min_length=1,
        description="fit: all of the picture, its longer side as long as the square's; cover: its middle fills the square.",
    )
    avif: bool = Field(default=False, description="Each picture as AVIF, too: smaller, slower to make.")
    watermark: WatermarkOptions | None = None
    keep_gps: bool = Field(default=False, description="Report where the picture was taken.")

    @field_validator("sizes")
    @classmethod
    def _known_sizes(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        if not set(sizes) <= set(SIZES):
            raise ValueError(f"sizes are {', '.join(map(str, SIZES))}")
        return tuple(sorted(set(sizes)))

    @field_validator("shapes")
    @classmethod
    def _each_once(cls, shapes: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return tuple(shape for shape in Shape if shape in shapes)
