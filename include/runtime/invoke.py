"""Asking a deployed agent: one message in, answer and citations out."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from botocore.exceptions import ClientError

from include.aws import client, error_code
from include.errors import AgentUnavailableError
from include.models import Agent
from include.settings import get_settings

# AgentCore's own word for "the agent's code answered with an error".
AGENT_ERRORS = frozenset({"RuntimeClientError", "InternalServerException"})


def invoke_agent(
    agent: Agent,
    prompt: str,
    session_id: str,
    endpoint: str | None = None,
    history: list[dict[str, str]] | None = None,
) -> dict[str, Any]:
    """Ask the agent through its endpoint; returns {"answer", "citations", "handoff", "usage"}.

    The endpoint is that of customers unless another one is named. A `history`, of {"question",
    "answer"}, replaces what the agent remembers of the session.

    :raises AgentUnavailableError: when the agent or AgentCore could not answer.
    """
    try:
        answer = client("bedrock-agentcore").invoke_agent_runtime(
            agentRuntimeArn=agent.agentcore_agent_arn,
            qualifier=endpoint or get_settings().endpoint_name,
            runtimeSessionId=session_id,
            contentType="application/json",
            accept="application/json",
            payload=build_payload(prompt, history),
        )
        return parse_answer(answer["response"].read())
    except ClientError as error:
        if error_code(error) in AGENT_ERRORS:
            raise AgentUnavailableError(
                "The agent could not answer. Try again in a moment."
            ) from error
        raise


def build_payload(prompt: str, history: list[dict[str, str]] | None, **more: Any) -> bytes:
    """What a running agent is sent."""
    payload = {"prompt": prompt, **more}
    if history is not None:
        payload["history"] = history
    return json.dumps(payload).encode()


def parse_answer(body: bytes) -> dict[str, Any]:
    """The agent's JSON answer.

    :raises AgentUnavailableError: when it is not of the agreed form.
    """
    try:
        answer = json.loads(body)
    except ValueError as error:
        raise AgentUnavailableError("The agent's answer was not JSON.") from error
    if not isinstance(answer, dict) or "answer" not in answer:
        raise AgentUnavailableError("The agent's answer had no text.")
    return answer


def runtime_session_id(agent: Agent, conversation_id: str) -> str:
    """A session id (64 characters) bound to tenant and agent: AgentCore binds it to nobody."""
    key = get_settings().jwt_secret.get_secret_value().encode() or b"oratio"
    text = f"{agent.user_id}|{agent.agent_id}|{conversation_id}"
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
