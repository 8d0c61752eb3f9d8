"""Who is asking which agent: a customer with one of its API keys, or its tenant."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from gateway.services import Services, get_services
from include import records
from include.chat import require_active
from include.errors import UnauthorizedError
from include.keys import ApiKey, Scope, is_key, verify_key
from include.models import Agent
from include.tokens import identify_user, read_bearer_token

# Browsers cannot set headers of a WebSocket, only name protocols: this one, and one with the token.
SUBPROTOCOL = "oratio"
TOKEN_PROTOCOL = "oratio.token."  # noqa: S105 - what a token follows


@dataclass(frozen=True)
class Caller:
    """Somebody who may ask the agent; `name` is what a session is bound to."""

    agent: Agent
    name: str
    key: ApiKey | None = None

    @property
    def key_id(self) -> str | None:
        """The key's id; None for the tenant."""
        return self.key.key_id if self.key else None


async def admit(request: HTTPConnection, scope: Scope) -> Caller:
    """The caller of a request about one agent.

    :raises UnauthorizedError: without a valid key of this agent, or token.
    :raises ForbiddenError: when the key is not for this.
    :raises NotFoundError: when the agent is not the tenant's, or gone.
    :raises RateLimitError: when the caller asks too often.
    """
    services, agent_id = get_services(request), request.path_params["agent_id"]
    authorization = read_authorization(request)
    try:
        token = read_bearer_token(authorization)
        if is_key(token):
            return await admit_customer(services, request, token, agent_id, scope)
        return await admit_tenant(services, request, authorization, agent_id)
    except UnauthorizedError:
        await services.limits.count_refusal(request.client.host if request.client else "unknown")
        raise


def read_authorization(request: HTTPConnection) -> str:
    """The Authorization header, or what a browser sends instead for a WebSocket."""
    offered: list[str] = request.scope.get("subprotocols", [])
    tokens = [each for each in offered if each.startswith(TOKEN_PROTOCOL)]
    given = f"Bearer {tokens[0].removeprefix(TOKEN_PROTOCOL)}" if tokens else ""
    return request.headers.get("authorization", given)


async def admit_customer(
    services: Services, request: HTTPConnection, token: str, agent_id: str, scope: Scope
) -> Caller:
    """Whoever holds a key of the agent."""
    key = await asyncio.to_thread(verify_key, token, agent_id, scope)
    request.state.key_id = key.key_id
    await services.limits.count_key(key)
    services.uses.count(key)
    agent = await asyncio.to_thread(records.get_agent, key.user_id, agent_id)
    return Caller(agent, f"key:{key.key_id}", key)


async def readmit(request: HTTPConnection, caller: Caller, scope: Scope) -> None:
    """Check again, in the middle of a long exchange; a tenant's token may have expired by then.

    :raises OratioError: when the key was revoked, or the agent paused or deleted.
    """
    agent_id = caller.agent.agent_id
    if caller.key:
        token = read_bearer_token(read_authorization(request))
        await asyncio.to_thread(verify_key, token, agent_id, scope)
    agent = await asyncio.to_thread(records.get_agent, caller.agent.user_id, agent_id)
    require_active(agent, is_tenant=caller.key is None)


async def admit_tenant(
    services: Services, request: HTTPConnection, authorization: str, agent_id: str
) -> Caller:
    """The agent's tenant, by the token that the intake takes as well."""
    user_id = await asyncio.to_thread(identify_user, authorization)
    request.state.user_id = user_id
    await services.limits.count_tenant(user_id)
    agent = await asyncio.to_thread(records.get_agent, user_id, agent_id)
    return Caller(agent, f"tenant:{user_id}")
