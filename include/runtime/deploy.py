"""AgentCore: a runtime for each agent, and a version of it for each bundle."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from include import records
from include.aws import client, error_code, find
from include.documents import hash_code
from include.errors import (
    CodeRejectedError,
    ConflictError,
    InvalidInputError,
    NameTakenError,
    NotReadyError,
    RuntimeFailedError,
)
from include.models import Agent, AgentRef, AgentType, AgentVersion
from include.naming import client_token, runtime_name, runtime_tags
from include.runtime.endpoints import CHANGING_STATES, LATEST, ensure_endpoint, require_live
from include.runtime.runtimes import belongs_to, find_namesake
from include.settings import Settings, get_settings

ENTRY_POINT = "agent_file.py"
VOICE_ENTRY_POINT = "agent_voice.py"  # the same, with a WebSocket


def deploy_runtime(agent: Agent, redo: bool) -> None:
    """Run the agent's bundle on AgentCore and point the endpoint at that version.

    Safe to repeat: the runtime is found by stored id, then by name and tags; a version of the same
    bundle is kept. With `redo` a failed version is replaced.

    :raises NotReadyError: while the runtime or its endpoint changes state.
    :raises RuntimeFailedError: when one of them failed, with AWS's reason.
    """
    serve_runtime(agent, ensure_runtime(agent, redo))


def resume_deployment(agent: Agent) -> None:
    """Go on with a runtime that AWS has finished; creates nothing but its endpoint."""
    serve_runtime(agent, get_deployed(agent))


def serve_runtime(agent: Agent, runtime: dict[str, Any]) -> None:
    """Point the endpoint at a runtime's latest version, once that is READY."""
    require_ready(runtime)
    version = runtime["agentRuntimeVersion"]
    deployment = describe_deployment(agent, runtime)
    records.update_agent(agent.ref, agentcore_agent_version=version, **deployment)
    ensure_endpoint(agent.ref, runtime["agentRuntimeId"], version)


def deploy_version(agent: Agent, redo: bool) -> dict[str, Any]:
    """Make a version of the candidate's code beside the one that serves, which stays.

    Safe to repeat, as above. Returns the attributes that tell where it is; the version that serves
    is not made again.

    :raises NotReadyError: until the version is READY and can be asked at the endpoint LATEST.
    :raises RuntimeFailedError: when it failed, with AWS's reason.
    """
    runtime = find_runtime(agent)
    if runtime and is_serving_code(agent):
        return {}
    return probe_runtime(agent, ensure_runtime(agent, redo))


def resume_version(agent: Agent) -> dict[str, Any]:
    """Go on with a version that AWS has finished; creates nothing."""
    return probe_runtime(agent, get_deployed(agent))


def probe_runtime(agent: Agent, runtime: dict[str, Any]) -> dict[str, Any]:
    """Where the candidate runs, once it can be asked at the endpoint LATEST."""
    require_ready(runtime)
    require_live(runtime["agentRuntimeId"], LATEST, runtime["agentRuntimeVersion"])
    return describe_deployment(agent, runtime)


def get_deployed(agent: Agent) -> dict[str, Any]:
    """The runtime that an earlier part of the step has put the agent's bundle on.

    :raises ConflictError: when it is on another one.
    """
    runtime = get_runtime(agent.agentcore_agent_id or "")
    if not runs_bundle(runtime, agent):
        raise ConflictError(f"Runtime {agent.agentcore_agent_id} has another bundle meanwhile.")
    return runtime


def is_serving_code(agent: Agent) -> bool:
    """Whether the run has come to the code that serves already."""
    return agent.serving is not None and get_code(agent).place == agent.serving.place


def get_code(agent: Agent) -> AgentVersion:
    """The version a run works on.

    :raises InvalidInputError: when there is none.
    """
    if agent.code is None:
        raise InvalidInputError(f"Agent {agent.agent_id} has no code; run generate_code first.")
    return agent.code


