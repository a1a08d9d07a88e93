"""The end of a server, as its last clients see it: what is cut gets an answer that says so, and to try again."""

import asyncio

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Problem, problem_response


class Farewell:
    """Answers a request that is cut because the server ends; uvicorn would call it an error of ours."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answered = False

        async def noting_send(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self._app(scope, receive, noting_send)
        except asyncio.CancelledError:
            if scope["type"] != "http" or answered:
                raise
            again = "Send it again, with an Idempotency-Key where it must not be done twice."
            problem = Problem("server.ending", f"The server ends, and this took too long for it. {again}")
            await problem_response(Request(scope), problem)(scope, receive, send)
