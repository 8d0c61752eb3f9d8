"""AgentCore: a runtime for each agent, a version for each bundle, and the endpoint in front."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from include import records
from include.aws import client, create_unless_there, error_code, find
from include.errors import NameTakenError, NotReadyError, RuntimeFailedError
from include.models import Agent, AgentRef
from include.naming import bundle_key, client_token, runtime_name, runtime_tags
from include.settings import Settings, get_settings

CHANGING_STATES = frozenset({"CREATING", "UPDATING", "DELETING"})
ENTRY_POINT = "agent_file.py"


def deploy_runtime(agent: Agent, redo: bool) -> None:
    """Run the agent's bundle on AgentCore and point the endpoint at that version.

    Safe to repeat: the runtime is found by stored id, then by name and tags; a version of the same
    bundle is kept. With `redo` a failed version is replaced.

    :raises NotReadyError: while the runtime or its endpoint changes state.
    :raises RuntimeFailedError: when one of them failed, with AWS's reason.
    """
    runtime = ensure_runtime(agent, redo)
    require_ready(runtime)
    version = runtime["agentRuntimeVersion"]
    records.update_agent(
        agent.ref,
        agentcore_agent_id=runtime["agentRuntimeId"],
        agentcore_agent_arn=runtime["agentRuntimeArn"],
        agentcore_agent_version=version,
    )
    ensure_endpoint(agent.ref, runtime["agentRuntimeId"], version)


def ensure_runtime(agent: Agent, redo: bool) -> dict[str, Any]:
    """The agent's runtime at the version of its current bundle."""
    runtime = find_runtime(agent) or create_runtime(agent)
    is_failed = runtime["status"].endswith("_FAILED")
    is_changing = runtime["status"] in CHANGING_STATES
    if is_changing or (runs_bundle(runtime, agent) and not (redo and is_failed)):
        return runtime
    return update_runtime(agent, runtime)


def find_runtime(agent: Agent) -> dict[str, Any] | None:
    """The stored runtime, or None when nothing is stored or it was deleted behind our back."""
    if agent.agentcore_agent_id is None:
        return None
    get = client("bedrock-agentcore-control").get_agent_runtime
    return find(get, agentRuntimeId=agent.agentcore_agent_id)


def get_runtime(runtime_id: str) -> dict[str, Any]:
    """AgentCore's description of a runtime's latest version."""
    found: dict[str, Any] = client("bedrock-agentcore-control").get_agent_runtime(
        agentRuntimeId=runtime_id
    )
    return found


def create_runtime(agent: Agent) -> dict[str, Any]:
    """Create the runtime, or adopt the one of its name; store its id at once."""
    settings = get_settings()
    try:
        answer = client("bedrock-agentcore-control").create_agent_runtime(
            agentRuntimeName=runtime_name(agent.agent_id),
            clientToken=client_token(agent.ref, f"runtime-{agent.agent_code_s3_version}"),
            tags=runtime_tags(settings, agent.ref),
            **build_runtime(settings, agent),
        )
        runtime_id = answer["agentRuntimeId"]
    except ClientError as error:
        if error_code(error) != "ConflictException":
            raise
        runtime_id = adopt_runtime(agent.ref)
    records.update_agent(agent.ref, agentcore_agent_id=runtime_id)
    return get_runtime(runtime_id)


def adopt_runtime(ref: AgentRef) -> str:
    """Id of the existing runtime of this agent's name.

    :raises NameTakenError: when its tags say it is not this agent's.
    """
    control = client("bedrock-agentcore-control")
    pages = control.get_paginator("list_agent_runtimes").paginate()
    for runtime in (summary for page in pages for summary in page["agentRuntimes"]):
        if runtime["agentRuntimeName"] == runtime_name(ref.agent_id):
            tags = control.list_tags_for_resource(resourceArn=runtime["agentRuntimeArn"])["tags"]
            if (tags.get("userId"), tags.get("agentId")) == (ref.user_id, ref.agent_id):
                return str(runtime["agentRuntimeId"])
    raise NameTakenError(
        f"The runtime name {runtime_name(ref.agent_id)} is taken and its tags do not name agent "
        f"{ref.agent_id}. Delete that runtime (its name stays reserved for a while), then retry."
    )


def update_runtime(agent: Agent, runtime: dict[str, Any]) -> dict[str, Any]:
    """Make a new version from the current bundle; everything is sent, for AWS replaces it all."""
    token = f"runtime-{agent.agent_code_s3_version}-after-{runtime['agentRuntimeVersion']}"
    client("bedrock-agentcore-control").update_agent_runtime(
        agentRuntimeId=runtime["agentRuntimeId"],
        clientToken=client_token(agent.ref, token),
        **build_runtime(get_settings(), agent),
    )
    return get_runtime(runtime["agentRuntimeId"])


