"""Sends to receivers on the public internet, and nowhere else, whatever their names resolve to.

A name is resolved once, all its addresses are checked, and the connection goes to one of those.
TLS still checks the certificate against the name. Redirects are not followed, proxies not used,
the answer's body is not read.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import httpcore

from include.errors import DeliveryFailedError, InvalidInputError
from include.settings import get_settings
from include.webhooks.addresses import parse_url, require_public

MAX_LOOK_UPS = 8  # at a time


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects to names whose every address is public, by address."""

    def __init__(self) -> None:
        self.network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that answers."""
        addresses = await resolve(host, port)
        for address in addresses:
            require_public(address)
        for address in addresses[:-1]:
            try:
                return await self.network.connect_tcp(address, port, timeout)
            except httpcore.ConnectError:
                continue
        return await self.network.connect_tcp(addresses[-1], port, timeout)


async def resolve(host: str, port: int) -> list[str]:
    """All addresses of a name, looked up by threads of our own: others do not wait for slow DNS.

    :raises DeliveryFailedError: when it has none.
    """
    loop = asyncio.get_running_loop()
    try:
        return await loop.run_in_executor(get_resolvers(), look_up, host, port)
    except (OSError, UnicodeError) as error:
        raise DeliveryFailedError(f"{host} cannot be resolved.") from error


def look_up(host: str, port: int) -> list[str]:
    """Ask the system's resolver, which can take long."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@lru_cache(maxsize=1)
def get_resolvers() -> ThreadPoolExecutor:
    """The process's threads that wait for DNS."""
    return ThreadPoolExecutor(MAX_LOOK_UPS, thread_name_prefix="resolver")


async def send(url: str, headers: dict[str, str], body: bytes) -> None:
    """POST a body; returns when the receiver answers 2xx.

    :raises DeliveryFailedError: when it does not, or must not be asked, saying why.
    """
    try:
        async with asyncio.timeout(get_settings().webhook_timeout_seconds):
            status = await post(url, headers, body)
    except InvalidInputError as error:
        raise DeliveryFailedError(error.message) from error
    except TimeoutError as error:
        limit = get_settings().webhook_timeout_seconds
        raise DeliveryFailedError(f"The receiver took longer than {limit:g} s.") from error
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
        reason = str(error) or type(error).__name__
        raise DeliveryFailedError(f"The connection failed: {reason}.") from error
    if not 200 <= status < 300:
        raise DeliveryFailedError(f"The receiver answered HTTP {status}.")


async def post(url: str, headers: dict[str, str], body: bytes) -> int:
    """POST over a connection of its own; returns the status."""
    receiver = parse_url(url)
    # From its parts: two parsers may take one text for two hosts.
    address = httpcore.URL(
        scheme=receiver.scheme.encode(),
        host=receiver.host.encode(),
        port=receiver.port,
        target=receiver.target.encode(),
    )
    pool = httpcore.AsyncConnectionPool(get_ssl_context(), network_backend=CheckedBackend())
    fields = [*headers.items()]
    async with pool, pool.stream("POST", address, headers=fields, content=body) as response:
        return int(response.status)


@lru_cache(maxsize=1)
def get_ssl_context() -> ssl.SSLContext:
    """The system's authorities; names are checked."""
    return ssl.create_default_context()
