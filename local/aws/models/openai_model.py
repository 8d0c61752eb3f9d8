"""Passes a conversation on to an OpenAI-compatible server (Ollama, vLLM, llama.cpp, ...)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import requests

from local.aws.models.converse import (
    End,
    ModelErrorException,
    ModelTimeoutException,
    Piece,
    Request,
    Text,
    ThrottlingException,
    ToolInput,
    ToolStart,
)

TIMEOUT_SECONDS = (10.0, 600.0)  # to connect, between two pieces
MAX_ERROR_CHARS = 500
STOP_REASONS = {"length": "max_tokens", "content_filter": "content_filtered"}
PARAMETERS = {
    "maxTokens": "max_tokens",
    "temperature": "temperature",
    "topP": "top_p",
    "stopSequences": "stop",
}


@dataclass(frozen=True)
class OpenAIModel:
    """A model behind `{base_url}/chat/completions`."""

    base_url: str
    name: str
    api_key: str | None = None

    def reply(self, request: Request) -> Iterator[Piece]:
        """The reply as it comes; raises Bedrock's errors for those of the server."""
        try:
            with self._post(to_chat(request) | {"model": self.name}) as response:
                yield from read_pieces(response)
        except requests.Timeout as error:
            raise ModelTimeoutException(f"The model server did not answer: {error}") from error
        except requests.RequestException as error:
            raise ModelErrorException(f"The model server failed: {error}") from error

    def _post(self, body: dict[str, Any]) -> requests.Response:
        response = requests.post(
            f"{self.base_url.rstrip('/')}/chat/completions",
            json=body,
            headers={"Authorization": f"Bearer {self.api_key}"} if self.api_key else {},
            stream=True,
            timeout=TIMEOUT_SECONDS,
        )
        if response.status_code == requests.codes.too_many_requests:
            raise ThrottlingException("Too many requests, please wait before trying again.")
        if not response.ok:
            raise ModelErrorException(
                f"The model server answered {response.status_code}: "
                f"{response.text[:MAX_ERROR_CHARS]}"
            )
        return response


def to_chat(request: Request) -> dict[str, Any]:
    """A Converse request as a streaming chat-completions request without its model."""
    system = "\n\n".join(block["text"] for block in request.get("system") or () if "text" in block)
    messages = [{"role": "system", "content": system}] if system else []
    for message in request["messages"]:
        messages.extend(_to_messages(message))
    inference = request.get("inferenceConfig") or {}
    return {
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
        **{PARAMETERS[key]: value for key, value in inference.items()},
        **_to_tools(request.get("toolConfig") or {}),
    }


def _to_messages(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Tool results become messages of their own, before the message's text."""
    blocks = message["content"]
    for result in (block["toolResult"] for block in blocks if "toolResult" in block):
        content = "\n".join(
            item["text"] if "text" in item else json.dumps(item.get("json"))
            for item in result["content"]
        )
        yield {"role": "tool", "tool_call_id": result["toolUseId"], "content": content}
    text = "\n".join(block["text"] for block in blocks if "text" in block)
    calls = [_to_call(block["toolUse"]) for block in blocks if "toolUse" in block]
    if text or calls:
        chat: dict[str, Any] = {"role": message["role"], "content": text}
        yield chat | {"tool_calls": calls} if calls else chat


def _to_call(tool_use: Mapping[str, Any]) -> dict[str, Any]:
    function = {"name": tool_use["name"], "arguments": json.dumps(tool_use["input"])}
    return {"id": tool_use["toolUseId"], "type": "function", "function": function}


def _to_tools(config: Mapping[str, Any]) -> dict[str, Any]:
    specs = [tool["toolSpec"] for tool in config.get("tools", ()) if "toolSpec" in tool]
    if not specs:
        return {}
    tools = [
        {
            "type": "function",
            "function": {
                "name": spec["name"],
                "description": spec.get("description", ""),
                "parameters": spec["inputSchema"]["json"],
            },
        }
        for spec in specs
    ]
    choice: Any = "required" if "any" in config.get("toolChoice", {}) else "auto"
    if forced := config.get("toolChoice", {}).get("tool"):
        choice = {"type": "function", "function": {"name": forced["name"]}}
    return {"tools": tools, "tool_choice": choice}


def read_pieces(response: requests.Response) -> Iterator[Piece]:
    """Pieces of a streamed chat completion; some servers send no ids, indexes or usage."""
    calls: list[Any] = []
    finish = "stop"
    usage: dict[str, int] = {}
    for chunk in _read_chunks(response):
        usage = chunk.get("usage") or usage
        for choice in chunk.get("choices", ())[:1]:
            finish = choice.get("finish_reason") or finish
            yield from _read_delta(choice.get("delta") or {}, calls)
    stop_reason = "tool_use" if calls else STOP_REASONS.get(finish, "end_turn")
    yield End(stop_reason, usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0))


def _read_delta(delta: Mapping[str, Any], calls: list[Any]) -> Iterator[Piece]:
    """Pieces of one delta; `calls` collects what identifies the tool calls begun so far."""
    if delta.get("content"):
        yield Text(delta["content"])
    for call in delta.get("tool_calls") or ():
        function = call.get("function") or {}
        identity = (call.get("index"), call.get("id"))
        if function.get("name") and identity not in calls:
            calls.append(identity)
            yield ToolStart(call.get("id") or f"tooluse_{uuid.uuid4().hex}", function["name"])
        if function.get("arguments"):
            yield ToolInput(function["arguments"])


def _read_chunks(response: requests.Response) -> Iterator[dict[str, Any]]:
    for line in response.iter_lines():
        data = line.removeprefix(b"data:").strip()
        if not line.startswith(b"data:") or data == b"[DONE]":
            continue
        chunk = json.loads(data)
        if "error" in chunk:
            raise ModelErrorException(f"The model server failed: {chunk['error']}")
        yield chunk
