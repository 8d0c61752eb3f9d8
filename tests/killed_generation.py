"""A generation in a process of its own, to be killed: `python -m tests.killed_generation AGENT_ID`.

Its judge makes a call of S3, so that a fault can hold it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from include.aws import client
from include.creator.model.generator import ModelGenerator
from include.creator.request import GenerationRequest
from include.creator.spec import AgentSpec
from include.models import AgentRef, AgentType
from include.settings import get_settings
from tests.model_answers import SOP


def build_request(agent_id: str) -> GenerationRequest:
    """The request that `tests/model_generation.py` makes, too."""
    return GenerationRequest(
        agent_id=agent_id,
        agent_name="Desk",
        agent_type=AgentType.TEXT,
        sop=SOP,
        knowledge_base_description="Policies of the shop.",
        human_handoff_description="When a customer is hurt.",
        document_prefix=f"s3://bucket/alice/{agent_id}/",
    )


def judge(files: Mapping[str, bytes], spec: AgentSpec) -> list[str]:
    """Find nothing."""
    client("s3").head_bucket(Bucket=get_settings().code_bucket)
    return []


if __name__ == "__main__":
    ref = AgentRef("alice", sys.argv[1], 1)
    ModelGenerator(ref, judge).generate(build_request(ref.agent_id))
