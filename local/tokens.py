"""Development tokens for the intake API."""

from __future__ import annotations

import time

import jwt

from include.settings import Settings

LIFETIME_SECONDS = 12 * 60 * 60


def make_token(user: str, secret: str) -> str:
    """A bearer token for `user`, valid for twelve hours."""
    settings = Settings()
    issued_at = int(time.time())
    claims = {
        "sub": user,
        "iss": settings.jwt_issuer,
        "aud": settings.jwt_audience,
        "iat": issued_at,
        "exp": issued_at + LIFETIME_SECONDS,
    }
    return jwt.encode(claims, secret, algorithm="HS256")
