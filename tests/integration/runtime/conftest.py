"""What all tests of the runtime share: AWS's control plane, and an agent ready to be deployed."""

from __future__ import annotations

import pytest

from include.aws import client
from include.creator.publish import publish_code
from include.knowledge.bases import ensure_knowledge_base
from tests.fakes import reload, store_agent


@pytest.fixture
def control(stand_in):
    return client("bedrock-agentcore-control")


@pytest.fixture
def agent(stand_in):
    """An agent with its code in S3 and a knowledge base, ready to be deployed."""
    agent = store_agent()
    ensure_knowledge_base(agent)
    publish_code(reload(agent))
    return reload(agent)
