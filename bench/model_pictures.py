"""In a process of its own: the pictures of a model as the pipeline draws them, and one by bare f3d."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from models.rendering import OPTIONS, NoRenderer, render


def main(model: Path, rounds: int) -> None:
    """Print, as JSON, the best of some rounds in seconds of processor time, the first not counted; {} without a renderer."""
    contenders: dict[str, Callable[[], object]] = {
        "ours": lambda: render(model, model.parent),
        "bare": lambda: _bare(model),
    }
    spent: dict[str, list[float]] = {name: [] for name in contenders}
    try:
        for _ in range(rounds + 1):
            for name, run in contenders.items():
                began = time.process_time()
                run()
                spent[name].append(time.process_time() - began)
    except NoRenderer as none:
        print(none, file=sys.stderr)
        print("{}")
        return
    print(json.dumps({name: min(each[1:]) for name, each in spent.items()}))


def _bare(model: Path) -> None:
    """One picture of 1024 pixels with the same light, from where f3d would stand, written by f3d."""
    import f3d

    f3d.Log.set_verbose_level(f3d.Log.QUIET)
    engine = f3d.Engine.create_osmesa()
    engine.options.update(OPTIONS)
    engine.window.size = 1024, 1024
    engine.scene.add(model)
    engine.window.camera.reset_to_bounds(0.9)
    engine.window.render_to_image().save(model.with_suffix(".png"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
