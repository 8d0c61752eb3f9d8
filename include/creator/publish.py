"""Generated code on its way to S3: generate, check, bundle, try, upload, record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from include import records
from include.creator.check import CODE_FILE, CONFIG_FILE
from include.creator.generate import forget_generation, generate_as_configured
from include.creator.request import GeneratedCode, GenerationRequest
from include.creator.trial.judge import TrialJudge
from include.creator.trial.report import TrialReport, ensure_passed, store_report
from include.documents import code_uri, put_code, read_code
from include.errors import TrialFailedError
from include.models import Agent, AgentRef, AgentStatus, AgentVersion, Pipeline, TrialSummary
from include.naming import bundle_key, code_key, document_uri, sbom_key
from include.runtime.bundle import build_bundle, compute_sha256, read_bundle
from include.runtime.dependencies import read_dependencies
from include.runtime.sbom import build_sbom
from include.settings import get_settings


def publish_code(agent: Agent) -> AgentVersion:
    """Upload the agent's bundle; returns and records it as the version this run works on.

    Safe to repeat: what the run has made, or what serves already, is not uploaded again, so that
    AgentCore is given no new version of the same code.

    :raises CodeRejectedError: when no code was accepted; nothing is uploaded then.
    :raises TrialFailedError: when the agent does not follow its SOP; only the report is uploaded.
    :raises DependenciesMissingError: when bundles are to hold packages that nobody uploaded.
    """
    dependencies = read_dependencies()
    request = build_request(agent)
    judge = TrialJudge(agent, request)
    code = generate_as_configured(request, agent.ref, find_attempt(agent), judge)
    bundle = build_bundle(code.files, dependencies)
    sha256 = compute_sha256(bundle)
    if known := find_known(agent, sha256):
        records.update_agent(agent.ref, candidate=known)
        return known
    try:
        trial = record_trial(agent, judge.report(code.files, code.spec))
    except TrialFailedError:
        forget_generation(request, agent.ref)
        raise
    candidate = upload_bundle(agent, code, bundle, sha256).model_copy(update={"trial": trial})
    is_first = agent.status == AgentStatus.CREATING  # nothing serves that the record tells of
    shown = show_code(agent.ref, candidate, code.files) if is_first else {}
    records.update_agent(agent.ref, candidate=candidate, **shown)
    return candidate


def find_attempt(agent: Agent) -> int:
    """The try of the step that generates; 1 outside of a run."""
    step = agent.steps.get("generate_code")
    return step.attempt if step else 1


def find_known(agent: Agent, code_sha256: str) -> AgentVersion | None:
    """The version of the same code for the same model, if the run or its forerunner made it.

    A creation has to make its own: its DAG waits for a bundle of its generation.
    """
    wanted = (code_sha256, get_settings().model_id)
    made = [version for version in (agent.candidate, agent.serving) if version]
    if agent.pipeline == Pipeline.CREATE:
        made = [version for version in made if version.generation == agent.generation]
    return next((v for v in made if (v.code_sha256, v.model_id) == wanted), None)


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
        voice_model_id=settings.voice_model_id,
    )


def record_trial(agent: Agent, report: TrialReport) -> TrialSummary:
    """Store the report beside the bundle; raises TrialFailedError if the agent may not be used."""
    summary = store_report(agent.ref, report)
    ensure_passed(report)
    return summary


def upload_bundle(agent: Agent, code: GeneratedCode, bundle: bytes, sha256: str) -> AgentVersion:
    """Put the bundle where AgentCore gets it, and what it holds beside it.

    Returns what is known of the version so far.
    """
    key = bundle_key(agent.ref)
    put_code(agent.ref, sbom_key(agent.ref), build_sbom(bundle))
    return AgentVersion(
        generation=agent.generation,
        sop_sha256=compute_sha256(agent.sop.encode()),
        generator=code.generator,
        generator_version=code.generator_version,
        model_id=get_settings().model_id,
        generation_usage=list(code.usage),
        code_sha256=sha256,
        code_s3_key=key,
        code_s3_version=put_code(agent.ref, key, bundle),
    )


def show_code(
    ref: AgentRef, version: AgentVersion, files: Mapping[str, bytes] | None = None
) -> dict[str, Any]:
    """Put a version's single files where people look for them (`agent_file.py`, as specified).

    Returns the attributes that tell of them. Without `files` they are read from the bundle.
    """
    files = files or read_bundle(read_code(version.code_s3_key, version.code_s3_version))
    for name, content in files.items():
        put_code(ref, code_key(ref, name), content)
    return {
        "generated_prompt": json.loads(files[CONFIG_FILE])["systemPrompt"],
        "agent_code_s3_path": code_uri(ref, CODE_FILE),
        "agent_code_s3_version": version.code_s3_version,
        "agent_code_sha256": version.code_sha256,
        "agent_code_generation": version.generation,
    }
