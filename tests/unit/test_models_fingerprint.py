"""Fingerprints of models: equal for re-exports in any format, near for turned and scaled copies, far for other shapes."""

import io

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from support.labelled_meshes import box, cube, meshes, moved, sphere, torus, turned

from jobs.likeness import ALIKE
from jobs.likeness import shapes_apart as alike
from models.fingerprint import Fingerprint, exact, fingerprint, shape
from models.topology import merged

LABELLED = meshes()
WORTHY = ("cube", "sphere", "torus", "two_bodies", "hollow", "sheet", "mobius", "thin_plate", "fin")
FORMATS = ("glb", "stl", "stl_ascii", "obj", "ply", "off")
# A helix-like stair: no mirror image of it can be turned into it.
STAIR = trimesh.util.concatenate(
    [
        trimesh.creation.box((1, 0.2, 0.3))
        .apply_translation((0.6, 0, 0))
        .apply_transform(
            trimesh.transformations.rotation_matrix(0.5 * step, [0, 0, 1])
            @ trimesh.transformations.translation_matrix([0, 0, 0.25 * step])
        )
        for step in range(5)
    ]
)


def shuffled(vertices, faces, *, seed):
    """The same mesh, its vertices and faces in another order, each face beginning elsewhere."""
    chance = np.random.default_rng(seed)
    order = chance.permutation(len(vertices))
    faces = np.argsort(order)[faces][chance.permutation(len(faces))]
    start = chance.integers(0, 3, size=(len(faces), 1))
    return vertices[order], np.take_along_axis(faces, (np.arange(3) + start) % 3, axis=1)


def exported(vertices, faces, kind):
    """The mesh as it comes back from a file of that kind."""
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    content = mesh.export(file_type=kind)
    file = io.BytesIO(content if isinstance(content, bytes) else content.encode())
    found = trimesh.load_scene(file, file_type=kind, process=False).to_mesh()
    return np.asarray(found.vertices, dtype=float), np.asarray(found.faces)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", ["sphere", "torus", "hollow", "mobius"])
def test_exact__ignores_the_format(name, kind):
    """A model that is written to a file and read again keeps its hash, whatever the file does to numbers and order."""
    mesh = LABELLED[name]
    assert exact(*exported(mesh.vertices, mesh.faces, kind)) == exact(mesh.vertices, mesh.faces)


@pytest.mark.parametrize("name", WORTHY)
def test_exact__ignores_order_doubles_and_rounding(name):
    """Triangles that share no vertex, in single precision and any order, have the hash of the mesh they came from."""
    mesh = LABELLED[name]
    soup = mesh.vertices[mesh.faces].reshape(-1, 3).astype(np.float32)
    corners = np.arange(len(soup)).reshape(-1, 3)
    assert exact(*shuffled(soup, corners, seed=3)) == exact(mesh.vertices, mesh.faces)


def test_exact__ignores_unit_axis_and_origin():
    """Millimeters in place of meters, Z up in place of Y, and another origin make no other model."""
    points, faces = torus()
    upright = points[:, [0, 2, 1]] * [1, 1, -1]
    assert exact(upright * 1000 + [5, 7, 9], faces) == exact(points, faces)


def test_exact__tells_models_apart():
    """No two of the labelled meshes share a hash, not even those that differ in one face or its direction."""
    found = {exact(mesh.vertices, mesh.faces) for mesh in LABELLED.values()}
    assert len(found) == len(LABELLED)


@pytest.mark.parametrize("share", [0.01, -0.05])
def test_exact__one_moved_vertex_is_another_model(share):
    """A vertex that moved by a hundredth of the model's size changes the hash."""
    points, faces = sphere(bump=0.05)
    other = points.copy()
    other[40] *= 1 + share
    assert exact(other, faces) != exact(points, faces)


