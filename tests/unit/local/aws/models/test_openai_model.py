"""A conversation passed on to a scripted OpenAI-compatible server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from moto.core.exceptions import ServiceException

from local.aws.models.converse import End, Text, ToolInput, ToolStart
from local.aws.models.openai_model import OpenAIModel, to_chat

REQUEST = {"messages": [{"role": "user", "content": [{"text": "Hello"}]}]}
SPEC = {"name": "a", "description": "d", "inputSchema": {"json": {"type": "object"}}}


class Server(ThreadingHTTPServer):
    """Answers every request with `status` and `lines`; keeps what it was sent."""

    status = 200
    lines: tuple[Any, ...] = ()

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.received: list[tuple[str, dict[str, str], dict[str, Any]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.received.append((self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        self.end_headers()
        for line in self.server.lines:
            text = line if isinstance(line, str) else json.dumps(line)
            self.wfile.write(f"data: {text}\n\n".encode())

    def log_message(self, *_args: Any) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def delta(finish_reason: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"delta": fields, "finish_reason": finish_reason}]}


def call(arguments: str, **fields: Any) -> dict[str, Any]:
    name = {"name": fields.pop("name")} if "name" in fields else {}
    return delta(tool_calls=[fields | {"function": name | {"arguments": arguments}}])


def test_translates_the_conversation() -> None:
    chat = to_chat(
        {
            "system": [{"text": "Be kind."}],
            "messages": [
                {"role": "user", "content": [{"text": "Hello"}]},
                {
                    "role": "assistant",
                    "content": [
                        {"text": "I look."},
                        {"toolUse": {"toolUseId": "t1", "name": "a", "input": {"q": 1}}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"toolResult": {"toolUseId": "t1", "content": [{"json": {"r": 2}}]}},
                        {"text": "And?"},
                    ],
                },
            ],
            "inferenceConfig": {"maxTokens": 9, "topP": 0.5, "stopSequences": ["x"]},
            "toolConfig": {"tools": [{"toolSpec": SPEC}], "toolChoice": {"tool": {"name": "a"}}},
        }
    )
    function = {"name": "a", "arguments": '{"q": 1}'}
    assert chat["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hello"},
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [{"id": "t1", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "t1", "content": '{"r": 2}'},
        {"role": "user", "content": "And?"},
    ]
    assert (chat["max_tokens"], chat["top_p"], chat["stop"]) == (9, 0.5, ["x"])
    assert chat["tools"][0]["function"]["parameters"] == {"type": "object"}
    assert chat["tool_choice"] == {"type": "function", "function": {"name": "a"}}


def test_streams_text_and_usage(server: Server) -> None:
    usage = {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}}
    server.lines = (delta(content="Hel"), delta("length", content="lo"), usage, "[DONE]")
    pieces = list(OpenAIModel(server.url, "tiny", "secret").reply(REQUEST))
    assert pieces == [Text("Hel"), Text("lo"), End("max_tokens", 5, 2)]
    path, headers, body = server.received[0]
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == "Bearer secret"
    assert (body["model"], body["stream"]) == ("tiny", True)


def test_streams_tool_calls_in_fragments(server: Server) -> None:
    server.lines = (
        call('{"q"', index=0, id="c1", name="a"),
        call(": 1}", index=0),
        call("{}", index=1, id="c2", name="b"),
        delta("tool_calls"),
    )
    assert list(OpenAIModel(server.url, "tiny").reply(REQUEST)) == [
        ToolStart("c1", "a"),
        ToolInput('{"q"'),
        ToolInput(": 1}"),
        ToolStart("c2", "b"),
        ToolInput("{}"),
        End("tool_use", 0, 0),
    ]


def test_gives_an_id_to_a_call_that_has_none(server: Server) -> None:
    server.lines = (call("{}", name="a"), delta("stop"))
    start, *_, end = OpenAIModel(server.url, "tiny").reply(REQUEST)
    assert isinstance(start, ToolStart)
    assert start.id.startswith("tooluse_")
    assert end == End("tool_use", 0, 0)


@pytest.mark.parametrize(
    ("status", "code"), [(429, "ThrottlingException"), (500, "ModelErrorException")]
)
def test_errors_become_bedrocks(server: Server, status: int, code: str) -> None:
    server.status = status
    with pytest.raises(ServiceException) as raised:
        list(OpenAIModel(server.url, "tiny").reply(REQUEST))
    assert raised.value.code == code


def test_an_error_in_the_stream_is_the_models(server: Server) -> None:
    server.lines = (delta(content="Hel"), {"error": {"message": "out of memory"}})
    with pytest.raises(ServiceException, match="out of memory"):
        list(OpenAIModel(server.url, "tiny").reply(REQUEST))


def test_no_server_is_a_model_error() -> None:
    with pytest.raises(ServiceException) as raised:
        list(OpenAIModel("http://127.0.0.1:9/v1", "tiny").reply(REQUEST))
    assert raised.value.code == "ModelErrorException"
