"""Which addresses a webhook may have: those of the public internet, and none of our own network.

A name is checked twice: as it is written, when a webhook is made, and by the addresses it stands
for, when something is sent; the sender connects to the very addresses that were checked.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from include.errors import ConfigurationError, InvalidInputError
from include.settings import Settings, get_settings

MAX_URL_CHARACTERS = 2_000
DEFAULT_PORTS = {"https": 443, "http": 80}
# Names that only our own network knows.
PRIVATE_SUFFIXES = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".corp", ".home")
IPV6_INTERNET = ipaddress.ip_network("2000::/3")
# What Python holds to be global, but is for relays and translators, which lead anywhere.
REFUSED_NETWORKS = [
    ipaddress.ip_network(text)
    for text in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2002::/16", "3fff::/20")
]


@dataclass(frozen=True)
class Receiver:
    """Where to send to; `target` is path and query."""

    scheme: str
    host: str
    port: int
    target: str


def check_webhook_settings(settings: Settings) -> None:
    """Refuse to start in production with settings for development.

    :raises ConfigurationError: naming the variable.
    """
    if settings.production and settings.webhook_development:
        raise ConfigurationError("PRODUCTION forbids WEBHOOK_DEVELOPMENT; switch one of them off.")


def parse_url(url: str) -> Receiver:
    """Host, port and path of a URL that may be a receiver's, as far as its text tells.

    :raises InvalidInputError: saying what is wrong with it.
    """
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise refuse("must be printable ASCII; write other names as xn--...")
    if len(url) > MAX_URL_CHARACTERS:
        raise refuse(f"must have at most {MAX_URL_CHARACTERS} characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise refuse("is no valid URL") from None
    if "@" in parts.netloc or parts.fragment:
        raise refuse("must hold neither a user nor a fragment")
    host = (parts.hostname or "").rstrip(".")
    receiver = Receiver(
        parts.scheme,
        host,
        port or DEFAULT_PORTS.get(parts.scheme, 0),
        (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
    )
    require_allowed(receiver)
    return receiver


def require_allowed(receiver: Receiver) -> None:
    """Refuse schemes, ports and hosts that no receiver may have."""
    settings = get_settings()
    if receiver.scheme not in (DEFAULT_PORTS if settings.webhook_development else {"https"}):
        raise refuse("must begin with https://")
    if not receiver.host or not set(receiver.host) <= HOST_CHARACTERS:
        raise refuse("must name a host")
    if settings.webhook_development:
        return
    if str(receiver.port) not in settings.webhook_ports.replace(" ", "").split(","):
        raise refuse(f"must use port {settings.webhook_ports}")
    if literal := find_literal(receiver.host):
        require_public(literal)
    elif "." not in receiver.host or f".{receiver.host}".endswith(PRIVATE_SUFFIXES):
        raise refuse("must name a host of the public internet")


HOST_CHARACTERS = set("abcdefghijklmnopqrstuvwxyz0123456789.-_:%")


def find_literal(host: str) -> str | None:
    """The address a host stands for without being looked up, in whatever notation; else None.

    The resolver reads `127.1`, `0x7f000001` and `2130706433` as addresses, so it is asked.
    """
    try:
        found = socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return None
    return str(found[0][4][0])


def require_public(address: str) -> None:
    """Refuse an address that is not one of the public internet.

    :raises InvalidInputError: naming it.
    """
    if not is_public(address) and not get_settings().webhook_development:
        raise refuse(f"leads to {address}, which is not an address of the public internet")


def is_public(address: str) -> bool:
    """Whether anybody on the internet may have this address.

    Not so private, loopback, link-local, reserved and multicast ones, and those of IPv6 that stand
    for another of IPv4.
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if found.version == 6 and found not in IPV6_INTERNET:
        return False
    if any(found in network for network in REFUSED_NETWORKS if network.version == found.version):
        return False
    return found.is_global and not found.is_multicast and not found.is_reserved


def refuse(reason: str) -> InvalidInputError:
    """The error for a URL that must not be used."""
    return InvalidInputError(f"The webhook's URL {reason}.", "url")
