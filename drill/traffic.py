"""The load of a drill: client threads that submit, cancel and look, as fast as the schedule of faults allows."""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from drill.caller import Caller
from drill.inputs import Sample, bait, plain, sample
from drill.tally import Tally

CLIENTS = 4
_LOOK_EVERY = 0.1  # seconds between two looks at a status, over all jobs


class Pace:
    """Gives numbers out, so that the jobs spread over the faults whatever time those take."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._next = 0
        self._from, self._to = 0.0, 0.0  # shares of the total
        self._began, self._seconds = time.monotonic(), 1.0
        self._lock = threading.Lock()

    def spread(self, *, until: float, over: float) -> None:
        """From now on let the given share rise to `until` (0 to 1) within `over` seconds, and no further."""
        with self._lock:
            self._from, self._to = self._share(), until
            self._began, self._seconds = time.monotonic(), max(0.01, over)

    def take(self) -> int | None:
        """The next number, or None where it is too early, or all are given out."""
        with self._lock:
            if self._next >= self._total or self._next >= self._share() * self._total:
                return None
            return self._given()

    def extra(self) -> int:
        """A number at once: it counts towards the total, so that others come later."""
        with self._lock:
            return self._given()

    @property
    def exhausted(self) -> bool:
        """Whether all numbers are given out."""
        with self._lock:
            return self._next >= self._total

    @property
    def given(self) -> int:
        """How many numbers were given out."""
        with self._lock:
            return self._next

    def _given(self) -> int:
        self._next += 1
        return self._next - 1

    def _share(self) -> float:
        gone = min(1.0, (time.monotonic() - self._began) / self._seconds)
        return self._from + (self._to - self._from) * gone


class Traffic:
    """Started once, closed once. `Pace` says how fast; what came of it stands in `tally`."""

    def __init__(self, caller: Callable[[Tally, threading.Event], Caller], *, jobs: int, seed: int) -> None:
        self.tally = Tally()
        self.pace = Pace(jobs)
        self._seed = seed
        self._closing = threading.Event()
        self._new_caller = partial(caller, self.tally, self._closing)
        self._threads = [threading.Thread(target=self._client, name=f"client-{n}") for n in range(CLIENTS)]
        self._watcher = threading.Thread(target=self._watch, name="watcher")
        self._extras = ThreadPoolExecutor(CLIENTS, thread_name_prefix="extra")

    def start(self) -> None:
        """Begin; nothing is submitted before `pace` allows it."""
        for thread in (*self._threads, self._watcher):
            thread.start()

    @property
    def all_submitted(self) -> bool:
        """Whether every job was accepted or given up."""
        with self.tally.lock:
            ended = len(self.tally.accepted) + len(self.tally.given_up)
        return self.pace.exhausted and ended >= self.pace.given

    def bait(self, pool: str) -> "Future[str | None]":
        """Submit a file that keeps `pool` busy, now."""
        return self._submit_now(bait(self.pace.extra(), pool))

    def plain(self) -> "Future[str | None]":
        """Submit a job that costs next to nothing, now."""
        return self._submit_now(plain(self.pace.extra()))

    def close(self) -> None:
        """End all threads; a request under way ends first."""
        self._closing.set()
        self._extras.shutdown(wait=True, cancel_futures=True)
        for thread in (*self._threads, self._watcher):
            if thread.ident is not None:
                thread.join()

    def _submit_now(self, one: Sample) -> "Future[str | None]":
        def run() -> str | None:
            caller = self._new_caller()
            try:
                return caller.submit(one)
            finally:
                caller.close()

        return self._extras.submit(run)

    def _client(self) -> None:
        caller = self._new_caller()
        while not self._closing.is_set():
            number = self.pace.take()
            if number is None:
                self._closing.wait(0.05)
                continue
            one = sample(number, seed=self._seed)
            job_id = caller.submit(one)
            if job_id is not None and one.cancel:
                caller.cancel(job_id)
        caller.close()

    def _watch(self) -> None:
        """Somebody who asks for the status of a job again and again."""
        caller, rng = self._new_caller(), random.Random(self._seed)
        while not self._closing.wait(_LOOK_EVERY):
            ids = self.tally.ids()
            if ids:
                caller.look(rng.choice(ids[-200:]))
        caller.close()
