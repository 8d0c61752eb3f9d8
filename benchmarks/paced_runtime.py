"""`uvicorn benchmarks.paced_runtime:app`: an AgentCore whose agent says a word every so often.

Each word is the time at which it was sent, on the clock that all processes of a machine share.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route


async def invoke(request: Request) -> Response:
    """InvokeAgentRuntime; the prompt says how many words, and how many seconds apart."""
    payload = await request.json()
    count, seconds = payload["prompt"].split()
    words = speak(int(count), float(seconds))
    return StreamingResponse(words, media_type="text/event-stream")


async def speak(count: int, seconds: float) -> AsyncIterator[bytes]:
    """The events of one answer."""
    for _ in range(count):
        await asyncio.sleep(seconds)
        yield encode({"type": "text", "text": f"{time.monotonic_ns()}"})
    usage = {"inputTokens": 1, "outputTokens": count}
    done = {"answer": "That is all.", "citations": [], "handoff": None, "usage": usage}
    yield encode({"type": "done", **done})


def encode(event: dict[str, object]) -> bytes:
    """One Server-Sent Event."""
    return f"data: {json.dumps(event)}\n\n".encode()


app = Starlette(
    routes=[Route("/runtimes/{arn:path}/invocations", invoke, methods=["POST"])],
)
