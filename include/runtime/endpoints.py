"""AgentCore's endpoints: the name under which an agent is asked, and the version behind it."""

from __future__ import annotations

from typing import Any

from include.aws import client, create_unless_there, find
from include.errors import ConflictError, NotReadyError, RuntimeFailedError
from include.models import AgentRef
from include.naming import client_token, runtime_tags
from include.settings import get_settings

CHANGING_STATES = frozenset({"CREATING", "UPDATING", "DELETING"})
LATEST = "DEFAULT"  # AgentCore's own endpoint, always on the latest version


def ensure_endpoint(ref: AgentRef, runtime_id: str, version: str) -> None:
    """Make the endpoint serve exactly this version.

    :raises NotReadyError: until it does; the version before serves until then.
    :raises RuntimeFailedError: when the endpoint failed, with AWS's reason.
    """
    aim_endpoint(ref, runtime_id, version)
    require_live(runtime_id, get_settings().endpoint_name, version)


def aim_endpoint(ref: AgentRef, runtime_id: str, version: str) -> None:
    """Start making the endpoint serve this version, unless it does.

    :raises NotReadyError: while it is on its way to another one.
    """
    endpoint = find_endpoint(runtime_id)
    if endpoint is None:
        create_endpoint(ref, runtime_id, version)
    elif (endpoint.get("targetVersion") or endpoint.get("liveVersion")) != version:
        require_settled(endpoint, runtime_id)
        move_endpoint(ref, endpoint, runtime_id, version)


def require_live(runtime_id: str, name: str, version: str) -> None:
    """Return when an endpoint serves this version."""
    endpoint = get_endpoint(runtime_id, name)
    require_settled(endpoint, runtime_id)
    if endpoint["status"] != "READY":
        reason = endpoint.get("failureReason") or "AWS gave no reason"
        raise RuntimeFailedError(f"Endpoint {name} is {endpoint['status']}: {reason}.")
    if endpoint.get("liveVersion") != version:
        live = endpoint.get("liveVersion")
        raise ConflictError(f"Endpoint {name} is still on version {live}, not {version}.")


def require_settled(endpoint: dict[str, Any], runtime_id: str) -> None:
    """Return unless an endpoint is changing."""
    if endpoint["status"] in CHANGING_STATES:
        ids = {"id": runtime_id, "name": endpoint["name"]}
        raise NotReadyError(f"Endpoint is {endpoint['status']}.", "endpoint", ids)


def find_endpoint(runtime_id: str, name: str | None = None) -> dict[str, Any] | None:
    """The state of an endpoint, ours unless named, or None when it does not exist."""
    get = client("bedrock-agentcore-control").get_agent_runtime_endpoint
    name = name or get_settings().endpoint_name
    return find(get, agentRuntimeId=runtime_id, endpointName=name)


def get_endpoint(runtime_id: str, name: str) -> dict[str, Any]:
    """An endpoint's state."""
    found: dict[str, Any] = client("bedrock-agentcore-control").get_agent_runtime_endpoint(
        agentRuntimeId=runtime_id, endpointName=name
    )
    return found


def create_endpoint(ref: AgentRef, runtime_id: str, version: str) -> None:
    """Create the endpoint on a version; a Conflict means that an earlier try made it."""
    settings = get_settings()
    create_unless_there(
        client("bedrock-agentcore-control").create_agent_runtime_endpoint,
        lambda: find_endpoint(runtime_id),
        agentRuntimeId=runtime_id,
        name=settings.endpoint_name,
        agentRuntimeVersion=version,
        clientToken=client_token(ref, f"endpoint-{version}"),
        tags=runtime_tags(settings, ref),
    )


def move_endpoint(ref: AgentRef, endpoint: dict[str, Any], runtime_id: str, version: str) -> None:
    """Start pointing an endpoint at another version; the one before serves meanwhile."""
    # The same move may be due again after one back: the token names the state it starts from.
    token = f"endpoint-to-{version}-after-{endpoint['lastUpdatedAt'].isoformat()}"
    client("bedrock-agentcore-control").update_agent_runtime_endpoint(
        agentRuntimeId=runtime_id,
        endpointName=endpoint["name"],
        agentRuntimeVersion=version,
        clientToken=client_token(ref, token),
    )


def is_endpoint_settled(id: str, name: str | None = None) -> bool:
    """Whether an endpoint, ours unless named, has stopped changing; a missing one has."""
    endpoint = find_endpoint(id, name)
    return endpoint is None or endpoint["status"] not in CHANGING_STATES
