"""The geometry report: facts of whole models, findings with places, texture layouts, budgets and verdicts."""

import json

import numpy as np
import pytest
from support import labelled_meshes as made

from jobs.errors import UnreadableFile
from models.findings import MAX_PLACES, WORDS, Code
from models.report import MAX_BODIES, report
from models.results import Contacts, Crossings, Thickness
from models.uv import layout
from models.verdicts import Budgets
from parsers.model_normal import Part

MESHES = made.meshes()
FREE = Budgets(triangles=None, texture_pixels=None, file_bytes=None)
CLEAN = Crossings(pairs=0, faces=0, places=[], complete=True)
THICK = Thickness(samples=10, thinnest=0.01, percentiles={"p50": 0.5}, thin=0, limit=0.001, places=[])
# The findings that each labelled mesh must have from geometry alone.
FINDINGS = {
    "inverted": {"model.inverted"},
    "hollow_inverted": {"model.inverted"},
    "one_of_two_inverted": {"model.inverted"},
    "non_manifold_vertex": {"model.non_manifold"},
    "open_cube": {"model.not_watertight"},
    "sheet": {"model.not_watertight"},
    "mobius": {"model.not_watertight", "model.winding"},
    "open_and_closed": {"model.not_watertight"},
    "bow_tie": {"model.not_watertight", "model.non_manifold"},
    "flipped_face": {"model.winding"},
    "fin": {"model.not_watertight", "model.non_manifold"},
    "non_manifold_edge": {"model.non_manifold"},
    "duplicate_face": {"model.non_manifold", "model.duplicate_faces"},
    "duplicate_turned": {"model.non_manifold", "model.duplicate_faces"},
    "collapsed_faces": {"model.degenerate"},
    "sliver": {"model.degenerate"},
}


def part(mesh, *, uv=None, material=None, textures=()):
    return Part(*mesh[:2], uv, material, textures)


def of(*parts, budgets=FREE, **more):
    """A report that went through JSON."""
    return json.loads(json.dumps(report(parts, budgets=budgets, **more), allow_nan=False))


def codes(found):
    return {finding["code"] for finding in found["findings"]}


def finding(found, code):
    (one,) = [one for one in found["findings"] if one["code"] == code]
    return one


@pytest.mark.parametrize("name", MESHES)
def test_report__facts_and_findings_of_each_labelled_mesh(name):
    """Each labelled mesh has the facts of its label, and exactly the findings that these facts mean."""
    mesh = MESHES[name]
    found = of(part(mesh))
    for fact, value in (
        ("triangles", mesh.triangles),
        ("bodies", mesh.bodies),
        ("watertight", mesh.watertight),
        ("boundary_edges", mesh.boundary_edges),
        ("non_manifold_edges", mesh.non_manifold_edges),
        ("non_manifold_vertices", mesh.non_manifold_vertices),
        ("winding_consistent", mesh.winding_consistent),
        ("inverted_bodies", mesh.inverted),
        ("degenerate_faces", mesh.degenerate),
        ("duplicate_faces", mesh.duplicates),
        ("genus", mesh.genus),
    ):
        assert (fact, found[fact]) == (fact, value)
    assert found["area"] == pytest.approx(mesh.area)
    assert found["volume"] == (mesh.volume if mesh.volume is None else pytest.approx(mesh.volume, abs=1e-12))
    assert found["bounds"] == [mesh.vertices.min(axis=0).tolist(), mesh.vertices.max(axis=0).tolist()]
    assert codes(found) == FINDINGS.get(name, set())
    assert sum(body["triangles"] for body in found["each_body"]) == mesh.triangles - len(
        [face for face in mesh.faces.tolist() if len(set(face)) < 3]
    )


@pytest.mark.parametrize("name", FINDINGS)
def test_findings__show_places_on_the_model(name):
    """Each finding of a broken mesh has advice, a count, and up to twenty places on its surface."""
    found = of(part(MESHES[name]))
    low, high = np.array(found["bounds"])
    for one in found["findings"]:
        assert 1 <= len(one["places"]) <= min(MAX_PLACES, one["count"])
        assert (low <= one["places"]).all()
        assert (high >= one["places"]).all()
        assert one["advice"].endswith(".")


