"""Answers the invocations of one agent on Amazon Bedrock AgentCore.

The same file serves every agent. What makes an agent this one is in agent.json beside it; its
knowledge base, model and region are in the environment.
"""

import asyncio
import json
import os
import re
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import boto3
from bedrock_agentcore import BedrockAgentCoreApp, RequestContext
from botocore.exceptions import BotoCoreError, ClientError
from starlette.exceptions import HTTPException
from strands import Agent, ToolContext, tool
from strands.models import BedrockModel

MAX_PROMPT_CHARACTERS = 20_000
MAX_QUERY_CHARACTERS = 1_000  # Bedrock's limit for a query to a vector knowledge base
MAX_MODEL_CALLS = 8  # one turn: searches and the answer
MAX_MESSAGES = 20  # kept for each conversation; even, so that the user's comes first
MAX_CONVERSATIONS = 200

CONFIG = json.loads(Path(__file__).with_name("agent.json").read_text(encoding="utf-8"))
KNOWLEDGE_BASE_ID = os.environ["KNOWLEDGE_BASE_ID"]
MANAGED = os.environ["KNOWLEDGE_BASE_STORE"] == "managed"
SEARCH = "managedSearchConfiguration" if MANAGED else "vectorSearchConfiguration"

app = BedrockAgentCoreApp()
# One session: its parsed service models are shared, which halves the time to the first answer.
aws = boto3.Session(region_name=os.environ["AWS_REGION"])
knowledge = aws.client("bedrock-agent-runtime")
model = BedrockModel(
    boto_session=aws, model_id=os.environ["MODEL_ID"], max_tokens=CONFIG["maxTokens"]
)


class AnswerError(Exception):
    """The turn failed; the message may be shown to the user."""


@dataclass
class Request:
    """What is asked, and the turns before it; without a history those the session remembers."""

    prompt: str
    history: list[dict[str, str]] | None = None


@dataclass
class Turn:
    """What the tools did while one message was answered; tools may run in parallel threads."""

    passages: list[dict[str, Any]] = field(default_factory=list)
    handoff: dict[str, str] | None = None
    failed: bool = False
    lock: Lock = field(default_factory=Lock)

    def number(self, found: list[dict[str, Any]]) -> str:
        """Keep the passages and show them to the model, numbered on through the turn."""
        lines = []
        with self.lock:
            for passage in found:
                self.passages.append(passage)
                name = passage["document"].removeprefix(CONFIG["documentPrefix"])
                header = f"[{len(self.passages)}] (document: {name})"
                lines.append(f"{header}\n{passage['passage']}\n")
        return "\n".join(lines) or "No passages found."

    def cited(self, answer: str) -> list[dict[str, Any]]:
        """Return the passages whose number stands in square brackets in the answer."""
        marks = re.findall(r"\[([0-9, ]+)\]", answer)
        numbers = {number.strip() for mark in marks for number in mark.split(",")}
        return [p for n, p in enumerate(self.passages, start=1) if f"{n}" in numbers]


@dataclass
class Conversation:
    """The messages of one session; the lock lets one turn run at a time."""

    messages: list[Any] = field(default_factory=list)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def replay(self, history: list[dict[str, str]]) -> None:
        """Remember these turns and no others: the caller knows what was said, whoever ran then."""
        self.messages = []
        for turn in history:
            self.remember(turn["question"], turn["answer"])

    def remember(self, prompt: str, answer: str) -> None:
        """Add a finished turn; tool messages are left out, so [n] never means an old passage."""
        if answer.strip():
            user = {"role": "user", "content": [{"text": prompt}]}
            assistant = {"role": "assistant", "content": [{"text": answer}]}
            self.messages = [*self.messages, user, assistant][-MAX_MESSAGES:]


# Touched only on the event loop that runs the entry point.
conversations: OrderedDict[str, Conversation] = OrderedDict()


def find_conversation(session_id: str | None) -> Conversation:
    """Return the session's conversation, new if unknown; the longest unused idle one gives way."""
    if session_id is None:
        return Conversation()
    conversation = conversations.setdefault(session_id, Conversation())
    conversations.move_to_end(session_id)
    if len(conversations) > MAX_CONVERSATIONS:
        idle = (key for key, other in conversations.items() if not other.lock.locked())
        conversations.pop(next(idle, session_id))
    return conversation


def read_passage(result: dict[str, Any]) -> dict[str, Any]:
    """Return one retrieval result as a citation: document (S3 URI), passage and score."""
    location = result.get("location", {}).get("s3Location", {})
    source = result.get("metadata", {}).get("x-amz-bedrock-kb-source-uri", "")
    return {
        "document": location.get("uri", source),
        "passage": result.get("content", {}).get("text", "").strip(),
        "score": result.get("score", 0.0),
    }


def is_own(passage: dict[str, Any]) -> bool:
    """Tell whether the passage has text and comes from this agent's folder of the bucket."""
    document = passage["document"]
    foreign = document.startswith("s3://") and not document.startswith(CONFIG["documentPrefix"])
    return bool(passage["passage"]) and not foreign


