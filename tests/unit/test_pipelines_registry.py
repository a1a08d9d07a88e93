"""Presence registers; what contradicts itself fails at start, with the cure in the message."""

import subprocess
import sys
from dataclasses import replace
from types import ModuleType

import pytest

import pipelines
from jobs.errors import ConfigurationError
from jobs.pipeline import Pipeline, Step
from jobs.queues import PARSING, Queue
from pipelines import accepted_kinds, collect, noop, on_request, pipeline_for, pipeline_named

HEAVY = {"lxml", "trimesh", "numpy", "scipy", "PIL", "pypdfium2", "f3d", "orjson"}


def module(name, pipeline=None):
    made = ModuleType(name)
    if pipeline is not None:
        made.PIPELINE = pipeline
    return made


def made(name, *, step=noop.nothing, queue=PARSING, **more):
    steps = (Step(run=step, queue=queue),)
    return Pipeline(**({"name": name, "version": 1, "title": "For a test.", "accepts": (), "steps": steps} | more))


def test_registry__every_module_is_a_pipeline():
    """The folder's modules are the pipelines, and each kind leads to one of them."""
    assert set(pipelines.pipelines()) == {
        "parts-list",
        "document",
        "image",
        "model-3d",
        "noop",
        "catalog-import",
        "parts-list-diff",
    }
    assert pipeline_for("bricklink-xml") is pipeline_named("parts-list")
    assert pipeline_for("pdf") is pipeline_named("document")
    assert pipeline_for("glb") is pipeline_named("model-3d")
    assert pipeline_for("jpeg") is pipeline_named("image")
    assert pipeline_for("heic") is pipeline_for("svg") is None
    assert all(pipeline_for(kind) is not None for kind in accepted_kinds())


def test_registry__noop_has_to_be_asked_for():
    """No kind of file leads to the pipeline that does nothing."""
    assert pipeline_named("noop").accepts == ("*",)
    assert pipeline_named("noop").validated_options({}) == {"seconds": 0.0, "native": False, "misbehave": None}


def test_registry__text_leads_nowhere_unless_a_pipeline_is_named():
    """Any text may be a list whose columns its sender names; only then it is one."""
    assert pipeline_for("text") is None
    assert "text" not in accepted_kinds()
    assert on_request("text") == ("parts-list",)
    assert on_request(None) == on_request("pdf") == ()
    assert pipeline_named("parts-list").takes("text")
    assert not pipeline_named("document").takes("text")


def test_registry__an_unknown_name_is_a_key_error():
    """Who asks for a pipeline that is not there learns it."""
    with pytest.raises(KeyError):
        pipeline_named("no-such")


@pytest.mark.parametrize(
    ("modules", "cure"),
    [
        ([module("a")], "add one or move the file"),
        ([module("a", "no pipeline")], "add one or move the file"),
        ([module("a", made("x")), module("b", made("x"))], "rename the one in b"),
        ([module("a", made("x", accepts=("pdf",))), module("b", made("y", accepts=("pdf",)))], "take it out of one"),
        ([module("a", made("x", step=lambda _: None))], "at the top of its module"),
        ([module("a", made("x", accepts=("pdf",), on_request=("pdf",)))], "take it out of on_request"),
    ],
)
def test_collect__mistakes_fail_with_their_cure(modules, cure):
    """Each mistake is a ConfigurationError that says what to do."""
    with pytest.raises(ConfigurationError, match=cure):
        collect(modules)


def test_collect__an_unknown_queue_fails_at_start():
    """A step on a queue without a row in jobs/queues.py can not even be declared."""
    with pytest.raises(ConfigurationError, match=r"add a row to jobs/queues\.py"):
        made("x", queue=Queue(name="nowhere", purpose="none", concurrency=1))


def test_pipeline__a_required_step_needs_no_optional_one():
    """A job could succeed without a step that it requires; an optional step may need another one."""
    picture = Step(run=noop.nothing, queue=PARSING, required=False)
    poster = Step(run=test_import__is_light, queue=PARSING, needs=(picture.name,), required=False)
    chain = {"name": "x", "version": 1, "title": "t", "accepts": ()}
    Pipeline(**chain, steps=(picture, poster))
    with pytest.raises(ConfigurationError, match="make nothing required, or test_import__is_light required=False"):
        Pipeline(**chain, steps=(picture, replace(poster, required=True)))


def test_import__is_light():
    """API and supervisors import the pipelines without any heavy library."""
    code = "import sys, pipelines; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert HEAVY & set(found.stdout.split()) == set()
