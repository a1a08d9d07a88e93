"""What a caller may say about a 3D model."""

from pydantic import Field

from jobs.pipeline import Options
from models.verdicts import Budgets

_DEFAULT = Budgets()


class ModelOptions(Options):
    """Options of the pipeline `model-3d`."""

    wall_mm: float = Field(
        0.8, ge=0, le=1000, description="Walls thinner than so many millimeters are thin, where the file states a unit."
    )
    max_triangles: int | None = Field(
        _DEFAULT.triangles, ge=1, description="What a phone is to show at most, for the verdict `ar_ready`; null: any."
    )
    max_texture_pixels: int | None = Field(_DEFAULT.texture_pixels, ge=1, description="The same for all textures.")
    max_file_bytes: int | None = Field(_DEFAULT.file_bytes, ge=1, description="The same for the file.")

    def budgets(self) -> Budgets:
        """For the report."""
        return Budgets(
            triangles=self.max_triangles, texture_pixels=self.max_texture_pixels, file_bytes=self.max_file_bytes
        )
