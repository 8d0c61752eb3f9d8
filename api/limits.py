"""How often one caller may ask: a tenant by its token, anybody else by address."""

from __future__ import annotations

from flask import Flask, Response, g, request
from flask_limiter import HeaderNames, Limiter
from werkzeug.middleware.proxy_fix import ProxyFix

from api.auth import get_user_id
from include.errors import OratioError
from include.request_ids import OPERATIONS_PATHS
from include.settings import Settings, get_settings

# Asked by machines that must not be refused.
# Where flask-limiter puts its Retry-After, which it has for every answer.
NEXT_WINDOW = "X-RateLimit-Next-Window"


def register_limiter(app: Flask, settings: Settings) -> None:
    """Refuse with 429 and Retry-After what comes too often."""
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.trusted_proxies, x_proto=settings.trusted_proxies
        )
    app.after_request(say_when_to_come_back)  # Flask calls it after the limiter's own
    # One count for all routes, so application limits; if Redis is away, each process counts.
    Limiter(
        identify_caller,
        app=app,
        application_limits=[find_limit],
        application_limits_exempt_when=lambda: request.path in OPERATIONS_PATHS,
        headers_enabled=True,
        header_name_mapping={HeaderNames.RETRY_AFTER: NEXT_WINDOW},
        storage_uri=settings.rate_limit_storage_url,
        in_memory_fallback_enabled=True,
    )


def say_when_to_come_back(response: Response) -> Response:
    """Retry-After on a refusal that has none of its own yet, and on nothing else."""
    seconds = response.headers.pop(NEXT_WINDOW, None)
    if response.status_code == 429 and seconds:
        response.headers.setdefault("Retry-After", seconds)
    return response


def identify_caller() -> str:
    """The tenant of a valid token, else the address: guessing tokens counts against the guesser."""
    if "caller" not in g:
        try:
            g.caller = f"tenant:{get_user_id()}"
        except OratioError:
            g.caller = f"address:{request.remote_addr}"
    caller: str = g.caller
    return caller


def find_limit() -> str:
    """The limit that holds for this caller."""
    settings = get_settings()
    is_tenant = identify_caller().startswith("tenant:")
    return settings.rate_limit_tenant if is_tenant else settings.rate_limit_address
