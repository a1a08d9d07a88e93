"""Topology and measures of meshes: every labelled property exact, however the mesh is turned, moved or written."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import labelled_meshes as made

from models.surface import surface
from models.topology import merged, topology

MESHES = made.meshes()


def counted(vertices, faces):
    """Every property of a mesh that has a label, under the label's name."""
    mesh = topology(vertices, faces)
    found = surface(mesh)
    sound = mesh.bodies and (found.closed & found.consistent).all()
    return {
        "triangles": len(mesh.corners),
        "bodies": mesh.bodies,
        "watertight": bool((mesh.edges.faces == 2).all()),
        "boundary_edges": int((mesh.edges.faces == 1).sum()),
        "non_manifold_edges": int((mesh.edges.faces > 2).sum()),
        "degenerate": int(found.flat.sum()),
        "duplicates": len(found.repeated),
        "inverted": int(found.inverted.sum()),
        "winding_consistent": not len(mesh.turned),
        "genus": int((1 - found.euler / 2).sum()) if found.manifold.all() else None,
        "non_manifold_vertices": len(mesh.touching),
    }, (float(found.volume.sum()) if sound else None, found.area)


def expected(mesh):
    facts = mesh._asdict()
    return {name: facts[name] for name in counted(mesh.vertices, mesh.faces)[0]}


def agrees(mesh, vertices, faces, *, scale=1.0, noise=1e-9):
    """Whether a rewritten mesh has every property of the label; `noise`: how far vertices lie off, in sizes of it."""
    facts, (volume, area) = counted(vertices, faces)
    assert facts == expected(mesh)
    assert area == pytest.approx(mesh.area * scale**2, rel=10 * noise)
    if mesh.volume is None:
        assert volume is None
    else:
        assert volume == pytest.approx(mesh.volume * scale**3, abs=10 * noise * mesh.area * scale**3)


@pytest.mark.parametrize("name", MESHES)
def test_labels__are_measured_exactly(name):
    """Every labelled property of every labelled mesh comes out, with area and volume to the last digits."""
    mesh = MESHES[name]
    agrees(mesh, mesh.vertices, mesh.faces)
    _, (volume, area) = counted(mesh.vertices, mesh.faces)
    assert area == pytest.approx(mesh.area, rel=1e-12)
    assert volume == (mesh.volume if mesh.volume is None else pytest.approx(mesh.volume, rel=1e-12, abs=1e-15))


@pytest.mark.parametrize("name", MESHES)
def test_labels__hold_for_loose_triangles(name):
    """A mesh in which each triangle has vertices of its own, as STL writes it, is the same mesh."""
    mesh = MESHES[name]
    agrees(mesh, mesh.vertices[mesh.faces].reshape(-1, 3), np.arange(mesh.faces.size).reshape(-1, 3))


@settings(max_examples=100, deadline=None)
@given(
    name=st.sampled_from(sorted(MESHES)),
    seed=st.integers(0, 2**32 - 1),
    scale=st.floats(-7, 7).map(lambda power: 10.0**power),
    away=st.tuples(*[st.floats(-1000, 1000)] * 3),
    loose=st.booleans(),
    single=st.booleans(),
)
def test_labels__hold_however_a_mesh_is_written(name, seed, scale, away, loose, single):
    """Turned in space, scaled, moved far away, shuffled, loosened or rounded to 32 bits: the facts stay."""
    mesh, rng = MESHES[name], np.random.default_rng(seed)
    spin, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    spin *= np.sign(np.linalg.det(spin))
    far = np.array(away) * (0.001 if single else 1.0)
    distinct, back = np.unique(mesh.vertices, axis=0, return_inverse=True)
    vertices = ((distinct @ spin.T) + far)[back] * scale
    if single:
        vertices = vertices.astype(np.float32).astype(np.float64)
    order = rng.permutation(len(vertices))
    vertices, faces = vertices[order], np.argsort(order)[mesh.faces]
    faces = np.stack([np.roll(face, rng.integers(3)) for face in rng.permutation(faces)])
    if loose:
        vertices, faces = vertices[faces].reshape(-1, 3), np.arange(faces.size).reshape(-1, 3)
    agrees(mesh, vertices, faces, scale=scale, noise=1e-6 if single else 1e-9)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), noise=st.floats(0, 1e-13), size=st.floats(0.1, 10))
