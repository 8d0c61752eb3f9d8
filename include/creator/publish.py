"""Generated code on its way to S3: generate, check, bundle, upload, record."""

from __future__ import annotations

from include import records
from include.creator.check import CODE_FILE
from include.creator.generate import generate
from include.creator.request import GeneratedCode, GenerationRequest
from include.documents import code_uri, put_code
from include.models import Agent
from include.naming import bundle_key, code_key, document_uri
from include.runtime.bundle import build_bundle, compute_sha256
from include.settings import get_settings


def publish_code(agent: Agent) -> None:
    """Upload the agent's files and bundle and record where they are.

    Safe to repeat: a bundle with the recorded hash is not uploaded again, so that AgentCore is
    given no new version of the same code.

    :raises CodeRejectedError: when the generated code breaks a rule; nothing is uploaded then.
    """
    code = generate(build_request(agent))
    bundle = build_bundle(code.files)
    sha256 = compute_sha256(bundle)
    if agent.agent_code_sha256 == sha256 and agent.agent_code_generation == agent.generation:
        return
    upload_files(agent, code)
    records.update_agent(
        agent.ref,
        generated_prompt=code.prompt,
        agent_code_s3_path=code_uri(agent.ref, CODE_FILE),
        agent_code_s3_version=put_code(agent.ref, bundle_key(agent.ref), bundle),
        agent_code_sha256=sha256,
        agent_code_generation=agent.generation,
    )


def build_request(agent: Agent) -> GenerationRequest:
    """The generator's input from the agent's record."""
    settings = get_settings()
    return GenerationRequest(
        agent_id=agent.agent_id,
        agent_name=agent.agent_name,
        agent_type=agent.agent_type,
        sop=agent.sop,
        knowledge_base_description=agent.knowledge_base_description,
        human_handoff_description=agent.human_handoff_description,
        document_prefix=document_uri(settings, agent.ref),
        voice_config=agent.voice_config,
        text_config=agent.text_config,
        retrieved_passages=settings.retrieved_passages,
    )


def upload_files(agent: Agent, code: GeneratedCode) -> None:
    """Put the single files where people look for them (`agent_file.py`, as specified)."""
    for name, content in code.files.items():
        put_code(agent.ref, code_key(agent.ref, name), content)
