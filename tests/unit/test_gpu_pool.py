"""The pool of GPUs: claims that fit run side by side, the others wait; a GPU that keeps failing is left alone."""

import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from support.waiting import holds_for, wait_until

from jobs.errors import ConfigurationError
from jobs.pipeline import Pipeline, Step
from jobs.queues import PARSING, VALIDATION
from jobs.vram import Vram
from workers.sandbox import Gpu, GpuPool, GpuRules, states
from workers.sandbox.gpus import ON_CPU, Place

GiB = 1024**3
ONE = Gpu(uuid="GPU-1", name="Pretended", memory=10 * GiB, driver="13.0")
TWO = Gpu(uuid="GPU-2", name="Pretended too", memory=20 * GiB)
RULES = GpuRules(reserve=2 * GiB, rest=600)


def step(ctx: object) -> None:
    """Does nothing."""


class Claimant(threading.Thread):
    """Claims in a thread, holds until it is told to let go."""

    def __init__(self, pool: GpuPool, size: int) -> None:
        super().__init__(daemon=True)
        self._pool, self._size = pool, size
        self.stop, self.let_go, self.answered, self.waits = (threading.Event() for _ in range(4))
        self.place: Place | None = None
        self.start()

    def run(self) -> None:
        with self._pool.claim(self._size, self.stop, on_wait=self.waits.set) as self.place:
            self.answered.set()
            self.let_go.wait(20)


