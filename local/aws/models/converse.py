"""The Converse API's conversation: what AWS refuses, and how a reply is put into its shapes.

A model yields pieces (Text, ToolStart, ToolInput, End); Converse wants them as one message,
ConverseStream as events.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from moto.core.exceptions import ServiceException

from local.aws.validation import describe_violations, find_unknown_members, find_violations

Request = Mapping[str, Any]
Event = tuple[str, dict[str, Any]]
CHARS_PER_TOKEN = 4  # a rough mean for English


class ValidationException(ServiceException):
    """400."""

    code = "ValidationException"


class ThrottlingException(ServiceException):
    """429."""

    code = "ThrottlingException"


class ModelErrorException(ServiceException):
    """424: the model behind the API failed."""

    code = "ModelErrorException"


class ModelTimeoutException(ServiceException):
    """408: the model behind the API took too long."""

    code = "ModelTimeoutException"


@dataclass(frozen=True)
class Text:
    """Some more of the answer's text."""

    text: str


@dataclass(frozen=True)
class ToolStart:
    """The model begins to call a tool."""

    id: str
    name: str


@dataclass(frozen=True)
class ToolInput:
    """Some more of the begun call's input, as JSON text."""

    json: str


@dataclass(frozen=True)
class End:
    """The reply is complete."""

    stop_reason: str
    input_tokens: int
    output_tokens: int


Piece = Text | ToolStart | ToolInput | End


def check_request(request: Request) -> None:
    """Raise ValidationException for what Converse refuses."""
    unknown = find_unknown_members("bedrock-runtime", "Converse", request)
    if unknown:
        raise ValidationException(
            f"Malformed input request: extraneous key [{unknown[0]}] is not permitted, "
            "please reformat your input and try again."
        )
    violations = find_violations("bedrock-runtime", "Converse", request)
    if violations:
        raise ValidationException(describe_violations(violations))
    messages = request.get("messages") or []
    if not messages:
        raise ValidationException("The messages field is empty. Add a message and try again.")
    if messages[0]["role"] != "user":
        raise ValidationException(
            "A conversation must start with a user message. Try again with a conversation that "
            "starts with a user message."
        )
    for index, message in enumerate(messages):
        _check_content(index, message, "toolConfig" in request)
    _check_turns(messages)


def _check_content(index: int, message: Mapping[str, Any], has_tools: bool) -> None:
    if not message["content"]:
        raise ValidationException(
            f"The content field in the Message object at messages.{index} is empty. Add a "
            "ContentBlock object to the content field and try again."
        )
    for position, block in enumerate(message["content"]):
        if "text" in block and not block["text"].strip():
            raise ValidationException(
                f"The text field in the ContentBlock object at messages.{index}.content."
                f"{position} is blank. Add text to the text field, and try again."
            )
        if not has_tools and ("toolUse" in block or "toolResult" in block):
            raise ValidationException(
                "The toolConfig field must be defined when using toolUse and toolResult content "
                "blocks."
            )


def _check_turns(messages: list[Mapping[str, Any]]) -> None:
    asked: set[str] = set()
    for index, message in enumerate(messages):
        if index and message["role"] == messages[index - 1]["role"]:
            raise ValidationException(
                "A conversation must alternate between user and assistant roles. Make sure the "
                "conversation alternates between user and assistant roles and try again."
            )
        answered = {b["toolResult"]["toolUseId"] for b in message["content"] if "toolResult" in b}
        if answered - asked:
            raise ValidationException(
                f"The number of toolResult blocks at messages.{index}.content exceeds the number "
                "of toolUse blocks of previous turn."
            )
        if asked - answered:
            raise ValidationException(
                f"Expected toolResult blocks at messages.{index}.content for the following Ids: "
                f"{', '.join(sorted(asked - answered))}"
            )
        asked = {b["toolUse"]["toolUseId"] for b in message["content"] if "toolUse" in b}


def to_events(pieces: Iterable[Piece]) -> Iterator[Event]:
    """ConverseStream's events but for the closing metadata's metrics, as the pieces come."""
    yield "messageStart", {"role": "assistant"}
    index, kind = -1, None
    for piece in pieces:
        opens = isinstance(piece, ToolStart) or (isinstance(piece, Text) and kind is not Text)
        if kind and (opens or isinstance(piece, End)):
            yield "contentBlockStop", {"contentBlockIndex": index}
        if opens:
            index, kind = index + 1, type(piece)
        yield from _piece_events(piece, index)


def _piece_events(piece: Piece, index: int) -> Iterator[Event]:
    match piece:
        case Text(text):
            yield "contentBlockDelta", {"contentBlockIndex": index, "delta": {"text": text}}
        case ToolStart(tool_id, name):
            start = {"toolUse": {"toolUseId": tool_id, "name": name}}
            yield "contentBlockStart", {"contentBlockIndex": index, "start": start}
        case ToolInput(fragment):
            delta = {"toolUse": {"input": fragment}}
            yield "contentBlockDelta", {"contentBlockIndex": index, "delta": delta}
        case End(stop_reason, input_tokens, output_tokens):
            yield "messageStop", {"stopReason": stop_reason}
            yield "metadata", {"usage": usage(input_tokens, output_tokens)}


def to_message(pieces: Iterable[Piece]) -> dict[str, Any]:
    """Converse's answer but for its metrics."""
    content: list[dict[str, Any]] = []
    inputs: list[str] = []
    end = End("end_turn", 0, 0)
    for piece in pieces:
        match piece:
            case Text(text) if content and "text" in content[-1]:
                content[-1]["text"] += text
            case Text(text):
                content.append({"text": text})
            case ToolStart(tool_id, name):
                content.append({"toolUse": {"toolUseId": tool_id, "name": name}})
                inputs.append("")
            case ToolInput(fragment):
                inputs[-1] += fragment
            case End():
                end = piece
    for block, text in zip((b for b in content if "toolUse" in b), inputs, strict=True):
        block["toolUse"]["input"] = json.loads(text or "{}")
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": end.stop_reason,
        "usage": usage(end.input_tokens, end.output_tokens),
    }


def usage(input_tokens: int, output_tokens: int) -> dict[str, int]:
    """Both counts and their sum."""
    return {
        "inputTokens": input_tokens,
        "outputTokens": output_tokens,
        "totalTokens": input_tokens + output_tokens,
    }
