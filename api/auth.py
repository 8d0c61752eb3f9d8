"""Who is calling the intake: a tenant, by the bearer token of the request."""

from __future__ import annotations

from flask import g, request

from include.tokens import identify_user


def get_user_id() -> str:
    """The caller's user id.

    :raises UnauthorizedError: without a valid token.
    """
    if "user_id" not in g:
        g.user_id = identify_user(request.headers.get("Authorization", ""))
    user_id: str = g.user_id
    return user_id
