"""Whose request is this? A port: everybody is `local` until authentication fills it."""

from typing import Protocol

from fastapi import Request

LOCAL = "local"


class Owners(Protocol):
    """Names the owner of a request; every row of the ledger belongs to one."""

    def owner_of(self, request: Request) -> str:
        """The owner's name; asked on the event loop too, so it waits for nothing."""


class Everybody:
    """One owner for all: right on loopback and in a trusted network."""

    def owner_of(self, request: Request) -> str:  # noqa: ARG002 - the port's signature
        return LOCAL