def test_exact__a_mirror_image_is_another_model():
    """A left stair is no right stair, though every length, area and volume of both is the same; a ring is its own."""
    mirrored = np.asarray(STAIR.vertices) * [-1, 1, 1], np.asarray(STAIR.faces)[:, ::-1]
    assert exact(*mirrored) != exact(STAIR.vertices, STAIR.faces)
    points, faces = torus(bump=0)
    assert exact(points * [-1, 1, 1], faces[:, ::-1]) == exact(points, faces)


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(WORTHY),
    seed=st.integers(0, 2**32 - 1),
    scale=st.floats(-6, 6),
    far=st.tuples(*[st.floats(-10, 10)] * 3),
)
def test_both__invariant(name, seed, scale, far):
    """Any order, turn, size and place: the hash is equal, the shape is near."""
    mesh, turn = LABELLED[name], Rotation.random(rng=np.random.default_rng(seed)).as_matrix()
    points, faces = shuffled(mesh.vertices, mesh.faces, seed=seed)
    one, other = fingerprint(mesh.vertices, mesh.faces), fingerprint((points @ turn.T + far) * 10**scale, faces)
    assert other.exact == one.exact
    assert alike(one.shape, other.shape) < ALIKE


@pytest.mark.parametrize("name", WORTHY)
def test_shape__near_in_a_mirror_and_inside_out(name):
    """A mirror image and a model turned inside out look like the model."""
    mesh = LABELLED[name]
    known = shape(mesh.vertices, mesh.faces)
    assert alike(known, shape(mesh.vertices * [1, 1, -1], mesh.faces)) < ALIKE
    assert alike(known, shape(*turned((mesh.vertices, mesh.faces)))) < ALIKE


@pytest.mark.parametrize(
    ("one", "other"), [(cube(), cube(6)), (torus(bump=0), torus(48, 24, bump=0)), (sphere(12, 16), sphere(30, 40))]
)
def test_shape__near_in_other_triangles(one, other):
    """The same form cut into more triangles is a look-alike, and no re-export."""
    assert alike(shape(*one), shape(*other)) < ALIKE
    assert exact(*one) != exact(*other)


def test_shape__far_for_other_forms():
    """Cube, ball, ring, bar, plate, sheet and two bodies apart are no look-alikes of each other."""
    forms = {
        "cube": cube(3),
        "ball": sphere(20, 28),
        "ring": torus(),
        "bar": box(3, sides=(4, 1, 1), at=(0, 0, 0)),
        "plate": box(3, sides=(1, 1, 0.1), at=(0, 0, 0)),
        "rod": box(3, sides=(30, 1, 1), at=(0, 0, 0)),
        "band": LABELLED["mobius"][:2],
        "apart": LABELLED["two_bodies"][:2],
    }
    shapes = {name: shape(*mesh) for name, mesh in forms.items()}
    near = [(a, b) for a in shapes for b in shapes if a < b and alike(shapes[a], shapes[b]) < ALIKE]
    assert near == []


def test_alike__is_a_distance():
    """Nothing between a shape and itself, the same from both sides, and all there is to what has another version."""
    one, other = shape(*cube()), shape(*torus())
    assert alike(one, one) == 0
    assert 0 < alike(one, other) == alike(other, one) < 1
    assert alike(one, "ff" + one[2:]) == 1


@pytest.mark.parametrize("points", [np.zeros((3, 3)), np.array([(0.0, 0, 0), (1, 0, 0), (2, 0, 0)]), np.zeros((0, 3))])
def test_both__without_surface(points):
    """Points, lines and nothing at all have fingerprints too, of no use to anyone."""
    faces = np.array([(0, 1, 2)] if len(points) else np.zeros((0, 3)), dtype=np.int64)
    found = fingerprint(points, faces)
    assert len(found.exact) == 64
    assert set(found.shape[2:]) == {"0"}


def test_fingerprint__of_merged_vertices():
    """Whoever has merged the vertices already gets the same, ready for the report."""
    mesh = moved(torus(), (1, 2, 3), scale=0.01)
    found = fingerprint(*merged(*mesh)[:2], distinct=True)
    assert found == fingerprint(*mesh) == Fingerprint(exact(*mesh), shape(*mesh))
    assert found.to_json() == {"geometry_hash": found.exact, "shape": found.shape}
