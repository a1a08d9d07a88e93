"""The geometry kernels: crossings against exact arithmetic, walls and closest points against what is known."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.children import ROOT
from support.exact_crossings import met_pairs, triangles_cross, triangles_meet
from support.labelled_meshes import box, cube, joined, meshes, moved, sphere, torus, turned

from models import crossing, devices
from models.crossing import crossings
from models.devices import CPU, CUDA, Device, DeviceLost
from models.exact import Relation, relation
from models.thickness import thickness

ON_CPU = Device(name=CPU)
ONE = [(0.0, 0, 0), (4, 0, 0), (0, 4, 0)]
APART, TOUCHING, CROSSING = Relation


@pytest.fixture(scope="module", autouse=True)
def compiled(tmp_path_factory):
    """The folder of compiled kernels of this test module."""
    cache = tmp_path_factory.mktemp("warp")
    devices.prepare(cache)
    return cache


def soup(*triangles):
    points = np.array(triangles, dtype=np.float64).reshape(-1, 3)
    return points, np.arange(len(points)).reshape(-1, 3)


def count(mesh, **options):
    """Pairs that cross or touch, and their faces."""
    found = crossings(*mesh, device=ON_CPU, **options)
    return found.pairs + found.touching.pairs, found.faces + found.touching.faces


@pytest.mark.parametrize(
    ("other", "lies"),
    [
        ([(1, 1, -1), (1, 1, 1), (9, 9, 1)], CROSSING),
        ([(1, 1, 0), (1, 1, 5), (2, 1, 5)], TOUCHING),
        ([(1, 1, 0), (2, 1, 0), (2, 1, 5)], TOUCHING),
        ([(2, -1, 0), (2, 0, 5), (2, -1, 5)], APART),
        ([(2, 0, -1), (2, 0, 5), (2, -1, 5)], TOUCHING),
        ([(2, 2, 0), (5, 5, 0), (5, 5, 5)], TOUCHING),
        ([(1, 1, 0), (2, 1, 0), (1, 2, 0)], CROSSING),
        ([(1, 1, 0), (1, 2, 0), (2, 1, 0)], TOUCHING),
        ([(-1, 1, 0), (9, 1, 0), (4, 9, 0)], CROSSING),
        ([(1, 0, 0), (3, 0, 0), (2, -3, 0)], TOUCHING),
        ([(5, 0, 0), (6, 0, 0), (5, 3, 0)], APART),
        ([(3, 3, 0), (9, 3, 0), (3, 9, 0)], APART),
        ([(1, 1, 1e-300), (2, 1, 1), (1, 2, 1)], APART),
        ([(1, 1, -1), (1, 1, 1), (1, 1, 0)], CROSSING),
        ([(9, 9, -1), (9, 9, 1), (9, 9, 0)], APART),
        ([(1, 1, 0), (1, 1, 0), (1, 1, 0)], TOUCHING),
    ],
    ids=[
        "pierces",
        "corner_rests_on_face",
        "edge_stands_on_face",
        "corner_misses_by_one",
        "edge_meets_edge",
        "corner_rests_on_edge",
        "coplanar_inside",
        "coplanar_face_to_face",
        "coplanar_overlap",
        "coplanar_edges_overlap",
        "coplanar_apart",
        "coplanar_apart_beyond_the_slope",
        "hairbreadth_above",
        "segment_pierces",
        "segment_apart",
        "point_on_face",
    ],
)
def test_crossings__what_counts(other, lies):
    """Faces that go through each other cross, those with another common point touch, in whichever order they stand."""
    assert triangles_meet(ONE, other) is triangles_meet(other, ONE) is (lies is not APART)
    assert triangles_cross(ONE, other) is triangles_cross(other, ONE) is (lies is CROSSING)
    assert relation(ONE, other) is relation(other, ONE) is lies
    for mesh in (soup(ONE, other), soup(other, ONE)):
        found = crossings(*mesh, device=ON_CPU)
        assert (found.pairs, found.faces, len(found.places)) == ((1, 2, 2) if lies is CROSSING else (0, 0, 0))
        resting = found.touching
        assert (resting.pairs, resting.faces, len(resting.places)) == ((1, 2, 2) if lies is TOUCHING else (0, 0, 0))


@pytest.mark.parametrize("name", sorted(meshes()))
def test_crossings__labelled_meshes(name):
    """A mesh goes through itself where its label says so, and the pairs are those of exact arithmetic."""
    mesh = meshes()[name]
    found = crossings(mesh.vertices, mesh.faces, device=ON_CPU)
    assert (found.pairs > 0) is mesh.self_intersecting
    assert found.complete
    if len(mesh.faces) < 60:
        points, faces = mesh.vertices.tolist(), mesh.faces.tolist()
        assert found.pairs == len(met_pairs(points, faces, how=triangles_cross))
        assert found.pairs + found.touching.pairs == len(met_pairs(points, faces))


def test_crossings__clean_torus():
    """A clean bumpy torus has none, wherever it stands and however large it is."""
    clean = torus(120, 60)
    for scale in (1e-9, 1.0, 1e9):
        assert count(moved(clean, (0, 0, 0), scale=scale)) == (0, 0)
    assert count(moved(clean, (1e4, -2e4, 3e4))) == (0, 0)


def test_crossings__two_spheres():
    """Two spheres that overlap cross in as many faces wherever the origin is; two apart do not."""
    ball = sphere(24, 32)
    overlapping = joined(ball, moved(ball, (0.7, 0.2, 0.1)))
    pairs, faces = count(overlapping)
    assert 0 < faces < len(overlapping[1])
    assert count(moved(overlapping, (64, 64, 64), scale=2.0)) == (pairs, faces)
    assert count(joined(ball, moved(ball, (2.5, 0, 0)))) == (0, 0)


def test_crossings__shared_corners():
    """Faces that share a vertex are no crossing, be it one vertex or two at one place."""
    fold = np.array([(0.0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 0, 1e-9), (0.5, 0.5, -1), (-0.0, 0, 0)])
    assert count((fold, np.array([(0, 1, 2), (0, 3, 4)]))) == (0, 0)
    assert count((fold, np.array([(0, 1, 2), (5, 3, 4)]))) == (0, 0)


def test_crossings__places_in_order():
    """Places are the centers of the first faces that cross, or touch, in the order of the faces."""
    mesh = soup(
        [(9, 9, 9), (10, 9, 9), (9, 10, 9)], ONE, [(1, 1, -1), (1, 1, 2), (1, 4, 2)], [(3, 0, -1), (3, 0, 1), (9, 0, 0)]
    )
    found = crossings(*mesh, device=ON_CPU, limit=2)
    assert (found.pairs, found.faces, found.touching.pairs, found.touching.faces) == (1, 2, 1, 1)
    assert found.places == [pytest.approx((4 / 3, 4 / 3, 0)), pytest.approx((1, 2, 1))]
    assert found.touching.places == [pytest.approx((5, 0, 0))]


def test_crossings__far_from_zero():
    """float32 cannot tell these faces apart, the search still misses none: it looks in boxes that are large enough."""
    far = moved(soup(ONE, [(1, 1, -1e-7), (1, 1, 1), (2, 1, 1)], [(1, 1, 2.5), (3, 1, 2), (1, 3, 2)]), (1e8, 1e8, 0))
    assert count(far) == (1, 2)
    assert count(joined(far, moved(sphere(), (1e8 + 5e4, 1e8, 0), scale=1e4))) == (1, 2)


def test_crossings__many_neighbors(monkeypatch):
    """A face with more neighbors than the first round takes is tried against them all, once."""
    spikes = [
        [(x / 32, y / 32, -1), (x / 32, y / 32, 1), (x / 32 + 0.01, y / 32, 1)]
        for x in range(1, 16)
        for y in range(1, 16)
    ]
    monkeypatch.setattr(crossing, "_FEW", 100)
    assert count(soup([(0, 0, 0), (1, 0, 0), (0, 1, 0)], *spikes)) == (225, 226)


def test_crossings__bounded(monkeypatch):
    """Where the budget ends first, the counts are said to be incomplete, and are no more than there are."""
    same = np.random.default_rng(1).normal(size=(60, 3, 3))
    whole = crossings(*soup(*same), device=ON_CPU)
    monkeypatch.setattr(crossing, "_BATCH", 10)
    monkeypatch.setattr(crossing, "MAX_WORK", 100)
    part = crossings(*soup(*same), device=ON_CPU)
    assert whole.complete
    assert not part.complete
    assert 0 < part.pairs < whole.pairs
    monkeypatch.setattr(crossing, "MAX_UNSURE", 3)
    flat = [[(k, k, 0), (k + 9, k, 0), (k, k + 9, 0)] for k in range(4)]
    assert not crossings(*soup(*flat), device=ON_CPU).complete


def test_crossings__shared_corners_cost_work(monkeypatch):
    """Faces that all share one vertex are no crossings, but looking at them is work that the budget knows."""
    count_of, random = 300, np.random.default_rng(2)
    fan = np.stack([np.zeros(count_of, dtype=int), np.arange(count_of) + 1, np.arange(count_of) + 1 + count_of], axis=1)
    points = random.normal(size=(2 * count_of + 1, 3))
    assert crossings(points, fan, device=ON_CPU).complete
    monkeypatch.setattr(crossing, "_BATCH", 10)
    monkeypatch.setattr(crossing, "MAX_WORK", 5_000)
    found = crossings(points, fan, device=ON_CPU)
    assert (found.pairs, found.complete) == (0, False)


def test_crossings__nothing():
    """No faces, no crossings; coordinates that are no numbers are refused."""
    assert count((np.empty((0, 3)), np.empty((0, 3), dtype=np.int64))) == (0, 0)
    for value in (np.nan, np.inf):
        broken = soup([(0, 0, value), (1, 0, 0), (0, 1, 0)])
        with pytest.raises(ValueError, match="finite"):
            crossings(*broken, device=ON_CPU)
        with pytest.raises(ValueError, match="finite"):
            thickness(*broken, device=ON_CPU, limit=1)


grid = st.integers(-2, 2).map(float)
fine = st.one_of(grid, st.floats(-2, 2, width=32), st.sampled_from([0.1, 0.2, 0.30000000000000004, 1 / 3, 1e-200]))
corner = st.one_of(st.tuples(grid, grid, grid), st.tuples(fine, fine, fine))
triangles = st.lists(st.tuples(corner, corner, corner), min_size=2, max_size=7)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(triangles)
def test_crossings__random_soup(found):
    """Of any triangles, those that cross and those that touch are exactly those that fractions say, without area or not."""
    vertices, faces = soup(*found)
    met, through = (met_pairs(vertices.tolist(), faces.tolist(), how=how) for how in (triangles_meet, triangles_cross))
    assert count((vertices, faces)) == (len(met), len({face for pair in met for face in pair}))
    found = crossings(vertices, faces, device=ON_CPU)
    assert (found.pairs, found.faces) == (len(through), len({face for pair in through for face in pair}))


@settings(max_examples=60, deadline=None)
@given(st.tuples(corner, corner, corner), st.lists(st.tuples(grid, grid), min_size=3, max_size=3), grid)
def test_relation__in_one_plane(one, weights, shift):
    """Triangles in one slanted plane, where every determinant is zero or nearly: integers and fractions agree."""
    a, b, c = np.array(one)
    other = [tuple((a + u / 2 * (b - a) + v / 2 * (c - a) + shift * (b - c)).tolist()) for u, v in weights]
    lies = relation(one, other)
    assert (lies is not APART, lies is CROSSING) == (triangles_meet(one, other), triangles_cross(one, other))


def test_crossings__bodies_that_stand_on_each_other_touch():
    """A box that stands on another touches it face to face; one that is moved into it, sides in one plane, crosses it."""
    below = box(1, sides=(4, 4, 1), at=(0, 0, 0))
    found = crossings(*joined(below, box(1, sides=(2, 2, 1), at=(1, 1, 1))), device=ON_CPU)
    assert (found.pairs, found.touching.faces) == (0, 12)
    assert crossings(*joined(below, box(1, sides=(4, 4, 1), at=(1, 0, 0))), device=ON_CPU).pairs > 0


@pytest.mark.parametrize("name", [name for name, mesh in meshes().items() if mesh.thinnest])
def test_thickness__labelled_meshes(name):
    """The thinnest wall is the one that the label states."""
    mesh = meshes()[name]
    found = thickness(mesh.vertices, mesh.faces, device=ON_CPU, limit=0.3)
    assert found.thinnest == pytest.approx(mesh.thinnest, rel=1e-5)
    assert (found.thin > 0) is (mesh.thinnest < 0.3)
    assert found.samples == len(mesh.faces)


def test_thickness__plate():
    """Percentiles weigh by area: a plate is thin nearly everywhere, its narrow sides count for little."""
    plate = box(4, sides=(1, 1, 0.01), at=(7, 8, 9))
    found = thickness(*plate, device=ON_CPU, limit=0.02)
    assert found.percentiles["p50"] == found.percentiles["p1"] == pytest.approx(0.01, rel=1e-5)
    assert found.percentiles["p95"] == pytest.approx(0.01, rel=1e-5)
    assert found.thin == 64
    assert all(place[2] == pytest.approx(9, abs=0.011) for place in found.places)


def test_thickness__inside_out():
    """A surface that is inside out, or made twice as large, has the walls that one expects."""
    ring = torus(40, 20)
    straight, inverted = (thickness(*mesh, device=ON_CPU, limit=1e-3) for mesh in (ring, turned(ring)))
    assert inverted.percentiles == pytest.approx(straight.percentiles, rel=1e-9)
    for scale in (2.0, 1e-170, 1e170):
        other = thickness(*moved(ring, (0, 0, 0), scale=scale), device=ON_CPU, limit=1e-3)
        assert other.thinnest == pytest.approx(scale * straight.thinnest, rel=1e-5, abs=0)


def test_thickness__samples_by_area():
    """Fewer samples than faces are chosen by area and always alike; open surfaces have no walls."""
    mesh = joined(cube(8), moved(cube(8), (5, 0, 0), scale=0.01))
    first, second = (thickness(*mesh, device=ON_CPU, limit=0.1, samples=200) for _ in range(2))
    assert first == second
    assert first.samples <= 200
    assert first.percentiles["p5"] == pytest.approx(1.0, rel=1e-5)
    open_sheet = meshes()["sheet"]
    assert thickness(open_sheet.vertices, open_sheet.faces, device=ON_CPU, limit=1).samples == 0


def test_closest__cube():
    """The nearest point of a cube is the query's own, held within the cube."""
    from models.kernels import closest

    vertices, faces = cube(4)
    asked = np.random.default_rng(3).uniform(1.0, 3.0, size=(500, 3)) * np.array([1, 1, 0.3])
    found = closest(asked, vertices, faces=faces, device=CPU)
    expected = np.clip(asked, 0, 1)
    assert np.abs(found.points - expected).max() < 3e-6
    assert np.abs(found.distances - np.linalg.norm(asked - expected, axis=1)).max() < 3e-6
    assert (found.faces >= 0).all()


