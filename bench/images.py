"""Pictures: thumbnails a second of processor time by the step's own function over bare Pillow, and what a picture of 100 million pixels takes."""

import importlib
import io
import random
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.files import MB
from bench.result import ROOT, Report, Target
from pictures.facts import facts
from pictures.scaling import Shape
from pictures.thumbnails import Wanted, thumbnails

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE, QUALITY = 400, 80
RATE, MEMORY = Target(limit=0.85, at_least=True, of="ratio"), Target(limit=120)  # MB
_FILES = {"jpeg": ("JPEG", (4000, 3000)), "png": ("PNG", (4000, 3000)), "small-jpeg": ("JPEG", (1600, 1200))}
_LARGE = (11_585, 8640)  # 100 million pixels
_FIT = Wanted(sizes=(SIDE,), shapes=(Shape.FIT,))


def arguments(parser: ArgumentParser) -> None:
    """Options of this bench."""
    parser.add_argument("--rounds", type=int, default=8, help="of each; they take turns, the best of each counts")


def measure(report: Report, chosen: Namespace) -> None:
    """Everything on pictures made here, in one folder."""
    with tempfile.TemporaryDirectory(prefix="heavylift-bench-images-") as made:
        folder = Path(made)
        for name, (form, size) in _FILES.items():
            path = folder / name
            _picture(size).save(path, form, quality=88)
            report.say(f"  {name}: {size[0]} x {size[1]} pixels, {path.stat().st_size / MB:.1f} MB")
            _compare(report, name, path, folder=folder, rounds=chosen.rounds)
        _large(report, folder)


def _picture(size: tuple[int, int]) -> "Image":
    """Something between a photograph and noise: coarse and fine blotches."""
    from PIL import Image

    made = Image.new("RGB", size)
    for share, blotch in ((1.0, 200), (0.35, 11), (0.12, 3)):
        small = (size[0] // blotch + 1, size[1] // blotch + 1)
        noise = random.Random(blotch).randbytes(small[0] * small[1] * 3)
        layer = Image.frombytes("RGB", small, noise).resize(size, Image.Resampling.BICUBIC)
        made = Image.blend(made, layer, share)
    return made


def _compare(report: Report, name: str, path: Path, *, folder: Path, rounds: int) -> None:
    out = folder / "out.webp"
    contenders: dict[str, Callable[[], object]] = {
        "pillow": lambda: _bare(path, out),
        "usual": lambda: _usual(path, out),
        "step": lambda: list(thumbnails(path, folder, wanted=_FIT)),
        "facts": lambda: facts(path),
        **{other: run for other, run in _others(path, out).items() if run is not None},
    }
    seconds: dict[str, list[float]] = {one: [] for one in contenders}
    for _ in range(rounds):
        for one, run in contenders.items():
            started = time.process_time()  # steadier on a busy machine; a library's threads are counted whole
            run()
            seconds[one].append(time.process_time() - started)
    rate = {one: 1 / min(spent) for one, spent in seconds.items()}
    for one in contenders:
        target = RATE if one == "step" else None
        report.add(f"{name}-{one}", rate[one], unit="1/s", baseline=rate["pillow"], target=target, n=rounds)


def _bare(path: Path, out: Path) -> None:
    """The best that few lines of Pillow do: a draft of the picture's own shape, twice as large as wanted, at least."""
    from PIL import Image, ImageOps

    with Image.open(path) as picture:
        share = SIDE * 2 / max(picture.size)
        picture.draft("RGB", (round(picture.width * share), round(picture.height * share)))
        picture.thumbnail((SIDE, SIDE), reducing_gap=2.0)
        ImageOps.exif_transpose(picture).save(out, "WEBP", quality=QUALITY)


def _usual(path: Path, out: Path) -> None:
    """What most people write: the draft is asked for as a square, and so is often twice as large as it need be."""
    from PIL import Image, ImageOps

    with Image.open(path) as picture:
        picture.thumbnail((SIDE, SIDE))
        ImageOps.exif_transpose(picture).save(out, "WEBP", quality=QUALITY)


def _others(path: Path, out: Path) -> dict[str, Callable[[], object] | None]:
    """The same thumbnail by other libraries, where they are installed."""
    return {"cv2": _with_cv2(path, out), "pyvips": _with_pyvips(path, out)}


def _with_cv2(path: Path, out: Path) -> Callable[[], object] | None:
    cv2 = _imported("cv2")
    if cv2 is None:
        return None

    def run() -> None:
        picture = cv2.imread(str(path), cv2.IMREAD_REDUCED_COLOR_4)
        share = SIDE / max(picture.shape[:2])
        size = (round(picture.shape[1] * share), round(picture.shape[0] * share))
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(out), small, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])

    return run


def _with_pyvips(path: Path, out: Path) -> Callable[[], object] | None:
    pyvips = _imported("pyvips")
    if pyvips is None:
        return None
    return lambda: pyvips.Image.thumbnail(str(path), SIDE, height=SIDE).webpsave(str(out), Q=QUALITY, keep="none")


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except (ImportError, OSError):  # not installed, or without the library below it
        return None


def _large(report: Report, folder: Path) -> None:
    """Both steps' functions on a baseline JPEG of 100 million pixels, in a fresh process."""
    path = folder / "large.jpg"
    tile = io.BytesIO()
    _picture((1024, 1024)).save(tile, "PNG")
    program = "from bench.images import make_large; import sys; make_large(sys.stdin.buffer.read(), sys.argv[1])"
    subprocess.run([sys.executable, "-c", program, path], input=tile.getvalue(), cwd=ROOT, check=True)
    done = subprocess.run(
        [sys.executable, "-c", "from bench.images import peak; import sys; peak(*sys.argv[1:])", path, folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    before, most, seconds = map(float, done.stdout.split())
    report.say(f"  100 million pixels, {path.stat().st_size / MB:.0f} MB: {before:.0f} MB before, {seconds:.2f} s")
    report.add("jpeg-100mp-peak-rss", most, unit="MB", target=MEMORY, n=1)


def make_large(tile: bytes, path: str) -> None:
    """Write a baseline JPEG of 100 million pixels, in a process that may take what it likes for it."""
    from PIL import Image

    made = Image.new("RGB", _LARGE)
    with Image.open(io.BytesIO(tile)) as picture:
        for left in range(0, _LARGE[0], picture.width):
            for top in range(0, _LARGE[1], picture.height):
                made.paste(picture, (left, top))
    made.save(path, "JPEG", quality=85)


def peak(path: str, folder: str) -> None:
    """Print the memory of this process before and after (MB, at most so far) and the seconds between."""
    import PIL.Image  # noqa: F401 - a sandbox child has it, too, before it starts

    before, started = _resident(), time.perf_counter()
    facts(Path(path))
    list(thumbnails(Path(path), Path(folder), wanted=Wanted(sizes=(200, SIDE), shapes=tuple(Shape))))
    print(before, _resident(), time.perf_counter() - started)


def _resident() -> float:
    """MB that this process had resident at most; unlike getrusage, without what its parent had before the exec."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / MB