def test_findings__the_worst_places_come_first():
    """Of two holes the larger one comes first; touching bodies are shown where they touch."""
    vertices, faces = made.cube(4)
    corners = vertices[faces]
    small = [int(np.flatnonzero((corners[:, :, 0] == 0).all(axis=1))[0])]
    large = np.flatnonzero((corners[:, :, 0] == 1).all(axis=1)).tolist()
    found = of(part((vertices, np.delete(faces, small + large, axis=0))))
    open_edges = finding(found, "model.not_watertight")
    assert (found["holes"], open_edges["count"]) == (2, 16 + 3)
    assert [place[0] for place in open_edges["places"]] == [1, 0]
    touching = finding(of(part(MESHES["non_manifold_vertex"])), "model.non_manifold")
    assert touching["places"] == [[1, 1, 1]]
    edge = finding(of(part(MESHES["non_manifold_edge"])), "model.non_manifold")
    assert edge["places"] == [[1, 1, 0.5]]


def test_report__a_body_split_over_parts_is_closed():
    """Open parts are looked at together; closed ones, even where they touch others, each by itself."""
    vertices, faces = made.cube(3)
    halves = [part((vertices, faces[:50])), part((vertices, faces[50:]))]
    found = of(*halves, part(made.cube(at=(1, 0, 0))))
    assert (found["watertight"], found["bodies"], found["non_manifold_edges"]) == (True, 2, 0)
    assert found["volume"] == pytest.approx(2)
    assert found["part_count"] == 3
    one_open = of(part(MESHES["cube"]), part(MESHES["open_cube"]))
    assert (one_open["bodies"], one_open["watertight"], one_open["boundary_edges"]) == (2, False, 3)


