"""The deterministic model's choice between tools and answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.aws.models import local_model
from local.aws.models.converse import to_message
from local.aws.models.quoting import NO_ANSWER

TOOLS = {
    name: {"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object"}}}}
    for name in ("retrieve", "hand_off_to_human")
}
PASSAGES = (
    "[1] (document: a.md)\nClothing can be returned within 30 days.\n\n"
    "[2] (document: b.md)\nElectronics can be returned within 14 days.\n"
)


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"text": text}]}


def assistant(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": [{"text": text}]}


def called(name: str, text: str, status: str = "success") -> list[dict[str, Any]]:
    use = {"toolUseId": "t1", "name": name, "input": {}}
    result = {"toolUseId": "t1", "content": [{"text": text}], "status": status}
    return [
        {"role": "assistant", "content": [{"toolUse": use}]},
        {"role": "user", "content": [{"toolResult": result}]},
    ]


def reply(*messages: dict[str, Any], tools: tuple[str, ...] = tuple(TOOLS), **config: Any) -> Any:
    request: dict[str, Any] = {"messages": list(messages)}
    if tools:
        request["toolConfig"] = {"tools": [TOOLS[name] for name in tools]} | config
    return to_message(local_model.reply(request))


def tool_use(message: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    assert message["stopReason"] == "tool_use"
    (block,) = message["output"]["message"]["content"]
    return block["toolUse"]["name"], block["toolUse"]["input"]


def said(message: dict[str, Any]) -> str:
    assert message["stopReason"] == "end_turn"
    return str(message["output"]["message"]["content"][0]["text"])


def test_retrieves_before_it_answers() -> None:
    question = "How long can I return clothing?"
    assert tool_use(reply(user(question))) == ("retrieve", {"query": question})


def test_quotes_what_it_retrieved() -> None:
    question = user("How long can I return clothing?")
    answer = said(reply(question, *called("retrieve", PASSAGES)))
    assert answer == 'According to the documents: "Clothing can be returned within 30 days." [1]'


def test_a_follow_up_is_searched_with_the_question_before_it() -> None:
    messages = (user("How long can I return clothing?"), assistant("30 days"))
    query = tool_use(reply(*messages, user("And electronics?")))[1]["query"]
    assert query == "How long can I return clothing? And electronics?"
    answer = said(reply(*messages, user("And electronics?"), *called("retrieve", PASSAGES)))
    assert "14 days" in answer
    assert "30 days" not in answer


def test_a_new_question_is_searched_alone() -> None:
    messages = (user("How long can I return clothing?"), assistant("30 days"))
    question = "Where is the shop in Leeds?"
    assert tool_use(reply(*messages, user(question)))[1] == {"query": question}


def test_results_of_earlier_turns_do_not_count() -> None:
    earlier = (user("Clothing?"), *called("retrieve", PASSAGES), assistant("30 days"))
    assert tool_use(reply(*earlier, user("Where is the shop in Leeds?")))[0] == "retrieve"


@pytest.mark.parametrize(
    "text",
    [
        "I want to speak to a human.",
        "Can I talk to a real person please?",
        "Get me your manager",
        "Please connect me with a representative",
        "I need a human",
        "I want to make a complaint!",
        "put me through to someone",
        "Please escalate this",
    ],
)
def test_a_wish_for_a_human_is_handed_off(text: str) -> None:
    name, arguments = tool_use(reply(user(text)))
    assert name == "hand_off_to_human"
    assert arguments == {"reason": "The user asked for a human.", "summary": text}


@pytest.mark.parametrize(
    "text",
    [
        "How do I make a complaint?",
        "Do I need a manager's approval for leave?",
        "What does the agent fee cost?",
        "Who is the person in charge of returns?",
        "How many people fit into the boat?",
    ],
)
def test_a_question_about_people_is_looked_up(text: str) -> None:
    assert tool_use(reply(user(text)))[0] == "retrieve"


def test_without_the_hand_off_tool_it_retrieves() -> None:
    message = reply(user("I want to speak to a human."), tools=("retrieve",))
    assert tool_use(message)[0] == "retrieve"


def test_says_that_it_hands_over() -> None:
    wish = user("I want to speak to a human.")
    answer = said(reply(wish, *called("hand_off_to_human", "done")))
    assert answer == local_model.HAND_OFF_ANSWER


def test_says_when_the_documents_do_not_answer() -> None:
    question = user("What is the capital of France?")
    assert said(reply(question, *called("retrieve", PASSAGES))) == NO_ANSWER
    assert said(reply(question, *called("retrieve", "No passages found."))) == NO_ANSWER


def test_says_when_the_search_failed() -> None:
    failed = called("retrieve", "timeout", status="error")
    assert said(reply(user("Clothing?"), *failed)) == local_model.TOOL_FAILED_ANSWER


def test_answers_without_tools() -> None:
    assert said(reply(user("Good morning"), tools=())) == "You said: Good morning"


def test_a_forced_tool_is_called_with_the_input_its_schema_asks_for() -> None:
    schema = {"required": ["topic", "size"], "properties": {"size": {"type": "integer"}}}
    spec = {"toolSpec": {"name": "classify", "inputSchema": {"json": schema}}}
    choice = {"toolChoice": {"tool": {"name": "classify"}}}
    message = reply(user("Boats"), tools=("retrieve",), **choice)
    assert message["stopReason"] == "end_turn"  # not offered, so not called
    request = {"messages": [user("Boats")], "toolConfig": {"tools": [spec], **choice}}
    called_with = tool_use(to_message(local_model.reply(request)))
    assert called_with == ("classify", {"topic": "Boats", "size": 0})


def test_the_same_request_gets_the_same_reply() -> None:
    request = {"messages": [user("Clothing?")], "toolConfig": {"tools": list(TOOLS.values())}}
    assert list(local_model.reply(request)) == list(
        local_model.reply(json.loads(json.dumps(request)))
    )
