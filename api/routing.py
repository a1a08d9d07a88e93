"""Routes whose endpoints read the request themselves: FastAPI documents them and has nothing to solve for them."""

from collections.abc import Callable, Coroutine
from inspect import iscoroutinefunction
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response


class Direct(APIRoute):
    """Calls `async` endpoints with the request and the parts of the path as text; others in FastAPI's own way.

    Looking for dependencies that are not there would cost a status request more than its answer.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        endpoint = self.endpoint
        if not iscoroutinefunction(endpoint):
            return super().get_route_handler()

        async def call(request: Request) -> Response:
            response: Response = await endpoint(request, **request.path_params)
            return response

        return call
