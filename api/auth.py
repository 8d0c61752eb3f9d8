"""Who is calling: a bearer token becomes a user id that is safe in keys, tags and run ids."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

import jwt
from flask import request

from api.errors import UnauthorizedError
from include.settings import get_settings

SAFE_SUBJECT = re.compile(r"[A-Za-z0-9_-]{1,64}")
DERIVED_PREFIX = "u-"
REQUIRED_CLAIMS = ["exp", "iat", "sub", "aud", "iss"]


def get_user_id() -> str:
    """The caller's user id.

    :raises UnauthorizedError: without a valid token.
    """
    claims = decode_token(read_bearer_token())
    return to_user_id(claims["sub"])


def read_bearer_token() -> str:
    """The token of the Authorization header."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise UnauthorizedError("Send a token: `Authorization: Bearer <token>`.")
    return token.strip()


def decode_token(token: str) -> dict[str, Any]:
    """The claims of a token that is signed, meant for us, and in date."""
    settings = get_settings()
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            settings.jwt_secret.get_secret_value(),
            algorithms=["HS256"],
            audience=settings.jwt_audience,
            issuer=settings.jwt_issuer,
            options={"require": REQUIRED_CLAIMS},
        )
    except jwt.PyJWTError as error:
        raise UnauthorizedError(f"The token is not valid: {error}. Get a new one.") from error
    return claims


def to_user_id(subject: str) -> str:
    """The subject itself where every service takes it, else a digest of it.

    Subjects that look like a digest are digested, too, so that nobody can name another's id.
    """
    if SAFE_SUBJECT.fullmatch(subject) and not subject.startswith(DERIVED_PREFIX):
        return subject
    if not subject:
        raise UnauthorizedError("The token names no subject (`sub`). Get a new one.")
    digest = hashlib.sha256(subject.encode("utf-8", "surrogatepass")).digest()
    return DERIVED_PREFIX + base64.b32encode(digest).decode().lower()[:26]
