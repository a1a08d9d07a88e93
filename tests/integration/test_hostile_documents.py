"""Hostile PDFs in the real sandbox, with the steps of the real pipeline: each ends within its limits, others go on."""

import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import hostile_steps
from support.hostile_pdfs import ATTACKS, TRUNCATIONS, cut, honest
from support.sandbox_runs import Bench, MiB, nothing_said

from jobs.errors import Actor
from jobs.model import UPLOAD
from jobs.pipeline import Step
from jobs.queues import PARSING, THUMBNAILS
from pipelines.document import FACTS, PIPELINE
from workers.sandbox import Result

# What an attack gets; a pipeline grants its steps 600 seconds. The clock's limit is far off: a machine may be busy.
CPU_SECONDS, SECONDS = 3.0, 25.0
REPORTING = 32 * MiB  # of address space, that a child gets to say that its memory is used up
STEPS = {step.name: step for step in PIPELINE.steps if step.isolated and UPLOAD in step.reads}

# A large allocation may fail long before the memory's limit is reached; a busy machine may reach that of time first.
LIMITS = {"step.memory", "step.crashed", "step.timeout", "step.cpu_limit", "pdf.too_costly"}
# The steps that an attack hits, so that they end by a limit; any other ends well, by a `pdf.*` code or by one, too.
READING, DRAWING = ("inspect", "text", "tables"), ("ocr", "thumbnails")
HITS: dict[str, tuple[str, ...]] = {
    "self_drawing_form": READING + DRAWING,
    "nested_forms": READING + DRAWING,
    "packed_bomb": READING + DRAWING,
    "twice_packed_bomb": READING + DRAWING,
    "many_operators": READING + DRAWING,
    "nested_states": READING + DRAWING,
    "object_stream_bomb": READING + DRAWING,
    "much_text": READING,
    "many_annotations": DRAWING,
    "tiny_tiles": DRAWING,
    "long_shading_program": DRAWING,
    "soft_mask_in_itself": DRAWING,
    "nested_glyphs": ("thumbnails",),
}
GOOD, GOOD_PAGES = honest(pages=12), 12


class Pools:
    """The sandboxes of the pools that read documents, and what their children weigh before they read anything."""

    def __init__(self, folder: Path) -> None:
        self._benches = {
            queue.name: Bench(
                folder / queue.name,
                name=queue.name,
                preload=(*queue.preload, "hostile_steps"),
            )
            for queue in (PARSING, THUMBNAILS)
        }
        # What a step gets to read besides the upload, where the inspection of that did not end well.
        self.facts = self._facts_of_a_page_without_text()
        _, self._good_reads = self.inspected(GOOD)
        small = honest(pages=1, words=8)
        self.base = {name: self.run(step, small).usage.peak_memory for name, step in STEPS.items()}

    def inspected(self, content: bytes) -> tuple[Result, dict[str, bytes]]:
        """How the inspection ended, and what the other steps read of it."""
        made: dict[str, bytes] = {}
        result = self.run(STEPS["inspect"], content, made=made)
        return result, made if result.fault is None else {FACTS: self.facts}

    def _facts_of_a_page_without_text(self) -> bytes:
        self.facts = b""
        _, made = self.inspected(ATTACKS["huge_box"]())
        return made[FACTS]

    def run(
        self,
        step: Step,
        content: bytes,
        *,
        reads: dict[str, bytes] | None = None,
        target: str | None = None,
        made: dict[str, bytes] | None = None,
    ) -> Result:
        """The step's function on this upload, with the memory that the pipeline grants it and little time.

        `reads` are the artifacts that it gets besides; `made` takes those that it makes.
        """
        bench = self._benches[step.queue.name]
        limits: dict[str, Any] = {"timeout": SECONDS, "cpu_seconds": CPU_SECONDS, "memory": int(step.memory)}
        call = bench.call(
            step.name,
            target=target or step.target,
            kind="pdf",
            file_name="a.pdf",
            max_output=64 * MiB,
            max_outputs=1000,
            **limits,
        )
        folder = call.scratch / "in"
        inputs = {UPLOAD: folder / "upload"}
        for name, artifact in ({FACTS: self.facts} if reads is None else reads).items():
            inputs[name] = folder / name
            inputs[name].write_bytes(artifact)
        inputs[UPLOAD].write_bytes(content)
        try:
            result = bench.sandbox.run(replace(call, inputs=inputs), on_progress=nothing_said, stop=threading.Event())
            if made is not None:
                made |= {output.name: output.path.read_bytes() for output in result.outputs}
            return result
        finally:
            shutil.rmtree(call.scratch)

    def good(self, name: str) -> Result:
        """The step on a good document."""
        return self.run(STEPS[name], GOOD, reads=self._good_reads)

    def job(self, content: bytes) -> dict[str, Result]:
        """How each step ends that reads the upload, in the order of the pipeline, all after the inspection at once."""
        result, reads = self.inspected(content)
        with ThreadPoolExecutor(len(STEPS)) as pool:
            ends = {
                name: pool.submit(self.run, step, content, reads=reads)
                for name, step in STEPS.items()
                if name != "inspect"
            }
        return {"inspect": result} | {name: end.result() for name, end in ends.items()}

    def close(self) -> None:
        for bench in self._benches.values():
            bench.sandbox.close()