def test_run__device_lost():
    """Work that loses the GPU is done again on the CPU, which then carries the reason."""

    def work(device):
        with devices.watched(device):
            if device.name == CUDA:
                raise RuntimeError("CUDA error 999")
            return device.name

    found, used = devices.run(work, Device(name=CUDA))
    assert (found, used.name) == (CPU, CPU)
    assert "GPU failed" in used.reason
    with pytest.raises(DeviceLost), devices.watched(Device(name=CUDA)):
        raise RuntimeError
    with pytest.raises(RuntimeError), devices.watched(ON_CPU):
        raise RuntimeError


def test_device__said():
    """Who asks for the GPU and gets the CPU is told why; who asks for the CPU is not."""
    assert devices.device("cpu") == ON_CPU
    found = devices.device()
    assert found.name == CUDA or found.reason


def test_kernels__alike_on_both_devices():
    """The GPU finds the crossings and the walls that the CPU finds."""
    gpu = devices.device()
    if gpu.name == CPU:
        pytest.skip(f"no GPU to compare with: {gpu.reason}")
    ball = sphere(48, 64, bump=0.05)
    mesh = joined(ball, moved(ball, (0.7, 0.2, 0.1)))
    assert crossings(*mesh, device=gpu, limit=10**6) == crossings(*mesh, device=ON_CPU, limit=10**6)
    one, other = (thickness(*ball, device=device, limit=0.5) for device in (gpu, ON_CPU))
    assert one.percentiles == pytest.approx(other.percentiles, rel=1e-5)


def test_prepare__compiles_into_the_folder(tmp_path):
    """What is compiled stands in the folder that was named, for each device that there is."""
    # A process of its own: in this one, another module's tests may have loaded the kernels from their folder.
    prepare = "import sys, pathlib; from models import devices; print(devices.prepare(pathlib.Path(sys.argv[1])))"
    done = subprocess.run([sys.executable, "-c", prepare, tmp_path], cwd=ROOT, check=True, capture_output=True)
    assert done.stdout.startswith(f"['{CPU}'".encode())
    assert list(tmp_path.rglob("wp_models.kernels_*.o"))
