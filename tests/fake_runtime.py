"""An AgentCore that says what a test wants, as slowly as it wants."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

SESSION_HEADER = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"
DONE = {
    "type": "done",
    "answer": "You have 30 days [1].",
    "citations": [],
    "handoff": None,
    "usage": {"inputTokens": 11, "outputTokens": 7},
}
WORDS = [{"type": "text", "text": "You have "}, {"type": "text", "text": "30 days [1]."}]
READY = {"type": "ready", "format": "pcm", "inputSampleRate": 16000, "outputSampleRate": 24000}
SEARCH = {"type": "tool", "name": "retrieve"}


@dataclass
class FakeRuntime:
    """Says `script`; a float in it is a pause in seconds, `"gate"` waits for the test."""

    script: list[Any] = field(default_factory=lambda: [SEARCH, *WORDS, DONE])
    refusal: tuple[int, str] | None = None
    calls: list[dict[str, Any]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    canceled: threading.Event = field(default_factory=threading.Event)
    url: str = ""
    frames: Iterable[Any] = field(default_factory=lambda: [READY])
    frames_sent: int = 0
    heard: list[Any] = field(default_factory=list)

    async def invoke(self, request: Request) -> Response:
        """InvokeAgentRuntime."""
        payload = await request.json()
        facts = {"session": request.headers[SESSION_HEADER], "arn": request.path_params["arn"]}
        self.calls.append(payload | facts)
        if self.refusal:
            status, code = self.refusal
            error = {"message": "arn:aws:secret"}
            return JSONResponse(error, status, {"x-amzn-errortype": code})
        return StreamingResponse(self.speak(), media_type="text/event-stream")

    async def talk(self, websocket: WebSocket) -> None:
        """InvokeAgentRuntimeWithWebSocketStream: says `frames`, then listens."""
        await websocket.accept()
        try:
            start = await websocket.receive_json()
            facts = {"session": websocket.query_params[SESSION_HEADER], "signed": websocket.url}
            self.calls.append(start | facts)
            for frame in self.frames:
                while frame == "gate" and not self.gate.is_set():
                    await asyncio.sleep(0.01)
                if frame != "gate":
                    await websocket.send_json(frame)
                    self.frames_sent += 1
            while True:
                self.heard.append(await websocket.receive_json())
        except (WebSocketDisconnect, RuntimeError):
            self.canceled.set()

    async def speak(self) -> AsyncIterator[bytes]:
        """The script as events."""
        try:
            for line in [*self.script]:
                if isinstance(line, float):
                    await asyncio.sleep(line)
                elif line == "gate":
                    while not self.gate.is_set():
                        await asyncio.sleep(0.01)
                elif isinstance(line, bytes):
                    yield line
                else:
                    yield f"data: {json.dumps(line)}\n\n".encode()
        except asyncio.CancelledError:
            self.canceled.set()
            raise


@contextmanager
def serve_runtime() -> Iterator[FakeRuntime]:
    """The fake on a free port."""
    runtime = FakeRuntime()
    path = "/runtimes/{arn:path}/invocations"
    app = Starlette(
        routes=[
            Route(path, runtime.invoke, methods=["POST"]),
            WebSocketRoute("/runtimes/{arn:path}/ws", runtime.talk),
        ]
    )
    with serve_asgi(lambda: app) as url:
        runtime.url = url
        yield runtime
        runtime.gate.set()


@contextmanager
def serve_asgi(build_app: Callable[[], Any]) -> Iterator[str]:
    """An application on a free port, in a thread."""
    config = uvicorn.Config(
        build_app, factory=True, port=0, log_config=None, access_log=False, loop="asyncio",
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the application did not start")
        threading.Event().wait(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()
