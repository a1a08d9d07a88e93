"""Settings: one small frozen class per concern, each read from HEAVYLIFT_<CONCERN>_<NAME> variables."""

import os
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

MiB = 1024 * 1024
GiB = 1024 * MiB


def _concern(name: str) -> SettingsConfigDict:
    return SettingsConfigDict(env_prefix=f"HEAVYLIFT_{name}_", frozen=True, extra="ignore")


class ApiSettings(BaseSettings):
    """The HTTP face."""

    model_config = _concern("API")
    host: str = "127.0.0.1"
    port: int = 8000
    trust_network: bool = False  # listen beyond loopback without authentication: the network is private
    max_wait: float = 60.0  # longest `Prefer: wait`, seconds
    shutdown_grace: float = 25.0  # seconds given to running uploads at SIGTERM
    # Seconds of these in which it still takes requests while /ready says 503, so that a balancer sends them elsewhere.
    drain_seconds: float = 0.0


class UploadSettings(BaseSettings):
    """How bodies are taken in."""

    model_config = _concern("UPLOAD")
    chunk: int = MiB  # bytes hashed and written at a time
    slots: int = 4  # chunks hashed and written at once, per process
    min_rate: int = 1024  # bytes per second; slower for `stall_after` is dropped
    stall_after: float = 30.0  # seconds
    max_bytes: int = 2 * GiB  # over all pipelines; a pipeline may say less
    disk_floor: int = 512 * MiB  # free bytes that an upload never eats into (507)


class LedgerSettings(BaseSettings):
    """The tables of truth."""

    model_config = _concern("LEDGER")
    url: str = ""  # postgresql://... or sqlite:///...; empty: SQLite in the data folder
    db_schema: str | None = None  # PostgreSQL schema to live in
    pool_size: int = 10  # connections per process


class BrokerSettings(BaseSettings):
    """The lines."""

    model_config = _concern("BROKER")
    url: str = ""  # amqp://... or redis+socket://...; empty: the embedded broker of the data folder
    prefix: str = "heavylift"  # of exchange and queue names, so that a broker is shared with others
    confirm_timeout: float = 5.0  # seconds until an unconfirmed publish counts as failed
    # Above the longest step: Redis hands an unacknowledged message out again after this. Seconds.
    visibility_timeout: float = 4 * 3600.0
    delivery_limit: int = 50  # quorum queues: connection losses that a message survives


class StoreSettings(BaseSettings):
    """The bytes."""

    model_config = _concern("STORE")
    kind: Literal["local", "s3"] = "local"
    path: Path | None = None  # local: folder; None: below the data folder
    bucket: str = "heavylift"
    prefix: str = ""  # of every key
    endpoint_url: str | None = None
    region: str = "us-east-1"
    create_bucket: bool = False  # make the bucket where it is missing
    access_key: SecretStr | None = None
    secret_key: SecretStr | None = None
    # Some S3 servers choke on boto3's newer default checksums.
    checksums: Literal["when_supported", "when_required"] = "when_supported"


class WorkerSettings(BaseSettings):
    """Claims, leases and the rhythm of rescue. Tests shorten these."""

    model_config = _concern("WORKER")
    concurrency: int | None = None  # threads; None: what jobs/queues.py says
    lease: float = 20.0  # seconds a claim lives without a heartbeat
    heartbeat: float = 5.0  # seconds between renewals
    cancel_poll: float = 0.5  # seconds between looks for cancelled jobs
    dispatch_every: float = 1.0  # seconds between looks for due work
    grace: float = 25.0  # seconds that steps get to end at SIGTERM
    lost_after: float = 60.0  # seconds after which a queued step without a message may be sent again
    # Seconds without a message, beside work that waits, after which a worker calls itself deaf and starts anew; twice as
    # long where no message stands ready for it, since a lost one looks the same: more than `lost_after` and the minute
    # between two looks for lost messages.
    deaf_after: float = 90.0
    backoff_base: float = 1.0  # seconds before the first retry


