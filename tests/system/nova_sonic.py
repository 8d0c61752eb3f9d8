"""A voice agent with Strands' own Nova Sonic class, over a scripted stream of AWS's protocol.

Run in a bundle's folder by the Python that AgentCore runs, with the packages that a bundle holds:
`python nova_sonic.py`. Prints what the caller and what Nova Sonic received, as JSON. Only the
connection to AWS and the knowledge base are replaced.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from types import SimpleNamespace
from typing import Any

os.environ.update(
    AWS_REGION="us-east-1",
    AWS_ACCESS_KEY_ID="local",
    AWS_SECRET_ACCESS_KEY="local",
    KNOWLEDGE_BASE_ID="ABCDEFGHIJ",
    KNOWLEDGE_BASE_STORE="s3_vectors",
    MODEL_ID="unused",
)
sys.path.insert(0, os.getcwd())

import agent_file
from strands.bidi.models import BedrockNovaSonicModel

ANSWER = "You have 30 days [1]."
PASSAGE = {
    "content": {"text": "Return within 30 days."},
    "location": {"s3Location": {"uri": "s3://b/u/a/returns.md"}},
    "score": 0.9,
}
received: list[dict[str, Any]] = []


def begin(kind: str, role: str, stage: str = "SPECULATIVE") -> dict[str, Any]:
    fields = {"additionalModelFields": json.dumps({"generationStage": stage})}
    name = f"{kind}-{role}-{stage}"
    return {"contentStart": {"contentId": name, "type": kind, "role": role, **fields}}


def end(kind: str, reason: str) -> dict[str, Any]:
    return {"contentEnd": {"type": kind, "stopReason": reason}}


def hear(text: str) -> list[dict[str, Any]]:
    query = json.dumps({"query": text})
    return [
        {"completionStart": {"completionId": "c"}},
        begin("TEXT", "USER", "FINAL"),
        {"textOutput": {"content": text, "role": "USER"}},
        end("TEXT", "PARTIAL_TURN"),
        begin("TOOL", "TOOL"),
        {"toolUse": {"toolUseId": "t1", "toolName": "retrieve", "content": query}},
        end("TOOL", "TOOL_USE"),
    ]


def say(text: str) -> list[dict[str, Any]]:
    sound = base64.b64encode(b"\0\1" * 240).decode()
    return [
        begin("TEXT", "ASSISTANT"),
        {"textOutput": {"content": text, "role": "ASSISTANT"}},
        end("TEXT", "PARTIAL_TURN"),
        begin("AUDIO", "ASSISTANT"),
        {"audioOutput": {"content": sound}},
        end("AUDIO", "PARTIAL_TURN"),
        begin("TEXT", "ASSISTANT", "FINAL"),
        {"textOutput": {"content": text, "role": "ASSISTANT"}},
        end("TEXT", "END_TURN"),
        begin("AUDIO", "ASSISTANT", "FINAL"),
        end("AUDIO", "END_TURN"),
    ]


class Stream:
    """Nova Sonic's end: a message is answered by a search, what was found by speech."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[Any] = asyncio.Queue()
        self.input_stream = self
        self.is_live = False

    async def await_output(self) -> tuple[None, Stream]:
        self.is_live = True  # what came before was the session's own set-up
        return None, self

    async def receive(self) -> Any:
        event = await self.events.get()
        content = json.dumps({"event": event}).encode()
        return event and SimpleNamespace(value=SimpleNamespace(bytes_=content))

    async def send(self, chunk: Any) -> None:
        event = json.loads(chunk.value.bytes_)["event"]
        received.append(event)
        answer = say(ANSWER) if "toolResult" in event else []
        if "textInput" in event and self.is_live:
            answer = hear(event["textInput"]["content"])
        for each in answer:
            self.events.put_nowait(each)

    async def close(self) -> None:
        self.events.put_nowait(None)


async def start(
    self: Any, system_prompt: Any = None, tools: Any = None, messages: Any = None
) -> None:
    """Connect to the script in place of AWS."""
    self._connection_id = "c1"
    self._stream = Stream()
    await self._send_nova_events(self._build_initialization_events(system_prompt, tools, messages))


def main() -> None:
    from starlette.testclient import TestClient

    BedrockNovaSonicModel.start = start
    found = {"retrievalResults": [PASSAGE]}
    agent_file.knowledge = SimpleNamespace(retrieve=lambda **request: found)
    import agent_voice

    frames: list[dict[str, Any]] = []
    with TestClient(agent_voice.app).websocket_connect("/ws") as websocket:

        def hear_until_done() -> None:
            frames.append(websocket.receive_json())
            while frames[-1]["type"] not in {"done", "error"}:
                frames.append(websocket.receive_json())

        websocket.send_json({"type": "start", "history": []})
        hear_until_done()  # the greeting
        websocket.send_json({"type": "audio", "audio": base64.b64encode(bytes(640)).decode()})
        websocket.send_json({"type": "text", "text": "How long?"})
        hear_until_done()
    print(json.dumps({"frames": frames, "received": received}))


if __name__ == "__main__":
    main()
