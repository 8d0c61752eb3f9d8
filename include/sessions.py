"""Conversations of customers with agents: a record of each session, and its transcript.

A session belongs to an agent and to the caller who began it: two callers who choose the same
session id have two sessions. It is kept for SESSION_RETENTION_DAYS after its last turn.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError
from pydantic import Field

from include import handoffs
from include.aws import client
from include.errors import NotFoundError
from include.fences import agent_key, is_fence_error
from include.handoffs import Handoff, HandoffStatus
from include.items import get_item, read, write
from include.lists import DEFAULT_LIMIT, Page, Position, build_query, read_page
from include.models import Agent, Record, now
from include.settings import get_settings
from include.transactions import write_transaction

STARTED_INDEX = "agent-started-index"
SECONDS_PER_DAY = 24 * 60 * 60
# Of what DynamoDB keeps of one turn, 400 KB: a passage is cut, an answer almost never.
MAX_PASSAGE_CHARACTERS = 1_000
MAX_CITATIONS = 20
MAX_TEXT_CHARACTERS = 50_000
MAX_HISTORY_TURNS = 10  # as many as a running agent remembers
MAX_TURNS_LOOKED_AT = 20  # for those, so that a long session costs no more than a short one


class Channel(StrEnum):
    """How a customer talks to the agent."""

    TEXT = "text"
    VOICE = "voice"


@dataclass(frozen=True)
class SessionRef:
    """Names a session: `caller` is who may use it, e.g. an API key's id or a user's."""

    agent_id: str
    session_id: str
    caller: str

    @property
    def key(self) -> str:
        """The session's key in tables and in tenants' addresses; it tells nothing of the caller."""
        text = f"{self.agent_id}\n{self.caller}\n{self.session_id}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]


class TurnRecord(Record):
    """One question and what came of it; `error` says why there is no answer, or only a part."""

    question: str
    answer: str
    citations: list[dict[str, Any]] = Field(default_factory=list)
    handoff: dict[str, str] | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    duration_seconds: float = 0.0
    channel: Channel = Channel.TEXT
    key_id: str | None = None
    error: str | None = None
    at: str = Field(default_factory=now)


class Session(Record):
    """A session with its sums; `sessionId` is the customer's name of it, `sessionKey` ours."""

    agent_id: str
    session_key: str
    session_id: str
    user_id: str
    caller: str
    channel: Channel
    key_id: str | None = None
    started_at: str
    last_at: str
    turns: int
    errors: int = 0
    input_tokens: int
    output_tokens: int
    duration_seconds: float
    cost_usd: float
    handoff_status: HandoffStatus | None = None
    open_handoff_id: str | None = None
    handoff_ids: list[str] = Field(default_factory=list)
    expires_at: int


def record_turn(agent: Agent, session: SessionRef, turn: TurnRecord) -> None:
    """Add a turn to its session, which begins with its first; a hand-off is recorded with it.

    Nothing is kept when the agent has been deleted meanwhile.
    """
    if not is_there(agent):
        return
    put = build_turn(session, turn)
    if turn.handoff and not has_open_handoff(session):
        handoff = build_handoff(agent, session, turn)
        try:
            write_transaction(
                [put, build_update(agent, session, turn, handoff), *handoffs.build_opening(handoff)]
            )
        except ClientError as error:
            if not is_fence_error(error):  # else another turn of the session was first
                raise
        else:
            return
    write_transaction([put, build_update(agent, session, turn)])


def is_there(agent: Agent) -> bool:
    """Whether the agent has not been deleted; read as it is now."""
    answer = client("dynamodb").get_item(
        **agent_key(agent.ref),
        ProjectionExpression="agentId, deletionRequestedAt",
        ConsistentRead=True,
    )
    return "deletionRequestedAt" not in answer.get("Item", {"deletionRequestedAt": None})


def build_turn(session: SessionRef, turn: TurnRecord) -> dict[str, Any]:
    """The transaction's put of a turn, cut to what an item may hold."""
    kept = turn.model_copy(
        update={
            "question": turn.question[:MAX_TEXT_CHARACTERS],
            "answer": turn.answer[:MAX_TEXT_CHARACTERS],
            "citations": [cut_passage(citation) for citation in turn.citations[:MAX_CITATIONS]],
        }
    )
    keys = {
        "sessionKey": {"S": session.key},
        "turnKey": {"S": f"{turn.at}#{uuid4().hex[:8]}"},
        "expiresAt": {"N": str(count_expiry())},
    }
    return {"Put": {"TableName": get_settings().turns_table, "Item": write(kept)["M"] | keys}}


def cut_passage(citation: dict[str, Any]) -> dict[str, Any]:
    """A citation whose passage is short enough to be kept."""
    return citation | {"passage": str(citation.get("passage", ""))[:MAX_PASSAGE_CHARACTERS]}


