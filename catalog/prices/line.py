"""The way to a price service over HTTP: to allowed hosts and public addresses alone, within one deadline, never redirected.

Addresses are checked where the connection is made, so that a name which resolves differently a moment later gains
nothing. Proxies of the environment are not used: behind one, it is the proxy that would have to check.
"""

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpcore

from catalog.prices.calls import Reply, Unanswered
from catalog.prices.port import Reason

CONCURRENT = 4  # connections to one service
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address


class Hosts:
    """Which hosts may be called: names, addresses, networks in CIDR form. Private addresses only where they are listed.

    A listed name whose address is private is refused unless that address, or a network around it, is listed as well;
    `localhost` stands for this machine.
    """

    def __init__(self, listed: Iterable[str]) -> None:
        self._names: set[str] = set()
        self._networks: list[Network] = []
        for entry in listed:
            text = entry.strip().strip("[]").lower().rstrip(".")
            try:
                self._networks.append(ipaddress.ip_network(text, strict=False))
            except ValueError:
                self._names.add(text)
        if "localhost" in self._names:
            self._networks += [ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")]

    def allows(self, host: str) -> bool:
        """Whether a URL may name `host`."""
        text = host.strip("[]").lower().rstrip(".")
        try:
            return self._is_listed(ipaddress.ip_address(text))
        except ValueError:
            return text in self._names

    def allows_address(self, address: Address) -> bool:
        """Whether a connection may be made to what an allowed name resolved to."""
        return self._is_listed(address) or _is_public(address)

    def _is_listed(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _is_public(address: Address) -> bool:
    """Whether anybody could reach it; an IPv6 address is as public as the IPv4 address that is wrapped in it."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(inner)
    return address.is_global and not address.is_multicast


class HttpLine:
    """See `Line`. Keeps connections open; safe to share between threads."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._clock = _Deadline()
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl.create_default_context(),
            max_connections=CONCURRENT,
            max_keepalive_connections=CONCURRENT,
            keepalive_expiry=15.0,
            network_backend=_Guarded(hosts, self._clock),
        )

    def get(self, url: str, *, headers: Mapping[str, str], timeout: float, most: int) -> Reply:
        host = urlsplit(url).hostname or ""
        if not self._hosts.allows(host):
            raise Unanswered(Reason.REFUSED, f"{host} is not among the hosts that may be called")
        self._clock.begin(timeout)
        limits = dict.fromkeys(("connect", "read", "write", "pool"), timeout)
        sent = [("Host", urlsplit(url).netloc), ("Accept", "application/json"), *headers.items()]
        try:
            with self._pool.stream("GET", url, headers=sent, extensions={"timeout": limits}) as reply:
                said = {name.decode("latin-1").lower(): text.decode("latin-1") for name, text in reply.headers}
                if 300 <= reply.status < 400:
                    raise Unanswered(Reason.REFUSED, f"it redirects (status {reply.status}), which is not followed")
                return Reply(reply.status, said, self._body(reply, most=most))
        except httpcore.TimeoutException as error:
            raise Unanswered(Reason.TIMEOUT, f"no whole answer within {timeout:g} s") from error
        except (httpcore.NetworkError, OSError) as error:
            raise Unanswered(Reason.UNREACHABLE, type(error).__name__) from error
        except (httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
            raise Unanswered(Reason.UNREACHABLE, "the connection broke, or it does not speak HTTP") from error

    def _body(self, reply: httpcore.Response, *, most: int) -> bytes:
        body = bytearray()
        for chunk in reply.iter_stream():
            body += chunk
            if len(body) > most:
                raise Unanswered(Reason.MALFORMED, f"the answer has more than {most} bytes")
        return bytes(body)

    def close(self) -> None:
        """Give the connections back."""
        self._pool.close()


class _Deadline(threading.local):
    """When the call of this thread has to be over: limits per read would let a slow sender go on for ever."""

    until = 0.0

    def begin(self, seconds: float) -> None:
        self.until = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds; raises `httpcore.ReadTimeout` where there are none."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout
        return left


class _Guarded(httpcore.NetworkBackend):
    """Connects to addresses that may be called, and to no others."""

    def __init__(self, hosts: Hosts, deadline: _Deadline) -> None:
        self._hosts = hosts
        self._deadline = deadline
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - httpcore's signature; the deadline is what counts
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failed: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in self._addresses(host, port):
            try:
                stream = self._plain.connect_tcp(
                    address, port, self._deadline.left(), local_address=local_address, socket_options=socket_options
                )
                return _Timed(stream, self._deadline)
            except httpcore.ConnectError as error:
                failed = error
        raise failed

    def _addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:  # gaierror among them
            raise httpcore.ConnectError(str(error)) from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        allowed = [one for one in addresses if self._hosts.allows_address(ipaddress.ip_address(one.partition("%")[0]))]
        if addresses and not allowed:
            raise Unanswered(Reason.REFUSED, f"{host} has a private address; list that address to allow it")
        return allowed


class _Timed(httpcore.NetworkStream):
    """A stream on which nothing takes longer than the deadline of the thread that waits."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - httpcore's signature
        return self._stream.read(max_bytes, self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - httpcore's signature
        self._stream.write(buffer, self._deadline.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - httpcore's signature
    ) -> httpcore.NetworkStream:
        wrapped = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left())
        return _Timed(wrapped, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
