"""What the caller and the jailed process say to each other: one JSON object a line, both ways.

caller -> process   {"start": {"files": {name: base64}, "environment": {...}}}
                    {"id": 1, "request": {"method", "path", "headers", "body"}}
                    {"id": 7, "answer": {...}} or {"id": 7, "error": {"code", "message"}}
process -> caller   {"ready": true}
                    {"id": 1, "response": {"status", "body"}}
                    {"id": 7, "call": {"service", "operation", "arguments"}}
                    {"failed": "why the code did not start"}
sandbox -> caller   {"ended": "why the process is gone"}
                    {"killed": true}, by nobody's limit: as when memory runs out
"""

from __future__ import annotations

import json
import socket
from typing import Any

Message = dict[str, Any]


def encode(message: Message) -> bytes:
    """One line; raises TypeError or ValueError for what JSON cannot say."""
    return json.dumps(message, allow_nan=False).encode("ascii") + b"\n"


def say_if_heard(connection: socket.socket, message: Message) -> None:
    """Send without waiting; a caller that does not read, or is gone, misses it."""
    try:
        connection.send(b"\n" + encode(message), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
    except OSError:
        return
