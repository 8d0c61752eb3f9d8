"""The running agents: one question in, the events of its answer out as they come."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from include.aws import error_code, from_aws
from include.errors import (
    AgentTimeoutError,
    AgentUnavailableError,
    OratioError,
    RetryableError,
    ThrottledError,
)
from include.models import Agent
from include.runtime.invoke import AGENT_ERRORS, build_payload
from include.settings import Settings, get_settings

log = logging.getLogger(__name__)

# text, tool or done, as in include/creator/template/agent_file.py
Event = dict[str, Any]
Turn = dict[str, str]

MAX_EVENT_BYTES = 4 * 1024 * 1024  # the last one holds the answer and all cited passages
# Less than servers have (5 s and more): no question goes out where the other side is hanging up.
KEEP_ALIVE_SECONDS = 4
UNAVAILABLE = "The agent could not answer. Try again in a moment."
BROKEN_OFF = "The agent broke off in the middle of its answer. Send the message again."


class AgentRuntime:
    """AgentCore, over one pool of connections; `credentials` sign the addresses of calls."""

    def __init__(self, client: Any, credentials: Any) -> None:
        self.client, self.credentials = client, credentials

    async def stream(
        self, agent: Agent, session_id: str, prompt: str, history: list[Turn]
    ) -> AsyncGenerator[Event, None]:
        """The events of one answer; leaving the loop early ends the agent's call.

        :raises AgentUnavailableError: when the agent fails, or breaks off before `done`.
        :raises AgentTimeoutError: when it says nothing for too long.
        """
        try:
            answer = await self.client.invoke_agent_runtime(
                agentRuntimeArn=agent.agentcore_agent_arn,
                qualifier=get_settings().endpoint_name,
                runtimeSessionId=session_id,
                contentType="application/json",
                accept="text/event-stream",
                payload=build_payload(prompt, history, stream=True),
            )
            async with answer["response"] as body:
                async for event in read_answer(body):
                    yield event
        except ClientError as error:
            raise explain_refusal(agent, error) from error
        except (ReadTimeoutError, TimeoutError) as error:
            raise AgentTimeoutError("The agent has stopped answering. Try again.") from error
        except (BotoCoreError, aiohttp.ClientError) as error:
            log.error("agent %s broke off: %s", agent.agent_id, type(error).__name__)
            raise AgentUnavailableError(BROKEN_OFF) from error


@asynccontextmanager
async def open_runtime(settings: Settings) -> AsyncIterator[AgentRuntime]:
    """Connect; endpoint and credentials come from boto's own chain."""
    config = AioConfig(
        connect_timeout=5,
        read_timeout=settings.answer_silence_seconds,
        max_pool_connections=settings.max_answers,
        connector_args={"keepalive_timeout": KEEP_ALIVE_SECONDS},
        # Once more only: a turn that has begun may be repeated by it.
        retries={"mode": "standard", "total_max_attempts": 2},
    )
    session = get_session()
    async with session.create_client(
        "bedrock-agentcore", region_name=settings.aws_region, config=config
    ) as client:
        yield AgentRuntime(client, await session.get_credentials())


def explain_refusal(agent: Agent, error: ClientError) -> OratioError:
    """Our error for AWS's, whose words are for operators only."""
    if isinstance(from_aws(error), ThrottledError):
        return RetryableError("The agent is busy. Try again shortly.")
    if error_code(error) not in AGENT_ERRORS:
        log.error("agent %s cannot be asked: %s", agent.agent_id, error)
    return AgentUnavailableError(UNAVAILABLE)


async def read_answer(body: Any) -> AsyncIterator[Event]:
    """The events of an answer up to `done`.

    :raises AgentUnavailableError: when the agent reports a failure or the events end too early.
    """
    async for event in parse_events(body.iter_chunks(64 * 1024)):
        if event.get("type") == "error":
            raise AgentUnavailableError(str(event.get("message") or UNAVAILABLE))
        yield event
        if event.get("type") == "done":
            return
    raise AgentUnavailableError(BROKEN_OFF)


async def parse_events(chunks: AsyncIterator[bytes]) -> AsyncIterator[Event]:
    """The JSON of each Server-Sent Event of a byte stream; comments are skipped."""
    buffered = b""
    async for chunk in chunks:
        *complete, buffered = (buffered + chunk).split(b"\n\n")
        if len(buffered) > MAX_EVENT_BYTES:
            raise AgentUnavailableError("The agent's answer is too long.")
        for message in complete:
            if message.startswith(b"data:"):
                yield parse_event(message.removeprefix(b"data:"))


def parse_event(data: bytes) -> Event:
    """One event.

    :raises AgentUnavailableError: when it is none.
    """
    try:
        event = json.loads(data)
    except ValueError as error:
        raise AgentUnavailableError("The agent's answer was not JSON.") from error
    if not isinstance(event, dict):
        raise AgentUnavailableError("The agent's answer was not of the agreed form.")
    return event
