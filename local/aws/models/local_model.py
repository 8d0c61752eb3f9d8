"""The deterministic model: retrieves, then quotes; hands over and refuses as its prompt says."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.aws.models.converse import (
    CHARS_PER_TOKEN,
    End,
    Piece,
    Request,
    Text,
    ToolInput,
    ToolStart,
)
from local.aws.models.passages import parse_passages
from local.aws.models.procedure import Procedure, read_procedure
from local.aws.models.quoting import NO_ANSWER, answer
from local.aws.models.terms import find_terms

RETRIEVE = "retrieve"
HAND_OFF = "hand_off_to_human"
HUMAN = (
    r"(?:human|person|people|someone|somebody|representative|rep|agent|manager|supervisor|"
    r"operator|colleague|adviser|advisor|member of staff|support team)"
)
HUMAN_REQUEST = re.compile(
    rf"\b(?:speak|talk|chat|connect(?: me)?|transfer(?: me)?|put me through|pass me on|"
    rf"hand me over|escalate(?: this| me)?)\b(?: \w+){{0,4}}? {HUMAN}\b"
    rf"|\b(?:want|need|like|get me|give me|call) (?:\w+ )?(?:a|an|your|the) (?:\w+ )?{HUMAN}\b"
    r"|\b(?:real|actual|live) (?:human|person|agent)\b"
    r"|\b(?:make|file|lodge|raise|register|have) an? (?:\w+ )?complaint\b"
    r"|\b(?:want|like|need) to complain\b|\bi(?: am|'m) complaining\b|\bescalate (?:this|my)\b",
    re.I,
)
ASKS_ABOUT_PROCEDURE = re.compile(r"^\W*(?:how|what|where|when|which|who|does|do|is|are)\b", re.I)
FOLLOW_UP_OPENING = re.compile(
    r"^\W*(?:and|but|or|also|then|so|what about|how about|what if|ok(?:ay)?,? (?:and|but|so))\b",
    re.I,
)
POINTS_BACK = re.compile(r"\b(?:it|its|that|this|they|them|their|those|these|there|ones?)\b", re.I)
FOLLOW_UP_MAX_TERMS = 2
STREAMED_WORDS = re.compile(r"\S+\s*")
HAND_OFF_ANSWER = "I am handing you over to a human colleague, who will take it from here."
TOOL_FAILED_ANSWER = "I could not search the documents just now. Please try again in a moment."


@dataclass(frozen=True)
class Turn:
    """The user's current question and what has happened since."""

    question: str
    earlier_question: str
    results: tuple[tuple[str, str, bool], ...]  # tool name, text, succeeded


def reply(request: Request) -> Iterator[Piece]:
    """The reply in pieces: the same request always gets the same one."""
    turn = read_turn(request["messages"])
    procedure = read_procedure(request)
    call = choose_call(turn, request.get("toolConfig") or {}, procedure)
    prompt_chars = len(json.dumps(request.get("messages")) + json.dumps(request.get("system")))
    if call:
        name, arguments = call
        text = json.dumps(arguments, ensure_ascii=False)
        digest = hashlib.sha256(f"{len(request['messages'])}{name}{text}".encode())
        yield ToolStart(f"tooluse_{digest.hexdigest()[:22]}", name)
        middle = len(text) // 2
        yield from (ToolInput(text[:middle]), ToolInput(text[middle:]))
    else:
        text = compose_answer(turn, procedure)
        yield from (Text(word) for word in STREAMED_WORDS.findall(text))
    yield End(
        "tool_use" if call else "end_turn",
        prompt_chars // CHARS_PER_TOKEN,
        len(text) // CHARS_PER_TOKEN + 1,
    )


def read_turn(messages: Sequence[Mapping[str, Any]]) -> Turn:
    """The last question (text of a user message), the one before it, and results since."""
    questions: list[tuple[int, str]] = []
    names: dict[str, str] = {}
    for index, message in enumerate(messages):
        text = " ".join(b["text"] for b in message["content"] if "text" in b)
        if message["role"] == "user" and text:
            questions.append((index, text.strip()))
        names |= {
            b["toolUse"]["toolUseId"]: b["toolUse"]["name"]
            for b in message["content"]
            if "toolUse" in b
        }
    start, question = questions[-1] if questions else (0, "")
    results = tuple(
        (names.get(r["toolUseId"], ""), _result_text(r), r.get("status") != "error")
        for message in messages[start:]
        for r in (b["toolResult"] for b in message["content"] if "toolResult" in b)
    )
    earlier = questions[-2][1] if len(questions) > 1 and is_follow_up(question) else ""
    return Turn(question, earlier, results)


