"""Routes a signed AWS request to our own service classes first and to stock moto otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from moto.core.responses import BaseResponse
from moto.core.utils import camelcase_to_underscores, method_names_from_class
from moto.moto_server.werkzeug_app import (
    BackendRequest,
    DomainDispatcherApplication,
    create_backend_app,
)
from werkzeug.wrappers import Response

from local.aws import admin
from local.aws.agentcore import websockets
from local.aws.calls import Call, find_call, find_scope, read_text
from local.aws.disturbance import disturb
from local.aws.faults import FAULTS
from local.aws.knowledge import collections

READING_OPERATIONS = ("Get", "BatchGet", "Query", "Scan", "Describe", "List")
READING_PATHS = ("/retrieve", "/invocations", "/converse", "/converse-stream", "/invoke")

Services = Mapping[str, Sequence[type[BaseResponse]]]


class StandInApp(DomainDispatcherApplication):
    """WSGI application: `services` maps a service to the classes that may have an operation."""

    def __init__(self, services: Services, on_change: Callable[[], None] | None = None) -> None:
        super().__init__(create_backend_app)
        self.services = services
        self.on_change = on_change
        self.backends: dict[str | None, Any] = {}

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request, and tell the owner afterwards if it may have changed something."""
        if environ["PATH_INFO"].startswith(admin.PREFIX) and not find_scope(environ):
            return admin.answer(environ, start_response)
        if websockets.is_upgrade(environ):
            return websockets.answer(environ, start_response)
        try:
            return self.answer_or_disturb(environ, start_response)
        finally:
            if self.on_change and not is_read(environ):
                self.on_change()

    def answer_or_disturb(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer, unless the call meets a fault."""
        call = find_call(environ)

        def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            return self.answer(call, environ, start_response)

        fault = FAULTS.draw(call, lambda: read_text(call, environ)) if call else None
        if call is None or fault is None:
            return answer(environ, start_response)
        return disturb(fault, call, environ, answer)(environ, start_response)

    def answer(
        self, call: Call | None, environ: dict[str, Any], start_response: Any
    ) -> Iterable[bytes]:
        """Let our class for the operation answer, or moto."""
        if find_scope(environ) == collections.SIGNING_NAME:
            return collections.answer(environ, start_response)
        service = self.find_service(call) if call else None
        if service is None:
            return super().__call__(environ, start_response)  # type: ignore[no-any-return]
        status, headers, body = service()._dispatch(BackendRequest(environ))
        headers = {k: v for k, v in headers.items() if k.lower() != "status"}
        return Response(body, status, headers)(environ, start_response)

    def get_backend_for_host(self, host: str | None) -> Any:
        """moto's answer, kept: it lists a folder each time."""
        if host not in self.backends:
            self.backends[host] = super().get_backend_for_host(host)
        return self.backends[host]

    def find_service(self, call: Call) -> type[BaseResponse] | None:
        """Our class that implements the operation, if there is one."""
        return find_class(tuple(self.services.get(call.service, ())), call.operation)


@cache
def find_class(
    services: tuple[type[BaseResponse], ...], operation: str
) -> type[BaseResponse] | None:
    """The class that implements the operation, if there is one."""
    method = camelcase_to_underscores(operation)
    return next((each for each in services if method in method_names_from_class(each)), None)


def is_read(environ: dict[str, Any]) -> bool:
    """Whether a request only reads: by its method, its operation's name or its path."""
    if environ["REQUEST_METHOD"] in ("GET", "HEAD"):
        return True
    operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
    return operation.startswith(READING_OPERATIONS) or environ["PATH_INFO"].endswith(READING_PATHS)
