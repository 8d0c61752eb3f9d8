"""Every name we give to something outside: deterministic, so that a repeated step finds its own."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID, uuid5

from include.models import AgentRef
from include.settings import Settings

CLIENT_TOKENS = UUID("6f3f8f0e-6a0c-4f0b-9a70-5a1d1c2f7a11")  # namespace, ours
PLATFORM = "oratio"
SIDECAR_SUFFIX = ".metadata.json"
# The dot, with which no user id begins, keeps them out of every tenant's prefix.
STAGING_PREFIX = ".staging/"
INCOMING_PREFIX = ".incoming/"
SHARED_PREFIX = ".shared/"


def run_id(ref: AgentRef) -> str:
    """Airflow's run id of one generation; unique a DAG, so a second dispatch gets a 409."""
    return f"agent-{ref.agent_id}-g{ref.generation}"


def client_token(ref: AgentRef, step: str) -> str:
    """AWS idempotency token (33 to 256 characters, no `_` or `:`), equal on every retry."""
    return str(uuid5(CLIENT_TOKENS, f"{ref.agent_id}|{ref.generation}|{step}"))


def runtime_name(agent_id: str) -> str:
    """AgentCore allows `[a-zA-Z][a-zA-Z0-9_]{0,47}`: no hyphens."""
    return f"{PLATFORM}_{agent_id.replace('-', '')}"


def knowledge_base_name(agent_id: str) -> str:
    """Name of the Bedrock knowledge base, unique in the account and region."""
    return f"{PLATFORM}-{agent_id}"


def vector_index_name(agent_id: str) -> str:
    """Name of the agent's index in the vector bucket."""
    return f"{PLATFORM}-{agent_id}"


def agent_prefix(user_id: str, agent_id: str) -> str:
    """Key prefix of all that belongs to one agent; the slash keeps `a1` from matching `a12`."""
    return f"{user_id}/{agent_id}/"


def staging_prefix(user_id: str, agent_id: str) -> str:
    """Key prefix of a submission's files before they are an agent's."""
    return f"{STAGING_PREFIX}{agent_prefix(user_id, agent_id)}"


def staging_key(ref: AgentRef, number: int) -> str:
    """Key of a submission's nth file; its name, which the tenant chose, plays no part."""
    return f"{staging_prefix(ref.user_id, ref.agent_id)}{number:04}"


def incoming_key(ref: AgentRef) -> str:
    """Key of the note that a submission's documents are being written."""
    return f"{INCOMING_PREFIX}{agent_prefix(ref.user_id, ref.agent_id)}note"


def parse_submission_key(key: str) -> AgentRef | None:
    """Whose submission a staged key or a note belongs to; None when it is not one of ours."""
    parts = key.split("/")
    return AgentRef(parts[1], parts[2], 1) if len(parts) > 3 else None


def document_uri(settings: Settings, ref: AgentRef, path: str = "") -> str:
    """S3 URI of a document, or of the agent's folder when `path` is empty."""
    return f"s3://{settings.kb_bucket}/{agent_prefix(ref.user_id, ref.agent_id)}{path}"


def code_key(ref: AgentRef, name: str) -> str:
    """Key of a generated file in the code bucket (`agent_file.py` as in the specification)."""
    return f"{agent_prefix(ref.user_id, ref.agent_id)}{name}"


def bundle_key(ref: AgentRef) -> str:
    """Key of the zip AgentCore runs; by generation, so that no older run's bundle is taken."""
    return code_key(ref, f"g{ref.generation}/bundle.zip")


def manifest_key(ref: AgentRef) -> str:
    """Key of the account of what a generation's version was made of."""
    return code_key(ref, f"g{ref.generation}/manifest.json")


def sbom_key(ref: AgentRef) -> str:
    """Key of the bill of materials of a generation's bundle."""
    return code_key(ref, f"g{ref.generation}/bundle.cdx.json")


def dependencies_key(requirements_sha256: str) -> str:
    """Key, in the code bucket, of the packages that all bundles of one lock hold."""
    return f"{SHARED_PREFIX}dependencies/{requirements_sha256}.zip"


def trial_key(ref: AgentRef) -> str:
    """Key of the report on how a generation's code did when it was tried."""
    return code_key(ref, f"g{ref.generation}/trial.json")


def checkpoint_key(ref: AgentRef, thread: str, kind: str) -> str:
    """Key of where a generation by a model stands; one object each of `state` and `writes`."""
    return code_key(ref, f"checkpoints/{thread}.{kind}")


def knowledge_base_tags(settings: Settings, ref: AgentRef) -> dict[str, str]:
    """Tags of a Bedrock knowledge base; agentId lets a retry know its own."""
    return {
        "userId": ref.user_id,
        "agentId": ref.agent_id,
        "platform": PLATFORM,
        "environment": settings.environment,
    }


def is_tagged_for(tags: dict[str, str], ref: AgentRef) -> bool:
    """Whether tags say that a resource is this agent's."""
    return (tags.get("userId"), tags.get("agentId")) == (ref.user_id, ref.agent_id)


def runtime_tags(settings: Settings, ref: AgentRef) -> dict[str, str]:
    """Tags of an AgentCore runtime and its endpoint."""
    return knowledge_base_tags(settings, ref)


def object_tagging(ref: AgentRef, resource_type: str) -> str:
    """S3's `Tagging` header: a query string, encoded so that no value can add a tag."""
    tags = {"userId": ref.user_id, "agentId": ref.agent_id, "resourceType": resource_type}
    return urlencode(tags)
