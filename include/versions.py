"""The versions of an agent that have served, and how another one takes over."""

from __future__ import annotations

import json
from typing import Any

from include import records
from include.creator.publish import show_code
from include.documents import code_uri, list_documents, put_code
from include.models import (
    Agent,
    AgentVersion,
    DispatchStatus,
    Pipeline,
    StepError,
    UpdateFailure,
    now,
)
from include.naming import code_key, manifest_key, run_id
from include.runtime.deploy import get_code, is_serving_code
from include.runtime.endpoints import aim_endpoint, ensure_endpoint
from include.settings import get_settings


def promote_version(agent: Agent) -> None:
    """Let customers meet the version the run works on; the one before serves until they do.

    :raises NotReadyError: until the endpoint has moved.
    """
    code = get_code(agent)
    ensure_endpoint(agent.ref, code.runtime_id or "", code.version or "")


def record_version(agent: Agent) -> dict[str, Any]:
    """What says that the promoted version serves; its files are put where people look for them."""
    shown = {} if is_serving_code(agent) else show_code(agent.ref, get_code(agent))
    return shown | serve_candidate(agent)


def serve_candidate(agent: Agent) -> dict[str, Any]:
    """The attributes that end a run with its version in service; writes the version's manifest."""
    code = get_code(agent)
    if agent.pipeline != Pipeline.ROLLBACK:
        code = code.model_copy(update={"manifest_s3_path": put_manifest(agent, code)})
    return {
        "agentcore_agent_version": code.version,
        "versions": add_version(agent.versions, code),
        "candidate": None,
        "update_failure": None,
        **describe_rest(agent),
    }


def describe_rest(agent: Agent) -> dict[str, Any]:
    """What remains to be done: after a rollback, what is stored; else documents that came late."""
    if agent.pipeline == Pipeline.ROLLBACK:
        return {"dispatch": None, "update_requested_at": agent.update_requested_at or now()}
    changed_at = records.get_knowledge_base(agent.knowledge_base_id).documents_changed_at
    dispatch = DispatchStatus.QUIET if changed_at else None
    return {"dispatch": dispatch, "update_requested_at": changed_at}


def add_version(versions: list[AgentVersion], new: AgentVersion) -> list[AgentVersion]:
    """The versions with this one, in the order of their numbers; the oldest give way.

    Those of a runtime that is gone cannot be returned to.
    """
    others = [v for v in versions if v.runtime_id == new.runtime_id and v.version != new.version]
    ordered = sorted([*others, new], key=lambda version: int(version.version or 0))
    return ordered[-get_settings().max_versions :]


def put_manifest(agent: Agent, code: AgentVersion) -> str:
    """Store the account of what the run's version was made of; returns its S3 URI."""
    manifest = json.dumps(build_manifest(agent, code), indent=1, ensure_ascii=False)
    key = manifest_key(agent.ref)
    put_code(agent.ref, key, manifest.encode())
    return code_uri(agent.ref, key.removeprefix(code_key(agent.ref, "")))


def build_manifest(agent: Agent, code: AgentVersion) -> dict[str, Any]:
    """Everything the version rests on, each thing by its hash or its S3 version."""
    return {
        "userId": agent.user_id,
        "agentId": agent.agent_id,
        "runId": run_id(agent.ref),
        "generation": agent.generation,
        "createdAt": now(),
        "runtime": {"id": code.runtime_id, "version": code.version},
        "code": {
            "generation": code.generation,
            "sha256": code.code_sha256,
            "s3Key": code.code_s3_key,
            "s3VersionId": code.code_s3_version,
        },
        "generator": {
            "name": code.generator,
            "version": code.generator_version,
            "costUsd": code.cost_usd,
        },
        "modelId": code.model_id,
        "sopSha256": code.sop_sha256,
        "documents": list_documents(agent.ref),
    }


def abandon_candidate(agent: Agent, step: str | None, error: StepError) -> dict[str, Any]:
    """Leave customers with the version on record; returns why there is no other one.

    Without effect for runs that are neither update nor rollback.
    """
    if agent.pipeline not in {Pipeline.UPDATE, Pipeline.ROLLBACK}:
        return {}
    if agent.serving:
        runtime_id, version = agent.serving.place
        aim_endpoint(agent.ref, runtime_id or "", version or "")
    failure = UpdateFailure(**error.model_dump(), pipeline=agent.pipeline, step=step)
    return {"update_failure": failure}
