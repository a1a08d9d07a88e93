"""What ops and tools see: health, readiness, metrics, pipelines, OpenAPI, and problems for everything else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.faces import XML, Caller, Rooms

from api.openapi import describe
from api.server import listen, require_safe
from config.settings import ApiSettings
from jobs.errors import ConfigurationError
from ledger import WorkerFacts
from pipelines import pipelines
from storage.memory import MemoryStore
from storage.port import StoreUnavailable


@pytest.fixture
def rooms(tmp_path: Path) -> Iterator[Rooms]:
    made = Rooms(tmp_path)
    yield made
    made.close()


@pytest.fixture
def caller(rooms: Rooms) -> Iterator[Caller]:
    made = Caller(rooms)
    yield made
    made.close()


def test_health__needs_nothing(caller):
    """Liveness answers whatever else is away."""
    assert caller.get("/health").json() == {"status": "ok"}


def test_ready__names_each_dependency(caller):
    """A broker that is away and missing workers only degrade; both are named."""
    answer = caller.get("/ready")
    found = answer.json()
    assert (answer.status_code, found["status"]) == (200, "degraded")
    assert {name: one["status"] for name, one in found["dependencies"].items()} == {
        "ledger": "ok",
        "store": "ok",
        "broker": "degraded",
        "workers": "degraded",
        "search": "ok",
    }
    assert "no worker for" in found["dependencies"]["workers"]["detail"]


def test_ready__tells_what_the_sandbox_lacks(caller):
    """The sandbox mode of each pool comes from what its workers said of themselves."""
    facts = WorkerFacts(name="p@h", pool="parsing", host="h", pid=1, concurrency=2, sandbox="limits only")
    caller.rooms.ledger.register(facts)
    workers = caller.get("/ready").json()["dependencies"]["workers"]
    assert (workers["alive"], workers["sandbox"]) == ({"parsing": 1}, {"parsing": "limits only"})


def test_gpus__are_seen_by_ops(caller):
    """Readiness and metrics tell of a worker whose GPU rests; of those without a GPU nothing."""
    assert "gpus" not in caller.get("/ready").json()["dependencies"]["workers"]
    about = {"pool": "validation", "host": "h", "pid": 1, "concurrency": 1, "sandbox": "full"}
    caller.rooms.ledger.register(WorkerFacts(name="v@h", gpu="resting", **about))
    assert caller.get("/ready").json()["dependencies"]["workers"]["gpus"] == {"resting": 1}
    assert 'heavylift_workers_gpu{state="resting"} 1.0' in caller.get("/metrics").text.splitlines()


class Away(MemoryStore):
    """A store that does not answer."""

    def probe(self) -> None:
        raise StoreUnavailable("connection refused")


def test_ready__without_store_is_a_503(tmp_path):
    """Submits need the store, so its absence is no readiness."""
    rooms = Rooms(tmp_path, store=Away())
    caller = Caller(rooms)
    try:
        answer = caller.get("/ready")
        assert (answer.status_code, answer.json()["dependencies"]["store"]["detail"]) == (503, "connection refused")
    finally:
        caller.close()
        rooms.close()


def test_metrics__count_requests_bytes_and_jobs(caller):
    """Prometheus sees requests by route, bytes taken in, problems by code and the ledger's counts."""
    caller.submit()
    caller.post("/v1/jobs", content=b"words")
    caller.get("/v1/jobs/abc")
    text = caller.get("/metrics").text
    for line in (
        'heavylift_http_requests_total{method="POST",route="/v1/jobs",status="202"} 1.0',
        'heavylift_http_requests_total{method="GET",route="/v1/jobs/{job_id}",status="404"} 1.0',
        'heavylift_http_problems_total{code="input.unsupported"} 1.0',
        f"heavylift_upload_bytes_total {float(len(XML))}",
        "heavylift_uploads_active 0.0",
        'heavylift_jobs{status="queued"} 1.0',
        'heavylift_steps_queued{queue="parsing"} 1.0',
        "heavylift_outbox_unsent 1.0",
        "heavylift_ledger_up 1.0",
    ):
        assert line in text.splitlines()