def build_runtime(settings: Settings, agent: Agent) -> dict[str, Any]:
    """What create and update have in common."""
    code = {
        "code": {"s3": build_code_location(settings, agent)},
        "runtime": settings.runtime_language,
        "entryPoint": [ENTRY_POINT],
    }
    knowledge_base_id = (agent.bedrock_knowledge_base_arn or "").rpartition("/")[2]
    return {
        "agentRuntimeArtifact": {"codeConfiguration": code},
        "roleArn": settings.runtime_role_arn,
        "networkConfiguration": {"networkMode": "PUBLIC"},
        "protocolConfiguration": {"serverProtocol": "HTTP"},
        "environmentVariables": {
            "KNOWLEDGE_BASE_ID": knowledge_base_id,
            "KNOWLEDGE_BASE_STORE": settings.knowledge_base_store.value,
            "MODEL_ID": settings.model_id,
        },
    }


def build_code_location(settings: Settings, agent: Agent) -> dict[str, str]:
    """The bundle's object, pinned to the version that was checked."""
    return {
        "bucket": settings.code_bucket,
        "prefix": bundle_key(agent.ref),
        "versionId": agent.agent_code_s3_version or "",
    }


def runs_bundle(runtime: dict[str, Any], agent: Agent) -> bool:
    """Whether the runtime's latest version is made of the agent's current bundle."""
    code = runtime["agentRuntimeArtifact"].get("codeConfiguration", {})
    return bool(code.get("code", {}).get("s3") == build_code_location(get_settings(), agent))


def require_ready(runtime: dict[str, Any]) -> None:
    """Return when the runtime is READY."""
    status, runtime_id = runtime["status"], runtime["agentRuntimeId"]
    if status in CHANGING_STATES:
        raise NotReadyError(f"Runtime is {status}.", "runtime", {"id": runtime_id})
    if status != "READY":
        reason = runtime.get("failureReason") or "AWS gave no reason"
        raise RuntimeFailedError(f"Runtime {runtime_id} is {status}: {reason}.")


def ensure_endpoint(ref: AgentRef, runtime_id: str, version: str) -> None:
    """Make the endpoint serve exactly this version."""
    endpoint = find_endpoint(runtime_id) or create_endpoint(ref, runtime_id, version)
    if endpoint.get("targetVersion", version) != version:
        endpoint = move_endpoint(ref, runtime_id, version)
    if endpoint["status"] in CHANGING_STATES:
        raise NotReadyError(f"Endpoint is {endpoint['status']}.", "endpoint", {"id": runtime_id})
    if endpoint["status"] != "READY":
        reason = endpoint.get("failureReason") or "AWS gave no reason"
        name = get_settings().endpoint_name
        raise RuntimeFailedError(f"Endpoint {name} is {endpoint['status']}: {reason}.")


def find_endpoint(runtime_id: str) -> dict[str, Any] | None:
    """The endpoint's state, or None when it does not exist."""
    get = client("bedrock-agentcore-control").get_agent_runtime_endpoint
    return find(get, agentRuntimeId=runtime_id, endpointName=get_settings().endpoint_name)


def create_endpoint(ref: AgentRef, runtime_id: str, version: str) -> dict[str, Any]:
    """Create the endpoint on a version; a Conflict means that an earlier try made it."""
    settings = get_settings()
    create_unless_there(
        client("bedrock-agentcore-control").create_agent_runtime_endpoint,
        agentRuntimeId=runtime_id,
        name=settings.endpoint_name,
        agentRuntimeVersion=version,
        clientToken=client_token(ref, f"endpoint-{version}"),
        tags=runtime_tags(settings, ref),
    )
    return get_endpoint(runtime_id)


def move_endpoint(ref: AgentRef, runtime_id: str, version: str) -> dict[str, Any]:
    """Point the endpoint at another version."""
    client("bedrock-agentcore-control").update_agent_runtime_endpoint(
        agentRuntimeId=runtime_id,
        endpointName=get_settings().endpoint_name,
        agentRuntimeVersion=version,
        clientToken=client_token(ref, f"endpoint-to-{version}"),
    )
    return get_endpoint(runtime_id)


def get_endpoint(runtime_id: str) -> dict[str, Any]:
    """The endpoint's state."""
    found: dict[str, Any] = client("bedrock-agentcore-control").get_agent_runtime_endpoint(
        agentRuntimeId=runtime_id, endpointName=get_settings().endpoint_name
    )
    return found


def is_runtime_settled(id: str) -> bool:
    """Whether a runtime has stopped changing."""
    return get_runtime(id)["status"] not in CHANGING_STATES


def is_endpoint_settled(id: str) -> bool:
    """Whether the endpoint has stopped changing; a missing one has."""
    endpoint = find_endpoint(id)
    return endpoint is None or endpoint["status"] not in CHANGING_STATES
