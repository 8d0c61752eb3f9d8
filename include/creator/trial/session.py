"""One agent in the sandbox, seen from the caller: requests go in, responses and AWS calls come out.

Whatever comes may be forged by the code on trial: it is bounded, and nothing in it is a verdict.
"""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from include.creator.sandbox.messages import Message, encode
from include.creator.trial.gateway import Gateway
from include.creator.trial.scenarios import Dialogue
from include.creator.trial.score import Turn
from include.errors import SandboxUnavailableError
from include.settings import get_settings

CONNECT_SECONDS = 5.0
MAX_LINE_BYTES = 4 * 1024 * 1024  # a model call repeats an SOP of 100 KB, and all tool results
MAX_MESSAGES_A_DIALOGUE = 60  # a turn has at most 8 model calls, each with a few searches
HEADERS = {"content-type": "application/json"}


class EndedError(Exception):
    """The code's process is gone or talks nonsense; the message says why."""


def hold_dialogues(
    files: Mapping[str, bytes], dialogues: Sequence[Dialogue], gateway: Gateway
) -> list[Turn]:
    """Run the files in the sandbox; returns a turn for each dialogue, in their order.

    :raises SandboxUnavailableError: when the sandbox is not there, or cannot jail code.
    """
    settings = get_settings()
    with (
        connect() as connection,
        ThreadPoolExecutor(settings.trial_dialogues_at_once) as executor,
    ):
        session = Session(connection, gateway, executor)
        try:
            session.start(files)
            session.hold(dialogues, settings.trial_dialogues_at_once)
        except EndedError as error:
            session.reason = str(error)
        except OSError as error:
            raise SandboxUnavailableError(f"The sandbox broke off: {error}.") from error
        finally:
            session.end()
        missing = Turn(0, session.reason)
        return [session.turns.get(number, missing) for number in range(len(dialogues))]


def connect() -> socket.socket:
    """A connection to the sandbox; raises SandboxUnavailableError."""
    path = get_settings().sandbox_socket
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(CONNECT_SECONDS)
    try:
        connection.connect(path)
    except OSError as error:
        connection.close()
        raise SandboxUnavailableError(
            f"The sandbox does not answer at {path}: {error.strerror}. An operator must start it."
        ) from error
    return connection


class Session:
    """The conversation with one jailed process."""

    def __init__(
        self, connection: socket.socket, gateway: Gateway, executor: ThreadPoolExecutor
    ) -> None:
        self.connection = connection
        self.lines = connection.makefile("rb")
        self.gateway = gateway
        self.executor = executor
        self.lock = threading.Lock()
        self.turns: dict[int, Turn] = {}
        self.reason = ""
        # Twice: others may be before us in the queue, each for its own time.
        self.deadline = time.monotonic() + 2 * get_settings().sandbox_seconds
        self.messages_left = 0

    def end(self) -> None:
        """Let the sandbox know that nobody listens any more, whoever still holds the socket."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def start(self, files: Mapping[str, bytes]) -> None:
        """Send the files and wait until they serve."""
        encoded = {name: base64.b64encode(content).decode() for name, content in files.items()}
        environment = self.gateway.environment()
        self.messages_left = MAX_MESSAGES_A_DIALOGUE
        self.say({"start": {"files": encoded, "environment": environment}})
        while not self.receive().get("ready"):
            pass

    def hold(self, dialogues: Sequence[Dialogue], at_once: int) -> None:
        """Send all requests, a few at a time, and collect the responses."""
        waiting = deque(enumerate(dialogues))
        self.messages_left = MAX_MESSAGES_A_DIALOGUE * len(dialogues)
        for _ in range(min(at_once, len(waiting))):
            self.ask(*waiting.popleft())
        while len(self.turns) < len(dialogues):
            message = self.receive()
            number, response = message.get("id"), message.get("response")
            if not isinstance(number, int) or not isinstance(response, dict):
                continue
            if number in self.turns or not 0 <= number < len(dialogues):
                continue
            self.turns[number] = read_turn(response)
            if waiting:
                self.ask(*waiting.popleft())

    def ask(self, number: int, dialogue: Dialogue) -> None:
        """Send one request."""
        request = {"method": dialogue.method, "path": dialogue.path, "body": dialogue.body}
        self.say({"id": number, "request": request | {"headers": HEADERS}})

    def receive(self) -> Message:
        """The next message that is no AWS call; those are answered meanwhile.

        :raises EndedError: when there will be no more.
        """
        while True:
            message = self.read()
            for key in ("ended", "failed"):
                if key in message:
                    raise EndedError(str(message[key])[:300])
            if "killed" in message:
                raise SandboxUnavailableError("The trial's process was killed from outside.")
            if "unsupported" in message:
                raise SandboxUnavailableError(
                    f"The sandbox cannot jail code on its machine: {message['unsupported']}. "
                    "An operator must run it on a kernel that can (docs/adr/0012)."
                )
            if "call" not in message:
                return message
            self.executor.submit(self.answer, message)

    def read(self) -> Message:
        """The next line as a message; raises EndedError for what no honest agent sends."""
        self.connection.settimeout(max(0.1, self.deadline - time.monotonic()))
        line = self.lines.readline(MAX_LINE_BYTES + 1)
        if not line:
            raise SandboxUnavailableError("The sandbox ended while it ran the code.")
        self.messages_left -= 1
        if len(line) > MAX_LINE_BYTES or self.messages_left < 0:
            raise EndedError("it sent more than any honest agent does")
        if not line.strip():
            return {}
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            raise EndedError("it sent what is no message") from None
        return message if isinstance(message, dict) else {}

    def answer(self, message: Message) -> None:
        """Answer one AWS call of the agent."""
        call = message["call"]
        answer = self.gateway.answer(call if isinstance(call, dict) else {})
        try:
            self.say({"id": message.get("id")} | answer)
        except OSError:
            return  # it has ended meanwhile; the reader says so

    def say(self, message: Message) -> None:
        """Send one message."""
        with self.lock:
            self.connection.sendall(encode(message))


def read_turn(response: dict[str, Any]) -> Turn:
    """A response of the agent's app."""
    status = response.get("status")
    return Turn.parse(status if isinstance(status, int) else 0, str(response.get("body", "")))