def _result_text(result: Mapping[str, Any]) -> str:
    return "\n".join(
        block["text"] if "text" in block else json.dumps(block.get("json"))
        for block in result["content"]
    )


def is_follow_up(question: str) -> bool:
    """Whether a question cannot be understood without the one before it."""
    few = len(find_terms(question)) <= FOLLOW_UP_MAX_TERMS
    return bool(FOLLOW_UP_OPENING.search(question) or (few and POINTS_BACK.search(question)))


def asks_for_human(question: str) -> bool:
    """Whether the user wants a person now, rather than to know how to reach one."""
    return bool(HUMAN_REQUEST.search(question)) and not ASKS_ABOUT_PROCEDURE.search(question)


def choose_call(
    turn: Turn, tool_config: Mapping[str, Any], procedure: Procedure
) -> tuple[str, dict[str, Any]] | None:
    """The tool to call now with its input, None to answer."""
    specs = [tool["toolSpec"] for tool in tool_config.get("tools", ()) if "toolSpec" in tool]
    offered = {spec["name"]: spec for spec in specs}
    if turn.results:
        return None
    forced = tool_config.get("toolChoice", {}).get("tool", {}).get("name")
    reason = find_reason(turn.question, procedure)
    if HAND_OFF in offered and (forced == HAND_OFF or reason):
        return HAND_OFF, {"reason": reason or "", "summary": turn.question}
    if forced is None and answer_from_procedure(turn.question, procedure):
        return None
    if RETRIEVE in offered and forced in (None, RETRIEVE):
        return RETRIEVE, {"query": f"{turn.earlier_question} {turn.question}".strip()}
    if forced in offered:
        return forced, fill_schema(offered[forced]["inputSchema"]["json"], turn.question)
    return None


def find_reason(question: str, procedure: Procedure) -> str | None:
    """Why to hand over: the user's wish, or the condition that their words meet."""
    if asks_for_human(question):
        return "The user asked for a human."
    return None if procedure.find_steps(question) else procedure.find_hand_over(question)


def answer_from_procedure(question: str, procedure: Procedure) -> str | None:
    """What the prompt alone makes the model say: the steps asked for, or a refusal."""
    if steps := procedure.find_steps(question):
        return " ".join(f'The procedure says: "{step}"' for step in steps)
    rule = procedure.find_prohibition(question)
    return f'I cannot do that. The rule is: "{rule}"' if rule else None


def fill_schema(schema: Mapping[str, Any], text: str) -> dict[str, Any]:
    """The smallest input that a tool's JSON schema accepts, with `text` in its strings."""
    empty = {"integer": 0, "number": 0, "boolean": False, "array": [], "object": {}}
    return {
        name: empty.get(schema.get("properties", {}).get(name, {}).get("type"), text)
        for name in schema.get("required", ())
    }


def compose_answer(turn: Turn, procedure: Procedure) -> str:
    """What to say after the tools, or without any."""
    if any(name == HAND_OFF and succeeded for name, _, succeeded in turn.results):
        return HAND_OFF_ANSWER
    found = [text for name, text, succeeded in turn.results if name == RETRIEVE and succeeded]
    if found:
        passages = parse_passages("\n".join(found))
        quotes = answer(turn.question, turn.earlier_question, passages)
        return quotes if quotes == NO_ANSWER else f"According to the documents: {quotes}"
    if any(name == RETRIEVE for name, _, _ in turn.results):
        return TOOL_FAILED_ANSWER
    if turn.results:
        return f"The tool {turn.results[-1][0]} answered: {turn.results[-1][1]}"
    if said := answer_from_procedure(turn.question, procedure):
        return said
    return f"You said: {turn.question}" if turn.question else "How can I help you?"
