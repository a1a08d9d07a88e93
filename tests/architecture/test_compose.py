"""docker-compose.yml, the Dockerfile and what they name say the same as the code. No Docker is needed to check it.

What only a Docker engine can show (that the images build and the containers start) is not tested here.
"""

import re
from pathlib import Path

import pytest
import yaml
from support.sources import ROOMS, ROOT, files, text_of

from config.settings import BrokerSettings, Settings
from jobs.model import UPLOAD
from jobs.queues import QUEUES
from pipelines import pipelines

SERVERS = {"rabbitmq", "postgres", "s3"}
OTHERS = {"api", "beat", "flower", "migrate"}
OURS = set(QUEUES) | OTHERS
COMPOSE = yaml.safe_load(text_of(Path("docker-compose.yml")))
SERVICES = COMPOSE["services"]
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?P<rest>[^}]*)\}")
SECRET = re.compile(r"PASSWORD|SECRET|KEY|TOKEN")


def test_compose__services_are_the_queues():
    """One service per row of jobs/queues.py, the other processes, the three servers, and nothing else."""
    assert set(SERVICES) == OURS | SERVERS


@pytest.mark.parametrize("pool", QUEUES)
def test_compose__each_pool_drains_its_queue(pool):
    """A pool's service runs and asks after the worker of its own name."""
    assert SERVICES[pool]["command"] == ["worker", pool]
    assert SERVICES[pool]["healthcheck"]["test"][-2:] == ["worker", pool]


@pytest.mark.parametrize("name", SERVICES)
def test_compose__each_service_is_watched(name):
    """Every service has a health check; only the one that ends by itself switches it off."""
    check = SERVICES[name]["healthcheck"]
    if name == "migrate":
        assert check == {"disable": True}
    else:
        assert check["test"][0] in {"CMD", "CMD-SHELL"}
        assert {"interval", "timeout", "retries", "start_period"} <= set(check)


@pytest.mark.parametrize("name", SERVICES)
def test_compose__ports_are_published_on_loopback(name):
    """Nothing is reachable from another machine unless an operator says so."""
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@pytest.mark.parametrize("name", SERVICES)
def test_compose__each_service_is_bounded(name):
    """Every service has a memory limit, rotated logs, a restart policy, no capabilities and no new privileges."""
    service = SERVICES[name]
    assert service["mem_limit"]
    assert service["logging"]["options"]["max-size"]
    assert service["restart"] in {"unless-stopped", "on-failure:5"}
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert "no-new-privileges:true" in service["security_opt"]


@pytest.mark.parametrize("name", sorted(OURS))
def test_compose__our_containers_are_unprivileged(name):
    """Our own processes run as uid 1000 on a read-only image, with more grace than they give their steps."""
    service = SERVICES[name]
    assert service["user"] == "1000:1000"
    assert service["read_only"] is True
    assert service["init"] is True
    assert int(service["stop_grace_period"].removesuffix("s")) > Settings().worker.grace


