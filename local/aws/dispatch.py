"""Routes a signed AWS request to our own service classes first and to stock moto otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from moto.core.request import Request
from moto.core.responses import BaseResponse
from moto.core.utils import camelcase_to_underscores, method_names_from_class
from moto.moto_server.werkzeug_app import (
    BackendRequest,
    DomainDispatcherApplication,
    create_backend_app,
)
from werkzeug.wrappers import Response

from local.aws.knowledge import collections

SIGNING_SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request")

READING_OPERATIONS = ("Get", "BatchGet", "Query", "Scan", "Describe", "List")
READING_PATHS = ("/retrieve", "/invocations", "/converse", "/converse-stream", "/invoke")

Services = Mapping[str, Sequence[type[BaseResponse]]]


class StandInApp(DomainDispatcherApplication):
    """WSGI application: `services` maps a SigV4 signing name to the classes tried in order."""

    def __init__(self, services: Services, on_change: Callable[[], None] | None = None) -> None:
        super().__init__(create_backend_app)
        self.services = services
        self.on_change = on_change

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request, and tell the owner afterwards if it may have changed something."""
        try:
            return self.answer(environ, start_response)
        finally:
            if self.on_change and not is_read(environ):
                self.on_change()

    def answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Let our class for the operation answer, or moto."""
        if find_scope(environ) == collections.SIGNING_NAME:
            return collections.answer(environ, start_response)
        service = self.find_service(environ)
        if service is None:
            return super().__call__(environ, start_response)  # type: ignore[no-any-return]
        status, headers, body = service()._dispatch(BackendRequest(environ))
        headers = {k: v for k, v in headers.items() if k.lower() != "status"}
        return Response(body, status, headers)(environ, start_response)

    def find_service(self, environ: dict[str, Any]) -> type[BaseResponse] | None:
        """The first class of ours that implements the requested operation, else None."""
        for service in self.services.get(find_scope(environ), ()):
            operation = service()._get_action_from_method_and_request_uri(Request(environ.copy()))
            if operation and camelcase_to_underscores(operation) in method_names_from_class(
                service
            ):
                return service
        return None


def find_scope(environ: dict[str, Any]) -> str:
    """The service a request is signed for, empty when it is not signed."""
    scope = SIGNING_SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    return scope[1] if scope else ""


def is_read(environ: dict[str, Any]) -> bool:
    """Whether a request only reads: by its method, its operation's name or its path."""
    if environ["REQUEST_METHOD"] in ("GET", "HEAD"):
        return True
    operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
    return operation.startswith(READING_OPERATIONS) or environ["PATH_INFO"].endswith(READING_PATHS)
