"""A token issuer's keys, served over HTTP as Cognito serves them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.http_server import serve

KEY_ID = "key-1"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
WEAK_KEY = rsa.generate_private_key(public_exponent=65537, key_size=1024)


def describe_key(key: rsa.RSAPrivateKey, key_id: str, **more: Any) -> dict[str, Any]:
    """The public half as a JWK."""
    jwk: dict[str, Any] = json.loads(jwt.get_algorithm_by_name("RS256").to_jwk(key.public_key()))
    return jwk | {"kid": key_id, "use": "sig", "alg": "RS256"} | more


def publish_keys(elliptic: ec.EllipticCurvePrivateKey | None = None) -> dict[str, Any]:
    """The issuer's key, and some that must not be used."""
    keys = [
        describe_key(KEY, KEY_ID),
        describe_key(WEAK_KEY, "weak"),
        describe_key(KEY, "encryption", use="enc"),
        {"kty": "oct", "kid": "secret", "k": "b29v" * 10 + "b28", "use": "sig"},
        {"kty": "RSA", "kid": "broken", "n": "!", "e": "AQAB"},
    ]
    if elliptic:
        public = jwt.get_algorithm_by_name("ES256").to_jwk(elliptic.public_key())
        keys.append(json.loads(public) | {"kid": "elliptic", "use": "sig"})
    return {"keys": keys}


@dataclass
class Issuer:
    """What is served, and how often it was asked for."""

    body: bytes
    status: int = 200
    fetches: int = 0
    url: str = ""

    def publish(self, document: Any) -> None:
        """Serve other keys from now on."""
        self.body = json.dumps(document).encode()


@contextmanager
def serve_keys(document: Any) -> Iterator[Issuer]:
    """The keys on a free port."""
    issuer = Issuer(json.dumps(document).encode())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.fetches += 1
            self.send_response(issuer.status)
            self.send_header("Content-Length", str(len(issuer.body)))
            self.end_headers()
            self.wfile.write(issuer.body)

        def log_message(self, *arguments: Any) -> None:
            pass

    with serve(Handler) as url:
        issuer.url = f"{url}/.well-known/jwks.json"
        yield issuer