class SandboxSettings(BaseSettings):
    """Where steps compute."""

    model_config = _concern("SANDBOX")
    memory_budget: int = 0  # bytes that all steps on this host may claim together; 0: 3/4 of the machine
    max_output: int = 2 * GiB  # bytes of one artifact
    max_outputs: int = 10_000  # artifacts of one attempt
    # Bytes of disk that a step can count on. One that fails on a full disk without having had them is put off; one that
    # held more itself is charged with an attempt: it would fill each disk that it gets.
    disk_share: int = 512 * MiB
    idle_exit: float = 300.0  # seconds after which an idle template ends, to give its memory back


class GpuSettings(BaseSettings):
    """Whether steps of the validation pool may compute on this host's GPUs, and how these are shared."""

    model_config = _concern("GPU")
    enabled: bool = False  # `worker validation --gpu` says the same; without it no process touches a GPU
    memory_budget: int = Field(0, ge=0)  # bytes of one GPU that steps may claim together; 0: all but the reserve
    reserve: int = Field(512 * MiB, ge=0)  # bytes of one GPU left to the driver and to others
    losses: int = Field(3, ge=1)  # of a GPU in a row, after which it rests
    rest: float = Field(600.0, ge=0)  # seconds that steps then use the CPU


class RetentionSettings(BaseSettings):
    """How long things are kept."""

    model_config = _concern("RETENTION")
    days: float = 30.0  # after its end a job is deleted
    letter_days: float = 90.0  # an ended job with an open dead letter is kept so long, for its replay
    orphan_days: float = (
        7.0  # an object unknown to the ledger is kept so long once it was seen: a restore may bring its row
    )
    idempotency_hours: float = 24.0
    events_days: float = 90.0


class CatalogSettings(BaseSettings):
    """From where the catalog of parts and colors may be fetched; nothing is, unless one of these is set."""

    model_config = _concern("CATALOG")
    # The folder that the tables (parts.csv.gz, ...) lie in: https://host/path or file:///path, several between blanks.
    # Set: the clock fetches it once a day.
    url: str = ""
    sources: str = ""  # further folders, between blanks, that an import may name

    @property
    def folders(self) -> tuple[str, ...]:
        """All folders that an import may be from."""
        return (*self.url.split(), *self.sources.split())


class StudioSettings(BaseSettings):
    """Studio's own files."""

    model_config = _concern("STUDIO")
    password: SecretStr | None = None  # set: encrypted .io files are opened with it


class NodeSettings(BaseSettings):
    """Node.js, which checks glTF against its specification and unpacks what is compressed; the platform does without."""

    model_config = _concern("NODE")
    program: str = "node"  # 20.15 or later; by name on PATH, or by path
    packages: Path | None = None  # a folder whose node_modules holds what gltf/package-lock.json names; None: our own
    install: bool = True  # have npm install these into the data folder when a validation worker starts


