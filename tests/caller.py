"""Somebody who talks with a voice agent in tones, over the stand-in's WebSocket."""

from __future__ import annotations

import base64
import json
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode

import boto3
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from websockets.sync.client import ClientConnection, connect

from local.aws.models.tone_speech import speak, understand

SESSION = "session-" + "0" * 32
SESSION_PARAMETER = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"
INPUT_RATE = 16_000
FRAME_BYTES = 640 * 2  # 40 ms
SECONDS = 60


def presign(url: str, runtime_arn: str, expires: int = 300, **query: str) -> str:
    """A presigned address of a runtime's /ws at the stand-in."""
    query = {"qualifier": "production", SESSION_PARAMETER: SESSION} | query
    address = f"{url}/runtimes/{quote(runtime_arn, safe='')}/ws?{urlencode(query)}"
    request = AWSRequest("GET", address)
    credentials = boto3.Session().get_credentials()
    SigV4QueryAuth(credentials, "bedrock-agentcore", "us-east-1", expires).add_auth(request)
    return str(request.url).replace("http://", "ws://")


class Caller:
    """One call."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.ready = self.hear()

    def send(self, frame: Any) -> None:
        self.socket.send(json.dumps(frame))

    def say(self, text: str, pause_seconds: float = 0.2) -> None:
        """Speak in tones, then be silent for long enough."""
        audio = speak(text, INPUT_RATE) + bytes(round(INPUT_RATE * pause_seconds) * 2)
        for start in range(0, len(audio), FRAME_BYTES):
            chunk = base64.b64encode(audio[start : start + FRAME_BYTES]).decode()
            self.send({"type": "audio", "audio": chunk})

    def hear(self) -> dict[str, Any]:
        """The next frame."""
        return dict(json.loads(self.socket.recv(timeout=SECONDS)))

    def hear_until(self, kind: str) -> list[dict[str, Any]]:
        """All frames up to one of this type."""
        frames = [self.hear()]
        while frames[-1]["type"] not in (kind, "error"):
            frames.append(self.hear())
        return frames

    def understand(self, frames: list[dict[str, Any]]) -> str | None:
        """What the audio of these frames says."""
        samples = array("h")
        for frame in frames:
            if frame["type"] == "audio":
                samples.frombytes(base64.b64decode(frame["audio"]))
        return understand(samples, self.ready["outputSampleRate"])


@contextmanager
def call(address: str, history: list[Any] | None = None) -> Iterator[Caller]:
    """Dial, reminding of earlier turns; hangs up with the block."""
    with connect(address, open_timeout=SECONDS) as socket:
        socket.send(json.dumps({"type": "start", "history": history or []}))
        yield Caller(socket)
