"""bedrock-agentcore over WebSockets: InvokeAgentRuntimeWithWebSocketStream.

No service model has this operation. The stand-in finds the agent, hands it the upgrade request, and
then carries bytes between the two, whatever they are.
"""

from __future__ import annotations

import json
import re
import selectors
import socket
import time
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.core.exceptions import ServiceException
from werkzeug.wrappers import Request, Response

from local.aws.agentcore.invocations import (
    CUSTOM_HEADER_PREFIX,
    SERVICE,
    SESSION_HEADER,
    find_launch,
    running,
)
from local.aws.agentcore.runtimes import DEFAULT_ENDPOINT
from local.aws.calls import find_scope
from local.aws.errors import AccessDeniedException, RuntimeClientError, ValidationException

PATH = re.compile(r"/runtimes/(?P<arn>arn:[^/]+/[^/]+)/ws")
ARN = re.compile(r"arn:[^:]+:bedrock-agentcore:(?P<region>[^:]+):(?P<account>\d+):runtime/[^/]+")
SESSION_ID_LENGTHS = range(33, 257)
MAX_PRESIGNED_SECONDS = 300
MAX_SECONDS = 60 * 60.0  # AgentCore's limit for one connection
CONNECT_TIMEOUT_SECONDS = 10.0
READ_BYTES = 65536
# The upgrade's own headers, which belong to both ends and not to what is between.
UPGRADE_HEADERS = (
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Version",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Extensions",
)
STATUS = {
    "AccessDeniedException": 403,
    "ResourceNotFoundException": 404,
    "RuntimeClientError": 424,
    "ThrottlingException": 429,
}


def is_upgrade(environ: Mapping[str, Any]) -> bool:
    """Whether a request asks to talk to a runtime over a WebSocket."""
    upgrade = environ.get("HTTP_UPGRADE", "").lower()
    return upgrade == "websocket" and bool(PATH.fullmatch(environ["PATH_INFO"]))


def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Carry the conversation until one side hangs up; a refusal is an HTTP answer."""
    try:
        carry(Request(environ), environ["werkzeug.socket"])
    except ServiceException as error:
        body = json.dumps({"message": str(error.message)})
        headers = {"x-amzn-ErrorType": error.code}
        status = STATUS.get(error.code, 400)
        response = Response(body, status, headers, content_type="application/json")
        return response(environ, start_response)
    # The socket is used up: tells werkzeug that there is nobody left to answer.
    raise ConnectionAbortedError


def carry(request: Request, client: socket.socket) -> None:
    """Start the agent if need be and join the two sockets."""
    require_signed(request)
    arn = PATH.fullmatch(request.path)["arn"]  # type: ignore[index]
    place = ARN.fullmatch(arn)
    if place is None:
        raise ValidationException(f"{arn} is no ARN of a runtime")
    launch = find_launch(
        place["account"],
        place["region"],
        int(request.environ["SERVER_PORT"]),
        arn,
        request.args.get("qualifier") or DEFAULT_ENDPOINT,
    )
    upgrade = build_upgrade(request)
    with running(launch) as process, connect(process.port) as agent:
        agent.sendall(upgrade)
        if pump(client, agent, time.monotonic() + MAX_SECONDS) is agent:
            process.wait_if_ending()
        hang_up(client)


def require_signed(request: Request) -> None:
    """Raise AccessDeniedException for a request that is not signed, or whose time is over."""
    if find_scope(request.environ) != SERVICE:
        raise AccessDeniedException("Missing Authentication Token")
    if "X-Amz-Expires" not in request.args:
        return
    lifetime = timedelta(seconds=int(request.args["X-Amz-Expires"]))
    signed_at = datetime.strptime(request.args["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
    if lifetime > timedelta(seconds=MAX_PRESIGNED_SECONDS):
        raise AccessDeniedException(f"X-Amz-Expires is more than {MAX_PRESIGNED_SECONDS} seconds")
    if signed_at.replace(tzinfo=UTC) + lifetime < datetime.now(UTC):
        raise AccessDeniedException("The presigned address has expired")


def build_upgrade(request: Request) -> bytes:
    """The request as the agent gets it; browsers send in the query what they cannot in headers."""
    given = {name.lower(): value for name, value in [*request.args.items(), *request.headers]}
    session = given.get(SESSION_HEADER.lower()) or str(uuid.uuid4())
    if len(session) not in SESSION_ID_LENGTHS:
        raise ValidationException("runtimeSessionId must have 33 to 256 characters")
    headers = {
        "Host": "agent",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        SESSION_HEADER: session,
        **{name: request.headers[name] for name in UPGRADE_HEADERS if name in request.headers},
        **{name: v for name, v in given.items() if name.startswith(CUSTOM_HEADER_PREFIX)},
    }
    if any("\r" in value or "\n" in value for value in headers.values()):
        raise ValidationException("A header holds a line break")
    lines = ["GET /ws HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def connect(port: int) -> socket.socket:
    """A connection to the agent's process."""
    try:
        return socket.create_connection(("127.0.0.1", port), CONNECT_TIMEOUT_SECONDS)
    except OSError as error:
        raise RuntimeClientError(f"The runtime does not accept connections: {error}") from error


def pump(client: socket.socket, agent: socket.socket, deadline: float) -> socket.socket | None:
    """Carry bytes both ways until one side ends, which is returned, or it is `deadline`."""
    agent.settimeout(None)
    with selectors.DefaultSelector() as selector:
        selector.register(client, selectors.EVENT_READ, agent)
        selector.register(agent, selectors.EVENT_READ, client)
        while (seconds := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(seconds):
                if ended := pass_on(key.fileobj, key.data):  # type: ignore[arg-type]
                    return ended
    return None


def pass_on(source: socket.socket, target: socket.socket) -> socket.socket | None:
    """Carry what has come from one side to the other; returns the side that has ended, if any."""
    try:
        data = source.recv(READ_BYTES)
    except OSError:
        return source
    if not data:
        return source
    try:
        target.sendall(data)
    except OSError:
        return target
    return None


def hang_up(client: socket.socket) -> None:
    """End the client's connection, if it has not done so itself."""
    try:
        client.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