def test_merged__noise_never_tears_vertices_apart(seed, noise, size):
    """Copies of a vertex that differ by the noise of sums are one, wherever they fall on the grid."""
    rng = np.random.default_rng(seed)
    vertices = rng.random((60, 3)) * size
    vertices[:30] = np.round(vertices[:30], 7) + 5e-8  # on borders between two cells
    copies = vertices[np.repeat(np.arange(60), 5)] + rng.uniform(-noise, noise, (300, 3)) * size
    points, corners, _, _ = merged(copies, np.arange(300).reshape(-1, 3))
    assert len(points) == 60
    assert (corners.ravel().reshape(60, 5) == corners.ravel().reshape(60, 5)[:, :1]).all()


def test_merged__keeps_the_order_and_drops_what_no_face_uses():
    """Places stand in the order of their first vertex; vertices without a face are gone."""
    vertices = np.array([(9.0, 9, 9), (0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)])
    points, corners, _, sizes = merged(vertices, np.array([(1, 2, 3), (4, 5, 6)]))
    assert points.tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]]
    assert corners.tolist() == [[0, 1, 2], [1, 3, 2]]
    assert sizes.tolist() == [1]


def test_topology__parts_have_nothing_to_do_with_one_another():
    """Vertices of two parts are never one, wherever they lie; each part is merged in its own measure."""
    large, small = made.cube(2, size=1000), made.moved(made.torus(), (1000, 1000, 1000), scale=1e-4)
    loose = [(points[faces].reshape(-1, 3), np.arange(faces.size).reshape(-1, 3)) for points, faces in (large, small)]
    vertices, faces = made.joined(*loose, *loose)
    sizes = [len(points) for points, _ in (*loose, *loose)]
    mesh = topology(vertices, faces, sizes=sizes)
    assert (mesh.bodies, bool((mesh.edges.faces == 2).all()), len(mesh.points)) == (4, True, 2 * (26 + 288))
    assert np.bincount(mesh.part).tolist() == [26, 288, 26, 288]
    assert surface(mesh).euler.tolist() == [2, 0, 2, 0]


@pytest.mark.parametrize(
    "faces", [np.empty((0, 3), dtype=np.int64), np.zeros((3, 3), dtype=np.int64)], ids=["none", "collapsed"]
)
def test_topology__of_nothing(faces):
    """Without a solid face there is no body, and nothing fails."""
    mesh = topology(np.ones((4, 3)), faces)
    found = surface(mesh)
    assert (mesh.bodies, len(mesh.edges.low), len(mesh.touching), found.area) == (0, 0, 0, 0)
    assert found.flat.all()


def test_topology__many_faces_on_one_edge():
    """A fan of 300 sheets on one edge is one edge of 300 faces, and one body."""
    turn = np.arange(300) * 2 * math.pi / 300
    rim = np.stack([np.cos(turn), np.sin(turn), np.full(300, 0.5)], axis=1)
    vertices = np.concatenate([[(0, 0, 0), (0, 0, 1)], rim])
    mesh = topology(vertices, np.stack([np.zeros(300), np.ones(300), np.arange(2, 302)], axis=1))
    assert (mesh.bodies, int(mesh.edges.faces.max()), int((mesh.edges.faces == 1).sum())) == (1, 300, 600)
    assert not len(mesh.touching)
    assert not len(surface(mesh).repeated)


def test_surface__ball_in_a_hollow_in_a_ball():
    """Shells look outwards and inwards in turn; one that does not is turned inside out."""
    shells = [made.cube(size=size, at=((4 - size) / 2,) * 3) for size in (4, 3, 2, 1)]
    right = [shells[0], made.turned(shells[1]), shells[2], made.turned(shells[3])]
    assert not surface(topology(*made.joined(*right))).inverted.any()
    wrong = [shells[0], made.turned(shells[1]), made.turned(shells[2])]
    assert surface(topology(*made.joined(*wrong))).inverted.tolist() == [False, False, True]


def test_surface__many_hollows_are_judged_in_bounded_time():
    """Beyond so many hollows the sum of volumes says what they are: here cavities."""
    hollows = [
        made.turned(made.cube(size=0.02, at=(i / 20 + 0.01, j / 20 + 0.01, 0.5))) for i in range(19) for j in range(19)
    ]
    found = surface(topology(*made.joined(made.cube(), *hollows)))
    assert (len(found.volume), bool(found.inverted.any())) == (362, False)