def test_report__of_many_parts_that_touch():
    """Hundreds of bricks side by side are as many closed bodies, and two open halves among them are one more."""
    bricks = [part(made.cube(at=(i % 20, i // 20, 0)), uv=np.eye(8, 2), material="red") for i in range(300)]
    vertices, faces = made.cube(at=(5, 5, 1))
    found = of(part((vertices, faces[:5])), *bricks, part((vertices, faces[5:])))
    assert (found["bodies"], found["watertight"], found["non_manifold_edges"], found["part_count"]) == (
        301,
        True,
        0,
        302,
    )
    assert found["volume"] == pytest.approx(301)
    assert (found["extents"], len(found["parts"])) == ([20, 15, 2], 100)


def test_report__describes_the_largest_bodies():
    """Of many bodies so many are described, with their genus and volume."""
    found = of(part(made.joined(*(made.cube(at=(2.0 * i, 0, 0)) for i in range(120)))))
    assert (found["bodies"], len(found["each_body"])) == (120, MAX_BODIES)
    ring = of(part(MESHES["two_bodies"]))["each_body"]
    assert [(body["genus"], body["watertight"]) for body in ring] == [(1, True), (0, True)]


@pytest.mark.parametrize(
    "parts", [[], [(np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64))], [(np.ones((3, 3)), np.array([(0, 1, 2)]))]]
)
def test_report__of_nothing(parts):
    """Without a face that has area there is nothing to draw, and the report says so."""
    found = of(*map(part, parts))
    assert (found["bodies"], found["watertight"], found["volume"], found["area"]) == (0, False, None, 0)
    assert finding(found, "model.no_surface")["severity"] == "error"
    assert found["verdicts"]["renderable"] == {"ok": False, "reasons": ["model.no_surface"], "not_checked": []}


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e200])
def test_report__refuses_places_that_are_nowhere(bad):
    """Vertices that no number can hold are refused by name."""
    vertices, faces = made.cube()
    vertices[3, 1] = bad
    with pytest.raises(UnreadableFile) as caught:
        of(part((vertices, faces)))
    assert caught.value.fault.code == "model.not_finite"


def test_verdicts__say_what_was_not_checked():
    """A clean model is printable once somebody looked for crossings and thin walls; before, nobody knows."""
    cube = part(MESHES["cube"])
    bare = of(cube)["verdicts"]
    assert bare["printable"] == {
        "ok": None,
        "reasons": [],
        "not_checked": ["model.self_intersections", "model.thin_walls"],
    }
    assert (bare["ar_ready"]["ok"], bare["renderable"]["ok"]) == (True, True)
    assert of(cube, crossings=CLEAN, thickness=THICK)["verdicts"]["printable"]["ok"] is True
    half = Crossings(pairs=0, faces=0, places=[], complete=False)
    assert of(cube, crossings=half, thickness=THICK)["verdicts"]["printable"]["ok"] is None
    assert of(part(MESHES["open_cube"]))["verdicts"]["printable"]["ok"] is False


def test_verdicts__crossings_and_thin_walls_are_findings():
    """What the kernels found counts against printing, with their places."""
    resting = Contacts(pairs=3, faces=4, places=[(1.0, 1.0, 1.0)])
    crossed = Crossings(
        pairs=9, faces=6, places=[(0.0, 0.0, float(i)) for i in range(30)], complete=True, touching=resting
    )
    thin = Thickness(samples=50, thinnest=0.0005, percentiles={}, thin=7, limit=0.001, places=[(1.0, 2.0, 3.0)])
    found = of(part(MESHES["two_crossing"]), crossings=crossed, thickness=thin)
    assert found["self_intersections"] == 6
    assert (finding(found, "model.self_intersections")["count"], finding(found, "model.thin_walls")["count"]) == (6, 7)
    assert len(finding(found, "model.self_intersections")["places"]) == MAX_PLACES
    assert finding(found, "model.thin_walls")["places"] == [[1, 2, 3]]
    told = finding(found, "model.touching")
    assert (told["count"], told["severity"], told["places"]) == (4, "info", [[1, 1, 1]])
    assert found["verdicts"]["printable"]["reasons"] == ["model.self_intersections", "model.thin_walls"]


def test_budgets__each_is_held_against_what_there_is():
    """Triangles, texture pixels (those of a material once) and bytes are counted; a size nobody gave leaves AR open."""
    skin = {"material": "skin", "textures": ((1024, 512), (256, 256))}
    uv = MESHES["sheet"].vertices[:, :2]
    other = made.moved(made.sheet(), (0, 0, 3))
    parts = [part(MESHES["sheet"], uv=uv, **skin), part(other, uv=uv, **skin)]
    pixels = 1024 * 512 + 256 * 256
    budgets = Budgets(triangles=63, texture_pixels=pixels, file_bytes=1000)
    found = of(*parts, budgets=budgets, file_bytes=1001)
    assert found["textures"] == {"count": 2, "pixels": pixels, "largest": [1024, 512]}
    assert {name: one["ok"] for name, one in found["budgets"].items()} == {
        "triangles": False,
        "texture_pixels": True,
        "file_bytes": False,
    }
    assert finding(found, "model.over_budget")["count"] == 2
    assert found["verdicts"]["ar_ready"]["reasons"] == ["model.over_budget"]
    unknown = of(part(MESHES["cube"]), budgets=Budgets())["verdicts"]["ar_ready"]
    assert unknown == {"ok": None, "reasons": [], "not_checked": ["model.over_budget"]}


def test_uv__missing_flat_and_covering_itself():
    """A texture needs coordinates that enclose an area; a layout that covers itself is only mentioned."""
    mesh, skin = MESHES["sheet"], ((8, 8),)
    good = of(part(mesh, uv=mesh.vertices[:, :2], textures=skin))
    assert good["uv"] == {"share": 1.0, "overlap": 0.0, "outside": False}
    assert "model.uv_overlap" not in codes(good)
    assert finding(of(part(mesh, textures=skin)), "model.uv_missing")["count"] == 32
    assert of(part(mesh, textures=skin))["verdicts"]["ar_ready"]["ok"] is False
    palette = of(part(mesh, uv=np.zeros((25, 2)), textures=skin))
    assert (finding(palette, "model.uv_flat")["count"], palette["verdicts"]["ar_ready"]["ok"]) == (32, True)
    folded = np.abs(mesh.vertices[:, :2] - [0.5, 0])
    over = of(part(mesh, uv=folded))
    assert over["uv"]["overlap"] == 0.5
    assert finding(over, "model.uv_overlap")["severity"] == "info"
    half = of(part(mesh, uv=mesh.vertices[:, :2] * 3), part(mesh))["uv"]
    assert half == {"share": 0.5, "overlap": 0.0, "outside": True}


@pytest.mark.parametrize("turn", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("copies", [0, 8, 32])
def test_layout__counts_what_lies_over_other(turn, copies):
    """Neighbors never count as lying over each other; faces that stand twice count by their area."""
    vertices, faces = made.sheet(8)
    uv = vertices[:, :2] @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    found = layout(uv, np.concatenate([faces, faces[:copies]]))
    assert found.area == pytest.approx(1 + copies / 128)
    assert found.hits / found.covered == pytest.approx(1 + copies / 128, rel=0.01)
    if not copies:
        assert found.hits == found.covered


def test_layout__a_huge_pile_takes_bounded_work():
    """Many triangles that each cover the whole texture get a coarser grid, and still are seen to overlap."""
    uv = np.array([(0.0, 0), (1, 0), (0, 1)])
    found = layout(uv, np.tile([(0, 1, 2)], (50_000, 1)))
    assert found.hits == 50_000 * found.covered > 0
    assert layout(np.full((3, 2), np.nan), np.array([(0, 1, 2)])).area == 0


def test_codes__each_has_words():
    """Every code says what is wrong and what to do, in sentences."""
    assert set(WORDS) == set(Code)
    assert all(sentence.endswith(".") for words in WORDS.values() for sentence in words)