class PriceSettings(BaseSettings):
    """Where prices come from beside lists and owners' tables: nowhere, until one of these services is set up."""

    model_config = _concern("PRICE")
    currency: str = Field("EUR", pattern="^[A-Z]{3}$")  # asked for where a job wants no other
    sources: str = "file,table,http-json,bricklink"  # in which order; a job may say another
    fresh_hours: float = Field(24.0, gt=0)  # that a service's price is used without asking again
    stale_days: float = Field(30.0, ge=0, le=90)  # that an older one is shown where the service does not answer

    # Any service that answers a GET with JSON: https://host/path?part={part_num}&color={color_id}, {condition}, {currency}
    http_json_url: str = ""
    http_json_hosts: str = ""  # that may be called, between commas; a private address only where it is listed itself
    http_json_price: str = "/price"  # JSON pointer to the price
    http_json_currency: str = ""  # JSON pointer to the currency; empty: it is the one that was asked for
    http_json_header: str = "Authorization"  # that carries the secret
    http_json_secret: SecretStr | None = None  # the header's whole value: "Bearer ..."
    http_json_per_second: float = Field(5.0, gt=0)  # calls of one worker
    http_json_per_day: int = Field(20_000, ge=0)  # calls of all workers

    # BrickLink's store API: all four or none. Its tokens are bound to addresses that are registered there.
    bricklink_consumer_key: SecretStr | None = None
    bricklink_consumer_secret: SecretStr | None = None
    bricklink_token: SecretStr | None = None
    bricklink_token_secret: SecretStr | None = None
    bricklink_guide: Literal["stock", "sold"] = "stock"  # what sellers ask now, or what was paid lately
    bricklink_condition: Literal["N", "U"] = "N"  # where a list says none
    bricklink_per_second: float = Field(4.0, gt=0)
    bricklink_per_day: int = Field(5000, ge=0)


class SearchSettings(BaseSettings):
    """The search index."""

    model_config = _concern("SEARCH")
    # auto: with a ledger in PostgreSQL `postgresql`, for many machines, else `tantivy`, files in a folder of this one.
    engine: Literal["auto", "tantivy", "postgresql"] = "auto"
    folder: Path | None = None  # of tantivy's index; None: in the data folder


class FlowerSettings(BaseSettings):
    """The view for ops."""

    model_config = _concern("FLOWER")
    host: str = "127.0.0.1"
    port: int = 5555
    password: SecretStr | None = None  # set: basic auth as user `heavylift`


class Settings:
    """All concerns of one process; `data_dir` is where the embedded default keeps everything."""

    def __init__(self, data_dir: Path | None = None) -> None:
        self.data_dir = Path(data_dir or os.environ.get("HEAVYLIFT_DATA_DIR") or ".heavylift").absolute()
        self.api = ApiSettings()
        self.upload = UploadSettings()
        self.ledger = LedgerSettings()
        self.broker = BrokerSettings()
        self.store = StoreSettings()
        self.worker = WorkerSettings()
        self.sandbox = SandboxSettings()
        self.gpu = GpuSettings()
        self.retention = RetentionSettings()
        self.catalog = CatalogSettings()
        self.studio = StudioSettings()
        self.node = NodeSettings()
        self.price = PriceSettings()
        self.search = SearchSettings()
        self.flower = FlowerSettings()

    @classmethod
    def load(cls, data_dir: Path | None = None) -> Self:
        """Settings from the environment; `data_dir` overrides HEAVYLIFT_DATA_DIR."""
        return cls(data_dir)

    @property
    def ledger_url(self) -> str:
        """The ledger's URL, defaulted to SQLite in the data folder."""
        return self.ledger.url or f"sqlite:///{self.data_dir / 'ledger.sqlite3'}"

    @property
    def broker_url(self) -> str:
        """The broker's URL, defaulted to the embedded broker's (written by its supervisor)."""
        if self.broker.url:
            return self.broker.url
        written = self.data_dir / "run" / "broker.url"
        return written.read_text().strip() if written.exists() else self.embedded_redis_url

    @property
    def embedded_redis_url(self) -> str:
        """Where the supervised Redis of this data folder listens."""
        return f"redis+socket://{self.data_dir / 'run' / 'redis.sock'}"

    @property
    def store_path(self) -> Path:
        """The local store's folder."""
        return self.store.path or self.data_dir / "store"

    @property
    def search_path(self) -> Path:
        """The folder of the embedded search index."""
        return self.search.folder or self.data_dir / "search"

    @property
    def gpu_path(self) -> Path:
        """Where the pools of this host share its GPUs."""
        return self.data_dir / "run" / "gpu"

    @property
    def scratch_path(self) -> Path:
        """Where attempts get their scratch folders."""
        return self.data_dir / "scratch"