def build_handoff(agent: Agent, session: SessionRef, turn: TurnRecord) -> Handoff:
    """The record of the hand-off a turn asks for; it is kept as long as its session."""
    asked = turn.handoff or {}
    return Handoff(
        user_id=agent.user_id,
        agent_id=agent.agent_id,
        agent_name=agent.agent_name,
        session_key=session.key,
        session_id=session.session_id,
        channel=turn.channel,
        reason=asked.get("reason", "")[: handoffs.MAX_TEXT_CHARACTERS],
        summary=asked.get("summary", "")[: handoffs.MAX_TEXT_CHARACTERS],
        expires_at=count_expiry(),
    )


def build_update(
    agent: Agent, session: SessionRef, turn: TurnRecord, handoff: Handoff | None = None
) -> dict[str, Any]:
    """The transaction's update of the session: made, or its sums raised."""
    facts = {
        "userId": agent.user_id,
        "sessionId": session.session_id,
        "caller": session.caller,
        "channel": turn.channel,
        "keyId": turn.key_id,
        "lastAt": turn.at,
        "expiresAt": count_expiry(),
    }
    sums = {
        "turns": 1,
        "errors": int(turn.error is not None),
        "inputTokens": turn.input_tokens,
        "outputTokens": turn.output_tokens,
        "durationSeconds": turn.duration_seconds,
        "costUsd": count_cost(turn),
    }
    update: dict[str, Any] = {
        "TableName": get_settings().sessions_table,
        "Key": {"agentId": {"S": session.agent_id}, "sessionKey": {"S": session.key}},
        "UpdateExpression": "SET #startedAt = if_not_exists(#startedAt, :lastAt), "
        + ", ".join(f"#{name} = :{name}" for name in facts)
        + " ADD "
        + ", ".join(f"#{name} :{name}" for name in sums),
        "ExpressionAttributeNames": {f"#{name}": name for name in ("startedAt", *facts, *sums)},
        "ExpressionAttributeValues": {f":{k}": write(v) for k, v in (facts | sums).items()},
    }
    if handoff:
        handoffs.mark_open(update, handoff)
    return {"Update": update}


def count_cost(turn: TurnRecord) -> float:
    """US dollars for a turn's tokens."""
    settings = get_settings()
    price = settings.input_token_price_usd * turn.input_tokens
    price += settings.output_token_price_usd * turn.output_tokens
    return round(price / 1_000_000, 9)


def count_expiry() -> int:
    """When what is written now is to be forgotten, in seconds since 1970."""
    return int(time.time()) + get_settings().session_retention_days * SECONDS_PER_DAY


def has_open_handoff(session: SessionRef) -> bool:
    """Whether a person has been asked already and has not said that they know."""
    found = find_session(session.agent_id, session.key)
    return found is not None and found.open_handoff_id is not None


def find_session(agent_id: str, session_key: str) -> Session | None:
    """One session of an agent; None also when its time is over."""
    key = {"agentId": {"S": agent_id}, "sessionKey": {"S": session_key}}
    item = get_item(get_settings().sessions_table, key)
    return Session.model_validate(item) if item and item["expiresAt"] > time.time() else None


def get_session(agent_id: str, session_key: str) -> Session:
    """One session of an agent.

    :raises NotFoundError: when there is none.
    """
    session = find_session(agent_id, session_key)
    if session is None:
        raise NotFoundError(f"There is no session {session_key!r}.")
    return session


def load_history(session: SessionRef) -> list[TurnRecord]:
    """The session's last turns that were answered, oldest first, without their citations.

    It is what an agent is reminded of.
    """
    query = build_transcript_query(session.key) | {
        "ProjectionExpression": "question, answer, #error, #at",
        "ExpressionAttributeNames": {"#error": "error", "#at": "at"},
        "ScanIndexForward": False,
        "Limit": MAX_TURNS_LOOKED_AT,
    }
    items = client("dynamodb").query(**query)["Items"]
    turns = [TurnRecord.model_validate(read(item)) for item in items]
    answered = [turn for turn in turns if turn.answer.strip() and not turn.error]
    return answered[:MAX_HISTORY_TURNS][::-1]


def list_turns(session_key: str) -> list[TurnRecord]:
    """A session's transcript, oldest first."""
    pages = (
        client("dynamodb").get_paginator("query").paginate(**build_transcript_query(session_key))
    )
    return [TurnRecord.model_validate(read(item)) for page in pages for item in page["Items"]]


def build_transcript_query(session_key: str) -> dict[str, Any]:
    """DynamoDB's query of a session's turns whose time is not over."""
    return {
        "TableName": get_settings().turns_table,
        "KeyConditionExpression": "sessionKey = :key",
        "FilterExpression": "expiresAt > :now",
        "ExpressionAttributeValues": {
            ":key": {"S": session_key},
            ":now": {"N": str(int(time.time()))},
        },
        "ConsistentRead": True,
    }


def list_sessions(
    agent_id: str, limit: int = DEFAULT_LIMIT, start: Position | None = None
) -> Page[Session]:
    """One page of an agent's sessions, by their start, newest first."""
    query = build_query(get_settings().sessions_table, STARTED_INDEX, {"agentId": agent_id}, start)
    query["FilterExpression"] = "expiresAt > :now"
    query["ExpressionAttributeValues"][":now"] = {"N": str(int(time.time()))}
    return read_page(query, limit, Session)
