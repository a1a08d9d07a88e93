"""3MF packages asked about by lib3mf, honest and hostile ones."""

import sys

import pytest
from support import hostile_models as hostile
from support import model_files as files

from models.conformance import Conformity
from models.conformance_3mf import check_3mf

pytest.importorskip("lib3mf", reason="lib3mf has no build for this kind of machine")

GOOD = files.model_3mf(files.object_3mf(1), hostile.ITEM)


@pytest.fixture
def asked(tmp_path):
    """Gives what lib3mf says of a package with this model, or of these bytes."""

    def made(model, **limits):
        path = tmp_path / "a.3mf"
        path.write_bytes(files.package_3mf(model) if isinstance(model, str) else model)
        return check_3mf(path, **limits)

    return made


@pytest.mark.parametrize("content", [GOOD, files.threemf()], ids=["mesh", "component"])
def test_check_3mf__good_packages_pass(asked, content):
    """What keeps to the specification passes, and the report names the checker."""
    found = asked(content)
    assert (found.verdict, found.errors, found.messages) == (Conformity.PASSED, 0, ())
    assert found.by is not None
    assert found.by.startswith("lib3mf 2.")


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (GOOD.replace("<triangle ", '<triangle foo="secret" '), {"INVALID_ATTRIBUTE_IN_NAMESPACE": 8}),
        (GOOD.replace("<build>", "<evil/><build>"), {"INVALID_ELEMENT_IN_NAMESPACE": 1}),
        (
            GOOD.replace("<build>", "<evil/><build>").replace("<triangle ", '<triangle foo="secret" ', 1),
            {"INVALID_ATTRIBUTE_IN_NAMESPACE": 1, "INVALID_ELEMENT_IN_NAMESPACE": 1},
        ),
        (GOOD.replace('v1="0" v2="3"', 'v1="3" v2="3"', 1), {"INVALID_MODEL_COORDINATE_INDICES": 1}),
        (GOOD.replace('pid="90"', 'pid="77"', 1), {"RESOURCE_NOT_FOUND": 1}),
        (
            GOOD.replace('pindex="1"', 'pindex="9"'),
            {"COULD_NOT_ACCESS_MESH_INFORMATION": 8, "A_RESOURCE_INDEX_IS_INVALID": 1},
        ),
        (
            files.model_3mf(files.object_3mf(1), '<item objectid="1" p:x="1"/>'),
            {"A_UUID_FOR_A_BUILD_BUILD_ITEM_OR_OBJECT_IS_MISSING": 3},
        ),
    ],
    ids=["attribute", "element", "both", "triangle", "property", "index", "uuid"],
)
def test_check_3mf__each_broken_rule_is_counted(asked, model, said):
    """All that strict mode would refuse is told, each rule once with its count, and nothing that the file says."""
    found = asked(model)
    assert {one.code: one.count for one in found.messages} == said
    assert (found.verdict, found.errors) == (Conformity.FAILED, sum(said.values()))
    assert "secret" not in str(found.to_json())


def test_check_3mf__an_unknown_extension_is_not_checked(asked):
    """A package that requires what the checker does not know is neither good nor bad."""
    found = asked(GOOD.replace("<model", '<model requiredextensions="v" xmlns:v="http://vendor.example/v"', 1))
    assert found.verdict is Conformity.NOT_CHECKED
    assert found.reason == "The file requires an extension of 3MF that lib3mf does not know."


def test_check_3mf__a_hang_ends(asked):
    """A package on which lib3mf computes without end costs its time and no more."""
    found = asked(files.model_3mf(hostile.doubling(40), '<item objectid="40"/>'), seconds=0.5)
    assert found.verdict is Conformity.NOT_CHECKED
    assert found.reason == "lib3mf gave no answer: it came to no end in its time."


def test_check_3mf__has_bounded_memory(asked):
    """Where its memory does not do, there is no answer, and this process lives on."""
    found = asked(GOOD, memory=1 << 20)
    assert found.verdict is Conformity.NOT_CHECKED
    assert "without memory" in (found.reason or "")


def test_check_3mf__bombs_are_not_handed_over(asked):
    """What our reader never unpacks is weighed before lib3mf unpacks it."""
    found = asked(files.package_3mf(GOOD, {"Metadata/large.png": bytes(40 << 20)}))
    assert found.verdict is Conformity.NOT_CHECKED
    assert (found.reason or "").startswith("lib3mf was not asked: 'Metadata/large.png' unpacks to more than 250 times")


def test_check_3mf__other_machines_say_so(asked, monkeypatch):
    """Where lib3mf is not installed, the report says that nobody checked."""
    monkeypatch.setitem(sys.modules, "lib3mf", None)
    found = asked(GOOD)
    assert (found.checked, found.by) == (False, None)
    assert found.reason == "There is no build of lib3mf for this kind of machine."


HOSTILE = [name for name, (kind, _, _) in hostile.CASES.items() if kind == "3mf"]


@pytest.mark.parametrize("case", [name for name in HOSTILE if name != "3mf nothing built"])  # which breaks no rule
def test_check_3mf__survives_what_is_hostile(asked, case):
    """Even without our reader before it, no hostile package passes or takes this process with it."""
    assert asked(hostile.CASES[case][1], seconds=2).verdict is not Conformity.PASSED
