"""A customer who calls an agent through the gateway."""

from __future__ import annotations

import base64
import io
import json
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from include.sessions import SessionRef, list_turns
from tests.caller import FRAME_BYTES, INPUT_RATE, SECONDS, Caller


class Phone(Caller):
    """A customer's end of a call through the gateway."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.session = self.hear()
        super().__init__(socket)

    def play(self, wav: bytes) -> None:
        """Send a WAV file's sound, then silence."""
        with wave.open(io.BytesIO(wav)) as file:
            assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (16_000, 2, 1)
            sound = file.readframes(file.getnframes()) + bytes(INPUT_RATE // 2)
        for start in range(0, len(sound), FRAME_BYTES):
            chunk = base64.b64encode(sound[start : start + FRAME_BYTES]).decode()
            self.send({"type": "audio", "audio": chunk})

    def type(self, text: str) -> dict[str, Any]:
        """Ask by typing; the end of the answer."""
        self.send({"type": "text", "text": text})
        return self.hear_until("done")[-1]


class Client:
    """Somebody with a key or token, who can call an agent."""

    def __init__(self, gateway_url: str, agent: Any, token: str, key_id: str = "") -> None:
        self.url = f"{gateway_url.replace('http', 'ws', 1)}/agents/{agent.agent_id}"
        self.agent, self.token, self.key_id = agent, token, key_id
        self.url_of_gateway = gateway_url
        self.protocols = ["oratio", f"oratio.token.{token}"]

    @contextmanager
    def call(self, session_id: str | None = None, **options: Any) -> Iterator[Phone]:
        headers = {"Authorization": f"Bearer {self.token}"}
        options = {"additional_headers": headers} | options
        query = f"?sessionId={session_id}" if session_id else ""
        with connect(self.url + query, open_timeout=SECONDS, **options) as socket:
            yield Phone(socket)

    def refused(self, session_id: str | None = None) -> tuple[int, dict[str, Any]]:
        """The close code and the last frame of a call that does not come about."""
        headers = {"Authorization": f"Bearer {self.token}"}
        query = f"?sessionId={session_id}" if session_id else ""
        with connect(self.url + query, additional_headers=headers) as socket:
            return read_end(socket)

    def turns(self, session_id: str) -> list[Any]:
        return list_turns(self.ref(session_id).key)

    def ref(self, session_id: str) -> SessionRef:
        return SessionRef(self.agent.agent_id, session_id, f"key:{self.key_id}")


def read_end(socket: Any) -> tuple[int, dict[str, Any]]:
    """The close code and the last frame."""
    frame = {}
    try:
        while True:
            frame = json.loads(socket.recv(timeout=SECONDS))
    except ConnectionClosed as closed:
        return (closed.rcvd.code if closed.rcvd else 0), frame
