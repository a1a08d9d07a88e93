"""Steps that read 3D models in a sandbox."""

from jobs.context import StepContext
from jobs.model import UPLOAD


def read(ctx: StepContext) -> None:
    """Say how many triangles the model has, and which library read it."""
    from parsers import model

    found = model.normal(ctx.path(UPLOAD), ctx.kind)
    ctx.summary(triangles=sum(len(part.faces) for part in found.parts), reader=found.reader)


def judge(ctx: StepContext) -> None:
    """Say what lib3mf says of a 3MF, in so many seconds."""
    from models.conformance_3mf import check_3mf

    ctx.summary(conformance=check_3mf(ctx.path(UPLOAD), seconds=float(ctx.options["seconds"])).to_json())


def read_fbx(ctx: StepContext) -> None:
    """The same of an FBX, by the reader that the options name."""
    from parsers import ufbx_library
    from parsers.fbx_assimp import read_assimp
    from parsers.fbx_preflight import check_fbx
    from parsers.fbx_ufbx import read_ufbx

    path = ctx.path(UPLOAD)
    head = check_fbx(path)
    library = ufbx_library.found() if ctx.options["reader"] == "ufbx" else None
    found = read_ufbx(path, library) if library else read_assimp(path, head)
    ctx.summary(triangles=sum(len(mesh.corners) for mesh in found.meshes), reader=found.reader)