@pytest.mark.parametrize("pool", sorted(set(QUEUES) - {"pricing"}))
def test_compose__pools_have_no_way_out(pool):
    """What runs on uploads stands on the inner network alone, which leads nowhere."""
    assert SERVICES[pool]["networks"] == ["inside"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert "ports" not in SERVICES[pool]


def test_compose__the_one_pool_with_a_way_out_runs_nothing_on_uploads():
    """Only our own code on our own artifacts runs where price services can be reached; the secrets are in its file alone."""
    steps = [step for pipeline in pipelines().values() for step in pipeline.steps if step.queue.name == "pricing"]
    assert [step.name for step in steps if step.isolated or UPLOAD in step.reads] == []
    assert "ports" not in SERVICES["pricing"]
    assert SERVICES["pricing"]["env_file"] == [{"path": "pricing.env", "required": False}]
    assert {name for name, service in SERVICES.items() if "env_file" in service} == {"pricing"}


def test_compose__a_pool_can_hold_its_steps():
    """A pool's memory limit holds its steps' memory classes at once, beside half a gigabyte of its own."""
    for pool, queue in QUEUES.items():
        steps = [
            step for one in pipelines().values() for step in one.steps if step.queue.name == pool and step.isolated
        ]
        need = queue.concurrency * max((int(step.memory) for step in steps), default=0) + 512 * 1024**2
        assert int(SERVICES[pool]["mem_limit"].removesuffix("g")) * 1024**3 >= need, pool


def test_gpu__is_for_the_validation_pool_alone():
    """The file for hosts with GPUs changes the pools that can use one, each still of its own queue and large enough."""
    services = yaml.safe_load(text_of(Path("deploy/gpu.yml")))["services"]
    assert set(services) == {name for name, queue in QUEUES.items() if queue.gpu}
    for name, service in services.items():
        assert service["command"] == [*SERVICES[name]["command"], "--gpu"]
        (devices,) = service["deploy"]["resources"]["reservations"]["devices"]
        assert devices == {"driver": "nvidia", "count": "all", "capabilities": ["gpu", "compute"]}
        steps = [one for pipeline in pipelines().values() for one in pipeline.steps if one.queue.name == name]
        at_once = int(service["environment"]["HEAVYLIFT_WORKER_CONCURRENCY"].partition(":-")[2].removesuffix("}"))
        need = at_once * max(int(one.memory) for one in steps) + 512 * 1024**2
        assert int(service["mem_limit"].removesuffix("g")) * 1024**3 >= need


def test_compose__nothing_starts_before_what_it_needs():
    """Whoever uses ledger, broker or store waits until they answer and the tables are made."""
    for name in OURS - {"migrate"}:
        waits = {needed: how["condition"] for needed, how in SERVICES[name]["depends_on"].items()}
        assert waits == {
            "migrate": "service_completed_successfully",
            "rabbitmq": "service_healthy",
            "s3": "service_healthy",
        }
    assert SERVICES["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_compose__secrets_have_no_default():
    """Compose refuses to start while a secret is empty; .env.example names each and holds none."""
    found = list(VARIABLE.finditer(text_of(Path("docker-compose.yml"))))
    secrets = {match["name"] for match in found if SECRET.search(match["name"])}
    assert secrets
    assert {match[0] for match in found if match["name"] in secrets and not match["rest"].startswith(":?")} == set()
    example = dict(re.findall(r"^(\w+)=(.*)$", text_of(Path(".env.example")), re.MULTILINE))
    assert set(example) == secrets
    assert set(example.values()) == {""}


def test_compose__every_setting_is_one_of_ours():
    """Each HEAVYLIFT_ variable that a container gets is read by config/settings.py."""
    settings = Settings()
    known = {"HEAVYLIFT_DATA_DIR"}
    for concern in vars(settings).values():
        fields = getattr(type(concern), "model_fields", {})
        known |= {f"{type(concern).model_config['env_prefix']}{name}".upper() for name in fields}
    more = yaml.safe_load(text_of(Path("deploy/gpu.yml")))["services"]
    given = {name for one in (*SERVICES.values(), *more.values()) for name in one.get("environment", {})}
    assert {name for name in given if name.startswith("HEAVYLIFT_")} <= known


def test_compose__only_the_api_trusts_its_network():
    """Listening beyond loopback without authentication is granted to the api container, and to it alone."""
    name = "HEAVYLIFT_API_TRUST_NETWORK"
    assert {one for one, service in SERVICES.items() if name in service.get("environment", {})} == {"api"}


@pytest.mark.parametrize("name", sorted(OURS))
def test_compose__each_of_ours_may_end_in_its_own_time(name):
    """Docker waits longer than a worker lets steps end, and than the API its uploads, before it kills."""
    waits = float(SERVICES[name]["stop_grace_period"].removesuffix("s"))
    settings = Settings()
    assert waits >= 5 + max(settings.worker.grace, settings.api.shutdown_grace)


def test_compose__the_api_says_goodbye():
    """The api container is not ready for a while before it takes no more connections, within its grace."""
    drain = float(SERVICES["api"]["environment"]["HEAVYLIFT_API_DRAIN_SECONDS"])
    assert 0 < drain < Settings().api.shutdown_grace / 2


def test_compose__images_are_pinned():
    """Images of others carry a version, and files that are mounted are there."""
    for name in SERVERS:
        _, _, tag = SERVICES[name]["image"].partition(":")
        assert re.search(r"\d+\.\d+", tag), SERVICES[name]["image"]
    mounted = [volume.split(":")[0] for one in SERVICES.values() for volume in one.get("volumes", [])]
    assert [path for path in mounted if path.startswith(".") and not (ROOT / path).exists()] == []
    assert {path for path in mounted if not path.startswith(".")} == set(COMPOSE["volumes"])


def test_rabbitmq__waits_longer_than_any_step():
    """The broker's consumer timeout lies above every step's timeout, and Redis' visibility timeout equals it."""
    text = text_of(Path("deploy/rabbitmq/rabbitmq.conf"))
    milliseconds = int(re.search(r"^consumer_timeout = (\d+)$", text, re.MULTILINE)[1])
    longest = max(step.timeout for pipeline in pipelines().values() for step in pipeline.steps)
    assert milliseconds / 1000 > longest
    assert milliseconds / 1000 == BrokerSettings().visibility_timeout


def test_dockerfile__builds_one_unprivileged_image():
    """It ends as uid 1000 with a health check, and installs nothing that the lock does not pin."""
    text = text_of(Path("Dockerfile"))
    lines = [line.split() for line in text.splitlines() if line and not line.startswith(("#", " "))]
    assert [line[1] for line in lines if line[0] == "USER"] == ["1000:1000"]
    assert "HEALTHCHECK" in {line[0] for line in lines}
    assert "libosmesa6" in text
    assert "tesseract-ocr" in text
    installs = [line for line in text.split("&&") if re.search(r"\bpip (install|sync)\b", line)]
    assert installs
    assert all("--require-hashes" in line for line in installs)
    (npm,) = [line for line in text.splitlines() if re.search(r"\bnpm (ci|install)\b", line)]
    assert "npm ci --ignore-scripts" in npm


def test_dockerfile__takes_along_what_runs():
    """The build context holds every room of the product, and no tests."""
    let_in = {line[1:] for line in text_of(Path(".dockerignore")).splitlines() if line.startswith("!")}
    there = {path.parts[0] for path in files() if path.suffix == ".py"} & set(ROOMS)
    assert there - {"bench", "drill", "fuzz"} <= let_in
    assert {"beat_schedule.py", "deploy/health.py", "gltf", "requirements.txt"} <= let_in
    assert not {"tests", ".env", ".git"} & let_in
