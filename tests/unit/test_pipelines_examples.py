"""The samples are what their generator makes, and each is told by the sniffer."""

from pathlib import Path

import pytest

from examples.make import FILES
from parsers.sniff import sniff
from pipelines import pipeline_for

EXAMPLES = Path(__file__).parents[2] / "examples"
KINDS = {"wanted-list.xml": "bricklink-xml", "instructions.pdf": "pdf", "brick.glb": "glb"}


@pytest.mark.parametrize("name", FILES)
def test_examples__are_made_byte_for_byte(name):
    """The committed sample is exactly what `examples/make.py` writes."""
    assert (EXAMPLES / name).read_bytes() == FILES[name]()


@pytest.mark.parametrize("name", FILES)
def test_examples__lead_to_their_pipeline(name):
    """Each sample is told from its bytes, and some pipeline takes it."""
    content = FILES[name]()
    kind = sniff(content[: 64 * 1024], size=len(content), name="upload")
    assert kind.name == KINDS[name]
    assert pipeline_for(kind.name) is not None
