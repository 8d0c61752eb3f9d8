"""What a call that meets a fault goes through, and what its client gets to see."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from werkzeug.wrappers import Response

from local.aws.calls import Call, read_body
from local.aws.fault_errors import build_error
from local.aws.faults import ArmedRule

RELEASE_POLL_SECONDS = 0.1

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


def disturb(
    fault: ArmedRule, call: Call, environ: dict[str, Any], application: Application
) -> Response:
    """The response of the disturbed call; `application` does the work, if it is done.

    :raises ConnectionError: when the client gets no answer; the server takes it for gone.
    """
    rule = fault.rule
    if rule.error:
        return build_error(rule.error, call, count_transaction_items(call, environ))
    read_body(environ)  # what is unread would look like a client still there
    if rule.kind == "timeout_after_success":
        Response.from_app(application, environ, buffered=True)
        time.sleep(rule.seconds)
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        raise ConnectionAbortedError("The client is not told of the success")
    if rule.when == "before":
        pause(fault, environ)
    response = Response.from_app(application, environ, buffered=True)
    if rule.when == "after":
        pause(fault, environ)
    return response


def pause(fault: ArmedRule, environ: dict[str, Any]) -> None:
    """Sleep, or hold the call."""
    if fault.rule.kind == "slow":
        time.sleep(fault.rule.seconds)
    else:
        hold(fault, environ["werkzeug.socket"])


def hold(fault: ArmedRule, connection: socket.socket) -> None:
    """Wait until the rule is taken away.

    :raises ConnectionError: when the client has gone before that.
    """
    with counted(fault):
        while not fault.released.wait(RELEASE_POLL_SECONDS):
            if is_closed(connection):
                raise ConnectionAbortedError("The client did not wait")


@contextmanager
def counted(fault: ArmedRule) -> Iterator[None]:
    """Show the call among those held."""
    with fault.lock:
        fault.held += 1
    try:
        yield
    finally:
        with fault.lock:
            fault.held -= 1


def is_closed(connection: socket.socket) -> bool:
    """Whether the other side has ended the connection."""
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False


def count_transaction_items(call: Call, environ: dict[str, Any]) -> int:
    """How many items a DynamoDB transaction holds; 1 for every other call."""
    if call != Call("dynamodb", "TransactWriteItems"):
        return 1
    return len(json.loads(read_body(environ))["TransactItems"])
