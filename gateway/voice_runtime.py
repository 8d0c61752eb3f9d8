"""AgentCore's WebSocket of a running agent, at a presigned address."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlencode

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from gateway.call_frames import Frame
from gateway.runtime import BROKEN_OFF, UNAVAILABLE, AgentRuntime
from include.errors import AgentUnavailableError, OratioError, RetryableError
from include.models import Agent
from include.settings import get_settings

log = logging.getLogger(__name__)

SIGNED_SECONDS = 60  # AgentCore takes 300 at most; the address is used at once
SESSION_PARAMETER = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"
MAX_AGENT_FRAME_BYTES = 1024 * 1024  # the last one of a turn holds all cited passages
CLOSE_SECONDS = 2
TOO_MANY = 429


class Line:
    """A connection to an agent."""

    def __init__(self, agent: Agent, connection: ClientConnection) -> None:
        self.agent, self.connection = agent, connection

    async def send(self, frame: Frame) -> None:
        """Send a frame; waits while the agent does not read.

        :raises AgentUnavailableError: when the agent has gone.
        """
        try:
            await self.connection.send(json.dumps(frame))
        except ConnectionClosed as error:
            raise self.explain(error) from error

    async def receive(self) -> Frame:
        """The agent's next frame.

        :raises AgentUnavailableError: when it failed or has gone.
        """
        try:
            frame = json.loads(await self.connection.recv())
        except ConnectionClosed as error:
            raise self.explain(error) from error
        except ValueError as error:
            raise AgentUnavailableError("The agent's frame was not JSON.") from error
        if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
            raise AgentUnavailableError("The agent's frame was not of the agreed form.")
        if frame["type"] == "error":
            raise AgentUnavailableError(str(frame.get("message") or UNAVAILABLE))
        return frame

    def explain(self, error: ConnectionClosed) -> AgentUnavailableError:
        """The agent, its process or AgentCore has ended the connection."""
        code = error.rcvd.code if error.rcvd else None
        log.error("agent %s broke off a call: %s", self.agent.agent_id, code)
        return AgentUnavailableError(BROKEN_OFF)


@asynccontextmanager
async def dial(runtime: AgentRuntime, agent: Agent, session_id: str) -> AsyncIterator[Line]:
    """Call the agent; hangs up at the end.

    :raises AgentUnavailableError: when it does not answer.
    :raises RetryableError: when AgentCore has no room.
    """
    settings = get_settings()
    address = await presign(runtime, str(agent.agentcore_agent_arn), session_id)
    try:
        connection = await connect(
            address,
            max_size=MAX_AGENT_FRAME_BYTES,
            compression=None,  # it is sound
            open_timeout=settings.answer_silence_seconds,  # the agent may have to start
            ping_interval=settings.call_ping_seconds,
            ping_timeout=settings.call_ping_seconds,
            close_timeout=CLOSE_SECONDS,
        )
    except (OSError, TimeoutError, InvalidHandshake) as error:
        raise explain_refusal(agent, error) from error
    async with connection:
        yield Line(agent, connection)


async def presign(runtime: AgentRuntime, runtime_arn: str, session_id: str) -> str:
    """The address, which carries the signature and is never logged."""
    settings = get_settings()
    meta = runtime.client.meta
    query = urlencode({"qualifier": settings.endpoint_name, SESSION_PARAMETER: session_id})
    url = f"{meta.endpoint_url.rstrip('/')}/runtimes/{quote(runtime_arn, safe='')}/ws?{query}"
    request = AWSRequest("GET", url)
    credentials: Any = await runtime.credentials.get_frozen_credentials()
    SigV4QueryAuth(credentials, "bedrock-agentcore", meta.region_name, SIGNED_SECONDS).add_auth(
        request
    )
    return str(request.url).replace("http", "ws", 1)


def explain_refusal(agent: Agent, error: Exception) -> OratioError:
    """Our error for AgentCore's, whose words are for operators only."""
    status = error.response.status_code if isinstance(error, InvalidStatus) else None
    if status == TOO_MANY:
        return RetryableError("The agent is busy. Try again shortly.")
    log.error("agent %s cannot be called: %s %s", agent.agent_id, type(error).__name__, status)
    return AgentUnavailableError(UNAVAILABLE)
