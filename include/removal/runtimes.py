"""The removal of an agent's runtime from AgentCore: endpoints first, then the runtime."""

from __future__ import annotations

from typing import Any

from include.aws import client, delete_if_there, find
from include.errors import NotReadyError, RemovalFailedError
from include.models import AgentRef
from include.runtime.endpoints import CHANGING_STATES, LATEST
from include.runtime.runtimes import belongs_to, find_namesake


def remove_runtime(ref: AgentRef, stored_id: str | None, redo: bool) -> None:
    """Delete the agent's runtime; returns when looking for it finds nothing.

    It is looked for by the stored id and by name and tags: a create may have been cut off before
    its id was stored. `redo` says that a deletion which AWS gave up is to be asked for again.

    :raises NotReadyError: while AWS is creating or deleting.
    :raises RemovalFailedError: when AWS gave up deleting.
    """
    while runtime := find_runtime(ref, stored_id):
        remove_endpoints(runtime["agentRuntimeId"], redo)
        delete_runtime(runtime, redo)


def find_runtime(ref: AgentRef, stored_id: str | None) -> dict[str, Any] | None:
    """The agent's runtime by id, else by name and tags."""
    get = client("bedrock-agentcore-control").get_agent_runtime
    found = find(get, agentRuntimeId=stored_id) if stored_id else None
    if found:
        return found
    namesake = find_namesake(ref)
    if namesake is None or not belongs_to(namesake, ref):
        return None
    return find(get, agentRuntimeId=namesake["agentRuntimeId"])


def remove_endpoints(runtime_id: str, redo: bool) -> None:
    """Delete all endpoints of ours; returns when there is none."""
    delete = client("bedrock-agentcore-control").delete_agent_runtime_endpoint
    ids = {"id": runtime_id}
    for endpoint in list_endpoints(runtime_id):
        require_deletable(f"Endpoint {endpoint['name']}", endpoint, "endpoints", ids, redo)
        delete_if_there(delete, agentRuntimeId=runtime_id, endpointName=endpoint["name"])
    if list_endpoints(runtime_id):
        raise NotReadyError("Endpoints are being deleted.", "endpoints", ids)


def list_endpoints(runtime_id: str) -> list[dict[str, Any]]:
    """A runtime's endpoints but for the service's own; none when the runtime is gone."""
    control = client("bedrock-agentcore-control")
    if find(control.get_agent_runtime, agentRuntimeId=runtime_id) is None:
        return []
    pages = control.get_paginator("list_agent_runtime_endpoints").paginate(
        agentRuntimeId=runtime_id
    )
    names = [endpoint["name"] for page in pages for endpoint in page["runtimeEndpoints"]]
    get = control.get_agent_runtime_endpoint
    found = (
        find(get, agentRuntimeId=runtime_id, endpointName=name)
        for name in names
        if name != LATEST  # it goes with the runtime
    )
    return [endpoint for endpoint in found if endpoint]


def are_endpoints_settled(id: str) -> bool:
    """Whether no endpoint of a runtime is changing; those that are gone have settled."""
    return not any(endpoint["status"] in CHANGING_STATES for endpoint in list_endpoints(id))


def delete_runtime(runtime: dict[str, Any], redo: bool) -> None:
    """Delete one runtime; returns when it is gone."""
    runtime_id = runtime["agentRuntimeId"]
    control, ids = client("bedrock-agentcore-control"), {"id": runtime_id}
    require_deletable(f"Runtime {runtime_id}", runtime, "runtime", ids, redo)
    delete_if_there(control.delete_agent_runtime, agentRuntimeId=runtime_id)
    if find(control.get_agent_runtime, agentRuntimeId=runtime_id):
        raise NotReadyError(f"Runtime {runtime_id} is being deleted.", "runtime", ids)


def require_deletable(
    what: str, state: dict[str, Any], probe: str, ids: dict[str, str], redo: bool
) -> None:
    """Return when AWS may be told to delete it, by its status."""
    status = state["status"]
    if status in CHANGING_STATES:
        raise NotReadyError(f"{what} is {status}.", probe, ids)
    if status == "DELETE_FAILED" and not redo:
        reason = state.get("failureReason") or "AWS gave no reason"
        raise RemovalFailedError(f"{what} could not be deleted: {reason}.")