@contextmanager
def placed(pool: GpuPool, size: int) -> Iterator[Place | None]:
    """A claim that has to be answered at once."""

    def waits() -> None:
        raise AssertionError("it waits")

    with pool.claim(size, threading.Event(), on_wait=waits) as place:
        yield place


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Hands of the clock that losses are timed by."""
    hands = [1000.0]
    monkeypatch.setattr("workers.sandbox.gpus.time.time", lambda: hands[0])
    return hands


def test_claim__packs_until_the_budget_is_full(tmp_path: Path) -> None:
    """Claims that fit are granted at once, also those of another pool on this host; the next waits for the first to end."""
    pool, other = GpuPool([ONE], tmp_path, rules=RULES), GpuPool([ONE], tmp_path, rules=RULES)
    with ExitStack() as stack:
        with placed(pool, 5 * GiB) as first:
            assert first == Place(gpu=ONE, vram=5 * GiB)
            assert stack.enter_context(placed(other, 3 * GiB)) == Place(gpu=ONE, vram=3 * GiB)
            late = Claimant(pool, 4 * GiB)
            assert late.waits.wait(5)
            assert holds_for(lambda: not late.answered.is_set(), seconds=0.2)
        assert late.answered.wait(5)
        assert late.place == Place(gpu=ONE, vram=4 * GiB)
    late.let_go.set()
    late.join(5)
    assert [state.claimed for state in states(tmp_path)] == [0]


def test_claim__takes_the_gpu_with_the_most_room(tmp_path: Path) -> None:
    """Of two GPUs the one with less asked of it is taken, and only one that could ever hold the claim."""
    pool = GpuPool([ONE, TWO], tmp_path, rules=RULES)
    with placed(pool, 4 * GiB) as first, placed(pool, 4 * GiB) as second, placed(pool, 9 * GiB) as third:
        assert [place and place.gpu for place in (first, second, third)] == [ONE, TWO, TWO]


def test_claim__above_the_whole_budget_is_for_the_cpu(tmp_path: Path) -> None:
    """What no GPU could ever hold waits for nothing: it is to compute on the CPU, and says why."""
    for rules, most in ((RULES, "8.0"), (GpuRules(budget=GiB), "1.0")):
        with placed(GpuPool([ONE], tmp_path, rules=rules), 9 * GiB) as place:
            assert place is not None
            assert place.gpu is None
            assert f"9.0 GiB of a GPU's memory, and there are {most} GiB" in place.warning


def test_claim__without_a_gpu(tmp_path: Path) -> None:
    """A pool that found no GPU gives places on the CPU, without a word to the job."""
    pool = GpuPool([], tmp_path)
    with placed(pool, GiB) as place:
        assert place == ON_CPU
    assert pool.state() == "absent"


def test_claim__stopped_while_it_waits(tmp_path: Path) -> None:
    """Who is stopped gets no place, and leaves none taken."""
    pool = GpuPool([ONE], tmp_path, rules=RULES)
    with placed(pool, 8 * GiB):
        late = Claimant(pool, GiB)
        assert late.waits.wait(5)
        late.stop.set()
        assert late.answered.wait(5)
        assert late.place is None
        late.let_go.set()
    wait_until(lambda: states(tmp_path)[0].claimed == 0, within=5, what="all to be given back")


def test_losses__three_in_a_row_and_it_rests(
    tmp_path: Path, clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    """A GPU that was lost three times in a row is not offered for a while, by no pool of the host, and the log says so."""
    pool, other = GpuPool([ONE], tmp_path, rules=RULES), GpuPool([ONE], tmp_path, rules=RULES)
    for _ in range(2):
        pool.tell(ONE, was_well=False)
    assert pool.state() == "ready"
    with caplog.at_level(logging.ERROR):
        other.tell(ONE, was_well=False)
    assert "lost 3 times in a row" in caplog.text
    assert pool.state() == "resting"
    with placed(pool, GiB) as place:
        assert place == ON_CPU
    clock[0] += 100
    assert [(state.losses, state.rests) for state in states(tmp_path)] == [(3, 500)]
    clock[0] += 500
    with placed(pool, GiB) as place:
        assert place == Place(gpu=ONE, vram=GiB)
    pool.tell(ONE, was_well=False)  # one more is enough now
    assert pool.state() == "resting"


def test_losses__are_forgotten_once_it_works(tmp_path: Path) -> None:
    """Losses with a success between them are no row."""
    pool = GpuPool([ONE], tmp_path, rules=RULES)
    for was_well in (False, False, True, False, False):
        pool.tell(ONE, was_well=was_well)
    assert pool.state() == "ready"
    assert states(tmp_path)[0].losses == 2


def test_losses__one_gpu_rests_the_other_works(tmp_path: Path) -> None:
    """Each GPU is left alone by itself."""
    pool = GpuPool([ONE, TWO], tmp_path, rules=GpuRules(losses=1, reserve=0))
    pool.tell(ONE, was_well=False)
    with placed(pool, 2 * GiB) as first, placed(pool, 2 * GiB) as second:
        assert [place and place.gpu for place in (first, second)] == [TWO, TWO]


def test_losses__while_others_wait(tmp_path: Path) -> None:
    """Who waited for a GPU that was lost meanwhile computes on the CPU once it has room."""
    pool = GpuPool([ONE], tmp_path, rules=GpuRules(losses=1, reserve=0))
    with placed(pool, 10 * GiB):
        late = Claimant(pool, GiB)
        assert late.waits.wait(5)
        pool.tell(ONE, was_well=False)
    assert late.answered.wait(5)
    assert late.place == ON_CPU
    late.let_go.set()


def test_states__half_written_words_are_no_gpus(tmp_path: Path) -> None:
    """What cannot be read is left out, so that a doctor never fails on it."""
    GpuPool([ONE], tmp_path, rules=RULES)
    (tmp_path / "GPU-0").mkdir()
    (tmp_path / "GPU-0" / "gpu.json").write_text('{"gpu": {"uuid"')
    (tmp_path / ONE.uuid / "losses").write_text("[")
    assert [(state.gpu, state.budget, state.losses) for state in states(tmp_path)] == [(ONE, 8 * GiB, 0)]


@pytest.mark.parametrize(
    ("summary", "claim"),
    [
        ({"triangles": 1000}, 600_000),
        ({}, 2_000_000),
        ({"triangles": 10**9}, 2_000_000),
        ({"triangles": "many"}, 2_000_000),
    ],
)
def test_vram__follows_what_was_counted(summary: dict[str, object], claim: int) -> None:
    """A claim grows with what an earlier step counted, to a most, which is claimed where nobody counted."""
    assert Vram(fixed=100_000, each=500, counted="triangles", most=2_000_000).claim(summary) == claim


@pytest.mark.parametrize("wrong", [{"queue": PARSING}, {"queue": VALIDATION, "isolated": False}])
def test_vram__only_where_a_gpu_can_be(wrong: dict[str, object]) -> None:
    """A step that claims VRAM in a pool that never has a GPU, or outside the sandbox, is refused at start."""
    with pytest.raises(ConfigurationError, match="claims VRAM"):
        Pipeline(
            name="p", version=1, title="t", accepts=(), steps=(Step(run=step, vram=Vram(fixed=1, most=1), **wrong),)
        )
