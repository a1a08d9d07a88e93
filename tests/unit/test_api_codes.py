"""The codes that clients build on stay: one may be added here, none may vanish or change its status."""

import ast
from pathlib import Path

import api
from api.problems import CODES

COMMITTED = {
    "artifact.not_found": 404,
    "artifact.range": 416,
    "catalog.no_source": 409,
    "catalog.source_refused": 403,
    "correction.not_found": 404,
    "job.in_use": 409,
    "mapping.not_found": 404,
    "owner.full": 409,
    "idempotency.mismatch": 422,
    "input.empty": 400,
    "input.too_large": 413,
    "input.unsupported": 415,
    "internal.error": 500,
    "job.not_found": 404,
    "job.wrong_state": 409,
    "ledger.unavailable": 503,
    "letter.not_found": 404,
    "letter.wrong_state": 409,
    "method.not_allowed": 405,
    "prices.invalid": 422,
    "queue.not_found": 404,
    "reconciler.not_found": 404,
    "reconciliation.not_found": 404,
    "request.malformed": 400,
    "route.not_found": 404,
    "search.cursor": 400,
    "search.query": 400,
    "server.ending": 503,
    "store.full": 507,
    "store.unavailable": 503,
    "upload.interrupted": 400,
    "upload.stalled": 408,
}


def test_codes__none_vanishes():
    """The codes and their statuses are exactly those committed here."""
    assert {code: status for code, (status, _title) in CODES.items()} == COMMITTED


def test_codes__each_is_used():
    """Each code is answered by some place in api/, so that the list promises nothing that cannot happen."""
    said = set()
    for path in Path(api.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text())
        listed = {id(key) for node in ast.walk(tree) if isinstance(node, ast.Dict) for key in node.keys}
        constants = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in listed)
        said |= {node.value for node in constants if isinstance(node.value, str)}
    assert set(CODES) <= said
