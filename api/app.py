"""The HTTP app: rooms in, FastAPI out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio.to_thread
from fastapi import FastAPI
from starlette.middleware import Middleware

from api import (
    artifacts,
    attempts,
    catalog,
    compare,
    corrections,
    index,
    jobs,
    letters,
    prices,
    problems,
    queues,
    reconciliations,
    similar,
    system,
    verbs,
)
from api import search as search_routes
from api.ending import Farewell
from api.intake import Intake
from api.metrics import Metrics
from api.middleware import Around, Lingering
from api.openapi import describe
from api.owners import Everybody, Owners
from api.recent import RecentJobs
from api.state import Face, Waker
from api.waiting import Hub
from config.settings import Settings
from ledger import Ledger
from search.asking import Asking
from storage.port import ObjectStore
from wiring.catalog import allowed_sources

# Threads that answer; fewer than the ledger has connections (pool_size and as many again).
THREADS = 16


def create_app(
    *,
    ledger: Ledger,
    store: ObjectStore,
    publisher: Waker,
    search: Asking,
    settings: Settings,
    owners: Owners | None = None,
) -> FastAPI:
    """An app over these rooms, which stay the caller's to close."""
    allowed_sources(settings)  # a mistake in them is told now, not to the first who imports
    metrics = Metrics(ledger)
    face = Face(
        ledger=ledger,
        store=store,
        publisher=publisher,
        search=search,
        settings=settings,
        owners=owners or Everybody(),
        metrics=metrics,
        recent=RecentJobs(ledger),
        hub=Hub(ledger),
        intake=Intake(ledger=ledger, store=store, settings=settings.upload, on_bytes=metrics.upload_bytes.inc),
    )
    metrics.uploads.set_function(lambda: face.intake.active)
    metrics.searches.breaker.set_function(lambda: face.search.degraded)
    metrics.waiting.set_function(lambda: face.hub.clients)
    app = FastAPI(
        title="Heavylift",
        openapi_url="/openapi.json",
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        lifespan=_lifespan,
        middleware=[Middleware(Around, metrics=metrics), Middleware(Lingering), Middleware(Farewell)],
    )
    app.state.face = face
    problems.install(app)
    for room in _ROOMS:
        app.router.routes.extend(room.router.routes)  # as they are: an included router is matched twice per request
    describe(app)
    return app


_ROOMS = (
    *(jobs, verbs, artifacts, attempts, similar, compare),
    *(letters, queues, reconciliations),
    *(catalog, corrections, prices),
    *(search_routes, index, system),
)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    face: Face = app.state.face
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    face.hub.start()
    face.search.begin()
    try:
        yield
    finally:
        await face.hub.close()
        face.recent.close()
        await face.intake.close()
