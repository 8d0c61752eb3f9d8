"""The public keys of the token issuer: fetched, kept, and renewed when it rotates them."""

from __future__ import annotations

import logging
import threading
import time
from functools import lru_cache
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from include.errors import RetryableError
from include.settings import get_settings

log = logging.getLogger(__name__)

# One algorithm a key type: a token never chooses how it is verified (RFC 8725, 3.1).
ALGORITHMS = {"RSA": "RS256", "EC": "ES256"}
MIN_RSA_BITS = 2048
FETCH_TIMEOUT_SECONDS = 5.0


class KeysUnavailableError(RetryableError):
    """The issuer's keys could not be fetched even once."""

    code = "keys_unavailable"


class KeySet:
    """The keys behind one address.

    An unknown key id causes one fetch an interval, however many tokens name one. While fetching
    fails the keys we have stay good.
    """

    def __init__(self, url: str, lifetime_seconds: float, refetch_seconds: float) -> None:
        self.url = url
        self.lifetime_seconds = lifetime_seconds
        self.refetch_seconds = refetch_seconds
        self.keys: dict[str, jwt.PyJWK] = {}
        self.fetched_at = self.tried_at = float("-inf")
        self.lock = threading.Lock()

    def find_key(self, key_id: str) -> jwt.PyJWK | None:
        """The key of this id, if the issuer has it.

        :raises KeysUnavailableError: while no key is known at all.
        """
        is_known = key_id in self.keys
        if not is_known or time.monotonic() - self.fetched_at > self.lifetime_seconds:
            self.refresh(wait=not is_known)
        if not self.keys:
            raise KeysUnavailableError("Tokens cannot be checked at the moment. Try again shortly.")
        return self.keys.get(key_id)

    def refresh(self, wait: bool) -> None:
        """Fetch the keys, unless that was just tried; without `wait`, leave it to who is at it."""
        if not self.lock.acquire(blocking=wait):
            return
        try:
            if time.monotonic() - self.tried_at >= self.refetch_seconds:
                self.tried_at = time.monotonic()
                self.keys = fetch_keys(self.url)
                self.fetched_at = time.monotonic()
        except (httpx.HTTPError, ValueError) as error:
            log.error("the issuer's keys cannot be fetched: %r", error)
        finally:
            self.lock.release()


def fetch_keys(url: str) -> dict[str, jwt.PyJWK]:
    """The usable keys at an address by key id.

    :raises ValueError: when there are none; the keys we have are then better than nothing.
    """
    answer = httpx.get(url, timeout=FETCH_TIMEOUT_SECONDS).raise_for_status()
    document = answer.json()
    listed = document.get("keys") if isinstance(document, dict) else None
    found = [parse_key(key) for key in listed] if isinstance(listed, list) else []
    keys = {key.key_id: key for key in found if key and key.key_id}
    if not keys:
        raise ValueError("the answer holds no usable key")
    return keys


def parse_key(key: Any) -> jwt.PyJWK | None:
    """A public signing key of a kind we take, else None."""
    if not isinstance(key, dict) or key.get("use", "sig") != "sig":
        return None
    algorithm = ALGORITHMS.get(str(key.get("kty")))
    if algorithm is None or key.get("alg", algorithm) != algorithm:
        return None
    try:
        parsed = jwt.PyJWK(key, algorithm)
    except jwt.PyJWTError:
        return None
    is_weak = isinstance(parsed.key, RSAPublicKey) and parsed.key.key_size < MIN_RSA_BITS
    is_foreign_curve = algorithm == "ES256" and key.get("crv") != "P-256"
    return None if is_weak or is_foreign_curve or "d" in key else parsed


@lru_cache(maxsize=1)
def get_key_set() -> KeySet:
    """The process's keys."""
    settings = get_settings()
    return KeySet(settings.jwks_url, settings.jwks_lifetime_seconds, settings.jwks_refetch_seconds)
