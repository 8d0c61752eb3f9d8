"""What Converse refuses, and how pieces become a message and events."""

from __future__ import annotations

from typing import Any

import pytest

from local.aws.models.converse import (
    End,
    Text,
    ToolInput,
    ToolStart,
    ValidationException,
    check_request,
    to_events,
    to_message,
)

TOOL_CONFIG = {"tools": [{"toolSpec": {"name": "a", "inputSchema": {"json": {"x": 1}}}}]}
USE = {"toolUse": {"toolUseId": "t1", "name": "a", "input": {"any": ["thing"]}}}
RESULT = {"toolResult": {"toolUseId": "t1", "content": [{"text": "x"}]}}
PIECES = [Text("Let me "), Text("look."), ToolStart("t1", "a"), ToolInput('{"q"'), ToolInput(":1}")]


def request(*messages: tuple[str, list[dict[str, Any]]], **more: Any) -> dict[str, Any]:
    shaped = [{"role": role, "content": content} for role, content in messages]
    return {"modelId": "m", "messages": shaped, **more}


HELLO = ("user", [{"text": "hello"}])


@pytest.mark.parametrize(
    ("refused", "message"),
    [
        (request(), "messages field is empty"),
        (request(HELLO, nonsense=1), "extraneous key \\[nonsense\\]"),
        (
            request(("user", [{"text": "a", "tool": 1}])),
            "extraneous key \\[messages.0.content.0.tool",
        ),
        (request(("assistant", [{"text": "a"}])), "must start with a user message"),
        (request(HELLO, HELLO), "must alternate"),
        (request(("user", [])), "is empty"),
        (request(("user", [{"text": " "}])), "is blank"),
        (request(("robot", [{"text": "a"}])), "enum value set"),
        (request(HELLO, inferenceConfig={"temperature": 2.0}), "less than or equal to 1"),
        (request(HELLO, ("assistant", [USE])), "toolConfig field must be defined"),
        (
            request(HELLO, ("assistant", [USE]), HELLO, toolConfig=TOOL_CONFIG),
            "Expected toolResult",
        ),
        (request(("user", [RESULT]), toolConfig=TOOL_CONFIG), "exceeds the number of toolUse"),
    ],
)
def test_refuses_what_bedrock_refuses(refused: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationException, match=message):
        check_request(refused)


def test_accepts_a_turn_with_tools() -> None:
    check_request(request(HELLO, ("assistant", [USE]), ("user", [RESULT]), toolConfig=TOOL_CONFIG))


def test_pieces_become_one_message() -> None:
    message = to_message([*PIECES, End("tool_use", 7, 3)])
    assert message["output"]["message"]["content"] == [
        {"text": "Let me look."},
        {"toolUse": {"toolUseId": "t1", "name": "a", "input": {"q": 1}}},
    ]
    assert message["stopReason"] == "tool_use"
    assert message["usage"] == {"inputTokens": 7, "outputTokens": 3, "totalTokens": 10}


def test_pieces_become_events_with_a_block_each() -> None:
    events = list(to_events([*PIECES, ToolStart("t2", "a"), End("tool_use", 7, 3)]))
    assert [(name, payload.get("contentBlockIndex")) for name, payload in events] == [
        ("messageStart", None),
        ("contentBlockDelta", 0),
        ("contentBlockDelta", 0),
        ("contentBlockStop", 0),
        ("contentBlockStart", 1),
        ("contentBlockDelta", 1),
        ("contentBlockDelta", 1),
        ("contentBlockStop", 1),
        ("contentBlockStart", 2),
        ("contentBlockStop", 2),
        ("messageStop", None),
        ("metadata", None),
    ]


def test_events_come_as_the_pieces_do() -> None:
    def pieces() -> Any:
        yield Text("first")
        raise AssertionError("asked for a second piece too early")

    events = to_events(pieces())
    assert next(events)[0] == "messageStart"
    assert next(events)[1]["delta"] == {"text": "first"}
