"""Who is calling: a bearer token becomes a user id that is safe in keys, tags and run ids.

What is checked follows RFC 8725. With JWKS_URL the issuer's public keys verify tokens; without,
one shared secret does, for development. Never both, so no token can turn one into the other.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import re
import time
from typing import Any

import jwt

from include.errors import ConfigurationError, UnauthorizedError
from include.jwks import get_key_set
from include.settings import Settings, get_settings

log = logging.getLogger(__name__)

SAFE_SUBJECT = re.compile(r"[A-Za-z0-9_-]{1,64}")
# No issuer names its users so; who does is trying to leave a folder or to forge a log line.
PATH_LIKE = re.compile(r"^/|\\|(^|/)\.{1,2}(/|$)|[\x00-\x1f\x7f]")
DERIVED_PREFIX = "u-"
REQUIRED_CLAIMS = ["exp", "iat", "sub", "iss"]
TOKEN_TYPES = {"jwt", "at+jwt", "application/at+jwt"}
SHARED_KEY_ALGORITHM = "HS256"
MIN_SECRET_BYTES = 32  # RFC 7518, 3.2: as long as the hash
MAX_TOKEN_CHARACTERS = 8_000  # Cognito's are below 2,000
MAX_SUBJECT_CHARACTERS = 255  # RFC 7519 has no limit; OpenID Connect has this one
CLOCK_SKEW_SECONDS = 30
INVALID = "The token is not valid. Get a new one."
# All that parsing hostile JSON can raise: nesting, numbers like 1e999, wrong types.
BROKEN = (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError)


def identify_user(authorization: str) -> str:
    """The user id of the token in an Authorization header.

    :raises UnauthorizedError: without a valid token.
    """
    return to_user_id(decode_token(read_bearer_token(authorization))["sub"])


def read_bearer_token(authorization: str) -> str:
    """The token in an Authorization header."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise UnauthorizedError("Send a token: `Authorization: Bearer <token>`.")
    return token.strip()


def decode_token(token: str) -> dict[str, Any]:
    """The claims of a token that is signed, meant for us, and in date."""
    settings = get_settings()
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise UnauthorizedError(INVALID)
    try:
        key, algorithm = find_key(jwt.get_unverified_header(token), settings)
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            issuer=settings.jwt_issuer,
            options={"require": REQUIRED_CLAIMS, "verify_aud": False, "verify_iat": False},
        )
        check_claims(claims, settings)
    except jwt.ExpiredSignatureError as error:
        raise UnauthorizedError("The token has expired. Get a new one.") from error
    except BROKEN as error:
        log.info("token refused: %s", type(error).__name__)
        raise UnauthorizedError(INVALID) from error
    return claims


def find_key(header: dict[str, Any], settings: Settings) -> tuple[Any, str]:
    """The key that must have signed, and the one algorithm it may have been used with.

    Of the header only `typ` and `kid` count; keys it brings or points to (`jwk`, `jku`, `x5c`,
    `x5u`) are never looked at.
    """
    if str(header.get("typ", "JWT")).lower() not in TOKEN_TYPES:
        raise jwt.InvalidTokenError("typ")
    if not settings.jwks_url:
        return find_secret(settings), SHARED_KEY_ALGORITHM
    key = get_key_set().find_key(str(header.get("kid", "")))
    if key is None:
        raise jwt.InvalidKeyError("kid")
    return key, key.algorithm_name


def find_secret(settings: Settings) -> str:
    """The shared secret, where one may be used."""
    secret = settings.jwt_secret.get_secret_value()
    if settings.production or len(secret.encode()) < MIN_SECRET_BYTES:
        raise jwt.InvalidKeyError("secret")
    return secret


def check_claims(claims: dict[str, Any], settings: Settings) -> None:
    """What PyJWT leaves open: types, audience, use, age and subject.

    :raises jwt.InvalidTokenError: naming the claim.
    """
    times = [claims["iat"], claims["exp"]]
    if not all(type(moment) in (int, float) for moment in times):
        raise jwt.InvalidTokenError("times must be numbers")
    checks = {
        "aud": settings.jwt_audience in list_audiences(claims),
        "token_use": claims.get("token_use", settings.jwt_token_use) == settings.jwt_token_use,
        "iat": claims["iat"] <= time.time() + CLOCK_SKEW_SECONDS,
        "exp": 0 < claims["exp"] - claims["iat"] <= settings.jwt_max_lifetime_seconds,
        "sub": is_subject(claims["sub"]),
    }
    if wrong := [claim for claim, is_right in checks.items() if not is_right]:
        raise jwt.InvalidTokenError(", ".join(wrong))


def is_subject(subject: str) -> bool:
    """Whether this can name a user at all."""
    return 0 < len(subject) <= MAX_SUBJECT_CHARACTERS and not PATH_LIKE.search(subject)


def list_audiences(claims: dict[str, Any]) -> list[Any]:
    """Whom a token is for; Cognito's access tokens say `client_id` instead of `aud`."""
    is_cognito = "aud" not in claims and claims.get("token_use") == "access"
    audience = claims.get("client_id" if is_cognito else "aud")
    return audience if isinstance(audience, list) else [audience]


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


def check_identity_settings(settings: Settings) -> None:
    """Refuse to start with settings that let others sign tokens or cursors.

    :raises ConfigurationError: naming the variable.
    """
    secret = len(settings.jwt_secret.get_secret_value().encode())
    cursor_secret = len(settings.cursor_secret.get_secret_value().encode())
    if settings.production and not settings.jwks_url.startswith("https://"):
        raise ConfigurationError("PRODUCTION needs JWKS_URL, an https address.")
    if settings.production and cursor_secret < MIN_SECRET_BYTES:
        raise ConfigurationError(f"PRODUCTION needs CURSOR_SECRET, {MIN_SECRET_BYTES} bytes.")
    if not settings.jwks_url and 0 < secret < MIN_SECRET_BYTES:
        raise ConfigurationError(f"JWT_SECRET is too short: {MIN_SECRET_BYTES} bytes at least.")
