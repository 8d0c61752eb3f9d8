"""An agent deployed without the rest of its run, and code that is no good to it."""

from __future__ import annotations

from include import records
from include.aws import client
from include.models import Agent
from include.naming import bundle_key
from include.runtime.bundle import build_bundle, compute_sha256
from include.runtime.deploy import deploy_runtime
from include.settings import get_settings
from tests.fakes import reload

# Speaks AgentCore's contract, but answers without citing anything.
MUTE = b"""
from bedrock_agentcore import BedrockAgentCoreApp

app = BedrockAgentCoreApp()

@app.entrypoint
def invoke(payload):
    return {"answer": "Trust me.", "citations": [], "handoff": None}

if __name__ == "__main__":
    app.run()
"""


def deploy(agent: Agent, redo: bool = False) -> Agent:
    deploy_runtime(reload(agent), redo)
    return reload(agent)


def replace_bundle(agent: Agent, files: dict[str, bytes]) -> Agent:
    """Put another bundle where the agent's is, as a later generation of code would be."""
    content = build_bundle(files)
    bucket, key = get_settings().code_bucket, bundle_key(agent.ref)
    answer = client("s3").put_object(Bucket=bucket, Key=key, Body=content)
    made = {"code_s3_version": answer["VersionId"], "code_sha256": compute_sha256(content)}
    candidate = reload(agent).candidate.model_copy(update=made)
    records.update_agent(agent.ref, candidate=candidate)
    return reload(agent)