def test_metrics__unknown_addresses_make_one_series(caller):
    """Addresses that nobody serves cannot flood the metrics."""
    for n in range(3):
        caller.get(f"/nope/{n}")
    assert (
        'heavylift_http_requests_total{method="GET",route="unmatched",status="404"} 3.0' in caller.get("/metrics").text
    )


def test_pipelines__all_are_shown_with_their_options(caller):
    """Every pipeline is listed with kinds, options schema, steps, queues and limits."""
    items = {one["name"]: one for one in caller.get("/v1/pipelines").json()["items"]}
    assert items.keys() == pipelines().keys()
    for name, pipeline in pipelines().items():
        assert items[name]["options"]["type"] == "object"
        assert [step["name"] for step in items[name]["steps"]] == [step.name for step in pipeline.steps]


def test_problems__for_addresses_and_methods(caller):
    """What is not served is a problem too, and says which methods are."""
    assert caller.get("/v2").json()["code"] == "route.not_found"
    answer = caller("PUT", "/v1/jobs")
    assert (answer.status_code, answer.json()["code"]) == (405, "method.not_allowed")
    assert answer.headers["allow"]


def test_problems__unexpected_errors_say_nothing(tmp_path):
    """A defect is a 500 with the correlation id and without a word about its cause."""

    class Defect(MemoryStore):
        def free_bytes(self) -> int | None:
            raise KeyError("secret")

    rooms = Rooms(tmp_path, store=Defect())
    caller = Caller(rooms)
    try:
        answer = caller.post("/v1/jobs", content=XML, headers={"X-Correlation-Id": "c-9"})
        assert (answer.status_code, answer.json()["code"]) == (500, "internal.error")
        assert answer.json()["correlation_id"] == "c-9"
        assert answer.headers["x-correlation-id"] == "c-9"
        assert "secret" not in answer.text
        assert rooms.nothing_left()
    finally:
        caller.close()
        rooms.close()


def test_openapi__is_honest(caller):
    """The document is 3.1, resolves all its references, and tells bodies, headers and problems of a submit."""
    document = caller.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    schemas = document["components"]["schemas"]
    for reference in references(document):
        assert reference.removeprefix("#/components/schemas/") in schemas
    submit = document["paths"]["/v1/jobs"]["post"]
    assert set(submit["requestBody"]["content"]) == {"multipart/form-data", "application/octet-stream"}
    assert {"Idempotency-Key", "Prefer", "pipeline", "filename"} <= {one["name"] for one in submit["parameters"]}
    assert {"200", "202", "400", "408", "413", "415", "422", "503", "507"} == set(submit["responses"])
    operations = [one for path in document["paths"].values() for one in path.values()]
    assert all(one["operationId"] and one["description"] for one in operations)
    assert len({one["operationId"] for one in operations}) == len(operations)


def references(node: object) -> Iterator[str]:
    """Every $ref below `node`."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_openapi__is_made_once(rooms):
    """Asking again gives the same document."""
    describe(rooms.app)
    assert rooms.app.openapi() is rooms.app.openapi()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.test"])
def test_server__refuses_to_face_a_network(host):
    """Beyond loopback the API does not start without authentication; the message says both cures."""
    with pytest.raises(ConfigurationError, match=r"127\.0\.0\.1.*HEAVYLIFT_API_TRUST_NETWORK=1"):
        require_safe(ApiSettings(host=host))
    require_safe(ApiSettings(host=host, trust_network=True))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_server__loopback_is_fine(host):
    """Loopback addresses need no leave."""
    require_safe(ApiSettings(host=host))


def test_server__says_why_it_cannot_listen(socket_enabled):
    """A port in use is one clear line."""
    with listen(ApiSettings(port=0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
            listen(ApiSettings(port=port))