def describe_deployment(agent: Agent, runtime: dict[str, Any]) -> dict[str, Any]:
    """The attributes that tell where the candidate runs."""
    runtime_id = runtime["agentRuntimeId"]
    place = {"runtime_id": runtime_id, "version": runtime["agentRuntimeVersion"]}
    return {
        "agentcore_agent_id": runtime_id,
        "agentcore_agent_arn": runtime["agentRuntimeArn"],
        "candidate": get_code(agent).model_copy(update=place),
    }


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
    require_unchanged(get_code(agent))
    try:
        answer = client("bedrock-agentcore-control").create_agent_runtime(
            agentRuntimeName=runtime_name(agent.agent_id),
            clientToken=client_token(agent.ref, f"runtime-{get_code(agent).code_s3_version}"),
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


def require_unchanged(version: AgentVersion) -> None:
    """Raise CodeRejectedError unless the bundle in S3 is the one that was checked and tried."""
    if hash_code(version.code_s3_key, version.code_s3_version) != version.code_sha256:
        raise CodeRejectedError(
            f"The bundle {version.code_s3_key} in S3 is not the one that was checked, so it was "
            "not deployed. Retry the agent; if it happens again, report it with the agent's id."
        )


def adopt_runtime(ref: AgentRef) -> str:
    """Id of the existing runtime of this agent's name.

    :raises NameTakenError: when its tags say it is not this agent's.
    :raises ConflictError: when there is none: its name is reserved for a while after a deletion.
    """
    name, namesake = runtime_name(ref.agent_id), find_namesake(ref)
    if namesake is None:
        raise ConflictError(f"AgentCore refuses the runtime name {name}, which no runtime has.")
    if not belongs_to(namesake, ref):
        raise NameTakenError(
            f"The runtime name {name} is taken and its tags do not name agent {ref.agent_id}. "
            "Delete that runtime, then retry."
        )
    return str(namesake["agentRuntimeId"])


def update_runtime(agent: Agent, runtime: dict[str, Any]) -> dict[str, Any]:
    """Make a new version from the current bundle; everything is sent, for AWS replaces it all."""
    require_unchanged(get_code(agent))
    token = f"runtime-{get_code(agent).code_s3_version}-after-{runtime['agentRuntimeVersion']}"
    client("bedrock-agentcore-control").update_agent_runtime(
        agentRuntimeId=runtime["agentRuntimeId"],
        clientToken=client_token(agent.ref, token),
        **build_runtime(get_settings(), agent),
    )
    return get_runtime(runtime["agentRuntimeId"])


def build_runtime(settings: Settings, agent: Agent) -> dict[str, Any]:
    """What create and update have in common."""
    code = {
        "code": {"s3": build_code_location(settings, get_code(agent))},
        "runtime": settings.runtime_language,
        "entryPoint": [ENTRY_POINT if agent.agent_type is AgentType.TEXT else VOICE_ENTRY_POINT],
    }
    return {
        "agentRuntimeArtifact": {"codeConfiguration": code},
        "roleArn": settings.runtime_role_arn,
        "networkConfiguration": {"networkMode": "PUBLIC"},
        "protocolConfiguration": {"serverProtocol": "HTTP"},
        "environmentVariables": {
            "KNOWLEDGE_BASE_ID": agent.bedrock_knowledge_base_id,
            "KNOWLEDGE_BASE_STORE": settings.knowledge_base_store.value,
            "MODEL_ID": settings.model_id,
        },
    }


def build_code_location(settings: Settings, version: AgentVersion) -> dict[str, str]:
    """The bundle's object, pinned to the version that was checked."""
    return {
        "bucket": settings.code_bucket,
        "prefix": version.code_s3_key,
        "versionId": version.code_s3_version,
    }


def runs_bundle(runtime: dict[str, Any], agent: Agent) -> bool:
    """Whether the runtime's latest version is made of the agent's current bundle."""
    code = runtime["agentRuntimeArtifact"].get("codeConfiguration", {})
    wanted = build_code_location(get_settings(), get_code(agent))
    return bool(code.get("code", {}).get("s3") == wanted)


def require_ready(runtime: dict[str, Any]) -> None:
    """Return when the runtime is READY."""
    status, runtime_id = runtime["status"], runtime["agentRuntimeId"]
    if status in CHANGING_STATES:
        raise NotReadyError(f"Runtime is {status}.", "runtime", {"id": runtime_id})
    if status != "READY":
        reason = runtime.get("failureReason") or "AWS gave no reason"
        raise RuntimeFailedError(
            f"Runtime {runtime_id} is {status}: {reason.removesuffix('.')}. Retry the agent; if it "
            "fails again, report it with the agent's id."
        )


def is_runtime_settled(id: str) -> bool:
    """Whether a runtime has stopped changing."""
    return get_runtime(id)["status"] not in CHANGING_STATES
