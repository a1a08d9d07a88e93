"""What Mesa compiles for the renderer, kept on this host: without it every fresh process compiles for most of a second."""

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, cast

_SIDE = 64  # pixels: what is compiled does not hang on them
VARIABLE = "MESA_SHADER_CACHE_DIR"  # Mesa's own


def prepare(folder: Path) -> None:
    """Draw small models in the looks that previews have, so that what is compiled for them lies in `folder`.

    For a process of its own. Raises `rendering.NoRenderer`; where the renderer is no Mesa the folder stays empty.
    """
    os.environ[VARIABLE] = str(folder)
    import f3d  # noqa: F401 - before all others, for its libraries

    from models import rendering, turntable

    with tempfile.TemporaryDirectory() as made:
        scratch = Path(made)
        for number, visual in enumerate(_looks()):
            model = scratch / f"{number}.glb"
            _write(model, visual)
            rendering.render(model, scratch, sides=(_SIDE,))
            turntable.findings(model, scratch, places=[(0.5, 0.5, 0.5)])


def use(folder: Path) -> None:
    """Let this process's renderer begin with a copy of what lies in `folder`; before it draws for the first time."""
    if any(folder.iterdir()):
        mine = Path(tempfile.mkdtemp(prefix="shaders-"))
        shutil.copytree(folder, mine, dirs_exist_ok=True)
        os.environ[VARIABLE] = str(mine)


def _looks() -> list[Any]:
    """One color and colors of vertices, either half clear as well, and a picture."""
    import numpy as np
    from PIL import Image
    from trimesh.visual import ColorVisuals, TextureVisuals
    from trimesh.visual.material import PBRMaterial

    pbr, textured = cast("Any", PBRMaterial), cast("Any", TextureVisuals)
    looks: list[Any] = []
    for clear in (255, 128):
        mode = "BLEND" if clear < 255 else "OPAQUE"
        material = pbr(baseColorFactor=(180, 40, 30, clear), metallicFactor=0.0, alphaMode=mode, doubleSided=True)
        looks += [textured(material=material), ColorVisuals(vertex_colors=np.full((8, 4), (9, 99, 200, clear)))]
    picture = pbr(baseColorTexture=Image.new("RGB", (4, 4), (90, 120, 30)), metallicFactor=0.0, doubleSided=True)
    return [*looks, textured(uv=np.linspace(0, 1, 16).reshape(8, 2), material=picture)]


def _write(path: Path, visual: Any) -> None:
    import trimesh

    box = trimesh.creation.box()
    box.visual = visual
    scene: Any = trimesh.Scene([box])
    scene.export(path)


if __name__ == "__main__":
    prepare(Path(sys.argv[1]))