@pytest.fixture(scope="module")
def pools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pools]:
    found = Pools(tmp_path_factory.mktemp("pools"))
    yield found
    found.close()


def _within_its_limits(pools: Pools, step: Step, result: Result) -> bool:
    """Neither its time nor its memory class was outgrown."""
    in_time = result.usage.seconds < SECONDS + 1.5
    return in_time and result.usage.peak_memory <= pools.base[step.name] + int(step.memory) + REPORTING


def _is_named(code: str) -> bool:
    return code == "well" or code.startswith("pdf.") or code in LIMITS


def _code(result: Result) -> str:
    return result.fault.code if result.fault else "well"


@pytest.mark.parametrize("attack", ATTACKS)
def test_attack__ends_within_its_limits_and_its_neighbor_ends_well(pools: Pools, attack: str) -> None:
    """Each step ends in time, within its memory class and with a named code; a good document beside it is read."""
    with ThreadPoolExecutor(1) as pool:
        neighbor = pool.submit(pools.good, "text")
        ends = pools.job(ATTACKS[attack]())

    for name, result in ends.items():
        assert _within_its_limits(pools, STEPS[name], result), (name, result)
        assert _is_named(_code(result)), (name, result.fault)
        assert name not in HITS.get(attack, ()) or _code(result) in LIMITS, (name, result.fault)
        assert result.fault is None or result.outputs == ()
    assert _code(neighbor.result()) == "well"
    assert _code(pools.good("text")) == "well"


@pytest.mark.parametrize("xref_stream", [False, True], ids=["classic", "xref_stream"])
def test_cut__at_any_point(pools: Pools, *, xref_stream: bool) -> None:
    """A document that is cut off is read as far as it goes or is called unreadable, wherever the cut is."""
    for point in range(TRUNCATIONS):
        result, reads = pools.inspected(cut(point, xref_stream=xref_stream))
        assert _code(result) in {"well", "pdf.unreadable"}, (point, result.fault)
        assert _within_its_limits(pools, STEPS["inspect"], result), (point, result.usage)
        if result.fault is None:
            read = pools.run(STEPS["text"], cut(point, xref_stream=xref_stream), reads=reads)
            assert _code(read) == "well", (point, read.fault)


def test_pool__good_documents_among_hostile_ones(pools: Pools) -> None:
    """Six good documents between as many hostile ones, all at once in two pools: all good ones end well."""
    hostile = ("self_drawing_form", "twice_packed_bomb", "tiny_tiles", "nested_glyphs", "nested_states", "huge_image")
    with ThreadPoolExecutor(6) as pool:
        good = []
        for attack in hostile:
            content = ATTACKS[attack]()
            for name in ("text", "thumbnails"):
                pool.submit(pools.run, STEPS[name], content)
                good.append(pool.submit(pools.good, name))

    assert [_code(end.result()) for end in good] == ["well"] * 12


@pytest.mark.parametrize("attack", ["tiny_tiles", "long_shading_program", "soft_mask_in_itself", "nested_glyphs"])
def test_guard__names_the_page_that_takes_too_long(pools: Pools, attack: str) -> None:
    """With a budget for a page, its submitter learns which one it is, long before the step's time is over."""
    content = ATTACKS[attack]()
    result = pools.run(STEPS["thumbnails"], content, target="hostile_steps:pictures_in_time")

    assert result.fault is not None
    assert (result.fault.code, result.fault.actor) == ("pdf.too_costly", Actor.SUBMITTER)
    assert result.fault.place == {"page": 1}
    assert result.usage.cpu_seconds < hostile_steps.BUDGET + 1


def test_guard__lets_good_documents_through(pools: Pools) -> None:
    """A good document's pages pass the guard, all of them."""
    result = pools.run(STEPS["thumbnails"], GOOD, target="hostile_steps:pictures_in_time")
    assert result.summary == {"drawn": GOOD_PAGES}
    result = pools.run(STEPS["text"], GOOD, target="hostile_steps:texts_in_time")
    assert result.summary == {"pages": GOOD_PAGES}
