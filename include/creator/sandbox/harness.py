"""Runs one agent's files in a jailed process and passes on what comes over the connection.

All of this is in reach of the generated code, which may change it at will. Nothing is trusted
that the process says: the verdict is made by the caller, who also answers the agent's AWS calls.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import runpy
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NoReturn

from include.creator.sandbox.jail import Limits, die_with_parent, enter_jail
from include.creator.sandbox.messages import Message, encode
from include.creator.sandbox.seccomp import UnsupportedError

ENTRY_POINT = "agent_file.py"
MAX_REASON_CHARACTERS = 300
PLACEHOLDER_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}


def run_agent(connection: socket.socket, folder: str, limits: Limits) -> NoReturn:
    """Become the agent that the caller sends; never returns into the warm process's code."""
    caller = Caller(connection)
    try:
        die_with_parent()
        isolate(connection.fileno())
        prepare(caller.receive()["start"], folder)
        enter_jail(folder, limits)
        threading.Thread(target=caller.listen, daemon=True).start()
        intercept(caller)
        runpy.run_path(ENTRY_POINT, run_name="__main__")
        caller.say({"failed": "The code ended without serving."})
    except UnsupportedError as error:
        caller.say({"unsupported": str(error)})
    except BaseException as error:  # the process must end here, whatever the code raised
        reason = f"{type(error).__name__}: {error}"[:MAX_REASON_CHARACTERS]
        caller.say({"failed": f"The code did not start: {reason}"})
    finally:
        os._exit(0)


class Caller:
    """The connection, shared by the agent's threads."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.lines = connection.makefile("rb")
        self.lock = threading.Lock()
        self.numbers = itertools.count(1)
        self.waiting: dict[int, Future[Message]] = {}
        self.serve: Callable[[Message], object] = bool  # until the app runs

    def say(self, message: Message) -> None:
        """Send one message."""
        line = encode(message)
        with self.lock:
            self.connection.sendall(line)

    def receive(self) -> Message:
        """The next message; the process ends when the caller is gone."""
        line = self.lines.readline()
        if not line:
            os._exit(0)
        message: Message = json.loads(line)
        return message

    def call(self, service: str, operation: str, arguments: Any) -> Message:
        """Have the caller make an AWS call; returns its message with `answer` or `error`."""
        number, future = next(self.numbers), Future[Message]()
        self.waiting[number] = future
        call = {"service": service, "operation": operation, "arguments": arguments}
        self.say({"id": number, "call": call})
        return future.result()

    def listen(self) -> NoReturn:
        """Hand over every message: requests to `serve`, answers to whom they are for."""
        while True:
            message = self.receive()
            if "request" in message:
                self.serve(message)
            else:
                self.waiting.pop(message["id"]).set_result(message)


def isolate(keep: int) -> None:
    """Own session, nothing on standard input and output, no file open but the connection."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.closerange(3, keep)
    os.closerange(keep + 1, os.sysconf("SC_OPEN_MAX"))


def prepare(start: Message, folder: str) -> None:
    """Write the agent's files, and leave it nothing of ours: environment, modules, import path."""
    for name, content in start["files"].items():
        Path(folder, name).write_bytes(base64.b64decode(content))
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(start["environment"] | PLACEHOLDER_CREDENTIALS | {"HOME": folder})
    ours = str(Path(__file__).resolve().parents[3])
    sys.path[:] = [folder, *(p for p in sys.path if p and Path(p).resolve() != Path(ours))]
    sys.argv = [ENTRY_POINT]


def intercept(caller: Caller) -> None:
    """Send AWS calls to the caller, and serve its requests where uvicorn would listen."""
    import uvicorn
    from botocore.client import BaseClient
    from botocore.exceptions import ClientError

    def make_call(client: Any, operation: str, arguments: Any) -> Any:
        service = client.meta.service_model.service_name
        message = caller.call(service, operation, arguments)
        if error := message.get("error"):
            raise ClientError(
                {"Error": {"Code": error["code"], "Message": error["message"]}}, operation
            )
        answer = message["answer"]
        return answer | {"stream": iter(answer["stream"])} if "stream" in answer else answer

    def run(app: Any, **_settings: Any) -> None:
        asyncio.run(serve(app, caller))

    BaseClient._make_api_call = make_call
    uvicorn.run = run


async def serve(app: Any, caller: Caller) -> None:
    """Answer the caller's requests from the app, several at once, until the caller is gone."""
    loop = asyncio.get_running_loop()

    def start(message: Message) -> object:
        return asyncio.run_coroutine_threadsafe(respond(app, caller, message), loop)

    caller.serve = start
    caller.say({"ready": True})
    await asyncio.Event().wait()


async def respond(app: Any, caller: Caller, message: Message) -> None:
    """Answer one request, the way an HTTP server would ask the app."""
    body = message["request"]["body"].encode()
    parts: list[bytes] = []
    response: Message = {"status": 500}

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(event: Message) -> None:
        response["status"] = event.get("status", response["status"])
        parts.append(event.get("body", b""))

    try:
        await app(build_scope(message["request"]), receive, send)
    except Exception as error:
        parts.append(f"{type(error).__name__}: {error}"[:MAX_REASON_CHARACTERS].encode())
    response["body"] = b"".join(parts).decode("utf-8", "replace")
    caller.say({"id": message["id"], "response": response})


def build_scope(request: Message) -> Message:
    """An ASGI connection scope."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request["method"],
        "scheme": "http",
        "path": request["path"],
        "raw_path": request["path"].encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(n.lower().encode(), v.encode()) for n, v in request["headers"].items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8080),
    }