@tool(description=CONFIG["retrieveDescription"], context=True)
def retrieve(query: str, tool_context: ToolContext) -> str:
    """Search this agent's knowledge base.

    Args:
        query: What to look for, as a full question in the words of the documents.
    """
    turn: Turn = tool_context.invocation_state["turn"]
    text = query.strip()[:MAX_QUERY_CHARACTERS]
    if not text:
        return turn.number([])
    try:
        response = knowledge.retrieve(
            knowledgeBaseId=KNOWLEDGE_BASE_ID,
            retrievalQuery={"text": text},
            retrievalConfiguration={SEARCH: {"numberOfResults": CONFIG["numberOfResults"]}},
        )
    except (BotoCoreError, ClientError):
        app.logger.exception("Retrieve failed")
        turn.failed = True
        return "The knowledge base could not be searched."
    passages = [read_passage(result) for result in response["retrievalResults"]]
    return turn.number([passage for passage in passages if is_own(passage)])


@tool(description=CONFIG["handOffDescription"], context=True)
def hand_off_to_human(reason: str, summary: str, tool_context: ToolContext) -> str:
    """Ask a person to take the conversation over.

    Args:
        reason: Which condition for a hand-off is met.
        summary: What the person who takes over must know, in two or three sentences.
    """
    tool_context.invocation_state["turn"].handoff = {"reason": reason, "summary": summary}
    return "A person has been asked to take over. Tell the user so in one or two sentences."


def compose(turn: Turn, result: Any) -> dict[str, Any]:
    """Return the answer of a finished turn; raises AnswerError if there is none."""
    if turn.failed and not turn.passages:
        raise AnswerError("The agent could not search its knowledge base.")
    if result.stop_reason == "limit_turns":
        raise AnswerError("The agent found no answer within its limit of searches.")
    answer = "".join(block.get("text", "") for block in result.message["content"]).strip()
    used = result.metrics.accumulated_usage
    return {
        "answer": answer,
        "citations": turn.cited(answer),
        "handoff": turn.handoff,
        "usage": {name: used[name] for name in ("inputTokens", "outputTokens")},
    }


async def run_turn(request: Request, conversation: Conversation) -> AsyncIterator[dict[str, Any]]:
    """Yield the events of one turn: text, tool, and at last done with the whole answer."""
    async with conversation.lock:
        if request.history is not None:
            conversation.replay(request.history)
        turn = Turn()
        agent = Agent(
            model=model,
            system_prompt=CONFIG["systemPrompt"],
            tools=[retrieve, hand_off_to_human],
            messages=[*conversation.messages],
            callback_handler=None,
        )
        result = None
        async for event in agent.stream_async(
            request.prompt, invocation_state={"turn": turn}, limits={"turns": MAX_MODEL_CALLS}
        ):
            start = event.get("event", {}).get("contentBlockStart", {}).get("start", {})
            if "data" in event:
                yield {"type": "text", "text": event["data"]}
            elif "toolUse" in start:
                yield {"type": "tool", "name": start["toolUse"]["name"]}
            result = event.get("result", result)
        done = compose(turn, result)
        conversation.remember(request.prompt, done["answer"])
        yield {"type": "done", **done}


def explain(error: Exception) -> str:
    """Log an error and return what the user may know of it: no account, key or address."""
    if isinstance(error, AnswerError):
        return f"{error}"
    app.logger.error("Turn failed", exc_info=error)
    if isinstance(error, ClientError):
        return f"The agent could not answer: AWS said {error.response['Error']['Code']}."
    return "The agent could not answer because of an internal error."


async def stream_answer(
    request: Request, conversation: Conversation
) -> AsyncIterator[dict[str, Any]]:
    """Yield the events of one turn; the response has begun, so a failure is an event too."""
    try:
        async for event in run_turn(request, conversation):
            yield event
    except Exception as error:
        yield {"type": "error", "message": explain(error)}


async def give_answer(request: Request, conversation: Conversation) -> dict[str, Any]:
    """Return the answer of one turn; answers HTTP 500 if it failed."""
    done: dict[str, Any] = {}
    try:
        async for event in run_turn(request, conversation):
            done = event
    except Exception as error:
        raise HTTPException(500, explain(error)) from None
    return {name: value for name, value in done.items() if name != "type"}


def read_request(payload: Any) -> Request:
    """Return the user's message and what was said before; answers HTTP 400 if they cannot be."""
    prompt = payload.get("prompt") if isinstance(payload, dict) else None
    if not isinstance(prompt, str) or not prompt.strip():
        raise HTTPException(400, 'Send {"prompt": "..."} with a text that is not blank.')
    if len(prompt) > MAX_PROMPT_CHARACTERS:
        raise HTTPException(400, f"The prompt is longer than {MAX_PROMPT_CHARACTERS} characters.")
    history = payload.get("history")
    if history is not None and not is_history(history):
        raise HTTPException(400, 'A history is a list of {"question": "...", "answer": "..."}.')
    return Request(prompt, history)


def is_history(history: Any) -> bool:
    """Tell whether this is a list of turns."""
    texts = ("question", "answer")
    return isinstance(history, list) and all(
        isinstance(turn, dict) and all(isinstance(turn.get(name), str) for name in texts)
        for turn in history
    )


@app.entrypoint
async def invoke(payload: Any, context: RequestContext) -> Any:
    """Answer one message of a session, at once as JSON or, with "stream": true, as events."""
    request = read_request(payload)
    conversation = find_conversation(context.session_id)
    if payload.get("stream") is True:
        return stream_answer(request, conversation)
    return await give_answer(request, conversation)


if __name__ == "__main__":
    app.run()
